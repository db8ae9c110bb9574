"""The predictor on a miniature checkpoint: same prompt, same answer, whatever is beside it."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ci_rlm.errors import CheckpointError, UsageError
from ci_rlm.flow import Kind, Metric, Prediction, Prompt, Space, Span, Unit
from ci_rlm.model import checkpoint, decode, tokenizer
from ci_rlm.model.config import ModelConfig
from ci_rlm.model.network import Network, collate
from ci_rlm.predict import rlm
from ci_rlm.predict.rlm import RlmPredictor, _Question, bucket, in_halves, portions
from ci_rlm.prompt import prompt_from_text, prompts_of

METRICS = (Metric("peak_memory", "B"), Metric("cpu_time", "s"))
SIZED = Space("python", "PY\n", (Kind.FUNCTION,), METRICS, "test", size=1e4)
PLAIN = Space("KBSS", "KBSS\n", (Kind.TRITON_KERNEL,), (Metric("latency", "s"),), "test")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = tokenizer.learn(["def f(x):\n    return x + 12\n"], 280)
    config = ModelConfig(
        name="miniature",
        hardware="test",
        spaces=(SIZED, PLAIN),
        vocab_size=words.vocab_size,
        width=32,
        heads=2,
        encoder_layers=2,
        decoder_layers=1,
        feed_forward=48,
        max_tokens=64,
    )
    path = tmp_path_factory.mktemp("checkpoints") / "miniature"
    checkpoint.save(path, Network(config, seed=2), words.to_json(), "# miniature\n")
    return path


@pytest.fixture(scope="module")
def predictor(folder: Path) -> RlmPredictor:
    return RlmPredictor(folder, device="cpu")


def prompt(text: str, space: Space = SIZED, size: float | None = None) -> Prompt:
    return Prompt(space.prefix + text, space.name, size, key=f"{space.name} {size} {text}")


def several() -> list[Prompt]:
    texts = ["def f(x):\n    return x\n" * count + "y" * count for count in (1, 2, 1, 3, 2)]
    return [prompt(text + str(at), (SIZED, PLAIN)[at % 2]) for at, text in enumerate(texts)]


def test_an_edit_behind_the_models_limit_is_seen(predictor: RlmPredictor) -> None:
    lines = [f"    a{number} = {number}" for number in range(300)]
    before, after = ("\n".join(["def f(x):", *lines, *last]) for last in ([], ["    return sorted(x)"]))
    span = Span(1, 302)
    sides = (
        Unit(PurePosixPath("a.py"), "f", Kind.FUNCTION, "python", span, text) for text in (before, after)
    )

    (memory, _), (other, _) = predictor.predict(prompts_of(*sides, SIZED))

    assert memory.truncated
    assert memory.quantiles != other.quantiles


def test_an_answer_has_each_metric_of_its_space_with_its_unit(predictor: RlmPredictor) -> None:
    sized, plain = predictor.predict([prompt("x"), prompt("x", PLAIN)])
    assert [(answer.metric, answer.unit) for answer in sized] == [("peak_memory", "B"), ("cpu_time", "s")]
    assert [(answer.metric, answer.unit) for answer in plain] == [("latency", "s")]


def test_quantiles_ascend_with_the_probabilities_of_the_config(predictor: RlmPredictor) -> None:
    ((answer, _),) = predictor.predict([prompt("x")])
    probabilities, values = zip(*answer.quantiles, strict=True)
    assert probabilities == predictor.config.probabilities
    assert list(values) == sorted(values)


def test_the_answer_is_what_decoding_the_prompt_gives(folder: Path, predictor: RlmPredictor) -> None:
    text = SIZED.prefix + "def f(x):\n    return x\n"
    (ids,), _ = tokenizer.load(folder / "tokenizer.json").encode_batch([text], 64)
    network = checkpoint.load_network(folder)
    with torch.inference_mode():
        memory = network.encode(*collate([ids]))
    expected = decode.quantiles(network, memory, [[250.0]], predictor.config.probabilities, metrics=2)
    (answer,) = predictor.predict([Prompt(text, "python", 250.0, "key")])
    for metric, values in zip(answer, expected[0], strict=True):
        # The network may use another count of threads here: the last of five digits may move.
        assert [value for _, value in metric.quantiles] == pytest.approx(values, rel=2e-4)


def test_answers_do_not_depend_on_company_order_or_threads(folder: Path, predictor: RlmPredictor) -> None:
    prompts = several()
    alone = [next(predictor.predict([one])) for one in prompts]
    assert list(predictor.predict(prompts)) == alone
    assert list(predictor.predict(prompts[::-1])) == alone[::-1]
    assert list(RlmPredictor(folder, device="cpu", threads=3).predict(prompts * 2)) == alone * 2


@pytest.mark.model
def test_the_embedded_checkpoint_answers_in_company_as_alone() -> None:
    predictor = RlmPredictor(checkpoint.locate(checkpoint.EMBEDDED), device="cpu", threads=2)
    bodies = ["    return xs\n", "    return sorted(xs)\n" * 30, "    xs.append(1)\n" * 9]
    prompts = [prompt_from_text(f"def f{at}(xs):\n{bodies[at % 3]}", predictor.spaces[0]) for at in range(20)]
    assert list(predictor.predict(prompts)) == [next(predictor.predict([one])) for one in prompts]


def test_the_size_of_a_prompt_matters_and_defaults_to_that_of_its_space(predictor: RlmPredictor) -> None:
    default, same, other = predictor.predict([prompt("x"), prompt("x", size=1e4), prompt("x", size=1.0)])
    assert default == same
    assert default != other


def test_equal_keys_are_asked_once(predictor: RlmPredictor) -> None:
    first, twin = prompt("x"), replace(prompt("another text"), key=prompt("x").key)
    answers = list(predictor.predict([first, twin]))
    assert answers[0] == answers[1]


def test_a_cropped_prompt_says_so(predictor: RlmPredictor) -> None:
    short, cut, long = predictor.predict(
        [prompt("x"), replace(prompt("y"), truncated=True), prompt("é!" * 40)]
    )
    assert [answer.truncated for answer in (*short, *cut, *long)] == [False] * 2 + [True] * 4


def test_a_device_that_is_not_there_is_wrong_usage(folder: Path) -> None:
    with pytest.raises(UsageError, match="there is no device cuda:99"):
        list(RlmPredictor(folder, device="cuda:99").predict([prompt("x")]))


def test_no_prompts_give_no_answers_and_load_nothing(folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from ci_rlm.predict.rlm import RlmPredictor\n"
        "predictor = RlmPredictor(Path(sys.argv[1]))\n"
        "assert list(predictor.predict([])) == [] and predictor.info.digest and predictor.spaces\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, folder], check=False).returncode == 0


def test_an_unknown_space_is_named_with_the_known_ones(predictor: RlmPredictor) -> None:
    with pytest.raises(CheckpointError, match="no space 'APPS'") as caught:
        list(predictor.predict([Prompt("x", "APPS", None, "key")]))
    assert "python, KBSS" in caught.value.hint


def test_a_tokenizer_larger_than_the_network_is_refused(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in folder.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    larger = tokenizer.learn(["alpha beta gamma delta epsilon"], 290)
    (broken / "tokenizer.json").write_text(larger.to_json())
    with pytest.raises(CheckpointError, match="the network reads"):
        list(RlmPredictor(broken, device="cpu").predict([prompt("x")]))


def test_answers_can_be_left_unread(predictor: RlmPredictor) -> None:
    answers = predictor.predict(several())
    first = next(answers)
    answers.close()
    assert isinstance(first[0], Prediction)


def test_buckets_hold_one_space_and_keep_their_padding_within_the_budget(predictor: RlmPredictor) -> None:
    network, words = predictor._load()
    assert network.device.type == "cpu"
    questions = predictor._questions({one.key: one for one in several()}, words)
    batches = bucket(questions, budget=60)
    assert sorted(map(id, questions)) == sorted(id(question) for batch in batches for question in batch)
    for batch in batches:
        assert len({question.space.name for question in batch}) == 1
        assert len(batch) == 1 or len(batch) * max(len(question.ids) for question in batch) <= 60
    assert max(map(len, batches)) > 1


def test_the_batch_of_the_first_question_comes_first(predictor: RlmPredictor) -> None:
    _, words = predictor._load()
    prompts = [prompt("z" * length) for length in (30, 2, 28, 3, 14, 13)]
    questions = predictor._questions({one.key: one for one in prompts}, words)
    batches = bucket(questions, budget=2 * max(len(question.ids) for question in questions))
    firsts = [min(questions.index(question) for question in batch) for batch in batches]
    assert len(batches) > 2
    assert firsts == sorted(firsts)


def test_a_padded_batch_moves_no_probability_by_more_than_a_hundred_thousandth(
    predictor: RlmPredictor,
) -> None:
    """A batch's quantile at u lies within the same prompt's own quantiles at u − 1e-5 and u + 1e-5."""
    network, words = predictor._load()
    questions = predictor._questions({one.key: one for one in several()}, words)
    steps = predictor.config.probabilities
    for batch in bucket(questions, budget=10_000):
        assert len({len(question.ids) for question in batch}) > 1
        given = [[*question.given] for question in batch]
        metrics = len(batch[0].space.metrics)
        with torch.inference_mode():
            padded = network.encode(*collate([question.ids for question in batch]))
            alone = [network.encode(*collate([question.ids])) for question in batch]
        together = decode.quantiles(network, padded, given, steps, metrics)
        for numbers, memory, told in zip(together, alone, given, strict=True):
            for values in numbers:
                low, high = (
                    decode.quantiles(network, memory, [told], [u + slack for u in steps])[0, 0]
                    for slack in (-1e-5, 1e-5)
                )
                assert (low <= values).all() and (values <= high).all()
                told.append(values[steps.index(0.5)])


def test_portions_of_long_texts_are_small() -> None:
    long = _Question(prompt(""), PLAIN, [1] * 1500, False)
    assert [len(batch) for batch in portions([long] * 5, 8, 1)] == [2, 2, 1]
    assert [len(batch) for batch in portions([replace(long, ids=[1] * 9000)] * 2, 8, 1)] == [1, 1]


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 8), st.integers(1, 5))
def test_portions_hold_one_space_and_take_no_more_rounds_than_they_must(
    sized: list[bool], most: int, threads: int
) -> None:
    questions = [
        _Question(prompt(str(at)), SIZED if is_sized else PLAIN, [1], False)
        for at, is_sized in enumerate(sized)
    ]
    batches = portions(questions, most, threads)
    assert sorted(map(id, questions)) == sorted(id(question) for batch in batches for question in batch)
    assert all(len(batch) <= most for batch in batches)
    assert all(len({question.space.name for question in batch}) == 1 for batch in batches)
    if len(set(sized)) == 1:
        assert len(batches) <= threads * math.ceil(len(sized) / (threads * most))


def test_what_does_not_stand_alone_is_computed_alone(folder: Path) -> None:
    """The answers of one prompt at a time, where sums were found to depend on company."""
    prompts = several()
    doubtful = RlmPredictor(folder, device="cpu")
    doubtful._in_common = False
    assert list(doubtful.predict(prompts)) == list(RlmPredictor(folder, device="cpu").predict(prompts))


def test_more_prompts_than_a_window_are_answered_as_each_alone(
    predictor: RlmPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = [*several(), prompt("x"), *several()]
    alone = [next(predictor.predict([one])) for one in prompts]
    monkeypatch.setattr(rlm, "WINDOW", 2)
    assert list(predictor.predict(prompts)) == alone


class Small:
    """Doubles numbers, a few at a time."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.sizes: list[int] = []

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        if len(numbers) > self.most:
            raise torch.cuda.OutOfMemoryError("too many")
        self.sizes.append(len(numbers))
        return [2 * number for number in numbers]


