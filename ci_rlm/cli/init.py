"""`ci-rlm init`: configuration, workflow and hook for the repository that one stands in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path, PurePosixPath
from textwrap import dedent
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ci_rlm.cli.additions import Step
    from ci_rlm.cli.layout import Layout
    from ci_rlm.cli.origin import Origin
    from ci_rlm.git import Repository

_WORKFLOWS = {
    "github": (("github.yml", ".github/workflows/ci-rlm.yml"),),
    "github-forks": (
        ("github-fork-check.yml", ".github/workflows/ci-rlm.yml"),
        ("github-fork-report.yml", ".github/workflows/ci-rlm-report.yml"),
    ),
    "gitlab": (("gitlab.yml", ".gitlab/ci-rlm.yml"),),
    "other": (("generic.sh", ".ci/ci-rlm.sh"),),
    "none": (),
}
"""By CI: templates and where each is put."""

HOOKS = ".pre-commit-config.yaml"
_GITLAB = ".gitlab-ci.yml"
_INCLUDED = "include:\n  - local: .gitlab/ci-rlm.yml\n"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be set up."""

    ci: str
    """A key of `_WORKFLOWS`."""
    hook: bool
    origin: Origin


@click.command()
@click.option(
    "--ci", type=click.Choice(("auto", *_WORKFLOWS)), default="auto", show_default=True,
    help="Where checks run; github-forks is the pair of workflows that publishes what a fork's run reports.",
)  # fmt: skip
@click.option("--hook/--no-hook", default=None, help="Add a pre-commit hook (the default).")
@click.option(
    "--source", metavar="URL", help="Where the workflow gets ci-rlm from.  [default: as installed here]"
)
@click.option("--commit", metavar="ID", help="Which commit of it.  [default: as installed here]")
@click.option("--yes", is_flag=True, help="Ask nothing; so it is as well in CI and without a terminal.")
@click.option("--dry-run", is_flag=True, help="Print what would be written, and write nothing.")
@click.option(
    "-C", "--repo", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".",
    help="Run as if started in this folder.",
)  # fmt: skip
def init(
    ci: str,
    hook: bool | None,
    source: str | None,
    commit: str | None,
    yes: bool,
    dry_run: bool,
    repo: Path,
) -> int:
    """Set ci-rlm up in this repository: configuration, workflow and hook.

    What is there stays as it is, byte for byte: a file gains lines at most, and where that is not sure
    to be right, the lines are printed. Nothing is committed.
    """
    from ci_rlm.cli import additions
    from ci_rlm.cli.layout import forge_of, layout_of
    from ci_rlm.git import Repository
    from ci_rlm.git.about import about, files_of_tree

    repository = Repository.discover(repo)
    paths = files_of_tree(repository)
    layout = layout_of(paths)
    forge = str(forge_of(paths, about(repository).remote))
    click.echo(_found(repository, layout, forge))
    wanted = Wanted(forge if ci == "auto" else ci, hook is not False, _origin(source, commit))
    asking = not (yes or dry_run or os.environ.get("CI")) and sys.stdin.isatty()
    if asking:
        wanted = _asked(wanted, settled_ci=ci != "auto", settled_hook=hook is not None)
    steps = tuple(_steps(repository.root, layout, wanted))
    click.echo("\n".join(_planned(steps, whole=dry_run)))
    if asking and any(step.written for step in steps):
        click.confirm("Write this?", default=True, abort=True)
    if not dry_run:
        for step in steps:
            if step.written:
                additions.write(repository.root, step)
        click.echo("\n".join(_next(steps, wanted)))
    return 0


def _found(repository: Repository, layout: Layout, forge: str) -> str:
    from ci_rlm.render.text import counted, printable

    told = [f"Python in {counted(layout.judged, 'file')}"]
    if layout.judged:
        told.append("src layout" if layout.source else "flat layout")
    told.append("CI: none seen, --ci names one" if forge == "none" else f"CI: {forge}")
    lines = [f"{printable(str(repository.root))}: {', '.join(told)}"]
    if not layout.judged:
        lines.append("No Python is here yet, and nothing else is judged.")
    elif layout.others:
        others = ", ".join(f"{name} ({count:,})" for name, count in layout.others)
        lines.append(f"Not judged, files of other languages: {others}")
    return "\n".join(lines)


def _origin(source: str | None, commit: str | None) -> Origin:
    from ci_rlm.cli.origin import Origin, origin

    if source is not None:
        return Origin(source, commit or "")
    found = origin()
    return replace(found, commit=commit) if commit is not None else found


def _asked(wanted: Wanted, *, settled_ci: bool, settled_hook: bool) -> Wanted:
    """The same as a person at the terminal answers; what flags say is not asked."""
    ci, hook, origin = wanted.ci, wanted.hook, wanted.origin
    if not settled_ci:
        ci = click.prompt("Where do checks run?", type=click.Choice(tuple(_WORKFLOWS)), default=ci)
    if not settled_hook:
        hook = click.confirm("Add a pre-commit hook?", default=True)
    if ci != "none" and not origin.address:
        address = click.prompt("Where is ci-rlm cloned from? (empty: fill it in later)", default="")
        origin = replace(origin, address=address)
    if ci != "none" and origin.address and not origin.commit:
        commit = click.prompt("At which commit? (empty: fill it in later)", default="")
        origin = replace(origin, commit=commit)
    return Wanted(ci, hook, origin)


