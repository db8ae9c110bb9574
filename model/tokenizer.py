"""Text to ids: a byte-level BPE learned on code, or the tokenizer of a pretrained encoder.

Section 6.4 of the paper: a tokenizer learned on the task's own texts took Spearman's ρ from
0.533 to 0.723. Bytes are the alphabet, so newlines, indentation and any script survive, and
nothing is unknown. The `tokenizers` library is used for its speed; it does not load torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from pathlib import Path

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from ci_rlm.errors import CheckpointError
from ci_rlm.marks import unmarked
from ci_rlm.model.weights import RESTORE

# A byte-level piece never holds a space, so no merge can build these two by chance.
PAD_TOKEN, START_TOKEN = "< pad >", "< start >"
PAD_ID, START_ID = 0, 1


class TextTokenizer(ABC):
    """Text to ids, whoever learned it."""

    def __init__(self, inner: tokenizers.Tokenizer) -> None:
        # A prompt that spells a special token is text like any other.
        inner.encode_special_tokens = True
        self._inner = inner

    @property
    def vocab_size(self) -> int:
        """Ids run from 0 to one below this."""
        return int(self._inner.get_vocab_size())

    def to_json(self) -> str:
        """The text of `tokenizer.json`."""
        return str(self._inner.to_str())

    @abstractmethod
    def encode_batch(
        self, texts: Sequence[str], max_tokens: int, focuses: Sequence[int | None] = ()
    ) -> tuple[list[list[int]], list[bool]]:
        """Ids of each text, cropped to `max_tokens`, and whether it was cropped.

        A crop keeps the head; of a text with a focus, half as much of it, and what is about that
        character. A lone surrogate, which is no character, is read as U+FFFD.
        """

    def encode_changes(self, texts: Sequence[str], max_tokens: int) -> tuple[list[list[int]], list[bool]]:
        """Ids of marked texts (`marks.marked`), cropped about their first difference, as `encode_batch`.

        Raises TypeError for a tokenizer whose encoder reads no sides.
        """
        if texts:
            raise TypeError("the tokenizer of a pretrained encoder reads no sides")
        return [], []


class Tokenizer(TextTokenizer):
    """Learned by us. Each sequence opens with `START_ID`, so that even an empty text is one token."""

    @classmethod
    def from_json(cls, text: str, where: str = "tokenizer.json") -> Tokenizer:
        """Read the text of `tokenizer.json`. Raises CheckpointError if it is not one of ours."""
        inner = _parse(text, where)
        if (inner.token_to_id(PAD_TOKEN), inner.token_to_id(START_TOKEN)) != (PAD_ID, START_ID):
            raise CheckpointError(f"{where} was not learned by ci-rlm", hint=RESTORE)
        return cls(inner)

    def encode_batch(
        self, texts: Sequence[str], max_tokens: int, focuses: Sequence[int | None] = ()
    ) -> tuple[list[list[int]], list[bool]]:
        """As `TextTokenizer.encode_batch`; `START_ID` is among the `max_tokens`."""
        room = max_tokens - 1
        encodings, cropped = _encoded(self._inner, texts, room, focuses)
        return [[START_ID, *encoding.ids[:room]] for encoding in encodings], cropped

    def encode_changes(self, texts: Sequence[str], max_tokens: int) -> tuple[list[list[int]], list[bool]]:
        """Ids of marked texts (`marks.marked`), cropped about their first difference.

        A token of the side s (`marks.Side`) is its id without marks plus s times the size of the
        vocabulary. It is of the side that its last character is of.
        """
        plain, sides = zip(*map(unmarked, texts), strict=True) if texts else ((), ())
        focuses = [next((end for end, _ in spans), 0) if len(spans) > 1 else None for spans in sides]
        encodings, cropped = _encoded(self._inner, plain, max_tokens - 1, focuses)
        size = self.vocab_size
        rows = []
        for encoding, spans in zip(encodings, sides, strict=True):
            ends = [end for end, _ in spans]
            mine = (spans[bisect_left(ends, last)][1] for _, last in encoding.offsets)
            ids = [token + size * side for token, side in zip(encoding.ids, mine, strict=True)]
            rows.append([START_ID, *ids[: max_tokens - 1]])
        return rows, cropped

    def decode(self, ids: Sequence[int]) -> str:
        """The text of a sequence that was not cropped."""
        return str(self._inner.decode(list(ids), skip_special_tokens=True))


def learn(texts: Iterable[str], vocab_size: int = 8192) -> Tokenizer:
    """Learn byte pairs; digits stay apart, so that a number's length is its count of tokens."""
    inner = tokenizers.Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[PAD_TOKEN, START_TOKEN],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    inner.train_from_iterator((_encodable(text) for text in texts), trainer)
    return Tokenizer(inner)


