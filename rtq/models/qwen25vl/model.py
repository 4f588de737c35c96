"""Qwen2.5-VL as pure functions of (config, parameters, …).

    features = vision(cfg, params, patches, index)               # once per photo, reusable
    x        = embed(cfg, params, tokens, features, feature_index)
    hidden, kv = forward(cfg, params, x, positions, mask)        # prompt or whole sequence
    logits(cfg, params, hidden)                                  # float32[B, T, V], for the last step
    token_logprobs(cfg, params, hidden, targets)                 # never holds [B, T, V]

Parameters are a plain dict `{"vision": …, "language": …}`. LoRA factors, where given, are a second, small dict of the
same layout (`lora.init`), so that the gradient can be taken with respect to them alone.

**Keys and values.** `forward` returns the keys and values of its tokens, `KV(k [B, K, H, S], v [B, K, S, H])` per
layer: one `KV` with a leading axis of layers when `cfg.scan_layers`, otherwise a tuple with one `KV` per layer. They
are used in two ways, in training as in decoding:

* as `prefix`, read only: P prompts are computed once, and B = P·G rows attend to them, row b to prompt b // G. The
  prompt's keys are never repeated G times; one softmax runs over prompt and own keys together, and gradients flow back
  into the prompt's computation.
* as `cache`, of fixed length (`init_cache`): the new keys are written at `slot`, the same for all rows, and the mask
  says which slots count. The updated cache is returned.

A group of samples is decoded so, with no copy of the prompt anywhere:

    cfg, params = cfg.unrolled(), unstack(cfg, params)           # no scan: caches stay in place inside a while_loop
    hidden, prefix = forward(cfg, params, prompt_x, prompt_positions, causal_mask(prompt_valid))
    cache = init_cache(cfg, P * G, max_new_tokens)
    for t in range(max_new_tokens):                              # a while_loop in rtq.decode
        x = embed(cfg, params, tokens[:, None])
        hidden, cache = forward(cfg, params, x, positions + t, decode_mask(t, max_new_tokens),
                                cache=cache, slot=t, prefix=prefix, prefix_mask=prompt_valid)

and the trainer scores the same samples with `forward(…, causal_mask(valid), prefix=prefix, prefix_mask=prompt_valid)`.

Letters: B rows, T new tokens, S keys, K key-value heads, H head size, D features, V vocabulary, P prompts, G samples,
R rows of patches, N patches, M image tokens per row.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from rtq.models.qwen25vl.config import Config, logical_rules
from rtq.models.qwen25vl.language import Decoder
from rtq.models.qwen25vl.layers import KV, MASKED
from rtq.models.qwen25vl.vision import Blocks, VisionIndex, VisionTower

Params = dict[str, Any]


def _init(cfg: Config, key: jax.Array) -> Params:
    """Parameters inside flax's boxes with their logical axes."""
    vision_key, language_key = jax.random.split(key)
    n = cfg.patches_per_token
    patches = jnp.zeros((1, n, cfg.patch_dim), cfg.dtype)
    blocks = Blocks(jnp.arange(n).reshape(1, 1, n), jnp.arange(n).reshape(1, n))
    index = VisionIndex(jnp.zeros((1, n, 2), jnp.int32), blocks, blocks)
    vision_params = VisionTower(cfg).init(vision_key, patches, index)["params"]
    x, positions = jnp.zeros((1, 1, cfg.hidden_size), cfg.dtype), jnp.zeros((3, 1, 1), jnp.int32)
    mask = jnp.ones((1, 1, 1), bool)
    language_params = Decoder(cfg).init(language_key, x, positions, mask, None, None, None, None)["params"]
    return {"vision": vision_params, "language": language_params}


def init(cfg: Config, key: jax.Array) -> Params:
    """Fresh parameters in `cfg.param_dtype`."""
    return nn.unbox(_init(cfg, key))


