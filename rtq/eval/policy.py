"""A policy that is ready to answer: weights, tokenizer and grammar of a Hugging Face folder, compiled for few shapes.

    ask = policy.load(folder)                    # the embedded weights without a folder
    ask = policy.load("embedded:reward-sft")     # other weights of the package, by the folder's name
    ask(photos, requests)                        # plans: what `looking` and `words` measure
    ask.answers(photos, requests, samples=4, temperature=1.0)
    ask.refine(photos, results, plans, feedback)
    ask.summarise(before, after)

Photos are squares as the model sees them (`square`). Rows are padded to the batch and prompts to a multiple of `BUCKET`
tokens, so that calls share compiled programs. How a folder's model was trained stands in its `rtq.json`, any of

    {"photo": 140, "new_tokens": 128, "dtype": "float32"}

(side of the square in pixels, tokens of an answer at most, type to compute in). What is not there is as in `POCKET` for
a folder without a tokenizer of its own, which has the pocket tokenizer, and as in `LARGE` for any other.
"""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from rtq.data import measure, options
from rtq.decode.sampling import GrammarTable, Sampling, shortest_answer
from rtq.editor import Plan
from rtq.models.qwen25vl import config
from rtq.models.qwen25vl import params as files
from rtq.rl import grammars, rollout
from rtq.text import prompts
from rtq.text import tokenizer as tokenizers
from rtq.text.answers import Answer, Failure, parse_answer, parse_request
from rtq.text.facts import seen_text

ASSETS = pathlib.Path(__file__).parent.parent / "assets" / "pocket"
EMBEDDED = "embedded:"  # before the name of a folder in `ASSETS`: weights that come with the package
DEFAULT = "embedded:policy-sft"
SETTINGS = "rtq.json"
BUCKET = 96  # tokens for each photo in the prompt: nearly all prompts of pocket fit
LONGEST = 4096  # tokens of a prompt

sample = jax.jit(rollout.sample, static_argnames=("cfg", "sampling", "group", "max_new_tokens"))


@dataclasses.dataclass(frozen=True)
class Settings:
    """photo: side of the square, pixels. new_tokens: room for an answer. dtype: of parameters and arithmetic."""

    photo: int
    new_tokens: int
    dtype: str


POCKET = Settings(140, 128, "float32")
LARGE = Settings(448, 512, "bfloat16")
_RIGHT = {"photo": lambda x: type(x) is int and x > 0, "new_tokens": lambda x: type(x) is int and x > 0,
          "dtype": lambda x: x in ("float32", "bfloat16")}  # fmt: skip


def folder_of(name: str | pathlib.Path) -> pathlib.Path:
    """The folder of weights that a flag names: a path, or "embedded:NAME" for those that come with the package.

    Raises:
      ValueError: one line: there is no such folder.
    """
    if not str(name).startswith(EMBEDDED):
        if not pathlib.Path(name).is_dir():
            raise ValueError(f"{name}: no such folder")
        return pathlib.Path(name)
    folder = ASSETS / str(name).removeprefix(EMBEDDED)
    found = sorted(path.parent.name for path in ASSETS.glob("*/config.json"))
    if not found:
        raise ValueError("the embedded weights are missing from this installation; name a Hugging Face folder of "
                         "Qwen2.5-VL, or one that a training run saved")  # fmt: skip
    if folder.name not in found:
        raise ValueError(f"{name}: no such weights; choose from {', '.join(EMBEDDED + x for x in found)}, or a folder")
    return folder


def load(folder: str | pathlib.Path = DEFAULT, *, batch: int = 1) -> "Policy":
    """The policy of a folder with config.json and safetensors, as `folder_of` names it.

    Raises:
      ValueError: one line: what is missing or wrong in the folder.
    """
    folder = folder_of(folder)
    own = any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json"))
    settings = read_settings(folder, LARGE if own else POCKET)
    cfg = files.read_config(folder, dtype=settings.dtype, param_dtype=settings.dtype)
    tokenizer = tokenizers.load(folder if own else "pocket")
    check_ids(cfg, tokenizer, str(folder))
    return Policy(cfg, files.load(folder, cfg), tokenizer, settings, batch=batch)


