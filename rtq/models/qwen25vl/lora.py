"""LoRA (arXiv 2106.09685): low-rank factors beside chosen linear layers, W + (alpha / rank)·a·b.

The factors are a small tree with the layout of the parameters; `model.forward(…, lora=tree)` adds the low-rank path, so
no second copy of a weight is made, and `jax.grad` over the tree alone trains it. alpha is `Config.lora_alpha`.
"""

import json
import pathlib
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from jax.sharding import PartitionSpec

from rtq.models.qwen25vl import params as weights
from rtq.models.qwen25vl import weightfiles
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
    """Parameters with the factors added into the kernels, in the kernels' dtype."""
    flat, factors = traverse_util.flatten_dict(params), traverse_util.flatten_dict(lora)
    for path in sorted({path[:-1] for path in factors}):
        a, b = (factors[(*path, name)].astype(jnp.float32) for name in "ab")
        product = jax.vmap(_product)(a, b) if _stacked(path) else _product(a, b)
        kernel = flat[(*path, "kernel")]
        scale = cfg.lora_alpha / a.shape[-1]
        flat[(*path, "kernel")] = (kernel.astype(jnp.float32) + scale * product).astype(kernel.dtype)
    return traverse_util.unflatten_dict(flat)


# Names of adapters in the layout of the PEFT library, for transformers 5's module names.
_PEFT = "base_model.model.{}.lora_{}.weight"
_NEWER = {published: newer for newer, published in weights.NEWER.items()}


def _peft_module(name: str) -> str:
    for published in sorted(_NEWER, key=len, reverse=True):
        if name.startswith(published):
            return (_NEWER[published] + name.removeprefix(published)).removesuffix(".weight")
    raise ValueError(f"{name} has no module in the newer layout")


def save(folder: str | pathlib.Path, cfg: Config, lora: Tree) -> None:
    """Write stacked factors as a PEFT adapter: adapter_model.safetensors and adapter_config.json."""
    folder = pathlib.Path(folder)
    if (folder / "adapter_model.safetensors").exists():
        raise ValueError(f"{folder}: there is an adapter already; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    flat, tensors, modules, rank = traverse_util.flatten_dict(lora), {}, set(), 0
    for path in sorted({path[:-1] for path in flat}):
        a, b = (np.asarray(flat[(*path, name)]) for name in "ab")
        rank, name = a.shape[-1], weights.BY_PATH["/".join((*path, "kernel"))][0]
        for i in range(len(a)) if _stacked(path) else [None]:
            module = _peft_module(name.format(i))
            one_a, one_b = (a, b) if i is None else (a[i], b[i])
            tensors[_PEFT.format(module, "A")] = one_a.T
            tensors[_PEFT.format(module, "B")] = one_b.reshape(rank, -1).T
            modules.add(module)
    shapes = {name: (array.shape, array.dtype) for name, array in tensors.items()}
    weightfiles.write_file(folder / "adapter_model.safetensors", shapes, tensors.__getitem__)
    settings = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": cfg.lora_alpha}
    settings |= {"target_modules": sorted(modules), "bias": "none", "lora_dropout": 0.0}
    (folder / "adapter_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def load(folder: str | pathlib.Path, like: Tree) -> Tree:
    """Factors of an adapter that `save` or PEFT wrote, in the layout and dtypes of `like` (`init`, or its shapes).

    A tensor that is missing, left over or of the wrong shape raises a ValueError that names it.
    """
    tensors = weightfiles.open_file(pathlib.Path(folder) / "adapter_model.safetensors")
    out, unused = {}, set(tensors)
    for (*path, which), leaf in traverse_util.flatten_dict(like).items():
        name, stacked = weights.BY_PATH["/".join((*path, "kernel"))][0], _stacked(tuple(path))
        shape, layers = (leaf.shape[1:] if stacked else leaf.shape), []
        for i in range(leaf.shape[0]) if stacked else [None]:
            key = _PEFT.format(_peft_module(name.format(i)), which.upper())
            if key not in tensors:
                raise ValueError(f"{folder}: tensor {key} is missing")
            if tensors[key].shape != (int(np.prod(shape[1:])), shape[0]):
                want = [int(np.prod(shape[1:])), shape[0]]
                raise ValueError(f"{folder}: tensor {key} is {list(tensors[key].shape)}, needed is {want}")
            unused.discard(key)
            layers.append(tensors[key].T.reshape(shape))
        out[(*path, which)] = jnp.asarray(np.stack(layers) if stacked else layers[0], leaf.dtype)
    if unused:
        raise ValueError(f"{folder}: unexpected tensor {min(unused)}")
    return traverse_util.unflatten_dict(out)
