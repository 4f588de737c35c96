"""Tokenizers: the one in a Hugging Face folder, and pocket's, behind one small type. Nothing is downloaded.

Both are byte-level BPE, so that every token is a string of bytes and any text goes in and comes out unchanged, but for
Qwen's, which composes characters (NFC).
"""

import dataclasses
import functools
import json
import pathlib
import re
from collections.abc import Callable, Iterable
from typing import Any

from rtq.text.facts import all_facts

POCKET = pathlib.Path(__file__).parent.parent / "assets" / "pocket" / "tokenizer.json"

# Pocket's tokens with a meaning of their own, by id from 0. rtq/models/qwen25vl/config.py states the first six too.
POCKET_CONTROL = (
    "<|bos|>", "<|eos|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>", "<|pad|>",
    "<|reply|>", "<|edit|>", "<|refine|>", "<|summarise|>", "<|critique|>",
)  # fmt: skip
POCKET_TAGS = tuple(
    tag for name in ("think", "answer", "metrics", "scores", "request") for tag in (f"<{name}>", f"</{name}>")
)
POCKET_SPECIAL = POCKET_CONTROL + POCKET_TAGS + all_facts()


@dataclasses.dataclass(frozen=True, eq=False)
class Tokenizer:
    """A byte-level tokenizer with the special tokens of Qwen2.5-VL.

    Attributes:
      backend: the `tokenizers.Tokenizer` that does the work.
      token_bytes: what each id stands for; b"" for ids without text.
      control: ids that never belong to a text (end, padding, images …).
      eos_id: ends an answer. pad_id: fills up a batch.
      vision_start_id, image_id, vision_end_id: one image is start, image × its number of tokens, end.
      chat: (messages, *, add_generation_prompt) → text by the folder's chat template; None: pocket's compact form.
    """

    backend: Any
    token_bytes: tuple[bytes, ...]
    control: frozenset[int]
    eos_id: int
    pad_id: int
    vision_start_id: int
    image_id: int
    vision_end_id: int
    chat: Callable[..., str] | None

    @property
    def size(self) -> int:
        """Number of ids; a model's vocabulary may be padded beyond it."""
        return len(self.token_bytes)

    def encode(self, text: str) -> list[int]:
        """Text → ids. Special tokens written out in the text are recognised: pass what people typed through `plain`.

        Half characters (lone surrogates), which are no text, become U+FFFD.
        """
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return self.backend.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Iterable[int]) -> str:
        """Ids → text, special tokens included; bytes that are not UTF-8 become U+FFFD. Unknown ids are an error."""
        parts = []
        for i in ids:
            if not 0 <= i < self.size:
                raise ValueError(f"token id {i} is out of range; the tokenizer has {self.size} ids")
            parts.append(self.token_bytes[i])
        return b"".join(parts).decode("utf-8", "replace")

    def decode_answer(self, ids: Iterable[int]) -> str:
        """The text of a sampled answer: up to the first end token, without control tokens and padding."""
        kept = []
        for i in ids:
            if i == self.eos_id:
                break
            if i not in self.control:
                kept.append(int(i))
        return self.decode(kept)

    @functools.cached_property
    def _special(self) -> re.Pattern:
        texts = sorted((t.content for t in self.backend.get_added_tokens_decoder().values()), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, texts)))

    def plain(self, text: str) -> str:
        """What a person typed, made harmless: a special token written out gets a space after its first character."""
        found = 1
        while found:  # a space that is put in may leave another one standing, so once more
            text, found = self._special.subn(lambda match: f"{match[0][0]} {match[0][1:]}", text)
        return text


@functools.lru_cache(maxsize=8)
def load(folder: str | pathlib.Path = "pocket") -> Tokenizer:
    """The tokenizer of a local Hugging Face folder of Qwen2.5-VL, or "pocket".

    Raises:
      ValueError: one line: no such folder, no tokenizer in it, not byte-level, or a special token is missing.
    """
    if str(folder) == "pocket":
        return _load_pocket()
    folder = pathlib.Path(folder)
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise ValueError(f"{folder}: no tokenizer.json or vocab.json there")
    import transformers  # seconds to import

    separate = folder / "chat_template.json"  # older folders keep it beside the tokenizer's configuration
    try:
        hf = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        template = hf.chat_template
        if template is None and separate.is_file():
            template = json.loads(separate.read_text(encoding="utf-8"))["chat_template"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:  # whatever a broken file leads to there
        raise ValueError(f"{folder}: its tokenizer cannot be read ({' '.join(str(error).split())[:200]})") from None
    if not hf.is_fast:
        raise ValueError(f"{folder}: only tokenizers of the `tokenizers` library are supported")
    if template is None:
        raise ValueError(f"{folder}: no chat template in tokenizer_config.json, chat_template.jinja or .json")
    chat = functools.partial(hf.apply_chat_template, chat_template=template, tokenize=False)
    return _wrap(hf.backend_tokenizer, str(folder), eos="<|im_end|>", pad="<|endoftext|>", chat=chat)


def _load_pocket() -> Tokenizer:
    import tokenizers  # a compiled library

    backend = tokenizers.Tokenizer.from_file(str(POCKET))
    return _wrap(backend, "pocket", eos="<|eos|>", pad="<|pad|>", chat=None)


def _wrap(backend, source: str, eos: str, pad: str, chat: Callable[..., str] | None) -> Tokenizer:
    if type(backend.decoder).__name__ != "ByteLevel":
        raise ValueError(f"{source}: not a byte-level tokenizer")
    added = backend.get_added_tokens_decoder()
    ids = {}
    for name in (eos, pad, "<|vision_start|>", "<|image_pad|>", "<|vision_end|>"):
        ids[name] = backend.token_to_id(name)
        if ids[name] is None:
            raise ValueError(f"{source}: the special token {name} is missing; is this a Qwen2.5-VL tokenizer?")
    texts = [b""] * (1 + max(backend.get_vocab(with_added_tokens=True).values()))
    for text, i in backend.get_vocab(with_added_tokens=True).items():
        texts[i] = text.encode() if i in added else bytes(_BYTE_OF[c] for c in text)
    control = frozenset(i for i, token in added.items() if re.fullmatch(r"<\|.*\|>", token.content))
    return Tokenizer(
        backend, tuple(texts), control, eos_id=ids[eos], pad_id=ids[pad], vision_start_id=ids["<|vision_start|>"],
        image_id=ids["<|image_pad|>"], vision_end_id=ids["<|vision_end|>"], chat=chat,
    )  # fmt: skip


def byte_characters() -> dict[int, str]:
    """Byte → the printable character that stands for it in byte-level vocabularies (GPT-2's table)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(others)}


_BYTE_OF = {character: byte for byte, character in byte_characters().items()}