class PretrainedTokenizer(TextTokenizer):
    """The tokenizer that came with a pretrained encoder, with the special tokens that it adds.

    Its vocabulary and rules are its authors'; we only see to it that a prompt which spells a
    special token is text, and that cropping leaves the special tokens in their places.
    """

    def __init__(self, inner: tokenizers.Tokenizer) -> None:
        super().__init__(inner)
        inner.no_truncation()
        inner.no_padding()

    def encode_batch(
        self, texts: Sequence[str], max_tokens: int, focuses: Sequence[int | None] = ()
    ) -> tuple[list[list[int]], list[bool]]:
        """As `TextTokenizer.encode_batch`; the special tokens are among the `max_tokens`."""
        room = max_tokens - int(self._inner.num_special_tokens_to_add(False))
        encodings, cropped = _encoded(self._inner, texts, room, focuses)
        for encoding in encodings:
            encoding.truncate(room)
        return [list(self._inner.post_process(encoding).ids) for encoding in encodings], cropped


def load(path: Path) -> Tokenizer:
    """Read `tokenizer.json`. Raises CheckpointError if it is missing or not one of ours."""
    return Tokenizer.from_json(_read_text(path), str(path))


def load_pretrained(path: Path) -> PretrainedTokenizer:
    """Read the `tokenizer.json` of a pretrained encoder. Raises CheckpointError if it is none."""
    return PretrainedTokenizer(_parse(_read_text(path), str(path)))


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"cannot read {path}: {error}", hint=RESTORE) from error


def _parse(text: str, where: str) -> tokenizers.Tokenizer:
    try:
        return tokenizers.Tokenizer.from_str(text)
    except Exception as error:  # the library raises bare Exception for a bad file
        raise CheckpointError(f"{where} is not a tokenizer: {error}", hint=RESTORE) from error


def _encoded(
    inner: tokenizers.Tokenizer, texts: Sequence[str], room: int, focuses: Sequence[int | None]
) -> tuple[list[tokenizers.Encoding], list[bool]]:
    """Encodings without special tokens, those with a focus cropped about it; and which are over the room."""
    readable = [_encodable(text) for text in texts]
    encodings = inner.encode_batch(readable, add_special_tokens=False)
    over = [len(encoding.ids) > room for encoding in encodings]
    for place, focus in enumerate(focuses):
        if over[place] and focus is not None:
            # Truncating changes an encoding, and there is no way to copy one.
            again = inner.encode(readable[place], add_special_tokens=False)
            encodings[place] = _about(encodings[place], again, room, focus)
    return encodings, over


def _about(
    head: tokenizers.Encoding, body: tokenizers.Encoding, room: int, focus: int
) -> tokenizers.Encoding:
    """Of two equal encodings, the head and a window about a character: `room` tokens together.

    Measured by `benchmarks/long_inputs.py`: a head alone loses up to a fifth of the edits.
    """
    front, window = room // 2, room - room // 2
    token = bisect_right(body.offsets, focus, key=lambda span: span[1])
    start = max(front, min(token - window // 2, len(body.ids) - window))
    head.truncate(front)
    body.truncate(start + window)
    body.truncate(window, direction="left")
    return tokenizers.Encoding.merge([head, body], growing_offsets=False)


def _encodable(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
