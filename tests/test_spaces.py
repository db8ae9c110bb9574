"""One model of several spaces: what is read, which batches are made, what is learned and asked of it."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import spearmanr

from ci_rlm.errors import UsageError
from ci_rlm.flow import Kind, Metric, Space
from ci_rlm.model import alternatives, checkpoint
from ci_rlm.model.config import ModelConfig
from ci_rlm.model.tokenizer import learn
from ci_rlm.predict.rlm import RlmPredictor
from ci_rlm.prompt import prompt_from_text, space_for
from ci_rlm.training import corpus, ingested, networks, programs, texts, train
from ci_rlm.training.batches import Batches, common_types
from ci_rlm.training.corpus import Example, Row
from ci_rlm.training.recipe import Also, Recipe, Start, read_recipe
from ci_rlm.training.spaces import DOMAINS
from tests.test_train import RECIPE, example

FURTHER = ("languages", "kernels", "nasbench201")
HARDWARE = {"languages": "a machine", "kernels": "a GPU", "nasbench201": "2080ti"}


def native(number: int, split: str = "train") -> Example:
    """A program of another language: its memory grows with its loops, its time with its size."""
    text = f"int f{number}(int x) {{ {'for (;;) x++; ' * (number % 3)}return x; }}"
    rows = tuple(Row(size, cpu_time=1e-3 * size, peak_rss=1e6 * (1 + number % 3)) for size in (1.0, 1e4))
    prompt = texts.program_prompt(text, "cpp", "mbxp")
    return Example(
        prompt, f"m{number}", "mbxp", f"{number}", split, rows, (), HARDWARE["languages"], language="cpp"
    )


def kernel(number: int, split: str = "train") -> Example:
    """A kernel that takes longer the more it loads."""
    text = f"def kernel(x):\n for i in range({number % 5}):\n  load(x)\n"
    rows = tuple(Row(size, latency=1e-9 * size * (1 + number % 5)) for size in (2.0**10, 2.0**20))
    prompt, counts = texts.program_prompt(text, "triton", "tritonbench"), (("load", 1),)
    return Example(
        prompt, f"k{number}", "tritonbench", f"{number}", split, rows, counts, HARDWARE["kernels"],
        language="triton",
    )  # fmt: skip


def graph(
    number: int, split: str = "train", device: str = "2080ti_32", source: str = "nasbench201"
) -> Example:
    """A network with a latency on one device."""
    text = f"graph {{ {'conv ' * (number % 7)}}}"
    prompt = texts.program_prompt(text, "onnx", source)
    rows = (Row(32.0, latency=1e-2 * (1 + number % 7)),)
    return Example(prompt, f"g{number}", source, f"{number}", split, rows, (), device, language="onnx")


def python(number: int, split: str = "train") -> Example:
    """A program of Python, one of two to its problem."""
    return replace(example(number, split), problem=f"p{number // 2}")


PYTHON = [*map(python, range(20)), *(python(number, "calibration") for number in range(20, 28))]
MAKERS = {"languages": native, "kernels": kernel, "nasbench201": graph}


def written(folder: Path) -> Path:
    """The folder, with a recipe of Python alone, and a corpus of eighteen programs of each space and more."""
    found = list(PYTHON)
    for make in MAKERS.values():
        found += [make(number) for number in range(12)] + [make(n, "calibration") for n in range(12, 18)]
    corpus.write(found, folder / "corpus")
    (folder / "recipe.toml").write_text(RECIPE.format(folder=folder))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a corpus of four spaces."""
    return written(tmp_path)


def recipe_of(folder: Path, *spaces: str, out: str = "run", at_most: int = 0, **changed: Any) -> Recipe:
    recipe = read_recipe(folder / "recipe.toml")
    also = tuple(Also(space, at_most) for space in spaces)
    return replace(recipe, out=folder / out, also=also, train=replace(recipe.train, **changed))


def batches_of(recipe: Recipe, words: Any = None) -> Batches:
    """The batches of a run, of its training programs."""
    first, *further = train.kept(recipe, "train", programs.digest(recipe.corpus))
    words = words or networks.tokenizer_of(recipe, first, further)
    others = [DOMAINS[also.space].on(own.hardware) for also, own in zip(recipe.also, further, strict=True)]
    config = networks.config_of(recipe, words, first.hardware, others)
    network = networks.network_of(recipe, config, words, first)
    return Batches(first, common_types(first), words, network, recipe, further)


