"""`generate`: prompts in, a group of sampled answers for each out. A pure function; the caller jits it.

    jax.jit(generate, static_argnames=("model", "sampling", "group", "max_new_tokens"))
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rtq.decode.loop import Model, Samples, Start, decode
from rtq.decode.sampling import GrammarTable, Sampling, row_keys


class Prompts(NamedTuple):
    """P embedded prompts padded on either side, by the caller so that images are embedded once and can be kept.

    x [P, S, D]; positions int32[3, P, S]; valid bool[P, S], at least one each; next_position int32[P], where the first
    new token stands (without images: the number of valid tokens).
    """

    x: jax.Array
    positions: jax.Array
    valid: jax.Array
    next_position: jax.Array


def prefill(model: Model, params: Any, prompts: Prompts) -> Start:
    """Compute each prompt once; logits are computed for its last token only."""
    steps = jnp.arange(prompts.valid.shape[1])
    mask = (steps[:, None] >= steps[None])[None] & prompts.valid[:, None]
    hidden, prefix = model.forward(params, prompts.x, prompts.positions, mask)
    last = jnp.max(jnp.where(prompts.valid, steps[None], 0), axis=1)
    hidden = jnp.take_along_axis(hidden, last[:, None, None], axis=1)
    return Start(model.logits(params, hidden)[:, 0], prefix, prompts.valid, prompts.next_position)


def generate(
    model: Model,
    params: Any,
    prompts: Prompts,
    table: GrammarTable,
    sampling: Sampling,
    *,
    key: jax.Array,
    seeds: jax.Array,
    group: int,
    max_new_tokens: int,
    budgets: jax.Array | None = None,
    grammar: jax.Array | None = None,
) -> Samples:
    """`group` answers to each of P prompts, in rows p·group … p·group + group - 1.

    seeds int32[P]: sample g of a prompt draws from key, seed and g alone, so for one padded shape it does not depend on
    what else is in the batch. budgets int32[P·group]: tokens each row may take, eos included; default max_new_tokens.
    grammar: as in `loop.decode`.
    """
    prompt_keys = row_keys(key, seeds)
    keys = jax.vmap(row_keys, (0, None))(prompt_keys, jnp.arange(group)).reshape(-1)
    if budgets is None:
        budgets = jnp.full(keys.shape, max_new_tokens, jnp.int32)
    start = prefill(model, params, prompts)
    options = {"keys": keys, "budgets": budgets, "max_new_tokens": max_new_tokens, "grammar": grammar}
    return decode(model, params, start, table, sampling, **options)