def check_ids(cfg: config.Config, tokenizer: tokenizers.Tokenizer, source: str) -> None:
    """Whether a model reads what a tokenizer writes: with another's token for images it would not see them.

    Raises:
      ValueError: one line: `source` has weights of another tokenizer.
    """
    if tokenizer.size > cfg.vocab_size:
        raise ValueError(f"{source}: config.json knows {cfg.vocab_size} tokens, the tokenizer has {tokenizer.size}")
    for name, theirs, ours in (
        ("image_token_id", cfg.image_token_id, tokenizer.image_id),
        ("vision_start_token_id", cfg.vision_start_token_id, tokenizer.vision_start_id),
        ("vision_end_token_id", cfg.vision_end_token_id, tokenizer.vision_end_id),
    ):
        if theirs != ours:
            raise ValueError(f"{source}: {name} is {theirs} in config.json, {ours} in the tokenizer; one of them is of "
                             "another model")  # fmt: skip


def read_settings(folder: pathlib.Path, default: Settings) -> Settings:
    """What `rtq.json` in the folder says, the rest as in `default`.

    Raises:
      ValueError: one line: not JSON, an unknown key or a wrong value.
    """
    path = folder / SETTINGS
    if not path.is_file():
        return default
    given = files.read_object(path)
    for name, value in given.items():
        if name not in _RIGHT or not _RIGHT[name](value):
            raise ValueError(f"{path}: {name}: {value!r} is not allowed; an example: "
                             f"{json.dumps(dataclasses.asdict(POCKET))}")  # fmt: skip
    return dataclasses.replace(default, **given)


def eight_bits(pixels: np.ndarray) -> np.ndarray:
    """uint8, uint16 or float32 [H, W, 3] sRGB → uint8[H, W, 3], clipped and rounded."""
    if pixels.dtype == np.uint8:
        return pixels
    scale = 255 / np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 255
    return np.rint(np.clip(pixels * np.float32(scale), 0, 255)).astype(np.uint8)


def square(pixels: np.ndarray, side: int) -> np.ndarray:
    """A photo as models see it and as the studio made it for training: squashed to float32[side, side, 3], sRGB 0–1.

    pixels: uint8, uint16 or float32 [H, W, 3], encoded extended sRGB.
    """
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(eight_bits(pixels)))
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0), np.float32) / 255