def ranks_logged(run: Path) -> dict[str, float]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return {key: value for key, value in lines[-1].items() if "spearman" in key}


# What a corpus holds of a space.


@pytest.mark.parametrize("space", FURTHER)
def test_a_space_has_its_own_programs_of_a_corpus_and_their_hardware(folder: Path, space: str) -> None:
    hardware, found = corpus.of_domain(folder / "corpus", DOMAINS[space])
    expected = [MAKERS[space](n) for n in range(12)] + [
        MAKERS[space](n, "calibration") for n in range(12, 18)
    ]
    assert hardware == HARDWARE[space]
    assert list(found) == [replace(each, hardware=hardware) for each in expected]


def test_python_is_read_as_if_it_were_alone(folder: Path) -> None:
    assert corpus.read(folder / "corpus") == PYTHON


def test_a_network_is_read_with_its_rows_of_one_device_at_any_batch(tmp_path: Path) -> None:
    devices = ("2080ti_1", "2080ti_256", "2080ti", "2080ti_x", "1080ti_1", "x2080ti_1")
    others = [graph(number, device=device) for number, device in enumerate(devices)]
    corpus.write([*others, graph(9, source="fbnet")], tmp_path / "corpus")
    _, found = corpus.of_domain(tmp_path / "corpus", DOMAINS["nasbench201"])
    assert [each.record for each in found] == ["0", "1", "2"]


def test_costs_of_two_machines_are_never_mixed(tmp_path: Path) -> None:
    corpus.write([*map(kernel, range(3)), replace(kernel(3), hardware="another GPU")], tmp_path / "corpus")
    hardware, found = corpus.of_domain(tmp_path / "corpus", DOMAINS["kernels"])
    assert (hardware, [each.record for each in found]) == ("a GPU", ["0", "1", "2"])


def test_a_row_that_lacks_a_metric_of_a_further_space_is_left_out(tmp_path: Path) -> None:
    partial = replace(native(1), rows=(Row(1.0, cpu_time=1.0), *native(1).rows[1:]))
    corpus.write([native(0), partial], tmp_path / "corpus")
    _, found = corpus.of_domain(tmp_path / "corpus", DOMAINS["languages"])
    assert [each.rows for each in found] == [native(0).rows, native(1).rows[1:]]


def test_the_metrics_of_a_space_are_what_a_run_keeps_of_it(folder: Path) -> None:
    first, languages, kernels, _ = train.kept(
        recipe_of(folder, *FURTHER), "train", programs.digest(folder / "corpus")
    )
    assert first[3].numbers == tuple((r.size, r.peak_memory, r.cpu_time) for r in PYTHON[3].rows)
    assert languages[3].numbers == tuple((r.size, r.peak_rss, r.cpu_time) for r in native(3).rows)
    assert kernels[3].numbers == tuple((r.size, r.latency) for r in kernel(3).rows)


def test_of_long_graphs_no_more_is_kept_than_may_be_read(folder: Path) -> None:
    long = replace(graph(1), text=graph(1).text + "x" * 9999)
    corpus.write([example(1), long], folder / "corpus")
    recipe = recipe_of(folder, "nasbench201", longest=10)
    _, graphs = train.kept(recipe, "train", programs.digest(recipe.corpus))
    assert graphs[0].text == long.text[:80]


# Batches.


def test_without_further_spaces_the_plan_is_shuffled_windows_cut_by_length(folder: Path) -> None:
    batches = batches_of(recipe_of(folder, batch_tokens=100))
    chance = random.Random("1 0")
    order = sorted(chance.sample(range(20), 20), key=batches.lengths.__getitem__)
    expected: list[list[int]] = [[]]
    for index in order:
        if expected[-1] and batches.lengths[index] * (len(expected[-1]) + 1) > 100:
            expected.append([])
        expected[-1].append(index)
    chance.shuffle(expected)
    assert batches.plan(0) == expected
    assert len(expected) > 2


