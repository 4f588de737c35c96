"""The decoder: grouped-query attention with M-RoPE, SwiGLU, RMSNorm; embedding and head.

Letters: B rows, T new tokens, S keys, N heads, K key-value heads, H head size, D features, V vocabulary.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from rtq.models.qwen25vl.config import Config
from rtq.models.qwen25vl.layers import (
    KV,
    GatedMLP,
    Linear,
    RMSNorm,
    attend,
    checkpointed,
    frequencies,
    rotate,
    scan_layers,
)


def mrope(positions: jax.Array, cfg: Config) -> tuple[jax.Array, jax.Array]:
    """cos, sin float32[B, T, 1, H / 2] of positions int32[3, B, T] (time, row, column), each its share of H."""
    axis = np.repeat(np.arange(3), cfg.mrope_section)
    angles = jnp.moveaxis(positions, 0, -1)[..., axis].astype(jnp.float32)
    angles *= frequencies(cfg.head_dim, cfg.rope_theta).reshape(1, 1, -1)
    # The barrier keeps XLA from computing them again in every layer.
    return jax.lax.optimization_barrier((jnp.cos(angles)[:, :, None], jnp.sin(angles)[:, :, None]))


class Attention(nn.Module):
    cfg: Config

    @nn.compact
    def __call__(self, x, cos, sin, mask, prefix_mask, slot, cache: KV | None, prefix: KV | None):
        cfg = self.cfg
        d, h = cfg.hidden_size, cfg.head_dim

        def project(heads, axis, name):
            y = Linear(cfg, (d, heads * h), ("embed", axis), use_bias=True, name=name)(x)
            y = nn.with_logical_constraint(y, ("batch", "length", axis))
            return y.reshape(*x.shape[:2], heads, h)

        q = rotate(project(cfg.num_heads, "heads", "q"), cos, sin)
        k = rotate(project(cfg.num_kv_heads, "kv_heads", "k"), cos, sin)
        kv = KV(k.transpose(0, 2, 3, 1), project(cfg.num_kv_heads, "kv_heads", "v").swapaxes(1, 2))
        if cache is not None:
            write = jax.lax.dynamic_update_slice_in_dim
            kv = KV(write(cache.k, kv.k, slot, axis=3), write(cache.v, kv.v, slot, axis=2))
        out = attend(q, kv, mask, prefix=prefix, prefix_mask=prefix_mask, chunk=cfg.attention_chunk)
        out = nn.with_logical_constraint(out.reshape(*x.shape[:2], -1), ("batch", "length", "heads"))
        return Linear(cfg, (cfg.num_heads * h, d), ("heads", "embed"), name="o")(out), kv


class Block(nn.Module):
    cfg: Config

    @nn.compact
    def __call__(self, x, cos, sin, mask, prefix_mask, slot, cache, prefix):
        cfg = self.cfg
        attention, kv = Attention(cfg, name="attn")(
            RMSNorm(cfg, cfg.rms_norm_eps, name="norm1")(x), cos, sin, mask, prefix_mask, slot, cache, prefix
        )
        x = x + attention
        mlp = GatedMLP(cfg, cfg.hidden_size, cfg.ffn_size, ("embed", "mlp"), use_bias=False, name="mlp")
        x = x + mlp(RMSNorm(cfg, cfg.rms_norm_eps, name="norm2")(x))
        return nn.with_logical_constraint(x, ("batch", "length", "features")), kv


class Decoder(nn.Module):
    """Embedding, blocks, final norm and head; see `model` for the functions that call its methods."""

    cfg: Config

    def setup(self):
        cfg = self.cfg
        init = nn.with_logical_partitioning(nn.initializers.normal(0.02), ("vocab", "embed"))
        self.embedding = self.param("embedding", init, (cfg.vocab_size, cfg.hidden_size), jnp.dtype(cfg.param_dtype))
        if not cfg.tie_embeddings:
            self.head = self.param("head", init, (cfg.vocab_size, cfg.hidden_size), jnp.dtype(cfg.param_dtype))
        self.norm = RMSNorm(cfg, cfg.rms_norm_eps)
        if cfg.scan_layers:
            in_axes = (nn.broadcast,) * 5 + (0, 0)
            self.layers = scan_layers(Block, cfg, cfg.num_layers, in_axes)(cfg)
        else:
            self.layers = [checkpointed(Block, cfg)(cfg) for _ in range(cfg.num_layers)]

    def embed(self, tokens: jax.Array) -> jax.Array:
        """int32[B, T] → [B, T, D]."""
        x = jnp.take(self.embedding, tokens, axis=0).astype(self.cfg.dtype)
        return nn.with_logical_constraint(x, ("batch", "length", "features"))

    def __call__(self, x, positions, mask, prefix_mask, slot, cache, prefix):
        """[B, T, D] → (hidden [B, T, D] after the final norm, keys and values of all layers)."""
        shared = (*mrope(positions, self.cfg), mask, prefix_mask, slot)
        if self.cfg.scan_layers:
            x, kv = self.layers(x, *shared, cache, prefix)
        else:
            kv = []
            for i, layer in enumerate(self.layers):
                x, layer_kv = layer(x, *shared, cache and cache[i], prefix and prefix[i])
                kv.append(layer_kv)
            kv = tuple(kv)
        return self.norm(x), kv

    def logits(self, hidden: jax.Array) -> jax.Array:
        """[B, T, D] → float32[B, T, V]."""
        table = self.embedding if self.cfg.tie_embeddings else self.head
        table = table.astype(self.cfg.dtype)
        out = jnp.einsum("btd,vd->btv", hidden.astype(self.cfg.dtype), table, preferred_element_type=jnp.float32)
        return nn.with_logical_constraint(out, ("batch", "length", "vocab"))
