"""Rewards that need no model: the rule of IEA (arXiv 2606.08016, eqs. 3–5) on renders, format, and mixtures.

Letters: B rows, S side, n sliders of a plan, K tested ones.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from rtq.editor.plan_arrays import PlanArrays
from rtq.editor.sliders import SLIDERS
from rtq.rl import rollout

MAX_TESTED = 8
MAX_SIDE = 96
_NEUTRAL = np.array([row.neutral for row in SLIDERS], np.float32)
_WIDTH = np.array([(row.hi - row.lo) if row.driver else np.inf for row in SLIDERS], np.float32)


def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """float32[B]: (mean |a − b| + sqrt(mean (a − b)²)) / 2 of float32[B, S, S, 3]."""
    difference = (a - b).reshape(len(a), -1)
    return (jnp.abs(difference).mean(1) + jnp.sqrt((difference**2).mean(1))) / 2


def likeness(before: jax.Array, after: jax.Array, target: jax.Array) -> jax.Array:
    """Eq. 3: max(−1, (L0 − L) / L0), L0 the untouched photo's distance to the target. float32[B, S, S, 3] each."""
    untouched = distance(before, target)
    return jnp.maximum(-1.0, (untouched - distance(after, target)) / jnp.maximum(untouched, 1e-4))


def without_one(plans: PlanArrays, limit: int = MAX_TESTED) -> tuple[PlanArrays, jax.Array]:
    """Each plan without one of its tools, for the `limit` strongest of them.

    A tool is a slider that acts by itself, or a local adjustment. Strength is the distance from neutral as a share of
    the slider's range; local adjustments come first.
    Returns plans with axes [K, B] and used bool[K, B], False where a plan has fewer tools.
    """
    rows = plans.sliders.shape[0]
    offset = jnp.abs(plans.sliders - _NEUTRAL[None]) / _WIDTH[None]
    local = jnp.arange(plans.local_amount.shape[1])[None] < plans.local_count[:, None]
    strength, which = jax.lax.top_k(jnp.concatenate([offset, 2.0 * local], 1), limit)  # [B, K]
    count = plans.sliders.shape[1]
    off = jnp.swapaxes(which, 0, 1)[..., None]  # [K, B, 1]
    sliders = jnp.where(jnp.arange(count)[None, None] == off, _NEUTRAL[None, None], plans.sliders[None])
    slots = jnp.arange(plans.local_amount.shape[1])[None, None] + count
    amounts = jnp.where(slots == off, 0.0, plans.local_amount[None])
    repeated = jax.tree.map(lambda x: jnp.broadcast_to(x[None], (limit, rows, *x.shape[1:])), plans)
    return repeated._replace(sliders=sliders, local_amount=amounts), jnp.swapaxes(strength > 0, 0, 1)


def usefulness(
    before: jax.Array, after: jax.Array, target: jax.Array, plans: PlanArrays, executor: rollout.Executor
) -> tuple[jax.Array, jax.Array]:
    """Eq. 4: the mean over tools of +1 if the plan is nearer to the target with it than without, else −1.

    At most `MAX_TESTED` tools are tested. Returns (float32[B], 0 for an empty plan; bool[B], the plan has a tool).
    """
    variants, used = without_one(plans)
    near = distance(after, target)

    def helps(variant):
        return near < distance(rollout.render(before, variant, executor), target)

    votes = jnp.where(jax.lax.map(helps, variants), 1.0, -1.0) * used
    count = used.sum(0)
    return votes.sum(0) / jnp.maximum(count, 1), count > 0


def shrink(photos: jax.Array, side: int = MAX_SIDE) -> jax.Array:
    """float32[B, S, S, 3] → at most `side` pixels wide, antialiased."""
    side = min(side, photos.shape[1])
    if side == photos.shape[1]:
        return photos
    return jax.image.resize(photos, (len(photos), side, side, 3), "linear")


def rule(
    before: jax.Array, target: jax.Array, plans: PlanArrays, valid: jax.Array, executor: rollout.Executor
) -> jax.Array:
    """Eq. 5: 0.7·likeness + 0.3·usefulness, float32[B] in −1..1; −1 where the answer is empty or not `valid` bool[B].

    before, target: float32[B, S, S, 3], the photo and the user's edit; compared at most `MAX_SIDE` pixels wide.
    """
    before, target = shrink(before), shrink(target)
    after = rollout.render(before, plans, executor)
    use, any_tool = usefulness(before, after, target, plans, executor)
    return jnp.where(valid & any_tool, 0.7 * likeness(before, after, target) + 0.3 * use, -1.0)


def format_reward(valid: jax.Array) -> jax.Array:
    """1 where the text could be read, else 0: float32 of bool[B]. Constant under a grammar."""
    return valid.astype(jnp.float32)


def mix(weights: Mapping[str, float], rewards: Mapping[str, jax.Array]) -> jax.Array:
    """Σ weight·reward over the names in `weights`; float32[B]."""
    missing = set(weights) - set(rewards)
    if missing or not weights:
        raise ValueError(f"reward: no {', '.join(sorted(missing)) or 'weights'}; there are {', '.join(rewards)}")
    return sum(weight * rewards[name] for name, weight in weights.items())
