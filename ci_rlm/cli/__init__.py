"""The command line: flags in, exit codes out. A command is imported when it is asked for."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from ci_rlm import __version__
from ci_rlm.errors import CiRlmError

COMMANDS = (
    "check", "explain", "report", "comment", "score", "compare", "rank", "profile", "ingest", "weigh",
    "train", "evaluate", "calibrate", "restore", "verify", "select", "trend", "schema", "init", "doctor",
    "selftest",
)  # fmt: skip
"""Each is a module of this package with a command of the same name, which returns its exit code."""

INCOMPLETE = 3
INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group whose commands are imported by name, and whose outcomes are exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of use, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command from the module of its name."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"ci_rlm.cli.{cmd_name}"), cmd_name)
        return command if isinstance(command, click.Command) else None

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and leave with an exit code of the convention in CONTRIBUTING.md."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        sys.exit(self._exit_code(args, prog_name or "ci-rlm", complete_var, **extra))

    def _exit_code(
        self, args: Sequence[str] | None, prog_name: str, complete_var: str | None, **extra: Any
    ) -> int:
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
            if sys.stdout is not None:  # as it is where it was closed before the start
                sys.stdout.flush()
        except click.Abort:
            return INTERRUPTED
        except click.ClickException as error:
            error.show()
            return 2
        except CiRlmError as error:
            return _complain(error)
        except (BrokenPipeError, SystemExit):
            # click ends with 1 when a pipe breaks, and here 1 says that the gate failed.
            return _hang_up()
        except Exception:  # noqa: BLE001  # the one place: a defect keeps its traceback and is no verdict
            traceback.print_exc()
            return INCOMPLETE
        return code if isinstance(code, int) else 0


@click.group("ci-rlm", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ci-rlm")
def main() -> None:
    """Predict what a change costs in memory and time, without running it."""


def _complain(error: CiRlmError) -> int:
    from ci_rlm.render.text import printable

    click.echo(f"ci-rlm: {printable(error.message)}", err=True)
    if error.hint:
        click.echo(f"hint: {printable(error.hint)}", err=True)
    return error.exit_code


def _hang_up() -> int:
    """The reader of the report has left: say nothing, and do not fail again when Python flushes."""
    import os

    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123  # a device, not a file of ours
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return INCOMPLETE