def _steps(root: Path, layout: Layout, wanted: Wanted) -> Iterator[Step]:
    from ci_rlm.cli import additions

    yield _configuration(root, layout)
    for template, place in _WORKFLOWS[wanted.ci]:
        text = _filled(template, wanted.origin)
        yield additions.created(root, place, text, executable=place.endswith(".sh"))
    if wanted.ci == "gitlab":
        yield _gitlab(root)
    if wanted.hook:
        yield _hook(root)


def _configuration(root: Path, layout: Layout) -> Step:
    """A table of pyproject.toml where that file is there and takes one, else a file of its own."""
    from ci_rlm.cli import additions
    from ci_rlm.config import from_root

    known = from_root(lambda name: additions.read(root / name), root)
    if known is not None:
        return additions.Step(PurePosixPath(known.where), additions.Fate.KEPT, reason="it configures ci-rlm")
    project = additions.read(root / "pyproject.toml")
    if project is not None:
        step = additions.toml_extended("pyproject.toml", project, _settings(layout, "[tool.ci-rlm]\n"))
        if step.written:
            return step
    return additions.created(root, "ci-rlm.toml", _settings(layout, ""))


def _settings(layout: Layout, head: str) -> str:
    """The configuration as TOML; what is left out is as the defaults have it."""
    import json

    lines = [
        "# What pull requests cost in memory and time; `ci-rlm schema config` prints every key.\n",
        head,
        'mode = "advisory" # "enforce" fails a check on a regression; at first, only report\n',
    ]
    for key, globs in (("include", layout.include), ("exclude", layout.exclude)):
        if globs:
            # A JSON list of texts is a TOML array.
            lines.append(f"paths.{key} = {json.dumps(globs)}\n")
    return "".join(lines)


def template(name: str) -> str:
    """A file of `templates/ci/`."""
    return (files("ci_rlm.templates") / "ci" / name).read_text("utf-8")


def _filled(name: str, origin: Origin) -> str:
    """A template that names a ci-rlm, as far as it is known; then nothing asks to put it in."""
    text = template(name)
    if name.endswith(".sh"):
        return text
    if name.startswith("github"):
        known = bool(origin.repository and origin.commit)
        uses = f"{origin.repository or 'OWNER/ci-rlm'}@{origin.commit or 'COMMIT'}"
        text = text.replace("OWNER/ci-rlm@COMMIT", uses)
    else:
        known = origin.known
        text = text.replace("RLM_SOURCE: URL", f"RLM_SOURCE: {_quoted(origin.address or 'URL')}")
        text = text.replace("RLM_COMMIT: COMMIT", f"RLM_COMMIT: {_quoted(origin.commit or 'COMMIT')}")
    return _without_request(text) if known else text


def _quoted(text: str) -> str:
    """A YAML scalar: quoted, where it is not a placeholder, since a commit may read as a number."""
    import json

    return text if text in ("URL", "COMMIT") else json.dumps(text)


def _without_request(text: str) -> str:
    """A template without the line that asks to put something in, nor the empty one beside it."""
    lines = text.splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if line.startswith("# Put in "))
    last = lines[place + 1] != "#\n"
    return "".join((*lines[: place - last], *lines[place + 2 - last :]))


def _gitlab(root: Path) -> Step:
    from ci_rlm.cli import additions

    before = additions.read(root / _GITLAB)
    if before is not None and b".gitlab/ci-rlm.yml" in before:
        return additions.Step(
            PurePosixPath(_GITLAB), additions.Fate.KEPT, reason="it includes the job already"
        )
    return additions.created(root, _GITLAB, _INCLUDED)


def _hook(root: Path) -> Step:
    from ci_rlm.cli import additions

    text = template("pre-commit.yml")
    before = additions.read(root / HOOKS)
    if before is None:
        return additions.created(root, HOOKS, text)
    return additions.hook_added(HOOKS, before, dedent(text.partition("repos:\n")[2]))


def _planned(steps: Sequence[Step], *, whole: bool) -> Iterator[str]:
    """Each file with what becomes of it, and the lines that it gains or still needs."""
    from ci_rlm.cli.additions import Fate

    for step in steps:
        yield f"{step.fate:<8} {step.path}{f': {step.reason}' if step.reason else ''}"
        if step.fate is Fate.BY_HAND or (step.written and whole):
            yield from (f"    {line}".rstrip() for line in step.lines.splitlines())


def _next(steps: Sequence[Step], wanted: Wanted) -> Iterator[str]:
    """What remains to be done, by a person."""
    from ci_rlm.cli.additions import Fate

    done = {str(step.path): step for step in steps}
    yield ""
    yield "Next:"
    yield "  ci-rlm check       judge what this branch adds"
    yield "  ci-rlm selftest    see what it finds in this code"
    if HOOKS in done and done[HOOKS].fate is not Fate.BY_HAND:
        yield "  pre-commit install -t pre-commit -t pre-push"
    if any(step.fate is Fate.BY_HAND for step in steps):
        yield "  add the lines above to the files that were left as they are"
    if wanted.ci == "other":
        yield "  let your CI run: RLM_SOURCE=URL RLM_COMMIT=COMMIT bash .ci/ci-rlm.sh BASE"
    elif wanted.ci != "none" and not _complete(wanted):
        yield "  put whose ci-rlm you use, and at which commit, into the workflow"
    yield "  git add the new files, and commit; ci-rlm doctor says what is missing"


def _complete(wanted: Wanted) -> bool:
    whole = wanted.origin.repository if wanted.ci.startswith("github") else wanted.origin.address
    return bool(whole and wanted.origin.commit)
