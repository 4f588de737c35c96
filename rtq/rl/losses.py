"""Losses as (sum, denominator, metrics): the caller adds them over micro-batches and devices, then divides once.

A metric is a pair (sum, denominator) too. Everything is float32. Letters: B rows, T tokens, K neighbours.
"""

import dataclasses

import jax
import jax.numpy as jnp

Pair = tuple[jax.Array, jax.Array]
AGGREGATIONS = ("token", "sequence", "constant")


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


@dataclasses.dataclass(frozen=True)
class Grpo:
    """How the policy's loss is formed; hashable.

    low, high: the ratio is clipped to [1 − low, 1 + high]. beta: weight of the KL to the reference, 0 for none.
    aggregation: "token" (mean over all trained tokens), "sequence" (mean over rows of the row's mean) or "constant"
    (sum over tokens / `length`, mean over rows).
    """

    low: float = 0.2
    high: float = 0.2
    beta: float = 0.0
    aggregation: str = "token"
    length: int = 1

    def __post_init__(self):
        if self.aggregation not in AGGREGATIONS:
            raise ValueError(f"aggregation is {self.aggregation!r}; choose from {', '.join(AGGREGATIONS)}")
        if not (0 <= self.low <= 1 and self.high >= 0 and self.beta >= 0 and self.length >= 1):
            raise ValueError(f"low in 0..1, high and beta at least 0, length at least 1 are needed, got {self}")


def k3(logprobs: jax.Array, reference: jax.Array) -> jax.Array:
    """The low-variance estimate of KL(policy ‖ reference) from samples of the policy: e^d − d − 1, d = ref − policy."""
    difference = reference - logprobs
    return jnp.exp(difference) - difference - 1


def grpo_loss(
    logprobs: jax.Array, old: jax.Array, reference: jax.Array | None, advantages: jax.Array, mask: jax.Array, how: Grpo
) -> tuple[jax.Array, jax.Array, dict[str, Pair]]:
    """−min(ρ·A, clip(ρ)·A) + β·k3 per token, ρ = exp(logprobs − old), gathered as `how` says.

    logprobs, old, reference: float32[B, T]; advantages float32[B]; mask bool[B, T], which tokens count.
    Returns (sum, denominator, metrics).
    """
    logprobs, old = (jnp.where(mask, x, 0.0) for x in (logprobs, old))
    ratio, advantage = jnp.exp(logprobs - old), advantages[:, None]
    clipped = jnp.clip(ratio, 1 - how.low, 1 + how.high)
    each = -jnp.minimum(ratio * advantage, clipped * advantage)
    bound = jnp.where(advantage > 0, ratio > 1 + how.high, ratio < 1 - how.low) & (advantage != 0)
    metrics = {
        "clip_fraction": mean_over(bound, mask),
        "length": (mask.sum().astype(jnp.float32), jnp.float32(len(mask))),
    }
    if reference is not None:
        kl = k3(logprobs, jnp.where(mask, reference, 0.0))
        metrics["kl"] = mean_over(jax.lax.stop_gradient(kl), mask)
        each += how.beta * kl
    return *_gather(each, mask.astype(jnp.float32), how), metrics


def _gather(each: jax.Array, mask: jax.Array, how: Grpo) -> Pair:
    """(sum, denominator) of per-token losses float32[B, T]."""
    if how.aggregation == "token":
        return jnp.sum(each * mask), mask.sum()
    rows = jnp.sum(each * mask, 1)
    if how.aggregation == "sequence":
        count = mask.sum(1)
        return jnp.sum(rows / jnp.maximum(count, 1)), jnp.sum(count > 0).astype(jnp.float32)
    return rows.sum() / how.length, jnp.float32(len(mask))
