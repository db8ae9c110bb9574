"""A checkpoint folder: written whole, read back equal, and each kind of damage named."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from ci_rlm.errors import CheckpointError
from ci_rlm.flow import Calibration, ErrorBand, Kind, Metric, Space, Vocabulary
from ci_rlm.model import checkpoint, tokenizer
from ci_rlm.model.config import ModelConfig
from ci_rlm.model.network import Network

CALIBRATION = (
    Calibration("cpu_time", (ErrorBand(0.5, 0.8, 0.1, 0.2, ((0.05, -1.5), (0.5, 0.0), (0.95, 1.75))),), 321),
    Calibration("peak_memory", (), 0),
)
CARD = "# miniature\n\nSpearman ρ 0.5 on held-out problems.\n"


@pytest.fixture(scope="module")
def tokenizer_json() -> str:
    return tokenizer.learn(["def f(x):\n    return x\n"], 270).to_json()


@pytest.fixture
def network() -> Network:
    metrics = (Metric("peak_memory", "B"), Metric("cpu_time", "s"))
    sized = Space("python", "PY\n", (Kind.FUNCTION, Kind.PROGRAM), metrics, "test", size=1e4)
    plain = Space("KBSS", "KBSS\n", (Kind.TRITON_KERNEL,), (Metric("latency", "s"),), "H100")
    config = ModelConfig(
        name="miniature",
        hardware="test",
        spaces=(sized, plain),
        vocab_size=270,
        width=16,
        heads=2,
        encoder_layers=1,
        decoder_layers=1,
        feed_forward=24,
    )
    return Network(config, seed=1)


@pytest.fixture
def folder(tmp_path: Path, network: Network, tokenizer_json: str) -> Path:
    checkpoint.save(tmp_path / "model", network, tokenizer_json, CARD, CALIBRATION)
    return tmp_path / "model"


def edit_config(folder: Path, edit: Callable[[dict[str, object]], object]) -> None:
    record = json.loads((folder / "config.json").read_text())
    edit(record)
    (folder / "config.json").write_text(json.dumps(record))


def edit_weights(folder: Path, edit: Callable[[dict[str, torch.Tensor]], object]) -> None:
    weights = load_file(folder / "model.safetensors")
    edit(weights)
    save_file(weights, folder / "model.safetensors")


def test_what_was_saved_is_read_back(folder: Path, network: Network, tokenizer_json: str) -> None:
    config, info, calibration = checkpoint.read_info(folder)
    assert config == network.config
    assert calibration == CALIBRATION
    assert (info.name, info.hardware, info.dtype) == ("miniature", "test", "bfloat16")
    assert (folder / "tokenizer.json").read_text() == tokenizer_json
    assert (folder / "README.md").read_text() == CARD


def test_the_vocabulary_is_kept_where_there_is_one(
    folder: Path, network: Network, tokenizer_json: str
) -> None:
    assert checkpoint.read_vocabulary(folder) is None
    known = Vocabulary(("append", "größe"), 0.5)
    checkpoint.save(folder, network, tokenizer_json, CARD, vocabulary=known)
    assert checkpoint.read_vocabulary(folder) == known
    checkpoint.save(folder, network, tokenizer_json, CARD)
    assert checkpoint.read_vocabulary(folder) is None


def test_a_vocabulary_of_another_layout_is_refused(folder: Path) -> None:
    (folder / "vocabulary.json").write_text('{"names": "append"}')
    with pytest.raises(CheckpointError, match=r"vocabulary\.json"):
        checkpoint.read_vocabulary(folder)


def test_the_digests_are_those_of_the_files(folder: Path) -> None:
    _, info, _ = checkpoint.read_info(folder)
    assert info.digest == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert info.tokenizer_digest == hashlib.sha256((folder / "tokenizer.json").read_bytes()).hexdigest()


def test_the_settings_are_all_of_the_configuration_but_names_and_spaces(folder: Path) -> None:
    path = folder / "config.json"
    whole = json.loads(path.read_text())

    def settings(**changed: Any) -> str:
        path.write_text(json.dumps(whole | changed))
        return checkpoint.read_info(folder)[1].settings

    assert settings(name="ours", hardware="a laptop") == settings()
    changed = [settings(max_tokens=64), settings(probabilities=[0.1, 0.5, 0.9]), settings()]
    assert len(set(changed)) == 3


def test_weights_are_stored_in_bfloat16_and_computed_in_float32(folder: Path, network: Network) -> None:
    loaded = checkpoint.load_network(folder).state_dict()
    for name, weight in network.state_dict().items():
        assert loaded[name].dtype == torch.float32
        assert torch.equal(loaded[name], weight.to(torch.bfloat16).float())


def test_a_loaded_network_is_ready_to_answer(folder: Path) -> None:
    loaded = checkpoint.load_network(folder)
    logits = loaded(torch.tensor([[1, 5, 9]]), None, torch.ones(1, 1, 27, dtype=torch.long))
    assert not loaded.training
    assert logits.isfinite().all()


def test_float32_can_be_kept(tmp_path: Path, network: Network, tokenizer_json: str) -> None:
    checkpoint.save(tmp_path / "exact", network, tokenizer_json, CARD, dtype=torch.float32)
    loaded = checkpoint.load_network(tmp_path / "exact").state_dict()
    assert all(torch.equal(loaded[name], weight) for name, weight in network.state_dict().items())


def test_saving_twice_gives_the_same_bytes(folder: Path, network: Network, tokenizer_json: str) -> None:
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    checkpoint.save(folder, network, tokenizer_json, CARD, CALIBRATION)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_saving_leaves_nothing_beside_the_folder(folder: Path, network: Network, tokenizer_json: str) -> None:
    checkpoint.save(folder, network, tokenizer_json, "# another card\n")
    assert list(folder.parent.iterdir()) == [folder]
    assert checkpoint.read_calibration(folder) == ()


def test_a_folder_with_other_files_is_never_replaced(
    tmp_path: Path, network: Network, tokenizer_json: str
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(CheckpointError, match=r"thesis\.tex"):
        checkpoint.save(tmp_path, network, tokenizer_json, CARD)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_what_a_killed_writer_left_is_in_nobodys_way(
    folder: Path, network: Network, tokenizer_json: str
) -> None:
    (folder / f"{checkpoint.COUNTS}.writing").write_bytes(b"half")
    (folder / f"{checkpoint.CALIBRATION}.writing").write_bytes(b"half")
    checkpoint.save(folder, network, tokenizer_json, CARD)
    assert not list(folder.glob("*.writing"))


def test_a_folder_is_located_by_its_path(folder: Path) -> None:
    assert checkpoint.locate(str(folder)) == folder


def test_a_hub_id_needs_a_cache() -> None:
    with pytest.raises(CheckpointError, match="no cache to keep acme/rlm in"):
        checkpoint.locate("acme/rlm")


@pytest.mark.parametrize("name", ["./no/such", "no-such"])
def test_a_name_that_is_no_folder_is_named_with_what_would_be(name: str) -> None:
    with pytest.raises(CheckpointError, match=name) as caught:
        checkpoint.locate(name)
    assert "embedded" in caught.value.hint


def test_a_folder_without_a_config_is_not_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"has no config\.json"):
        checkpoint.locate(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"cannot read .*{name}"):
        checkpoint.read_info(folder)


@pytest.mark.parametrize("kept", [0, 5, 8, 100, -1])
def test_truncated_weights_are_found_without_torch(folder: Path, kept: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="truncated"):
        checkpoint.read_info(folder)


def test_an_lfs_pointer_is_told_from_weights(folder: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    (folder / "model.safetensors").write_text(pointer)
    with pytest.raises(CheckpointError, match="LFS pointer") as caught:
        checkpoint.read_info(folder)
    assert "git lfs pull" in caught.value.hint


@pytest.mark.parametrize(
    "header",
    [
        b"not json",
        b"[1, 2]",
        b"[" * 20_000,
        b'{"w": 1}',
        b'{"w": {"dtype": "F32", "shape": [1]}}',
        b'{"w": {"dtype": "PICKLE", "shape": [1], "data_offsets": [0, 4]}}',
        b'{"w": {"dtype": "F32", "shape": ["1"], "data_offsets": [0, 4]}}',
        b'{"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}',
        b'{"w": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}',
    ],
    ids=["text", "list", "nested", "number", "keys", "dtype", "shape type", "shape", "hole"],
)
def test_a_damaged_header_is_found_without_torch(folder: Path, header: bytes) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(CheckpointError, match="damaged header"):
        checkpoint.read_info(folder)


def test_a_missing_tensor_is_named(folder: Path) -> None:
    edit_weights(folder, lambda weights: weights.pop("head.weight"))
    with pytest.raises(CheckpointError, match=r"head\.weight is missing"):
        checkpoint.load_network(folder)


def test_an_unknown_tensor_is_named(folder: Path) -> None:
    edit_weights(folder, lambda weights: weights.update(extra=torch.zeros(1)))
    with pytest.raises(CheckpointError, match="unknown tensor extra"):
        checkpoint.load_network(folder)


def test_a_misshapen_tensor_is_named_with_both_shapes(folder: Path) -> None:
    edit_weights(folder, lambda weights: weights.update({"head.weight": torch.zeros(13, 17)}))
    with pytest.raises(CheckpointError, match=r"head\.weight has shape \[13, 17\].*\[13, 16\]"):
        checkpoint.load_network(folder)


def test_a_tensor_that_is_not_finite_is_named(folder: Path) -> None:
    edit_weights(folder, lambda weights: weights["encoder_norm.weight"].fill_(float("nan")))
    with pytest.raises(CheckpointError, match=r"encoder_norm\.weight is not finite"):
        checkpoint.load_network(folder)


@pytest.mark.parametrize(
    ("edit", "message", "hint"),
    [
        (lambda c: c.update(encoder_layer=2), "unknown key 'encoder_layer'", "'encoder_layers'"),
        (lambda c: c.update(zzz=2), "unknown key 'zzz'", "known keys"),
        (lambda c: c.pop("width"), "missing key 'width'", "layout"),
        (lambda c: c.update(width="16"), "width: expected int, found str '16'", ""),
        (lambda c: c.update(width=True), "width: expected int", ""),
        (lambda c: c.update(width=None), "width: expected int, found null", ""),
        (lambda c: c.update(width=17), "17 is not a multiple", "layout"),
        (lambda c: c.update(heads=0), "at least 1", "layout"),
        (lambda c: c.update(dropout=1.5), "dropout is 1.5", "layout"),
        (lambda c: c.update(family="t5"), "unknown family 't5'", "layout"),
        (lambda c: c.update(spaces=[]), "at least one", "layout"),
        (lambda c: c.update(spaces=c["spaces"] * 2), "names of their own", "layout"),
        (lambda c: c["spaces"][0].update(metrics=[]), "at least one metric", "layout"),
        (lambda c: c["spaces"][1].update(kinds=["poem"]), r"\[1\]: kinds\[0\]: expected 'function' or", ""),
        (lambda c: c["number_format"].update(exponent_digits=3), "exponent_digits is 3", "layout"),
        (lambda c: c.update(probabilities=[0.5, 0.1]), "ascend", "layout"),
        (lambda c: c.update(probabilities=[0.5, 1.0]), "ascend", "layout"),
        (lambda c: c.update(probabilities={}), "expected a list", ""),
    ],
)
def test_a_wrong_config_is_named_key_by_key(
    folder: Path, edit: Callable[[dict[str, object]], object], message: str, hint: str
) -> None:
    edit_config(folder, edit)
    with pytest.raises(CheckpointError, match=message) as caught:
        checkpoint.read_info(folder)
    assert str(folder / "config.json") in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("content", [b"{", b"[", b"\xff", b"[" * 20_000, b"[]", b"null"])
def test_a_config_that_is_no_record_is_named(folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        checkpoint.read_info(folder)


def test_damaged_calibration_is_named_by_its_place(folder: Path) -> None:
    path = folder / "calibration.json"
    path.write_text(path.read_text().replace('"slope"', '"slop"'))
    with pytest.raises(CheckpointError, match=r"calibration\.json\[0\]: bands\[0\]: unknown key 'slop'"):
        checkpoint.read_info(folder)


def test_reading_the_small_files_does_not_load_torch(folder: Path) -> None:
    program = "import sys; from pathlib import Path; from ci_rlm.model import checkpoint"
    program += "; checkpoint.read_info(Path(sys.argv[1])); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program, folder], check=False).returncode == 0


def test_a_config_reads_back_equal(network: Network) -> None:
    assert ModelConfig.from_json(network.config.to_json()) == network.config


def test_the_decoder_has_a_place_for_each_number_of_the_largest_space(network: Network) -> None:
    assert network.config.max_numbers == 3
    assert network.config.target_tokens == 27


def test_large_weights_are_written_in_parts_and_read_back(
    tmp_path: Path, network: Network, tokenizer_json: str
) -> None:
    folder = tmp_path / "parts"
    checkpoint.save(folder, network, tokenizer_json, CARD, CALIBRATION, torch.float32, part_bytes=8000)
    parts = sorted(folder.glob("model-*.safetensors"))
    assert len(parts) > 2
    assert [part.name for part in parts] == sorted(
        set(json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"].values())
    )
    largest = max(tensor.nbytes for tensor in network.state_dict().values())
    assert all(sum(t.nbytes for t in load_file(part).values()) <= max(8000, largest) for part in parts)
    read = checkpoint.load_network(folder).state_dict()
    assert all(torch.equal(tensor, read[name]) for name, tensor in network.state_dict().items())
    checkpoint.save(folder, network, tokenizer_json, CARD, CALIBRATION)
    assert not list(folder.glob("model-*.safetensors"))
