"""What the arms of ablations.py learn from and are asked, and the foreign vocabulary of one of them."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers

from ci_rlm.model import tokenizer
from ci_rlm.training import corpus, joining
from ci_rlm.training.corpus import Example

SIZES = {"train": 10_000, "calibration": 64, "test": 800}
"""Programs of each split at most: learned from, for the curves, and asked."""
GENERATED = 5_000
"""Programs made from a seed, before they are split."""
_UNKNOWN = 2
"""The id of what the T5 vocabulary lacks; 0 is its padding, and 1 its end of a text."""


def programs(folder: Path, out: Path) -> None:
    """Unedited programs of a corpus, always the same ones."""
    corpus.write(chosen(corpus.read(folder)), out)


def synthetic(_: Path, out: Path, generated: int = GENERATED) -> None:
    """Generated programs with what the repository keeps of their costs; the texts are made again."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as parquet

    measured = parquet.read_table(joining.MEASURED / "synthetic.parquet")
    records = sorted(name for name in set(measured["record"].to_pylist()) if "+" not in name)
    wanted = pa.array(random.Random(0).sample(records, min(generated, len(records))))
    with tempfile.TemporaryDirectory() as scratch:
        rows, whole = Path(scratch) / "synthetic.parquet", Path(scratch) / "corpus"
        parquet.write_table(measured.filter(pc.is_in(measured["record"], value_set=wanted)), rows)
        joining.build([rows], None, whole)
        corpus.write(chosen(corpus.read(whole)), out)


def chosen(examples: Sequence[Example]) -> list[Example]:
    """So many unedited programs of each split as `SIZES` says."""
    found: list[Example] = []
    for split, count in SIZES.items():
        mine = [example for example in examples if example.split == split and not example.edit]
        found += random.Random(split).sample(mine, min(count, len(mine)))
    return found


CORPORA: dict[str, Callable[[Path, Path], None]] = {"programs": programs, "synthetic": synthetic}
"""By the name of the folder that a recipe's `corpus` ends in: what writes it."""


def general_vocabulary(path: Path) -> tokenizer.Tokenizer:
    """A SentencePiece model of the T5 family as a tokenizer that our trainer reads.

    Its first two pieces, padding and end, take our names for padding and start; all others keep
    their ids, their scores and the model's own normalisation, which makes one space of every run
    of blanks and newlines. Raises SystemExit for another layout.
    """
    from transformers.utils import sentencepiece_model_pb2_new as layout

    model = layout.ModelProto.FromString(path.read_bytes())
    if model.trainer_spec.model_type != layout.TrainerSpec.UNIGRAM or model.trainer_spec.unk_id != _UNKNOWN:
        raise SystemExit(f"{path} is no SentencePiece model of the T5 family")
    ours = [(tokenizer.PAD_TOKEN, 0.0), (tokenizer.START_TOKEN, 0.0)]
    pieces = [*ours, *((piece.piece, piece.score) for piece in model.pieces[len(ours) :])]
    inner = tokenizers.Tokenizer(models.Unigram(pieces, unk_id=_UNKNOWN, byte_fallback=False))
    charsmap = model.normalizer_spec.precompiled_charsmap
    own = [normalizers.Precompiled(charsmap)] if charsmap else []
    blanks = normalizers.Replace(tokenizers.Regex(" {2,}"), " ")
    inner.normalizer = normalizers.Sequence([*own, blanks, normalizers.Strip()])
    inner.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    inner.add_special_tokens([tokenizer.PAD_TOKEN, tokenizer.START_TOKEN])
    return tokenizer.Tokenizer.from_json(inner.to_str(), str(path))