def param_shapes(cfg: Config) -> Params:
    """The tree of `jax.ShapeDtypeStruct`s that `init` would return."""
    return jax.eval_shape(lambda: init(cfg, jax.random.key(0)))


def param_axes(cfg: Config) -> Params:
    """For each parameter the `PartitionSpec` of its *logical* axes."""
    return nn.get_partition_spec(jax.eval_shape(lambda: _init(cfg, jax.random.key(0))))


def param_shardings(cfg: Config, mesh: jax.sharding.Mesh) -> Params:
    """For each parameter its `NamedSharding` over `mesh` (axes data, fsdp, tensor) by `config.logical_rules`."""
    return nn.logical_to_mesh_sharding(param_axes(cfg), mesh, logical_rules(cfg, mesh.shape["tensor"]))


def unstack(cfg: Config, params: Params) -> Params:
    """Parameters (or LoRA factors) with scanned layers → one subtree per layer, for `cfg.unrolled()`."""
    depth = {"vision": cfg.vision_depth, "language": cfg.num_layers}
    out = {}
    for part, tree in params.items():
        out[part] = {name: leaf for name, leaf in tree.items() if name != "layers"}
        for i in range(depth[part] if "layers" in tree else 0):
            out[part][f"layers_{i}"] = jax.tree.map(lambda x, i=i: x[i], tree["layers"])
    return out


def _variables(params: Params, lora: Params | None, part: str) -> dict[str, Any]:
    variables = {"params": params[part]}
    if lora is not None and part in lora:
        variables["lora"] = lora[part]
    return variables


def vision(cfg: Config, params: Params, patches: jax.Array, index: VisionIndex, *, lora: Params | None = None):
    """Image features [R, N / 4, D] of patches float32[R, N, patch_dim] (`images.pack` or `images.to_patches`)."""
    return VisionTower(cfg).apply(_variables(params, lora, "vision"), patches, index)


def embed(
    cfg: Config,
    params: Params,
    tokens: jax.Array,
    features: jax.Array | None = None,
    feature_index: jax.Array | None = None,
) -> jax.Array:
    """Token embeddings [B, T, D] of int32[B, T], with image features in the places of image tokens.

    features [B, M, D], or [1, M, D] when all rows draw on the same photos; feature_index int32[B, T] says which of
    the row's M features stands at each place, -1 where a word stands (`images.feature_index`).
    """
    x = Decoder(cfg).apply({"params": params["language"]}, tokens, method=Decoder.embed)
    if features is None:
        return x
    index = jnp.maximum(feature_index, 0)
    if features.shape[0] == 1:
        placed = features[0][index]
    else:
        placed = jnp.take_along_axis(features, index[..., None], axis=1)
    return jnp.where(feature_index[..., None] >= 0, placed.astype(x.dtype), x)


def forward(
    cfg: Config,
    params: Params,
    x: jax.Array,
    positions: jax.Array,
    mask: jax.Array,
    *,
    cache: Any = None,
    slot: jax.Array | int | None = None,
    prefix: Any = None,
    prefix_mask: jax.Array | None = None,
    lora: Params | None = None,
) -> tuple[jax.Array, Any]:
    """Run the decoder over x [B, T, D] at positions int32[3, B, T] (time, row, column).

    mask bool[B or 1, T, S] is True where a new token may attend: S = T without a cache (`causal_mask`), the cache's
    length with one (`decode_mask`). slot: where in the cache the T new tokens go. prefix, prefix_mask bool[P, Sp]: the
    prompts' keys and values and which of them are real. See the module's docstring for both.
    Returns hidden [B, T, D] after the final norm, and the keys and values (or the updated cache).
    """
    variables = _variables(params, lora, "language")
    return Decoder(cfg).apply(variables, x, positions, mask, prefix_mask, slot, cache, prefix)


def logits(cfg: Config, params: Params, hidden: jax.Array) -> jax.Array:
    """float32[B, T, V] of hidden [B, T, D]."""
    return Decoder(cfg).apply({"params": params["language"]}, hidden, method=Decoder.logits)


