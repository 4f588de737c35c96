"""Batches of numpy arrays. B rows, P prompts, S side, T tokens."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rtq.data.example import Example
from rtq.data.rows import Row
from rtq.editor import Plan
from rtq.editor.plan_arrays import PlanArrays, stack


class Batch(NamedTuple):
    """Rows of one task.

    Attributes:
      photos: uint8[B, S, S, 3], crops before the hidden spoil.
      spoil: PlanArrays[B]. The first image is the photo with it applied.
      edits: PlanArrays[B]: the second image is the first with it applied; None for tasks with one image.
      tokens: int32[B, T], padded on the right with the tokenizer's pad id.
      weights: float32[B, T]: weight of tokens[:, t] as a target; 0 on prompts, images and padding.
      wanted: PlanArrays[B], of critiques the judge's plans, where a step measures what they change; else None.
      noise: int32[B, 11], steps by which that is off; None where `wanted` is.
    """

    photos: np.ndarray
    spoil: PlanArrays
    edits: PlanArrays | None
    tokens: np.ndarray
    weights: np.ndarray
    wanted: PlanArrays | None = None
    noise: np.ndarray | None = None


class PromptBatch(NamedTuple):
    """Prompts of the edit task, for sampling.

    Attributes:
      photos, spoil: as in `Batch`, P of them.
      tokens: int32[P, T], padded on the left. valid: bool[P, T], False on padding.
      critique_tokens, critique_valid: the same for the reward model's prompt, with the same words.
      plans: PlanArrays[P], the user's. weak: PlanArrays[P].
      seeds: int32[P], one for each row's random bits.
    """

    photos: np.ndarray
    spoil: PlanArrays
    tokens: np.ndarray
    valid: np.ndarray
    critique_tokens: np.ndarray
    critique_valid: np.ndarray
    plans: PlanArrays
    weak: PlanArrays
    seeds: np.ndarray


def collate(rows: Sequence[tuple[Row, np.ndarray, Plan]], length: int, pad_id: int) -> Batch:
    """(row, crop, spoil) of one task → a batch. No row may be longer than `length`."""
    tokens = np.full((len(rows), length), pad_id, np.int32)
    weights = np.zeros((len(rows), length), np.float32)
    for i, (row, _, _) in enumerate(rows):
        tokens[i, : len(row.tokens)] = row.tokens
        weights[i, : len(row.weights)] = row.weights
    edits = stack([row.edits[0] for row, _, _ in rows]) if rows[0][0].edits else None
    photos, spoil = np.stack([crop for _, crop, _ in rows]), stack([spoil for _, _, spoil in rows])
    batch = Batch(photos, spoil, edits, tokens, weights)
    if rows[0][0].wanted is None:
        return batch
    noise = np.array([row.noise for row, _, _ in rows], np.int32)
    return batch._replace(wanted=stack([row.wanted for row, _, _ in rows]), noise=noise)


def collate_prompts(prompts: Sequence[tuple[tuple[list[int], list[int]], Example, np.ndarray, int]], length: int,
                    pad_id: int) -> tuple[PromptBatch, list[Example]]:
    """((tokens, tokens of the critique's prompt), example, crop, seed) → a batch of prompts and its examples."""
    asked, judged = (_padded([pair[k] for pair, _, _, _ in prompts], length, pad_id) for k in (0, 1))
    examples = [example for _, example, _, _ in prompts]
    batch = PromptBatch(
        np.stack([crop for _, _, crop, _ in prompts]), stack([e.spoil for e in examples]), *asked, *judged,
        stack([e.plan for e in examples]), stack([e.weak for e in examples]),
        np.array([seed for _, _, _, seed in prompts], np.int32))  # fmt: skip
    return batch, examples


def _padded(rows: Sequence[list[int]], length: int, pad_id: int) -> tuple[np.ndarray, np.ndarray]:
    """int32[P, length] padded on the left, bool[P, length]."""
    tokens = np.full((len(rows), length), pad_id, np.int32)
    valid = np.zeros((len(rows), length), bool)
    for i, ids in enumerate(rows):
        tokens[i, length - len(ids) :] = ids
        valid[i, length - len(ids) :] = True
    return tokens, valid