@given(st.lists(st.integers(), min_size=1, max_size=40), st.integers(1, 12))
def test_a_batch_that_does_not_fit_is_answered_in_halves_in_order(numbers: list[int], most: int) -> None:
    small = Small(most)
    assert in_halves(small, numbers) == [2 * number for number in numbers]
    assert sum(small.sizes) == len(numbers)


def test_one_prompt_that_does_not_fit_is_an_error_with_the_next_step() -> None:
    with pytest.raises(CheckpointError, match="not enough memory for one prompt") as caught:
        in_halves(Small(0), [1, 2, 3])
    assert "more memory" in caught.value.hint


def test_what_torch_raises_on_a_cpu_counts_as_lack_of_memory() -> None:
    def answer(numbers: Sequence[int]) -> list[int]:
        torch.empty(10**16 if len(numbers) > 1 else 1)
        return list(numbers)

    assert in_halves(answer, [1, 2, 3]) == [1, 2, 3]


def test_another_error_of_a_batch_is_raised_as_it_is() -> None:
    def answer(numbers: Sequence[int]) -> list[int]:
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        in_halves(answer, [1, 2])


def test_one_text_at_several_sizes_is_read_once(folder: Path) -> None:
    text = "def f(x):\n    return x\n"
    asked = [prompt(text, size=10.0**place) for place in range(4)] + [prompt(text + "y")]
    alone = [answer for one in asked for answer in RlmPredictor(folder, "cpu").predict([one])]
    together = RlmPredictor(folder, "cpu", threads=1)
    network, _ = together._load()
    read: list[int] = []
    encode = network.encode
    network.encode = lambda source, keep=None: read.append(1) or encode(source, keep)  # type: ignore[method-assign]
    together._in_common = True

    assert list(together.predict(asked)) == alone
    assert len(read) == 2
