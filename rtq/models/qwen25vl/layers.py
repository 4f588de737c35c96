"""Layers shared by the vision tower and the decoder: linear with LoRA, RMSNorm, gated MLP, rotary, attention.

Letters: B rows, P prompts (B = P·G, the G samples of a prompt lie together), T queries, S keys, N heads,
K key-value heads (N = K·R), H head size, D features.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from rtq.models.qwen25vl.config import Config

MASKED = -1e30  # finite, so that a row without any key gives numbers and not NaN


class KV(NamedTuple):
    """Keys `[B, K, H, S]` and values `[B, K, S, H]`: the layouts that both attention products read as they lie."""

    k: jax.Array
    v: jax.Array


@jax.custom_vjp
def matmul(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """`x[..., D] @ kernel[D, *features]`, with a backward pass that transposes x and not the (wider) gradient.

    XLA's CPU backend fuses the activation's derivative into that transpose otherwise: 14% of a training step.
    """
    return jnp.tensordot(x, kernel, 1)


def _matmul_forward(x, kernel):
    return matmul(x, kernel), (x, kernel)


def _matmul_backward(saved, gradient):
    x, kernel = saved
    lead, features = tuple(range(x.ndim - 1)), tuple(range(x.ndim - 1, gradient.ndim))
    to_x = jax.lax.dot_general(gradient, kernel, ((features, tuple(range(1, kernel.ndim))), ((), ())))
    return to_x, jax.lax.dot_general(x, gradient, ((lead, lead), ((), ())))


matmul.defvjp(_matmul_forward, _matmul_backward)


class Linear(nn.Module):
    """`x[..., D] @ kernel[D, *features] + bias`, plus (alpha / rank)·(x @ a) @ b when collection `lora` has a, b."""

    cfg: Config
    shape: tuple[int, ...]
    axes: tuple[str | None, ...]  # logical axis of each dimension of the kernel
    use_bias: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        dtype = jnp.dtype(self.cfg.dtype)
        out = tuple(range(1, len(self.shape)))
        init = nn.initializers.variance_scaling(1.0, "fan_in", "truncated_normal", in_axis=0, out_axis=out)
        kernel = self.param(
            "kernel", nn.with_logical_partitioning(init, self.axes), self.shape, jnp.dtype(self.cfg.param_dtype)
        )
        x = x.astype(dtype)
        y = matmul(x, kernel.astype(dtype))
        if self.has_variable("lora", "a"):
            a, b = (self.get_variable("lora", name).astype(dtype) for name in "ab")
            y += (self.cfg.lora_alpha / a.shape[-1]) * matmul(matmul(x, a), b)
        if self.use_bias:
            zeros = nn.with_logical_partitioning(nn.initializers.zeros, self.axes[1:])
            bias = self.param("bias", zeros, self.shape[1:], jnp.dtype(self.cfg.param_dtype))
            y += bias.astype(dtype).reshape((1,) * (x.ndim - 1) + self.shape[1:])
        return y


class RMSNorm(nn.Module):
    """`x / rms(x) · weight` over the last dimension, computed in float32, returned in the compute dtype."""

    cfg: Config
    eps: float

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        ones = nn.with_logical_partitioning(nn.initializers.ones, ("features",))
        weight = self.param("weight", ones, x.shape[-1:], jnp.dtype(self.cfg.param_dtype))
        x = x.astype(jnp.float32)
        x = x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + self.eps)
        return (x * weight.astype(jnp.float32).reshape((1,) * (x.ndim - 1) + (-1,))).astype(self.cfg.dtype)


class GatedMLP(nn.Module):
    """`down(silu(gate(x)) · up(x))`."""

    cfg: Config
    features: int
    hidden: int
    axes: tuple[str, str]  # of features and hidden
    use_bias: bool

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        wide = (self.cfg, (self.features, self.hidden), self.axes, self.use_bias)
        h = nn.silu(Linear(*wide, name="gate")(x)) * Linear(*wide, name="up")(x)
        return Linear(self.cfg, wide[1][::-1], self.axes[::-1], self.use_bias, name="down")(h)


def frequencies(dim: int, theta: float) -> jax.Array:
    """float32[dim / 2]: the rotary frequencies theta^(-2i / dim)."""
    return 1.0 / (theta ** (jnp.arange(0, dim, 2, dtype=jnp.float32) / dim))


def rotate(x: jax.Array, cos: jax.Array, sin: jax.Array) -> jax.Array:
    """Rotary embedding of `x[..., H]` by `cos, sin` float32[..., H / 2] (first half pairs with second half)."""
    first, second = jnp.split(x.astype(jnp.float32), 2, -1)
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], -1).astype(x.dtype)


def attend(
    q: jax.Array,
    kv: KV,
    mask: jax.Array,
    *,
    prefix: KV | None = None,
    prefix_mask: jax.Array | None = None,
    chunk: int = 1024,
) -> jax.Array:
    """Grouped-query attention with one exact softmax over a shared prefix and the row's own keys.

    q [B, T, N, H]; kv of B rows and S keys; mask bool[B or 1, T or 1, S] (True: may attend). prefix, of P rows and Sp
    keys, with prefix_mask bool[P, Sp], is shared by the B / P rows of each prompt, never repeated. Scores and softmax
    are float32. More than `chunk` queries are computed block by block, and again in the backward pass.
    Returns [B, T, N, H] in q's dtype.
    """
    steps = q.shape[1]
    if steps <= chunk:
        return _attend(q, kv, mask, prefix, prefix_mask)
    blocks = -(-steps // chunk)

    def split(x):
        x = jnp.pad(x, [(0, 0), (0, blocks * chunk - steps)] + [(0, 0)] * (x.ndim - 2))
        return jnp.moveaxis(x.reshape(x.shape[0], blocks, chunk, *x.shape[2:]), 1, 0)

    if mask.shape[1] == 1:
        inputs, block = (split(q),), lambda q: _attend(q, kv, mask, prefix, prefix_mask)
    else:
        inputs, block = (split(q), split(mask)), lambda q, m: _attend(q, kv, m, prefix, prefix_mask)
    out = jax.lax.map(lambda args: jax.checkpoint(block)(*args), inputs)
    return jnp.moveaxis(out, 0, 1).reshape(q.shape[0], blocks * chunk, *q.shape[2:])[:, :steps]


def _attend(q: jax.Array, kv: KV, mask: jax.Array, prefix: KV | None, prefix_mask: jax.Array | None) -> jax.Array:
    b, t, n, h = q.shape
    k = kv.k.shape[1]
    r = n // k
    q = jnp.moveaxis((q * (h**-0.5)).reshape(b, t, k, r, h), 1, 3)  # [B, K, R, T, H]
    scores = _dot("bkrth,bkhs->bkrts", q, kv.k)
    scores = jnp.where(mask[:, None, None], scores, MASKED)
    top = jax.lax.stop_gradient(scores.max(-1, keepdims=True))
    if prefix is not None:
        p, g = prefix.k.shape[0], b // prefix.k.shape[0]
        q_shared = jnp.moveaxis(q.reshape(p, g, k, r, t, h), 1, 2)  # [P, K, G, R, T, H]
        shared = _dot("pkgrth,pkhs->pkgrts", q_shared, prefix.k)
        shared = jnp.where(prefix_mask[:, None, None, None, None], shared, MASKED)
        shared_top = jax.lax.stop_gradient(shared.max(-1, keepdims=True))
        top = jnp.maximum(top, jnp.moveaxis(shared_top, 2, 1).reshape(top.shape))
    weights = jnp.exp(scores - top)
    total = weights.sum(-1, keepdims=True)
    out = _dot("bkrts,bksh->bkrth", weights.astype(kv.v.dtype), kv.v)
    if prefix is not None:
        shared = jnp.exp(shared - jnp.moveaxis(top.reshape(p, g, k, r, t, 1), 1, 2))
        shared_out = _dot("pkgrts,pksh->pkgrth", shared.astype(prefix.v.dtype), prefix.v)
        total += jnp.moveaxis(shared.sum(-1, keepdims=True), 2, 1).reshape(total.shape)
        out += jnp.moveaxis(shared_out, 2, 1).reshape(out.shape)
    return jnp.moveaxis(out / total, 3, 1).reshape(b, t, n, h).astype(q.dtype)


def _dot(spec: str, x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.einsum(spec, x, y, preferred_element_type=jnp.float32)


def scan_layers(block: type[nn.Module], cfg: Config, length: int, in_axes: Sequence) -> type[nn.Module]:
    """`block` stacked `length` times along a leading axis `layers` of its parameters (and LoRA factors)."""
    return nn.scan(
        checkpointed(block, cfg),
        variable_axes={"params": 0, "lora": 0},
        split_rngs={"params": True},
        in_axes=tuple(in_axes),
        length=length,
        metadata_params={nn.PARTITION_NAME: "layers"},
    )


def checkpointed(block: type[nn.Module], cfg: Config) -> type[nn.Module]:
    """`block` with its activations recomputed in the backward pass when `cfg.remat`."""
    return nn.remat(block, prevent_cse=not cfg.scan_layers) if cfg.remat else block