def init_cache(cfg: Config, batch: int, length: int) -> Any:
    """An empty cache of `length` slots for `batch` rows, in the layout that `forward` with this `cfg` takes."""
    k = (batch, cfg.num_kv_heads, cfg.head_dim, length)
    v = (batch, cfg.num_kv_heads, length, cfg.head_dim)
    if cfg.scan_layers:
        return KV(*(jnp.zeros((cfg.num_layers, *shape), cfg.dtype) for shape in (k, v)))
    return tuple(KV(*(jnp.zeros(shape, cfg.dtype) for shape in (k, v))) for _ in range(cfg.num_layers))


def concat_kv(first: Any, second: Any) -> Any:
    """Keys and values of two stretches of the same rows, one after the other (two `KV`, or two tuples of them)."""
    if isinstance(first, KV):
        return KV(jnp.concatenate([first.k, second.k], -1), jnp.concatenate([first.v, second.v], -2))
    return tuple(map(concat_kv, first, second))


def causal_mask(valid: jax.Array) -> jax.Array:
    """bool[B, T, T] from bool[B, T]: each token sees the valid ones up to its own place; padding may see none."""
    steps = jnp.arange(valid.shape[1])
    return (steps[:, None] >= steps[None])[None] & valid[:, None]


def decode_mask(slot: jax.Array | int, length: int) -> jax.Array:
    """bool[1, 1, length]: one new token, written at `slot`, sees the slots up to its own."""
    return (jnp.arange(length) <= slot)[None, None]


def token_logprobs(
    cfg: Config,
    params: Params,
    hidden: jax.Array,
    targets: jax.Array,
    *,
    chunk: int = 128,
    temperature: float = 1.0,
    allowed: Callable[[Any], jax.Array] | None = None,
    states: Any = None,
    greedy: bool = False,
) -> tuple[jax.Array, ...]:
    """Log-probability of each target, and the entropy, under softmax(logits / temperature) over the allowed tokens.

    hidden [B, T, D] and targets int32[B, T] (hidden[:, t] predicts targets[:, t]), or int32[B, T, K] for several
    targets at each place. `allowed` maps a slice of `states` (a tree of arrays [B, T, …], such as grammar states, cut
    to [B, chunk, …]) to bool[B, chunk, V]. Time goes in equal parts of at most `chunk`, recomputed in the backward
    pass, so the largest array is float32[B, chunk, V].
    Returns float32 of the targets' shape and float32[B, T]; with `greedy` also the likeliest token, int32[B, T].
    """
    batch, steps = targets.shape[:2]
    count = -(-steps // min(chunk, steps))
    chunk = -(-steps // count)

    def split(x):
        x = jnp.pad(x, [(0, 0), (0, count * chunk - steps)] + [(0, 0)] * (x.ndim - 2))
        return jnp.moveaxis(x.reshape(batch, count, chunk, *x.shape[2:]), 1, 0)

    @jax.checkpoint
    def score(inputs):
        hidden, targets, states = inputs
        scores = logits(cfg, params, hidden) / temperature
        if allowed is not None:
            scores = jnp.where(allowed(states), scores, MASKED)
        norm = jax.nn.logsumexp(scores, axis=-1, keepdims=True)
        chosen = jnp.take_along_axis(scores, targets.reshape(*targets.shape[:2], -1), axis=-1)
        entropy = norm[..., 0] - jnp.sum(jnp.exp(scores - norm) * scores, axis=-1)
        out = (chosen - norm).reshape(targets.shape), entropy
        return (*out, jnp.argmax(scores, axis=-1).astype(jnp.int32)) if greedy else out

    out = jax.lax.map(score, jax.tree.map(split, (hidden, targets, states)))
    return tuple(jnp.moveaxis(x, 0, 1).reshape(batch, count * chunk, *x.shape[3:])[:, :steps] for x in out)
