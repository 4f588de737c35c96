"""The gradient of a mean over rows that lie in several micro-batches and on several devices: exact.

Loss functions return unreduced sums; sums are added over micro-batches, once over devices, and divided once.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from rtq.train import optim

Pair = tuple[jax.Array, jax.Array]
# (parameters, batch) -> (sum, (denominator, {name: (sum, denominator)})); only the first is differentiated.
Loss = Callable[[Any, Any], tuple[jax.Array, tuple[jax.Array, dict[str, Pair]]]]


def split(batch: Any, parts: int) -> Any:
    """A tree of arrays [B, …] → [parts, B / parts, …]."""

    def one(x):
        if x.shape[0] % parts:
            raise ValueError(f"{x.shape[0]} rows cannot be split into {parts} equal micro-batches")
        return x.reshape(parts, x.shape[0] // parts, *x.shape[1:])

    return jax.tree.map(one, batch)


def gradient(
    loss: Loss, params: Any, batch: Any, *, micro: int = 1, trains: str = ".*", axis_name: str | None = None
) -> tuple[Any, dict[str, Pair]]:
    """The gradient of Σ sum / Σ denominator, and the metrics with "loss" among them.

    batch: a tree of arrays with a leading axis of rows. micro: how many micro-batches they are computed in.
    trains: regex as in `optim.trains`; the gradient of the rest is 0, and is not computed. axis_name: the devices'
    axis, or None. Metrics are summed like the gradient and stay pairs. Where the denominator is 0 (no row trains
    anything) the gradient is 0.
    """
    labels = optim.trains(params, trains)

    def partly(params, part):
        kept = jax.tree.map(lambda x, label: x if label == "train" else jax.lax.stop_gradient(x), params, labels)
        return loss(kept, part)

    def sums(part):
        (total, (denominator, metrics)), slope = jax.value_and_grad(partly, has_aux=True)(params, part)
        return slope, {"loss": (total, denominator), **metrics}

    if micro == 1:
        out = sums(batch)
    else:
        parts = split(batch, micro)
        zeros = jax.tree.map(
            lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(sums, jax.tree.map(lambda x: x[0], parts))
        )
        out, _ = jax.lax.scan(lambda total, part: (jax.tree.map(jnp.add, total, sums(part)), None), zeros, parts)
    if axis_name is not None:
        out = jax.lax.psum(out, axis_name)
    slope, metrics = out
    scale = 1.0 / jnp.maximum(metrics["loss"][1], 1e-8)
    return jax.tree.map(lambda x: x * scale.astype(x.dtype), slope), metrics
