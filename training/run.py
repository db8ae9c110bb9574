"""The folder of a run: what it was given, its states, its log and its curves.

    recipe.json, data.json, environment.json    what decides the outcome, and where it came about
    tokenizer.json, train.arrow, held-out.arrow what the recipe's corpus gave
    state-00001234.safetensors                  weights, moments and counters after so many steps
    best.safetensors                            the weights with the best held-out score
    log.jsonl, curves.png, tensorboard/         how it went
    checkpoint/                                 the outcome

Every file that matters is written whole or not at all, so a run that is killed goes on from its
newest state. States are safetensors: no pickle.
"""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ci_rlm import __version__
from ci_rlm.errors import CheckpointError, UsageError
from ci_rlm.training.recipe import Recipe

_STATE = re.compile(r"state-(\d+)\.safetensors")
_MOMENT = re.compile(r"moment\.(\d+)\.(\w+)")
RANK = "held_out_spearman"
"""What the log calls a rank of `held_out_ranks`, with what it is of behind it."""
COUNTERS = ("step", "best", "waited", "scale")
"""Numbers of a state: steps taken, the best score, epochs since, and the scale of float16 losses."""


class Run:
    """One run's folder, written by one process."""

    def __init__(self, recipe: Recipe, *, writes: bool = True) -> None:
        self.folder, self.keep, self.writes = recipe.out, recipe.train.keep, writes
        self._recent: list[float] = []
        self._board: Any = None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While no other run writes to the folder. Raises UsageError where one does."""
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        if not self.writes:
            yield
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                hint = "wait for it, or give this run another folder with `out`"
                raise UsageError(f"another run is writing to {self.folder}", hint=hint) from error
            yield

    def describe(self, recipe: Recipe, digests: Mapping[str, str], processes: int) -> None:
        """Say what the run is of. Raises UsageError where the folder holds a run of something else."""
        for name, record in (("recipe.json", recipe.resolved), ("data.json", dict(digests))):
            text = json.dumps(record, indent=2, sort_keys=True) + "\n"
            path = self.folder / name
            if path.exists() and path.read_text(encoding="utf-8") != text and any(self.states()):
                hint = "give this run another folder with `out`, or delete that one"
                raise UsageError(f"{self.folder} holds a run with another {name}", hint=hint)
            self._write(name, text)
        environment = {
            "ci-rlm": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "machine": platform.machine(),
            "system": platform.platform(),
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
            "threads": torch.get_num_threads(),
            "processes": processes,
        }
        self._write("environment.json", json.dumps(environment, indent=2) + "\n")

    def note(self, step: int, loss: float, steps: int, seconds: float) -> None:
        """A step's loss; every 50 steps the terminal is told their mean."""
        self._recent = [*self._recent[-49:], loss]
        self._log({"step": step, "loss": loss})
        self._plot("loss", loss, step)
        if self.writes and (step % 50 == 0 or step == steps):
            mean = sum(self._recent) / len(self._recent)
            print(f"step {step} of {steps}: loss {mean:.4f}, {seconds:.0f} s", file=sys.stderr)

    def note_held_out(self, step: int, loss: float, ranks: Mapping[str, float]) -> None:
        """What an epoch came to: the ranks of `held_out_ranks`, by what they are of."""
        found = {"held_out_loss": loss}
        found |= {RANK + (name and f"_of_{name}"): rank for name, rank in ranks.items()}
        self._log({"step": step, **found})
        for name, value in found.items():
            self._plot(name, value, step)
        if self.writes:
            told = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in found.items())
            print(f"step {step}: {told}", file=sys.stderr)

    def _log(self, line: Mapping[str, float]) -> None:
        if self.writes:
            with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")

    def _plot(self, name: str, value: float, step: int) -> None:
        if not self.writes or find_spec("tensorboard") is None:
            return
        if self._board is None:
            from torch.utils.tensorboard import SummaryWriter

            # What a killed run wrote beyond its last state is overtaken by this one.
            self._board = SummaryWriter(str(self.folder / "tensorboard"), purge_step=step)
        self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Write the curves."""
        if self._board is not None:
            self._board.close()
        if self.writes and (self.folder / "log.jsonl").exists() and find_spec("matplotlib") is not None:
            draw_curves(self.folder)

    def states(self) -> list[tuple[int, Path]]:
        """(step, file) of each state, newest first."""
        found = [
            (match, path) for path in self.folder.glob("state-*") if (match := _STATE.fullmatch(path.name))
        ]
        return sorted(((int(match[1]), path) for match, path in found), reverse=True)

    def save(
        self, module: nn.Module, optimizer: torch.optim.Optimizer, counters: Mapping[str, float]
    ) -> None:
        """Write a state, then remove the oldest beyond `keep`."""
        if not self.writes:
            return
        tensors = {f"module.{name}": tensor for name, tensor in module.state_dict().items()}
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"moment.{index}.{name}": torch.as_tensor(value) for name, value in state.items()}
        tensors |= {name: torch.tensor(counters[name], dtype=torch.float64) for name in COUNTERS}
        self.write_tensors(f"state-{int(counters['step']):08d}.safetensors", tensors)
        for _, path in self.states()[self.keep :]:
            path.unlink()

    def restore(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, float]:
        """Take up the newest state; the counters to go on with.

        Raises CheckpointError for a state that is damaged or of another network.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        if not (states := self.states()):
            return {"step": 0, "best": -float("inf"), "waited": 0, "scale": 0.0}
        step, path = states[0]
        try:
            tensors = load_file(path)
            own = {n.removeprefix("module."): t for n, t in tensors.items() if n.startswith("module.")}
            module.load_state_dict(own)
            packed = optimizer.state_dict()
            packed["state"] = _moments(tensors)
            optimizer.load_state_dict(packed)
            counters = {name: tensors[name].item() for name in COUNTERS}
        except (SafetensorError, RuntimeError, KeyError, ValueError) as error:
            hint = "delete it, and the run goes on from an older one, or from its beginning"
            raise CheckpointError(f"cannot go on from {path}: {error}", hint=hint) from error
        if self.writes:
            self._forget_after(step)
        return counters

    def write_tensors(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        """Write a file of tensors, whole or not at all."""
        from safetensors.torch import save_file

        scratch = self.folder / f"{name}.writing"
        # Copies: tensors that share storage, as tied weights do, cannot be stored as they are.
        save_file({n: t.detach().cpu().contiguous().clone() for n, t in tensors.items()}, scratch)
        scratch.replace(self.folder / name)

    def _forget_after(self, step: int) -> None:
        """Drop what a killed run logged beyond its last state: it is going to happen again."""
        path = self.folder / "log.jsonl"
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            kept = [line for line in lines if (at := _step_of(line)) is not None and at <= step]
            self._write("log.jsonl", "".join(f"{line}\n" for line in kept))

    def _write(self, name: str, text: str) -> None:
        if self.writes:
            self.folder.mkdir(parents=True, exist_ok=True)
            scratch = self.folder / f"{name}.writing"
            scratch.write_text(text, encoding="utf-8")
            scratch.replace(self.folder / name)


def _moments(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if match := _MOMENT.fullmatch(name):
            state.setdefault(int(match[1]), {})[match[2]] = tensor
    return state


def _step_of(line: str) -> int | None:
    """None for the torn last line of a process that was killed."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return None


def draw_curves(folder: Path) -> None:
    """Draw the log of a run as `curves.png`: training and held-out loss, held-out Spearman of each sort."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    losses, scores = figure.subplots(1, 2)
    ranks = dict.fromkeys(name for line in lines for name in line if name.startswith(RANK))
    for axes, names in ((losses, ("loss", "held_out_loss")), (scores, tuple(ranks))):
        for name in names:
            points = [(line["step"], line[name]) for line in lines if name in line]
            if points:
                axes.plot(*zip(*points, strict=True), label=name.replace("_", " "), marker=".")
        axes.set_xlabel("step")
        if axes.lines:
            axes.legend()
    scratch = folder / "curves.png.writing"
    figure.savefig(scratch, format="png", dpi=120)
    scratch.replace(folder / "curves.png")
