"""LoRA (arXiv 2106.09685): low-rank factors beside chosen linear layers, W + (alpha / rank)·a·b.

The factors are a small tree with the layout of the parameters; `model.forward(…, lora=tree)` adds the low-rank path, so
no second copy of a weight is made, and `jax.grad` over the tree alone trains it. alpha is `Config.lora_alpha`.
"""

import re
from typing import Any

import jax
import jax.numpy as jnp
from flax import traverse_util
from jax.sharding import PartitionSpec

from rtq.models.qwen25vl.config import Config

Tree = dict[str, Any]
DECODER = r"language/layers\w*/(attn/[qkvo]|mlp/(gate|up|down))"


def _targets(params: Tree, target: str) -> dict[tuple[str, ...], Any]:
    """{path of a linear layer: its kernel} for the layers whose whole path matches the regex."""
    flat = traverse_util.flatten_dict(params)
    found = {
        path[:-1]: kernel
        for path, kernel in flat.items()
        if path[-1] == "kernel" and re.fullmatch(target, "/".join(path[:-1]))
    }
    if not found:
        raise ValueError(f"LoRA target {target!r} matches no layer; paths look like language/layers/attn/q")
    return found


def _stacked(path: tuple[str, ...]) -> bool:
    return "layers" in path


def init(params: Tree, key: jax.Array, *, rank: int, target: str = DECODER, dtype: str = "float32") -> Tree:
    """Factors a [D, rank] (random) and b [rank, …] (zero) for every linear layer whose path matches `target`.

    `params` may be arrays or shapes; stacked layers get stacked factors. At the start the model is unchanged.
    """
    if rank < 1:
        raise ValueError(f"LoRA rank must be at least 1, got {rank}")
    out = {}
    for i, (path, kernel) in enumerate(sorted(_targets(params, target).items())):
        lead, (d, *features) = (kernel.shape[:1], kernel.shape[1:]) if _stacked(path) else ((), kernel.shape)
        noise = jax.random.normal(jax.random.fold_in(key, i), (*lead, d, rank), dtype)
        out[(*path, "a")] = noise * d**-0.5
        out[(*path, "b")] = jnp.zeros((*lead, rank, *features), dtype)
    return traverse_util.unflatten_dict(out)


def axes(param_axes: Tree, target: str = DECODER) -> Tree:
    """Logical axes of the factors, from those of the parameters (`model.param_axes`)."""
    out = {}
    for path, spec in _targets(param_axes, target).items():
        lead, (d, *features) = (spec[:1], spec[1:]) if _stacked(path) else ((), spec)
        out[(*path, "a")] = PartitionSpec(*lead, d, None)
        out[(*path, "b")] = PartitionSpec(*lead, None, *features)
    return traverse_util.unflatten_dict(out)


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.tensordot(a, b, 1)


def merge(cfg: Config, params: Tree, lora: Tree) -> Tree:
    """Parameters with the factors added into the kernels, in the kernels' dtype; jit it with donated `params`."""
    flat, factors = traverse_util.flatten_dict(params), traverse_util.flatten_dict(lora)
    for path in sorted({path[:-1] for path in factors}):
        a, b = (factors[(*path, name)].astype(jnp.float32) for name in "ab")
        product = jax.vmap(_product)(a, b) if _stacked(path) else _product(a, b)
        kernel = flat[(*path, "kernel")]
        scale = cfg.lora_alpha / a.shape[-1]
        flat[(*path, "kernel")] = (kernel.astype(jnp.float32) + scale * product).astype(kernel.dtype)
    return traverse_util.unflatten_dict(flat)
