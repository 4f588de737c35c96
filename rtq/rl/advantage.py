"""Group-relative advantages (GRPO, arXiv 2402.03300; without the standard deviation: arXiv 2503.20783)."""

import jax
import jax.numpy as jnp


def group_advantages(rewards: jax.Array, *, scale_by_std: bool, eps: float = 1e-4) -> jax.Array:
    """float32[P, G] rewards of the G samples of each prompt → advantages, mean 0 in each group.

    (r − mean) / (std + eps), or r − mean. A group in which all are equal teaches nothing: exactly 0.
    """
    centred = rewards - rewards.mean(1, keepdims=True)
    if scale_by_std:
        centred = centred / (rewards.std(1, keepdims=True) + eps)
    return jnp.where(dead(rewards)[:, None], 0.0, centred)


def dead(rewards: jax.Array) -> jax.Array:
    """bool[P]: all rewards of the group float32[P, G] are equal."""
    return rewards.max(1) == rewards.min(1)


def group_metrics(rewards: jax.Array) -> dict[str, tuple[jax.Array, jax.Array]]:
    """Health of the groups: mean reward, mean standard deviation within a group, share of dead groups."""
    prompts, group = rewards.shape
    each = {"reward": rewards.mean(1), "group_std": rewards.std(1), "dead_groups": dead(rewards).astype(jnp.float32)}
    return {name: (value.sum() * group, jnp.float32(prompts * group)) for name, value in each.items()}