def test_with_further_spaces_the_batches_of_the_first_are_what_they_are_alone(folder: Path) -> None:
    words = batches_of(recipe_of(folder, out="words")).words
    changed = {"changes": 1.0, "batch_tokens": 100}
    alone = batches_of(recipe_of(folder, out="alone", **changed), words)
    together = batches_of(recipe_of(folder, *FURTHER, out="together", **changed), words)
    mine = [batch for batch in together.plan(0) if together.part_of(batch[0]).first == 0]
    assert sorted(map(repr, mine)) == sorted(map(repr, alone.plan(0)))
    for chosen in mine:
        # Names are drawn from kernels as well: without renaming, a batch is the same to the bit.
        with_others, without = (
            each.make(chosen, random.Random(7)) for each in (unrenamed(together), unrenamed(alone))
        )
        assert all(torch.equal(a, b) for a, b in zip(with_others[2:4], without[2:4], strict=True))
        assert torch.equal(with_others.source_BS, without.source_BS)


def unrenamed(batches: Batches) -> Batches:
    batches.recipe = replace(batches.recipe, train=replace(batches.recipe.train, rename=0.0))
    return batches


def test_every_batch_is_of_one_space_and_an_epoch_sees_every_program_once(folder: Path) -> None:
    batches = batches_of(recipe_of(folder, *FURTHER))
    plan = batches.plan(0)
    assert sorted(index for batch in plan for index in batch) == list(range(20 + 3 * 12))
    assert all(len({batches.part_of(item).first for item in batch}) == 1 for batch in plan)
    owners = [batches.part_of(batch[0]).space.name for batch in plan]
    assert owners != sorted(owners, key=["python", *FURTHER].index)


def test_epochs_are_planned_differently_and_each_always_alike(folder: Path) -> None:
    batches = batches_of(recipe_of(folder, *FURTHER, at_most=5))
    assert batches.plan(0) == batches.plan(0) != batches.plan(1)


def test_at_most_so_many_programs_of_a_space_are_seen_in_an_epoch_others_in_the_next(folder: Path) -> None:
    batches = batches_of(recipe_of(folder, *FURTHER, at_most=5))
    epochs = [{index for batch in batches.plan(epoch) for index in batch} for epoch in range(12)]
    for part in batches.parts[1:]:
        assert {len(seen & set(part.places)) for seen in epochs} == {5}
        assert set.union(*epochs) >= set(part.places)


@pytest.mark.parametrize(("space", "place"), [("languages", 21), ("kernels", 33), ("nasbench201", 45)])
def test_a_batch_holds_the_numbers_of_its_space(folder: Path, space: str, place: int) -> None:
    batches = batches_of(recipe_of(folder, *FURTHER))
    batch, number_format = batches.make([place, place + 1], random.Random(0)), batches.config.number_format
    metrics = DOMAINS[space].metrics
    numbers = number_format.decode(batch.target_BRT.reshape(2, 2, 1 + len(metrics), -1).numpy())
    for number, rows in zip((1, 2), numbers.tolist(), strict=True):
        measured = [[r.size, *(getattr(r, m) for m in metrics)] for r in MAKERS[space](number).rows]
        assert all(any(row == pytest.approx(known, rel=1e-3) for known in measured) for row in rows)
    assert batch.known_BRM.shape == (2, 2, len(metrics))
    assert batch.known_BRM.all()


def test_only_texts_in_python_have_names_drawn_anew_and_nodes_counted(folder: Path) -> None:
    batches = batches_of(recipe_of(folder, *FURTHER, rename=1.0))
    seen: dict[str, set[str]] = {}
    for part in batches.parts:
        item = part.places[3]
        read = [batches._read(item, random.Random(seed)) for seed in range(20)]
        seen[part.space.name] = {each.text for each in read}
        assert all(each.text.startswith(part.space.prefix) for each in read)
        assert (read[0].counts is None) == (part.space.name in ("languages", "nasbench201"))
    assert {name for name, found in seen.items() if len(found) > 1} == {"python", "kernels"}
    assert batches.make([batches.parts[1].places[0]], random.Random(0)).counts_BC.isnan().all()


# Training.


def test_a_run_of_several_spaces_leaves_a_checkpoint_that_answers_for_each(folder: Path) -> None:
    outcome = train.train(recipe_of(folder, *FURTHER))
    predictor = RlmPredictor(outcome, "cpu")
    assert [space.name for space in predictor.spaces] == ["python", *FURTHER]
    assert {s.name: s.hardware for s in predictor.spaces} == {"python": "a machine", **HARDWARE}
    prompts = [prompt_from_text("f(x)", space) for space in predictor.spaces]
    answers = list(predictor.predict(prompts))
    assert [len(answer) for answer in answers] == [2, 2, 1, 1]
    served = {kind: space_for(kind, predictor.spaces) for kind in Kind}
    assert {kind: space.name for kind, space in served.items() if space} == {
        Kind.FUNCTION: "python",
        Kind.PROGRAM: "python",
        Kind.TRITON_KERNEL: "kernels",
    }


