"""Hugging Face's weights → ours and back, bit for bit, without PyTorch and one tensor at a time.

`load` fills every parameter straight into its sharded array: each device's part is read from the memory-mapped files,
so the host never holds more than one (stacked) parameter and no device more than its share.
"""

import json
import math
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from rtq.models.qwen25vl import model, weightfiles
from rtq.models.qwen25vl.config import Config, from_hf, pixels, preprocessor, to_hf


class Transform(NamedTuple):
    """Views only, so that slicing the result of `ours` reads just that part of the file."""

    ours: Callable[[np.ndarray], np.ndarray]
    theirs: Callable[[np.ndarray, Config], np.ndarray]


SAME = Transform(lambda w: w, lambda w, cfg: w)
LINEAR = Transform(lambda w: w.T, lambda w, cfg: w.T)  # [out, in] → [in, out]
CONV = Transform(  # [out, channel, time, row, column] → [patch_dim, out]
    lambda w: w.reshape(w.shape[0], -1).T,
    lambda w, cfg: w.T.reshape(-1, 3, cfg.temporal_patch_size, cfg.patch_size, cfg.patch_size),
)
QKV = Transform(  # [3·out, in] → [in, 3, out]
    lambda w: w.reshape(3, -1, w.shape[1]).transpose(2, 0, 1),
    lambda w, cfg: w.transpose(1, 2, 0).reshape(-1, w.shape[0]),
)
QKV_BIAS = Transform(lambda w: w.reshape(3, -1), lambda w, cfg: w.reshape(-1))

# Their name ({} = number of the layer) → our path and the way there.
_LAYER, _BLOCK = "model.layers.{}.", "visual.blocks.{}."
TABLE = {
    "model.embed_tokens.weight": ("language/embedding", SAME),
    "model.norm.weight": ("language/norm/weight", SAME),
    "lm_head.weight": ("language/head", SAME),
    _LAYER + "input_layernorm.weight": ("language/layers/norm1/weight", SAME),
    _LAYER + "post_attention_layernorm.weight": ("language/layers/norm2/weight", SAME),
    _LAYER + "self_attn.q_proj.weight": ("language/layers/attn/q/kernel", LINEAR),
    _LAYER + "self_attn.q_proj.bias": ("language/layers/attn/q/bias", SAME),
    _LAYER + "self_attn.k_proj.weight": ("language/layers/attn/k/kernel", LINEAR),
    _LAYER + "self_attn.k_proj.bias": ("language/layers/attn/k/bias", SAME),
    _LAYER + "self_attn.v_proj.weight": ("language/layers/attn/v/kernel", LINEAR),
    _LAYER + "self_attn.v_proj.bias": ("language/layers/attn/v/bias", SAME),
    _LAYER + "self_attn.o_proj.weight": ("language/layers/attn/o/kernel", LINEAR),
    _LAYER + "mlp.gate_proj.weight": ("language/layers/mlp/gate/kernel", LINEAR),
    _LAYER + "mlp.up_proj.weight": ("language/layers/mlp/up/kernel", LINEAR),
    _LAYER + "mlp.down_proj.weight": ("language/layers/mlp/down/kernel", LINEAR),
    "visual.patch_embed.proj.weight": ("vision/patch_embed/kernel", CONV),
    _BLOCK + "norm1.weight": ("vision/layers/norm1/weight", SAME),
    _BLOCK + "norm2.weight": ("vision/layers/norm2/weight", SAME),
    _BLOCK + "attn.qkv.weight": ("vision/layers/attn/qkv/kernel", QKV),
    _BLOCK + "attn.qkv.bias": ("vision/layers/attn/qkv/bias", QKV_BIAS),
    _BLOCK + "attn.proj.weight": ("vision/layers/attn/proj/kernel", LINEAR),
    _BLOCK + "attn.proj.bias": ("vision/layers/attn/proj/bias", SAME),
    _BLOCK + "mlp.gate_proj.weight": ("vision/layers/mlp/gate/kernel", LINEAR),
    _BLOCK + "mlp.gate_proj.bias": ("vision/layers/mlp/gate/bias", SAME),
    _BLOCK + "mlp.up_proj.weight": ("vision/layers/mlp/up/kernel", LINEAR),
    _BLOCK + "mlp.up_proj.bias": ("vision/layers/mlp/up/bias", SAME),
    _BLOCK + "mlp.down_proj.weight": ("vision/layers/mlp/down/kernel", LINEAR),
    _BLOCK + "mlp.down_proj.bias": ("vision/layers/mlp/down/bias", SAME),
    "visual.merger.ln_q.weight": ("vision/merger/norm/weight", SAME),
    "visual.merger.mlp.0.weight": ("vision/merger/fc1/kernel", LINEAR),
    "visual.merger.mlp.0.bias": ("vision/merger/fc1/bias", SAME),
    "visual.merger.mlp.2.weight": ("vision/merger/fc2/kernel", LINEAR),
    "visual.merger.mlp.2.bias": ("vision/merger/fc2/bias", SAME),
}
BY_PATH = {path: (name, transform) for name, (path, transform) in TABLE.items()}
PREPROCESSOR = "preprocessor_config.json"
# Newer names of the same tensors → the names above, which are those of the published files.
NEWER = {"model.visual.": "visual.", "model.language_model.": "model."}


