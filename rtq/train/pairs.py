"""Pairs for the reward model: the user's edit against one that is worse, perturbed or recently made by the policy."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from rtq.data.batches import PromptBatch
from rtq.editor.plan import Plan
from rtq.rl import rollout
from rtq.train.reward_turn import Pairs

PER_PROMPT = 2  # answers to one request that are kept


def perturbed(batch: PromptBatch) -> Pairs:
    """The studio's pairs."""
    return Pairs(
        batch.photos, batch.spoil, batch.critique_tokens, batch.critique_valid, batch.plans, batch.weak, batch.seeds
    )


def answered(
    batch: PromptBatch, plans: Sequence[Plan | None], difference: np.ndarray, margin: float, limit: int = PER_PROMPT
) -> Pairs | None:
    """The policy's answers as weak edits; None if none counts.

    plans, difference: B = P·G answers and their mean ΔE2000 from the user's edit; an answer counts if it is a plan at
    least `margin` away. Of each prompt the first `limit` that count are kept.
    """
    group = len(plans) // len(batch.seeds)
    kept = []
    for prompt in range(len(batch.seeds)):
        own = range(prompt * group, (prompt + 1) * group)
        kept += [i for i in own if plans[i] is not None and difference[i] >= margin][:limit]
    if not kept:
        return None
    of = np.array(kept) // group
    weak, _ = rollout.plan_arrays([plans[i] for i in kept])
    return jax.tree.map(lambda x: np.asarray(x)[of], perturbed(batch))._replace(weak=weak)


def joined(parts: Sequence[Pairs]) -> Pairs:
    """One after the other."""
    return jax.tree.map(lambda *x: np.concatenate(x), *parts)


def empty(like: Pairs, capacity: int) -> dict[str, Any]:
    """A buffer: the newest `capacity` pairs, the same on all hosts; `count` were ever put in."""
    rows = jax.tree.map(lambda x: np.zeros((capacity, *x.shape[1:]), x.dtype), like)
    return {"pairs": rows, "count": np.zeros((), np.int64)}


def put(buffer: dict[str, Any], new: Pairs | None) -> dict[str, Any]:
    """The buffer with this host's new pairs, and those of the others; the oldest make room."""
    if jax.process_count() > 1:
        new = _everyones(buffer, new)
    if new is None:
        return buffer
    capacity, count = len(buffer["pairs"].seeds), int(buffer["count"])
    new = jax.tree.map(lambda x: x[-capacity:], new)
    places = (count + np.arange(len(new.seeds))) % capacity

    def one(old, rows):
        out = np.array(old)
        out[places] = rows
        return out

    return {"pairs": jax.tree.map(one, buffer["pairs"], new), "count": np.asarray(count + len(places), np.int64)}


def draw(buffer: dict[str, Any], count: int, rng: np.random.Generator) -> Pairs:
    """`count` different pairs; as many as the buffer holds, where that is less."""
    held = min(int(buffer["count"]), len(buffer["pairs"].seeds))
    chosen = rng.choice(held, min(count, held), replace=False)
    return jax.tree.map(lambda x: np.asarray(x)[chosen], buffer["pairs"])


def _everyones(buffer: dict[str, Any], new: Pairs | None) -> Pairs | None:
    """The new pairs of all hosts in order; hosts have different numbers of them, so rows are padded on the way."""
    own = 0 if new is None else len(new.seeds)
    counts = multihost_utils.process_allgather(np.array([own])).ravel()
    most = int(counts.max())
    if not most:
        return None

    def one(like, rows):
        padded = np.zeros((most, *like.shape[1:]), like.dtype)
        padded[:own] = rows[:own]
        everyone = multihost_utils.process_allgather(padded)
        return np.concatenate([x[:n] for x, n in zip(everyone, counts, strict=True)])

    some = buffer["pairs"] if new is None else new
    return jax.tree.map(one, buffer["pairs"], some)