def test_a_run_of_several_spaces_goes_on_where_it_stopped(folder: Path) -> None:
    through = recipe_of(folder, *FURTHER, out="through", at_most=7, changes=0.5)
    stopped = replace(through, out=folder / "stopped")
    whole = load_file(train.train(through, steps=4) / checkpoint.WEIGHTS)
    for _ in range(4):
        resumed = load_file(train.train(stopped, steps=4, stop_after=0.0) / checkpoint.WEIGHTS)
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in whole.items())
    assert ranks_logged(folder / "through") == ranks_logged(folder / "stopped")


def test_held_out_ranks_are_told_for_each_space_as_the_checkpoint_predicts(folder: Path) -> None:
    outcome = train.train(recipe_of(folder, *FURTHER, epochs=2, changes=0.2))
    told, predictor = ranks_logged(folder / "run"), RlmPredictor(outcome, "cpu")
    names = ["", "_of_changes", *(f"_of_{space}" for space in FURTHER)]
    assert list(told) == [f"held_out_spearman{name}" for name in names]
    for name in FURTHER:
        space = predictor.config.space(name)
        held_out = [MAKERS[name](n, "calibration") for n in range(12, 18)]
        rows = [min(each.rows, key=lambda r: abs(math.log(r.size / (space.size or 1)))) for each in held_out]
        asked = [
            prompt_from_text(each.text.removeprefix(space.prefix), space, size=row.size)
            for each, row in zip(held_out, rows, strict=True)
        ]
        answers = list(predictor.predict(asked))
        expected = []
        for at, metric in enumerate(DOMAINS[name].metrics):
            medians = [answer[at].median for answer in answers]
            measured = [getattr(row, metric) for row in rows]
            varied = len(set(medians)) > 1 and len(set(measured)) > 1
            expected.append(spearmanr(medians, measured).statistic if varied else 0.0)
        assert told[f"held_out_spearman_of_{name}"] == pytest.approx(sum(expected) / len(expected), abs=0.02)


@pytest.mark.parametrize("space", FURTHER)
def test_any_space_can_be_learned_alone(folder: Path, space: str) -> None:
    recipe = replace(recipe_of(folder), space=space, size=64.0)
    config = checkpoint.read_config(train.train(recipe, steps=1))
    assert [(each.name, each.size, each.hardware) for each in config.spaces] == [
        (space, 64.0, HARDWARE[space])
    ]


def test_a_checkpoint_of_python_learns_further_spaces(folder: Path) -> None:
    start = train.train(recipe_of(folder, out="first", changes=0.5), steps=1)
    further = replace(recipe_of(folder, "kernels", out="second"), model={}, size=0.0, start=Start(str(start)))
    outcome = train.train(further, steps=0)
    config = checkpoint.read_config(outcome)
    assert [space.name for space in config.spaces] == ["python", "python-change", "kernels"]
    assert [space.hardware for space in config.spaces] == ["a machine", "a machine", "a GPU"]
    before, after = (load_file(path / checkpoint.WEIGHTS) for path in (start, outcome))
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_the_hardware_of_other_spaces_stays_when_a_run_goes_on_with_python(folder: Path) -> None:
    start = train.train(recipe_of(folder, *FURTHER, out="first"), steps=1)
    corpus.write([replace(example(n), hardware="a laptop") for n in range(6)], folder / "corpus")
    ours = replace(recipe_of(folder, out="second"), model={}, size=0.0, start=Start(str(start)))
    config = checkpoint.read_config(train.train(ours, steps=1))
    assert {s.name: s.hardware for s in config.spaces} == {"python": "a laptop", **HARDWARE}


# What cannot be.


def test_a_space_with_more_numbers_than_the_checkpoint_writes_is_refused(folder: Path) -> None:
    kernels = train.train(replace(recipe_of(folder, out="first"), space="kernels", size=64.0), steps=1)
    further = replace(
        recipe_of(folder, "languages", out="second"), model={}, size=0.0, start=Start(str(kernels))
    )
    with pytest.raises(UsageError, match="writes 2 numbers, and a space has more"):
        train.train(further)


def test_a_space_that_the_corpus_lacks_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="no training examples of fbnet"):
        train.train(recipe_of(folder, "fbnet"))