class Tensor(NamedTuple):
    """One of their tensors: our parameter's path, the layer in it (None where layers are not stacked), their shape."""

    path: str
    layer: int | None
    shape: tuple[int, ...]


def _path(keys: tuple[Any, ...]) -> str:
    return "/".join(key.key for key in keys)


def _published(name: str) -> str:
    for newer, published in NEWER.items():
        if name.startswith(newer):
            return published + name.removeprefix(newer)
    return name


def hf_tensors(cfg: Config) -> dict[str, Tensor]:
    """Every tensor of a published checkpoint of this shape, by name."""
    if not cfg.scan_layers:
        raise ValueError("files are read and written with scanned layers; unroll what was loaded (`model.unstack`)")
    out = {}
    for keys, leaf in jax.tree_util.tree_leaves_with_path(model.param_shapes(cfg)):
        path = _path(keys)
        name, transform = BY_PATH[path]
        stacked = "{}" in name
        # A broadcast zero has the shape and costs nothing.
        shape = transform.theirs(np.broadcast_to(np.int8(0), leaf.shape[1:] if stacked else leaf.shape), cfg).shape
        for layer in range(leaf.shape[0]) if stacked else [None]:
            out[name.format(layer)] = Tensor(path, layer, shape)
    return out


def read_config(folder: str | pathlib.Path, **changes: Any) -> Config:
    """The configuration of a Hugging Face folder, with `changes`; a file of its own says how large photos are seen.

    Raises:
      ValueError: one line: no config.json, or one of another kind of model.
    """
    folder = pathlib.Path(folder)
    if not (folder / "config.json").is_file():
        raise ValueError(f"{folder}: no config.json there")
    seen = read_object(folder / PREPROCESSOR) if (folder / PREPROCESSOR).is_file() else {}
    try:
        return from_hf(read_object(folder / "config.json"), **(pixels(seen) | changes))
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from None
    except KeyError as error:
        raise ValueError(f"{folder}: config.json: {error} is missing") from None
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{folder}: config.json: not laid out as Qwen2.5-VL's ({error})") from None