class Policy:
    """Answers about photos, float32[B, S, S, 3] sRGB 0–1 with S = `settings.photo`. Greedy at temperature 0.

    Calling it, `policy(photos, requests)`, gives B plans, the likeliest answer to each request.
    """

    def __init__(
        self, cfg: config.Config, params: Any, tokenizer: tokenizers.Tokenizer, settings: Settings, *, batch: int = 1
    ):  # fmt: skip
        """batch: rows of one call of the model; fewer are padded, so 1 is for single photos, 32 for measuring."""
        self.cfg, self.params, self.tokenizer, self.settings = cfg, params, tokenizer, settings
        self._batch = batch
        self._image_tokens = rollout.image_side(cfg, settings.photo) ** 2

    def __call__(self, photos: np.ndarray, requests: Sequence[str]) -> list[Plan]:
        return [found[0].plan for found in self.answers(photos, requests)]

    def answers(
        self, photos: np.ndarray, requests: Sequence[str], *, samples: int = 1, temperature: float = 0.0, seed: int = 0
    ) -> list[list[Answer]]:
        """`samples` answers to each of B requests. Equal seeds give equal answers."""
        messages = [prompts.edit(request, options.POCKET) for request in requests]
        texts = self._replies([photos], messages, self.plan_table, samples, temperature, seed)
        return [[_answer(text) for text in row] for row in texts]

    def refine(
        self, photos: np.ndarray, results: np.ndarray, plans: Sequence[Plan], feedback: Sequence[str], *,
        samples: int = 1, temperature: float = 0.0, seed: int = 0,
    ) -> list[list[Answer]]:  # fmt: skip
        """New answers after feedback on results [B, S, S, 3], what B plans made of the photos."""
        pairs = zip(feedback, plans, strict=True)
        messages = [prompts.refine(words, plan, options.POCKET) for words, plan in pairs]
        texts = self._replies([photos, results], messages, self.plan_table, samples, temperature, seed)
        return [[_answer(text) for text in row] for row in texts]

    def summarise(self, before: np.ndarray, after: np.ndarray) -> list[str]:
        """The request that leads from each of B photos to its edit, both [B, S, S, 3]."""
        rows = zip(measure.levels(before), measure.levels(after), measure.changes(before, after), strict=True)
        messages = [prompts.summarise(seen_text(*map(measure.named, row))) for row in rows]
        texts = self._replies([before, after], messages, self._requests, 1, 0.0, 0)
        return [_read(parse_request(text)) for (text,) in texts]

    @functools.cached_property
    def plan_table(self) -> GrammarTable:
        """The grammar of answers with plans."""
        return self._fitting(grammars.answers(self.tokenizer, options.POCKET, self.cfg.vocab_size))

    @functools.cached_property
    def _requests(self) -> GrammarTable:
        return self._fitting(grammars.requests(self.tokenizer, self.cfg.vocab_size))

    def _fitting(self, table: GrammarTable) -> GrammarTable:
        least = shortest_answer(table)
        if self.settings.new_tokens < least:
            raise ValueError(f"new_tokens: {self.settings.new_tokens} are too few for an answer; {least} are needed")
        return table

    def _replies(
        self, images: Sequence[np.ndarray], messages: Sequence[prompts.Messages], table: GrammarTable, samples: int,
        temperature: float, seed: int,
    ) -> list[list[str]]:  # fmt: skip
        """`samples` texts for each of B messages that show images, I times [B, S, S, 3]."""
        side = self.settings.photo
        for photos in images:
            if photos.shape != (len(messages), side, side, 3):
                raise ValueError(f"photos are {list(photos.shape)}, needed are {[len(messages), side, side, 3]}")
        rows = [prompts.render(self.tokenizer, m, [self._image_tokens] * len(images)) for m in messages]
        longest = min(LONGEST, self.cfg.max_position_embeddings - self.settings.new_tokens)
        if max(map(len, rows), default=0) > longest:
            raise ValueError(f"the words are too long: {max(map(len, rows))} tokens with the prompt, {longest} allowed")
        seen = np.stack(images, 1).astype(np.float32)
        out: list[list[str]] = []
        for start in range(0, len(rows), self._batch):
            some = np.minimum(np.arange(start, start + self._batch), len(rows) - 1)  # the last fills up
            tokens, valid = padded([rows[i] for i in some], BUCKET * len(images), self.tokenizer.pad_id)
            ids = sample(
                self.cfg, self.params, seen[some], tokens, valid, table, Sampling(temperature),
                key=jax.random.key(seed), seeds=some.astype(np.int32), group=samples,
                max_new_tokens=self.settings.new_tokens,
            ).tokens  # fmt: skip
            texts = [self.tokenizer.decode_answer(row) for row in np.asarray(ids).tolist()]
            groups = [texts[i : i + samples] for i in range(0, len(texts), samples)]
            out += groups[: len(rows) - start]
        return out


def padded(rows: Sequence[list[int]], bucket: int, pad_id: int) -> tuple[np.ndarray, np.ndarray]:
    """int32[B, T] and which are no padding bool[B, T], padded on the left to a multiple of `bucket`."""
    length = -(-max(map(len, rows)) // bucket) * bucket
    tokens = np.full((len(rows), length), pad_id, np.int32)
    for i, ids in enumerate(rows):
        tokens[i, length - len(ids) :] = ids
    return tokens, np.arange(length) >= length - np.array([[len(ids)] for ids in rows])


def _answer(text: str) -> Answer:
    return _read(parse_answer(text))


def _read(parsed: Any) -> Any:
    """What was read of a text that the grammar let through."""
    if isinstance(parsed, Failure):
        raise ValueError(f"the policy's text cannot be read: {parsed.reason}")
    return parsed
