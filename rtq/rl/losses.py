"""Losses as (sum, denominator, metrics): the caller adds them over micro-batches and devices, then divides once.

A metric is a pair (sum, denominator) too. Everything is float32. Letters: B rows, T tokens, K neighbours.
"""

import jax
import jax.numpy as jnp

Pair = tuple[jax.Array, jax.Array]


def sft_loss(logprobs: jax.Array, targets: jax.Array, weights: jax.Array) -> Pair:
    """Cross-entropy with soft targets: −Σ_t w_t Σ_k q_tk log p_tk, and Σ_t w_t.

    logprobs float32[B, T, K] of the K neighbours of each target; targets float32[B, T, K] their probabilities q, which
    sum to 1; weights float32[B, T], 0 on what the model did not have to write.
    """
    # A neighbour of probability 0 may stand for a forbidden token, whose log-probability is huge.
    each = jnp.sum(jnp.where(targets > 0, targets * logprobs, 0.0), axis=-1)
    return -jnp.sum(weights * each), jnp.sum(weights)


def mean_over(values: jax.Array, where: jax.Array) -> Pair:
    """(Σ of `values` where `where`, how many): a metric. Any equal shapes."""
    where = where.astype(jnp.float32)
    return jnp.sum(values.astype(jnp.float32) * where), jnp.sum(where)