def read_object(path: pathlib.Path) -> dict[str, Any]:
    """The JSON object in a file; ValueError, one line that names it, if there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({error})") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path}: needed is an object")
    return found


def load(folder: str | pathlib.Path, cfg: Config, shardings: model.Params | None = None) -> model.Params:
    """Parameters in `cfg.param_dtype` from a folder of safetensors, old or new names, one file or many.

    shardings: a tree of `NamedSharding`s (`model.param_shardings`); None puts all on the default device. A tensor that
    is missing, left over or of the wrong shape raises a ValueError that names it.
    """
    tensors: dict[str, np.ndarray] = {}
    for name, array in weightfiles.open_folder(folder).items():
        if _published(name) in tensors:
            raise ValueError(f"{folder}: {_published(name)} is there twice, under an older and a newer name")
        tensors[_published(name)] = array
    known = hf_tensors(cfg)
    for name, (path, _, shape) in known.items():
        if name not in tensors:
            raise ValueError(f"{folder}: tensor {name} is missing (our {path})")
        if tensors[name].shape != shape:
            raise ValueError(f"{folder}: tensor {name} is {list(tensors[name].shape)}, needed is {list(shape)}")
    extra = sorted(set(tensors) - set(known))
    if cfg.tie_embeddings and "lm_head.weight" in extra:  # some writers store the tied head a second time
        extra.remove("lm_head.weight")
        if not np.array_equal(tensors["lm_head.weight"], tensors["model.embed_tokens.weight"]):
            raise ValueError(f"{folder}: lm_head.weight is not model.embed_tokens.weight, but config.json ties them")
    if extra:
        raise ValueError(f"{folder}: unexpected tensor {extra[0]}" + (f" and {len(extra) - 1} more" * (len(extra) > 1)))
    shapes = model.param_shapes(cfg)
    if shardings is None:
        shardings = jax.tree.map(lambda _: jax.sharding.SingleDeviceSharding(jax.devices()[0]), shapes)

    def fill(keys, leaf, sharding):
        name, transform = BY_PATH[_path(keys)]
        stacked = "{}" in name
        names = [name.format(i) for i in range(leaf.shape[0])] if stacked else [name]
        return _fill([transform.ours(tensors[name]) for name in names], leaf, sharding, stacked)

    return jax.tree_util.tree_map_with_path(fill, shapes, shardings)


def _fill(views: list[np.ndarray], leaf: jax.ShapeDtypeStruct, sharding: Any, stacked: bool) -> jax.Array:
    """One of our parameters as a sharded array; devices that hold the same part read it once."""
    parts: dict[tuple[Any, ...], np.ndarray] = {}

    def read(index: tuple[slice, ...]) -> np.ndarray:
        key = tuple(s.indices(size) for s, size in zip(index, leaf.shape, strict=True))
        if key not in parts:
            if stacked:
                out = [np.asarray(view[index[1:]], leaf.dtype) for view in views[index[0]]]
                parts[key] = np.stack(out)
            else:
                parts[key] = np.array(views[0][index], leaf.dtype, order="C")
        return parts[key]

    return jax.make_array_from_callback(leaf.shape, sharding, read).block_until_ready()


def save(folder: str | pathlib.Path, cfg: Config, params: model.Params, *, shard_bytes: int = 5_000_000_000) -> None:
    """Write config.json and safetensors that transformers 5 loads, at most `shard_bytes` per file.

    Tensors keep their dtype and come to the host one at a time. A folder that holds weights is refused.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and any(folder.glob("*.safetensors")):
        raise ValueError(f"{folder}: there are weights already; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    leaves = {_path(keys): leaf for keys, leaf in jax.tree_util.tree_leaves_with_path(params)}
    known = hf_tensors(cfg)
    files: list[dict[str, tuple[tuple[int, ...], np.dtype]]] = [{}]
    room = shard_bytes
    for name, (path, _, shape) in known.items():
        dtype = np.dtype(leaves[path].dtype)
        size = math.prod(shape) * dtype.itemsize
        if size > room and files[-1]:
            files.append({})
            room = shard_bytes
        room -= size
        files[-1][name] = (shape, dtype)

    def read(name: str) -> np.ndarray:
        path, layer, _ = known[name]
        leaf = leaves[path] if layer is None else leaves[path][layer]
        return BY_PATH[path][1].theirs(np.asarray(leaf), cfg)

    where = {}
    for i, shapes in enumerate(files):
        file = "model.safetensors" if len(files) == 1 else f"model-{i + 1:05d}-of-{len(files):05d}.safetensors"
        weightfiles.write_file(folder / file, shapes, read)
        where |= dict.fromkeys(shapes, file)
    if len(files) > 1:
        total = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(params))
        index = {"metadata": {"total_size": total}, "weight_map": where}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")
    for name, content in (("config.json", to_hf(cfg)), (PREPROCESSOR, preprocessor(cfg))):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
