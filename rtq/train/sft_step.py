"""One step of supervised fine-tuning: photos in, loss on what the model should have written.

The same step trains every task (edit, refine, summarise, critique): what differs is the rows.

Facts, changes and scores are ordinal: their targets are Gaussians of 0.8 bin over the neighbouring tokens.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from rtq.data import measure
from rtq.data.batches import Batch
from rtq.data.rows import VERDICT
from rtq.models.qwen25vl import model
from rtq.models.qwen25vl.config import Config
from rtq.rl import losses, rollout
from rtq.text import prompts
from rtq.text.facts import CHANGES, FACTS, LEVELS, MAX_CHANGE, changes_text, facts_text
from rtq.text.tokenizer import Tokenizer
from rtq.train import accumulate
from rtq.train import state as states
from rtq.train.state import State

BINS = 0.8  # standard deviation of a soft target, in bins
REACH = 3  # bins on either side that get any of it
SCORE = "score"
MEASURED = ("change", "summarise", "critique", "scores")  # whose facts a step measures
BLIND = ("words", "scores")  # tasks without images among their tokens
_LEVELS, _CHANGES = np.arange(len(FACTS)), np.arange(len(FACTS), len(FACTS) + len(CHANGES))
FAMILIES = (*FACTS, *(f"{name}_change" for name in CHANGES), SCORE)


class Ordinals(NamedTuple):
    """Which tokens are ordinal, over V tokens.

    neighbours int32[V, K] and neighbour_weights float32[V, K]: the soft target of each token (itself alone, where it
    is ordinary); family int32[V], index into `FAMILIES` or -1; bin int32[V], the place in the family; ids
    int32[families, `LEVELS`], the token of each place, 0 where there is none.
    """

    neighbours: np.ndarray
    neighbour_weights: np.ndarray
    family: np.ndarray
    bin: np.ndarray
    ids: np.ndarray


class Setup(NamedTuple):
    """What is fixed in a run; hashable but for `ordinals`, so close over it.

    spoiling, editing: executors of `Batch.spoil` and `Batch.edits`; None where a run has none. micro: micro-batches.
    trains: the optimizer's regex; no gradient is computed of the rest.
    """

    cfg: Config
    optimizer: optax.GradientTransformation
    ordinals: Ordinals
    spoiling: rollout.Executor | None
    editing: rollout.Executor | None
    micro: int = 1
    trains: str = ".*"


def ordinals(tokenizer: Tokenizer, vocab_size: int, *, sigma: float = BINS) -> Ordinals:
    """The tables of a tokenizer. A fact that is not one token stays ordinary. sigma 0: hard targets."""
    texts = [[facts_text({name: i}) for i in range(LEVELS)] for name in FACTS]
    texts += [[changes_text({name: i}) for i in range(-MAX_CHANGE, MAX_CHANGE + 1)] for name in CHANGES]
    families = [[tokenizer.encode(text) for text in family] for family in texts]
    families = [[ids[0] for ids in family] if all(len(ids) == 1 for ids in family) else [] for family in families]
    families.append(prompts.score_ids(tokenizer))
    neighbours = np.repeat(np.arange(vocab_size, dtype=np.int32)[:, None], 2 * REACH + 1, axis=1)
    weights = np.zeros(neighbours.shape, np.float32)
    weights[:, REACH] = 1
    family, place = np.full(vocab_size, -1, np.int32), np.zeros(vocab_size, np.int32)
    of = np.zeros((len(families), LEVELS), np.int32)
    for number, ids in enumerate(families):
        family[ids], place[ids] = number, np.arange(len(ids))
        of[number, : len(ids)] = ids
        for i, token in enumerate(ids):
            for k in range(-REACH, REACH + 1) if sigma else ():
                inside = 0 <= i + k < len(ids)
                neighbours[token, k + REACH] = ids[i + k] if inside else token
                weights[token, k + REACH] = np.exp(-0.5 * (k / sigma) ** 2) * inside
            weights[token] /= weights[token].sum()
    return Ordinals(neighbours, weights, family, place, of)


def seen(batch: Batch, setup: Setup) -> jax.Array:
    """float32[B, I, S, S, 3]: the images of each row, one or two."""
    first = rollout.spoiled(batch.photos, batch.spoil, setup.spoiling)
    if batch.edits is None:
        return first[:, None]
    return jnp.stack([first, rollout.render(first, batch.edits, setup.editing)], 1)


def places(tokens: jax.Array, table: Ordinals) -> jax.Array:
    """int32[B, T]: how many facts stand before each fact of a row; -1 where there is none."""
    family = jnp.asarray(table.family)[tokens]
    is_fact = (family >= 0) & (family < len(FACTS) + len(CHANGES))
    return jnp.where(is_fact, jnp.cumsum(is_fact, axis=1) - 1, -1)


def measured(batch: Batch, images: jax.Array, setup: Setup) -> jax.Array:
    """int32[B, T]: tokens of a task of `MEASURED` with the facts of their images float32[B, 2, S, S, 3].

    The rows hold places for them: facts of the photo; of "change" and "summarise" then facts of the edit and its
    changes; of critiques (`Batch.wanted`) each change as the judge's plan makes it (off by `Batch.noise`), as the edit
    does, and the error.
    """
    before, after = images[:, 0], images[:, 1]
    change = measure.changes(before, after)
    if batch.wanted is None:
        kinds, values = [_LEVELS, _LEVELS, _CHANGES], [measure.levels(before), measure.levels(after), change]
    else:
        should = measure.changes(before, rollout.render(before, batch.wanted, setup.editing))
        should = jnp.clip(should + batch.noise, -MAX_CHANGE, MAX_CHANGE)
        kinds, values = [_LEVELS, np.repeat(_CHANGES, 3)], [measure.levels(before), measure.moves(should, change)]
    family = np.concatenate(kinds)
    shift = np.where(family < len(FACTS), 0, MAX_CHANGE)
    facts = jnp.asarray(setup.ordinals.ids)[family[None], jnp.concatenate(values, 1) + shift[None]]
    place = places(batch.tokens, setup.ordinals)
    there = jnp.take_along_axis(facts, jnp.clip(place, 0, len(family) - 1), axis=1)
    return jnp.where(place >= 0, there, batch.tokens)


def family_of(tokens: jax.Array, weights: jax.Array, table: Ordinals) -> jax.Array:
    """int32[B, T]: the family of each token in its place; a digit is a score only where it weighs as a verdict."""
    family = jnp.asarray(table.family)[tokens]
    return jnp.where((family == FAMILIES.index(SCORE)) & (weights < VERDICT), -1, family)


def loss(params: Any, batch: Batch, *, setup: Setup, task: str) -> tuple[jax.Array, tuple]:
    """(sum, (denominator, metrics)). task: of `data.rows.TASKS`; digits of a verdict are scores.

    Layers are unrolled unless they are recomputed in the backward pass, as in `rollout.logprobs`.
    """
    cfg, table = setup.cfg, setup.ordinals
    cfg, params = (cfg, params) if cfg.remat else rollout.unrolled(cfg, params)
    side = rollout.image_side(cfg, batch.photos.shape[1])
    tokens, features = batch.tokens, None
    if task not in BLIND or task in MEASURED:
        images = seen(batch, setup)
        tokens = measured(batch, images, setup) if task in MEASURED else tokens
        features = None if task in BLIND else rollout.features(cfg, params, images)
    place = rollout.inputs(cfg, tokens, jnp.ones(tokens.shape, bool), side)
    x = model.embed(cfg, params, tokens, features, place.feature_index)
    causal = model.causal_mask(jnp.ones((1, x.shape[1]), bool))
    hidden, _ = model.forward(cfg, params, x, place.positions, causal, lora=params.get("lora"))
    targets, weights = tokens[:, 1:], batch.weights[:, 1:]
    family = family_of(targets, weights, table)
    soft = (family >= 0)[..., None]
    neighbours = jnp.where(soft, jnp.asarray(table.neighbours)[targets], targets[..., None])
    alone = (jnp.arange(2 * REACH + 1) == REACH).astype(jnp.float32)[None, None]
    share = jnp.where(soft, jnp.asarray(table.neighbour_weights)[targets], alone)
    logprobs, _, best = model.token_logprobs(cfg, params, hidden[:, :-1], neighbours, greedy=True)
    total, denominator = losses.sft_loss(logprobs, share, weights)
    return total, (denominator, _accuracies(best, targets, family, weights > 0, table))


def _accuracies(best, targets, family, counts, table: Ordinals) -> dict[str, losses.Pair]:
    """The likeliest token is right; and for each family, it is one of the family at most one bin off."""
    metrics = {"accuracy": losses.mean_over(best == targets, counts)}
    bins, families = jnp.asarray(table.bin), jnp.asarray(table.family)
    for number, name in enumerate(FAMILIES):
        near = (families[best] == number) & (jnp.abs(bins[best] - bins[targets]) <= 1)
        metrics[f"within_one/{name}"] = losses.mean_over(near, counts & (family == number))
    return metrics


def step(
    state: State, batch: Batch, rng: jax.Array, *, setup: Setup, task: str, axis_name: str | None = None
) -> tuple[State, dict[str, losses.Pair]]:
    """One update. Nothing is random here: rng is there because every step takes it."""
    del rng
    objective = functools.partial(loss, setup=setup, task=task)
    options = {"micro": setup.micro, "trains": setup.trains, "axis_name": axis_name}
    gradient, metrics = accumulate.gradient(objective, state.params, batch, **options)
    norm = optax.global_norm(gradient)
    return states.update(state, gradient, setup.optimizer), metrics | {"gradient_norm": (norm, jnp.ones(()))}


def evaluate(
    params: Any, batch: Batch, *, setup: Setup, task: str, axis_name: str | None = None
) -> dict[str, losses.Pair]:
    """The metrics of `step`, without an update."""
    total, (denominator, metrics) = loss(params, batch, setup=setup, task=task)
    out = {"loss": (total, denominator), **metrics}
    return out if axis_name is None else jax.lax.psum(out, axis_name)
