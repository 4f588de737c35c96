"""The optimizer: AdamW with warm-up, one global clip, and a regex for what trains.

Gradients arrive as exact means over all rows (`rtq.train.accumulate`), so nothing here knows of devices.
"""

import math
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

DECAYS = ("kernel", "embedding", "head")  # biases, norms and low-rank factors do not decay
SCHEDULES = ("constant", "cosine")


def path_of(keys: tuple[Any, ...]) -> str:
    """"language/layers/attn/q/kernel" of a leaf's keys."""
    return jax.tree_util.keystr(keys, simple=True, separator="/")


def learning_rate(options: Any, steps: int) -> Callable[[Any], jax.Array]:
    """Update number (from 0) → float32 rate: linear warm-up, then constant or a cosine down to `final` of the peak."""
    if options.schedule not in SCHEDULES:
        raise ValueError(f"optimizer.schedule is {options.schedule!r}; choose from {', '.join(SCHEDULES)}")
    if not 0 <= options.warmup <= steps:
        raise ValueError(f"optimizer.warmup is {options.warmup}, but there are {steps} updates; allowed: 0 to {steps}")
    peak, warmup, final, cosine = options.learning_rate, options.warmup, options.final, options.schedule == "cosine"

    def rate(count):
        count = jnp.asarray(count, jnp.float32)
        warm = jnp.minimum(1.0, (count + 1) / max(warmup, 1))
        progress = jnp.clip((count - warmup) / max(steps - warmup, 1), 0.0, 1.0)
        shape = final + (1 - final) * 0.5 * (1 + jnp.cos(math.pi * progress)) if cosine else 1.0
        return peak * warm * shape

    return rate


def trains(params: Any, pattern: str) -> Any:
    """For each leaf "train" or "freeze": whether the regex matches its whole path.

    ".*" is everything, "language/.*" leaves the vision tower alone, "lora/.*" trains the low-rank factors only.
    What trains must be float32.
    """
    labels = jax.tree_util.tree_map_with_path(
        lambda keys, _: "train" if re.fullmatch(pattern, path_of(keys)) else "freeze", params
    )
    if "train" not in jax.tree.leaves(labels):
        raise ValueError(f"optimizer.trains is {pattern!r}: no parameter's path matches (language/norm/weight is one)")
    for (keys, leaf), label in zip(jax.tree_util.tree_leaves_with_path(params), jax.tree.leaves(labels), strict=True):
        if label == "train" and leaf.dtype != jnp.float32:
            raise ValueError(f"optimizer.trains is {pattern!r}: {path_of(keys)} would train in {leaf.dtype} and lose "
                             "small updates; set model.param_dtype=float32, or train low-rank factors")  # fmt: skip
    return labels


def decays(params: Any) -> Any:
    """For each leaf whether weight decay pulls at it."""
    return jax.tree_util.tree_map_with_path(lambda keys, _: path_of(keys[-1:]) in DECAYS, params)


def make(options: Any, steps: int) -> optax.GradientTransformation:
    """AdamW as `options` say, over `steps` updates in all.

    options: learning_rate, schedule, warmup (updates), final (share of the peak), b1, b2, eps, weight_decay,
    clip (global norm of the gradient of what trains; 0: none), trains (regex).
    """
    adamw = optax.adamw(
        learning_rate(options, steps), options.b1, options.b2, options.eps,
        weight_decay=options.weight_decay, mask=decays,
    )  # fmt: skip
    clip = optax.clip_by_global_norm(options.clip) if options.clip else optax.identity()
    groups = {"train": optax.chain(clip, adamw), "freeze": optax.set_to_zero()}
    return optax.partition(groups, lambda params: trains(params, options.trains))
