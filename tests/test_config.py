"""Settings: what wins, what is refused, and how an error reads."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import fields
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from ci_rlm.config import (
    Accept,
    Config,
    Layer,
    Override,
    Paths,
    WholeRun,
    build,
    from_environment,
    from_file,
    from_flags,
    from_root,
)
from ci_rlm.config_schema import config_schema, field_docs
from ci_rlm.errors import UsageError
from ci_rlm.flow import Limits, Mode
from ci_rlm.quantities import quantity

WHOLE = """
mode = "enforce"
checkpoint = "models/ours"
device = "cpu"
max_file_size = "512 KiB"
cache = false
paths.include = ["src/**"]
paths.exclude = []
[metrics.peak_memory]
warn = "5%"
fail = 0.5
min_effect = "64 KiB"
budget = "512 MiB"
confidence = "95%"
[metrics.cpu_time]
min_effect = "5 ms"
[[overrides]]
paths = ["src/hot/**"]
metrics.cpu_time.warn = "1%"
metrics.cpu_time.fail = "5%"
"""


def layer(text: str) -> Layer:
    return Layer("ci-rlm.toml", tomllib.loads(text))


def test_every_setting_of_a_file_is_read() -> None:
    config = build([layer(WHOLE)])
    assert config == Config(
        mode=Mode.ENFORCE,
        checkpoint="models/ours",
        device="cpu",
        max_file_size=524_288,
        cache=False,
        paths=Paths(("src/**",), ()),
        metrics=(
            ("cpu_time", Limits(min_effect=0.005)),
            ("latency", Limits(min_effect=1e-6)),
            ("peak_memory", Limits(0.05, 0.5, 65_536.0, 536_870_912.0, 0.95)),
        ),
        overrides=(Override(("src/hot/**",), (("cpu_time", (("warn", 0.01), ("fail", 0.05))),)),),
    )


ACCEPTING = """
hot_paths = "hot.json"
whole_run = {warn = "0.5%", fail = "2%"}
accept = {comments = false, trailers = false, label = "", baseline = "known.json"}
"""


def test_who_accepts_and_what_functions_weigh_is_read() -> None:
    config = build([layer(ACCEPTING)])
    assert config.accept == Accept(comments=False, trailers=False, label="", baseline="known.json")
    assert (config.hot_paths, config.whole_run) == ("hot.json", WholeRun(0.005, 0.02))


def test_flags_win_over_environment_and_environment_over_file() -> None:
    environment = from_environment({"CI_RLM_DEVICE": "cuda", "CI_RLM_CHECKPOINT": "theirs"})
    config = build([layer(WHOLE), environment, from_flags({"checkpoint": "embedded"})])
    assert (config.mode, config.device, config.checkpoint) == (Mode.ENFORCE, "cuda", "embedded")


def test_an_override_changes_only_what_it_names() -> None:
    config = build([layer(WHOLE)])
    assert config.limits_for(PurePosixPath("src/hot/a.py"), "cpu_time") == Limits(0.01, 0.05, 0.005)
    assert config.limits_for(PurePosixPath("src/cold/a.py"), "cpu_time") == Limits(min_effect=0.005)


def test_the_later_of_two_overrides_wins() -> None:
    text = '[[overrides]]\npaths = ["a/**"]\nmetrics.latency.fail = 0.5\n'
    config = build([layer(text + text.replace("0.5", "0.7"))])
    assert config.limits_for(PurePosixPath("a/b.py"), "latency").fail == 0.7


def test_a_metric_without_a_row_has_the_general_limits() -> None:
    assert Config().limits_for(PurePosixPath("a.py"), "energy") == Limits()


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('mod = "enforce"', "ci-rlm.toml: unknown key 'mod'", "did you mean 'mode'?"),
        ("metrics.peak_mem.fail = 1", "metrics: unknown key 'peak_mem'", "did you mean 'peak_memory'?"),
        ("metrics.latency.fial = 1", "metrics.latency: unknown key 'fial'", "did you mean 'fail'?"),
        ('paths.includes = ["a"]', "paths: unknown key 'includes'", "did you mean 'include'?"),
        ('overrides = [{path = ["a"]}]', "overrides[0]: unknown key 'path'", "did you mean 'paths'?"),
        ("zzz = 1", "unknown key 'zzz'", "known: accept, cache, checkpoint"),
        ("offline = true", "unknown key 'offline'", "known: "),
        ('cache_dir = "x"', "unknown key 'cache_dir'", ""),
        ('mode = "strict"', "mode: expected advisory or enforce, not 'strict'", ""),
        ("mode = []", "mode: expected advisory or enforce, not []", ""),
        ('cache = "yes"', "cache: expected true or false, not 'yes'", ""),
        ('device = "gpu"', "device: expected auto, cpu, cuda or cuda:N, not 'gpu'", ""),
        ("checkpoint = 3", "checkpoint: expected a text, not 3", ""),
        ("metrics = 3", "metrics: expected a table, not 3", ""),
        ("accept.labels = 'x'", "accept: unknown key 'labels'", "did you mean 'label'?"),
        ("accept.trailers = 1", "accept.trailers: expected true or false, not 1", ""),
        ("accept.label = 1", "accept.label: expected a label's name, or an empty text, not 1", ""),
        ("accept.baseline = '../x'", "accept.baseline: expected a path inside the repository", ""),
        ("hot_paths = '/x'", "hot_paths: expected a path inside the repository", ""),
        ("whole_run.fail = 0.001", "whole_run: expected 0 < warn <= fail, not 0.01 and 0.001", ""),
        ("whole_run.warn = 0", "whole_run: expected 0 < warn <= fail, not 0 and 0.03", ""),
        ("overrides = 3", "overrides: expected a list of tables, not 3", ""),
        ("paths.include = []", "paths.include: an empty list matches no file", ""),
        ('paths.include = "src"', "paths.include: expected a list of globs, not 'src'", ""),
        ('max_file_size = "1 MX"', "max_file_size: expected a size in bytes such as 65536", ""),
        ('metrics.cpu_time.min_effect = "5 KiB"', "cpu_time.min_effect: expected a time in seconds", ""),
        ("metrics.latency.warn = -1", "latency.warn: expected a finite number that is not negative", ""),
        ("metrics.latency.warn = inf", "latency.warn: expected a finite number", ""),
        (f"metrics.latency.warn = {'9' * 400}", "latency.warn: expected a finite number", ""),
        ("metrics.latency.warn = true", "latency.warn: expected a ratio such as 0.25", ""),
        ("metrics.latency.confidence = 1", "latency.confidence: expected 0.5 to below 1, not 1", ""),
        ("metrics.latency.warn = 0.3", "metrics.latency: warn (0.3) is above fail (0.25)", ""),
        ('overrides = [{paths = ["a"], metrics.latency.fail = 0.01}]', "warn (0.1) is above fail (0.01)", ""),
    ],
)
def test_a_wrong_setting_is_named_with_its_place(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        build([layer(text)])
    assert message in caught.value.message
    assert hint in caught.value.hint


ROOT = Path(__file__).parents[1]
SHOWN = [
    pytest.param(page, block, id=f"{page.name}:{number}")
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for number, block in enumerate(re.findall(r"^```toml\n(.*?)^```", page.read_text("utf-8"), re.M | re.S))
    if re.search(r"^(mode|hot_paths) =|metrics\.", block, re.M)
]


@pytest.mark.parametrize(("page", "block"), SHOWN)
def test_what_the_pages_show_is_a_configuration(page: Path, block: str) -> None:
    told = tomllib.loads(block)
    assert build([Layer(str(page), told.get("tool", {}).get("ci-rlm", told))]) != Config()


@pytest.mark.parametrize(
    "text", ["[tool", "\x00", "x = " + "[" * 100_000, "x = " + "9" * 5_000, "mode = 0x" + "f" * 5_000]
)
def test_a_file_that_is_no_toml_is_a_usage_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ci-rlm.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match="not valid TOML"):
        from_file(path)


def test_a_named_file_that_is_missing_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        from_file(tmp_path / "ci-rlm.toml")


def test_pyproject_configures_in_its_tool_table(tmp_path: Path) -> None:
    files = {"pyproject.toml": b'[tool.ci-rlm]\nmode = "enforce"\n[tool.other]\nmode = 1\n'}
    found = from_root(files.get, tmp_path)
    assert found is not None
    assert build([found]).mode is Mode.ENFORCE


def test_a_pyproject_without_our_table_configures_nothing(tmp_path: Path) -> None:
    assert from_root({"pyproject.toml": b"[project]\nname = 'x'\n"}.get, tmp_path) is None


def test_two_files_that_configure_are_refused(tmp_path: Path) -> None:
    files = {"pyproject.toml": b"[tool.ci-rlm]\n", "ci-rlm.toml": b""}
    with pytest.raises(UsageError, match=r"both ci-rlm\.toml and"):
        from_root(files.get, tmp_path)


def test_a_relative_checkpoint_starts_where_the_file_lies(tmp_path: Path) -> None:
    (tmp_path / "ci-rlm.toml").write_text('checkpoint = "./models/ours"')
    assert build([from_file(tmp_path / "ci-rlm.toml")]).checkpoint == str(tmp_path / "models/ours")


@pytest.mark.parametrize("name", ["acme/rlm-small", "acme/rlm-small@v1.2"])
def test_a_hub_id_is_no_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "ci-rlm.toml").write_text(f'checkpoint = "{name}"')
    assert build([from_file(tmp_path / "ci-rlm.toml")]).checkpoint == name


def test_the_embedded_checkpoint_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "ci-rlm.toml").write_text('checkpoint = "embedded"')
    assert build([from_file(tmp_path / "ci-rlm.toml")]).checkpoint == "embedded"


@pytest.mark.parametrize(("text", "kept"), [("1", True), ("TRUE", True), ("0", False), ("off", False)])
def test_a_switch_in_the_environment_takes_the_usual_words(text: str, kept: bool) -> None:
    assert build([from_environment({"CI_RLM_CACHE": text})]).cache is kept


def test_an_empty_variable_is_not_set() -> None:
    assert build([from_environment({"CI_RLM_MODE": "", "CI_RLM_NONSENSE": ""})]).mode is Mode.ADVISORY


def test_an_unknown_variable_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError) as caught:
        from_environment({"CI_RLM_CHEKPOINT": "x"})
    assert caught.value.hint == "did you mean 'CI_RLM_CHECKPOINT'?"


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"CI_RLM_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/ci-rlm"),
        ({"XDG_CACHE_HOME": "relative"}, "/home/ada/.cache/ci-rlm"),
        ({}, "/home/ada/.cache/ci-rlm"),
    ],
)
def test_the_cache_lies_where_the_xdg_specification_says(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], folder: str
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert build([from_environment(environ)]).cache_dir == Path(folder)


def test_the_hub_switch_means_offline() -> None:
    assert build([from_environment({"HF_HUB_OFFLINE": "1"})]).offline


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("10%", "", 0.10),
        ("7%", "", 0.07),
        ("0.25", "", 0.25),
        (2, "", 2.0),
        ("64 KiB", "B", 65_536.0),
        ("1.5MiB", "B", 1_572_864.0),
        ("2 GB", "B", 2e9),
        ("100", "B", 100.0),
        ("5 ms", "s", 0.005),
        ("10 µs", "s", 10e-6),
        ("10us", "s", 10e-6),
        (" 2 min ", "s", 120.0),
    ],
)
def test_a_quantity_is_read_in_its_base_unit(text: object, unit: str, number: float) -> None:
    assert quantity(text, unit) == number


@pytest.mark.parametrize(
    "text", ["", "ms", "5 5", "5 m", "-5 ms", "0x5", "1e5", "٣ ms", "5 ms s", None, [1], "9" * 400]
)
def test_what_is_no_quantity_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="expected a time in seconds"):
        quantity(text, "s")


@given(st.text())
def test_any_text_is_a_quantity_or_a_value_error(text: str) -> None:
    try:
        assert quantity(text, "B") >= 0
    except ValueError as error:
        assert "expected a size in bytes" in str(error)


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(config_schema())


def test_the_schema_takes_what_the_reader_takes() -> None:
    for text in (WHOLE, ACCEPTING):
        Draft202012Validator(config_schema()).validate(tomllib.loads(text))


@pytest.mark.parametrize(
    "text",
    ['mod = "enforce"', "cache = 1", "metrics.latency.fial = 1", 'metrics.latency.min_effect = "1 KiB"'],
)
def test_the_schema_refuses_what_the_reader_refuses(text: str) -> None:
    with pytest.raises(ValidationError):
        Draft202012Validator(config_schema()).validate(tomllib.loads(text))


def test_every_field_has_a_docstring_that_the_schema_can_show() -> None:
    assert {field.name for field in fields(Config)} == set(field_docs(Config))
    assert "docstring" not in json.dumps(config_schema())