def test_ingested_logs_have_no_further_spaces(folder: Path) -> None:
    (folder / "corpus" / ingested.FILE).write_bytes(b"")
    with pytest.raises(UsageError, match="logs of Python alone"):
        programs.keep(
            folder / "corpus", "train", folder / "x.arrow", {}, size=1.0, time="", domain=DOMAINS["kernels"]
        )


def test_a_regression_head_for_several_spaces_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="'mse-log' answers for one space"):
        train.train(replace(recipe_of(folder, "kernels"), head="mse-log"))


def test_spaces_of_which_some_are_given_no_size_are_refused() -> None:
    metrics = (Metric("accuracy", "%"),)
    spaces = (Space("a", "A\n", (), metrics, ""), Space("b", "B\n", (), metrics, "", size=1.0))
    config = ModelConfig("m", "", spaces, vocab_size=300, width=16, heads=2)
    with pytest.raises(ValueError, match="every space is given a size first, or none"):
        alternatives.build("numbers", config, learn(["f(x)"], 300))


def test_text_is_written_for_several_spaces(folder: Path) -> None:
    folder_of = train.train(replace(recipe_of(folder, "kernels"), head="text"))
    assert alternatives.load(folder_of)[0].config.max_numbers == 3
    assert set(ranks_logged(folder / "run")) == {"held_out_spearman", "held_out_spearman_of_kernels"}


BAD = {
    "an unknown space": ('[[also]]\nspace = "fortran"\n', "space is 'fortran', not one of python, languages"),
    "less than nothing": ('[[also]]\nspace = "kernels"\nat_most = -1\n', "at_most is -1, not at least 0"),
    "a space twice": ('[[also]]\nspace = "kernels"\n' * 2, "names a space twice"),
    "its own space": ('[[also]]\nspace = "python"\n', "names a space twice"),
    "a table alone": ('[also]\nspace = "kernels"\n', "not .*also.* tables"),
    "a missing key": ("[[also]]\nat_most = 3\n", "differs in space"),
    "an unknown key": ('[[also]]\nspace = "kernels"\nleast = 1\n', "differs in least"),
}


@pytest.mark.parametrize(("text", "reason"), BAD.values(), ids=BAD)
def test_a_bad_further_space_is_a_usage_error_with_its_reason(folder: Path, text: str, reason: str) -> None:
    path = folder / "recipe.toml"
    path.write_text(path.read_text() + text)
    with pytest.raises(UsageError, match=reason):
        read_recipe(path)


def test_a_recipe_names_its_spaces(folder: Path) -> None:
    path = folder / "recipe.toml"
    path.write_text(path.read_text().replace("size = 100.0", 'size = 100.0\nname = "kernels"'))
    path.write_text(path.read_text() + '[[also]]\nspace = "fbnet"\nat_most = 3\n[[also]]\nspace = "python"\n')
    found = read_recipe(path)
    assert (found.space, found.also) == ("kernels", (Also("fbnet", 3), Also("python")))


@pytest.mark.parametrize(
    ("setting", "reason"),
    [("name = 'fortran'", "name is 'fortran', not one of"), ("name = 'kernels'", "changes are of python")],
)
def test_a_bad_space_is_a_usage_error_with_its_reason(folder: Path, setting: str, reason: str) -> None:
    path = folder / "recipe.toml"
    text = path.read_text().replace("size = 100.0", f"size = 100.0\n{setting}")
    path.write_text(text.replace("clip = 2.0", "clip = 2.0\nchanges = 1.0"))
    with pytest.raises(UsageError, match=reason):
        read_recipe(path)


def test_no_two_spaces_open_their_prompts_alike() -> None:
    prefixes = [domain.space.prefix for domain in DOMAINS.values()]
    assert not [(a, b) for a in prefixes for b in prefixes if a is not b and a.startswith(b)]


@pytest.mark.parametrize(
    ("language", "source", "space"),
    [("python", "leetcode", "python"), ("kotlin", "mbxp", "languages"), ("triton", "x", "kernels")]
    + [("onnx", source, source) for source in ("nasbench201", "fbnet", "ofa_mbv3")],
)
def test_a_prompt_opens_as_its_space_says(language: str, source: str, space: str) -> None:
    assert texts.program_prompt("x", language, source).startswith(DOMAINS[space].space.prefix)
    assert language in DOMAINS[space].languages
