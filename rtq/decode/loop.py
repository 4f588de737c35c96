"""The decode loop: B = P·G rows beside P prompts, one token per row and step, until every row is done.

Letters: P prompts, G samples of each, B rows (those of a prompt lie together), T new tokens, V vocabulary.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rtq.decode.sampling import GrammarTable, Sampling, advance, allowed, choose, masked_logits, uniforms


@dataclasses.dataclass(frozen=True)
class Model:
    """The model as functions of its parameters; hashable, so a static argument. Build it once per configuration.

        Model(*(functools.partial(f, cfg) for f in (model.embed, model.forward, model.logits, model.init_cache)))

    embed(params, tokens int32[B, T]) -> x [B, T, D]
    forward(params, x, positions int32[3, B, T], mask bool[B or 1, T, S], *, cache, slot, prefix, prefix_mask)
        -> hidden [B, T, D], keys and values (or the updated cache)
    logits(params, hidden) -> float32[B, T, V]
    init_cache(batch, length) -> cache
    """

    embed: Callable[..., jax.Array]
    forward: Callable[..., tuple[jax.Array, Any]]
    logits: Callable[..., jax.Array]
    init_cache: Callable[[int, int], Any]


class Start(NamedTuple):
    """What rows start from: `prefix` and its `valid` bool[P, S] are the prompts', `logits` float32[P, V] predict the
    first token, which stands at `position` int32[P]; these two may also be given for each row."""

    logits: jax.Array
    prefix: Any
    valid: jax.Array
    position: jax.Array


class SamplingState(NamedTuple):
    """What a step hands to the next one. token, grammar (the state after it) int32[B]; done bool[B]."""

    token: jax.Array
    grammar: jax.Array
    done: jax.Array


class Samples(NamedTuple):
    """Sampled answers. Places after the end hold eos, log-probability 0, mask False and state 0.

    tokens int32[B, T], eos included; logprobs float32[B, T] (see `sampling` for whose); mask bool[B, T]; states
    int32[B, T], the grammar's state before each token; finished bool[B]: ended by eos, not by the budget.
    """

    tokens: jax.Array
    logprobs: jax.Array
    mask: jax.Array
    states: jax.Array
    finished: jax.Array


def decode(
    model: Model,
    params: Any,
    start: Start,
    table: GrammarTable,
    sampling: Sampling,
    *,
    keys: jax.Array,
    budgets: jax.Array,
    max_new_tokens: int,
    grammar: jax.Array | None = None,
) -> Samples:
    """Sample up to `budgets` int32[B] ≤ max_new_tokens tokens per row, beside prompts that are read and never copied.

    keys: one random key per row (`sampling.row_keys`). grammar: int32[B] first states, where they are not
    `table.start`. With parameters of unrolled layers the caches stay in place.
    """
    batch, prompts = keys.shape[0], start.valid.shape[0]
    if batch % prompts:
        raise ValueError(f"{batch} rows cannot be shared by {prompts} prompts evenly")
    position = jnp.repeat(start.position, batch // len(start.position))
    noise = uniforms(keys, max_new_tokens)
    budgets = jnp.minimum(budgets, max_new_tokens)

    def take(t, logits, state, out):
        """Choose token t of each row and record it."""
        mask = allowed(table, state.grammar, budgets - t)
        token, logprob = choose(masked_logits(logits, mask, sampling), noise[t], sampling)
        token = jnp.where(state.done, table.eos, token)
        logprob, before = (jnp.where(state.done, 0, x) for x in (logprob, state.grammar))
        row = Samples(token, logprob, ~state.done, before, out.finished)
        out = Samples(*(old.at[t].set(new) for old, new in zip(out[:-1], row[:-1], strict=True)), out.finished)
        ended = ~state.done & (token == table.eos)
        grammar = jnp.where(state.done, state.grammar, advance(table, state.grammar, token))
        done = state.done | ended | (t + 1 >= budgets)
        return SamplingState(token, grammar, done), out._replace(finished=out.finished | ended)

    def body(carry):
        t, state, cache, out = carry
        x = model.embed(params, state.token[:, None])
        place = jnp.broadcast_to((position + t - 1)[None, :, None], (3, batch, 1))
        mask = (jnp.arange(max_new_tokens) < t)[None, None]  # the slots up to this token's own, t - 1
        shared = {"prefix": start.prefix, "prefix_mask": start.valid}
        hidden, cache = model.forward(params, x, place, mask, cache=cache, slot=t - 1, **shared)
        state, out = take(t, model.logits(params, hidden)[:, 0], state, out)
        return t + 1, state, cache, out

    def go_on(carry):
        t, state, _, _ = carry
        return (t < max_new_tokens) & ~state.done.all()

    grammar = jnp.broadcast_to(table.start if grammar is None else grammar, (batch,))
    state = SamplingState(jnp.broadcast_to(table.eos, (batch,)), grammar, budgets <= 0)
    shape = (max_new_tokens, batch)
    zeros = jnp.zeros(shape, jnp.int32)
    out = Samples(zeros + table.eos, jnp.zeros(shape), jnp.zeros(shape, bool), zeros, jnp.zeros(batch, bool))
    state, out = take(0, jnp.repeat(start.logits, batch // len(start.logits), axis=0), state, out)
    carry = jnp.int32(1), state, model.init_cache(batch, max_new_tokens), out
    out = jax.lax.while_loop(go_on, body, carry)[-1]
    return Samples(*(x.T for x in out[:-1]), out.finished)
