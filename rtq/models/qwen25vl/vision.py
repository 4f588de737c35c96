"""The vision tower: patches of any number of photos of any size → image features, in one program of fixed shape.

Several photos lie one after the other in a row of N patches. Attention is computed in blocks: a block is a window of
at most (window_size / patch_size)² patches in the windowed layers, and a whole photo in the others. Which patch lies
in which block is decided on the host (`images.pack`) and comes as two index tables, so nothing here depends on
the sizes of the photos and no N x N scores exist.

Letters: R rows, N patches, L slots of a block, D features, M = N / 4 image tokens.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
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


class Blocks(NamedTuple):
    """A partition of the patches into blocks of L slots.

    members: int32[R, blocks, L], the patch in each slot, N where the slot is empty.
    slot: int32[R, N], the flat slot of each patch, blocks·L for padding patches.
    """

    members: jax.Array
    slot: jax.Array


class VisionIndex(NamedTuple):
    """Where the patches lie. All arrays have R rows, or one row that holds for all.

    positions: int32[R, N, 2], row and column of each patch in its photo.
    """

    positions: jax.Array
    windows: Blocks
    photos: Blocks


@jax.custom_vjp
def regroup(x: jax.Array, index: jax.Array, inverse: jax.Array) -> jax.Array:
    """`x[R, N, C][r, index[r, i]]`, zeros where the index is N; inverse leads back, so the gradient is a gather too."""
    if index.shape[0] == 1:
        return jnp.take(x, index[0], axis=1, mode="fill", fill_value=0)
    return jax.vmap(lambda row, i: jnp.take(row, i, axis=0, mode="fill", fill_value=0))(x, index)


def _regroup_forward(x, index, inverse):
    return regroup(x, index, inverse), (index, inverse)


def _regroup_backward(saved, gradient):
    return regroup(gradient, saved[1], saved[0]), None, None


regroup.defvjp(_regroup_forward, _regroup_backward)


class _Plan(NamedTuple):
    """Blocks with what every layer needs of them: cos and sin float32[R, blocks, L, 1, H / 2]."""

    blocks: Blocks
    cos: jax.Array
    sin: jax.Array


def _plan(blocks: Blocks, positions: jax.Array, cfg: Config) -> _Plan:
    flat = blocks.members.reshape(blocks.members.shape[0], -1)
    placed = regroup(positions.astype(jnp.float32), flat, blocks.slot).reshape(*blocks.members.shape, 2, 1)
    angles = placed * frequencies(cfg.vision_head_dim // 2, 10000.0).reshape(1, 1, 1, 1, -1)
    angles = angles.reshape(*blocks.members.shape, 1, cfg.vision_head_dim // 2)  # row angles, then column angles
    return _Plan(blocks, jnp.cos(angles), jnp.sin(angles))


def _block_attention(qkv: jax.Array, plan: _Plan, cfg: Config) -> jax.Array:
    """Attention inside each block: qkv [R, N, 3·D] → [R, N, D]."""
    rows, patches, _ = qkv.shape
    members, slot = plan.blocks
    _, count, length = members.shape
    flat = members.reshape(members.shape[0], -1)
    q, k, v = jnp.moveaxis(
        regroup(qkv, flat, slot).reshape(rows, count, length, 3, cfg.vision_num_heads, cfg.vision_head_dim), 3, 0
    )
    q, k = rotate(q, plan.cos, plan.sin), rotate(k, plan.cos, plan.sin)
    q, k, v = (x.reshape(rows * count, length, cfg.vision_num_heads, cfg.vision_head_dim) for x in (q, k, v))
    mask = jnp.broadcast_to(members < patches, (rows, count, length)).reshape(rows * count, 1, length)
    out = attend(q, KV(k.transpose(0, 2, 3, 1), v.swapaxes(1, 2)), mask, chunk=cfg.attention_chunk)
    return regroup(out.reshape(rows, count * length, -1), slot, flat)


class VisionAttention(nn.Module):
    cfg: Config

    @nn.compact
    def __call__(self, x, full, plans):
        d = self.cfg.vision_hidden_size
        axes = ("vision_embed", None, "vision_heads")
        qkv = Linear(self.cfg, (d, 3, d), axes, use_bias=True, name="qkv")(x)
        qkv = nn.with_logical_constraint(qkv, ("batch", "length", None, "vision_heads"))
        qkv = qkv.reshape(*x.shape[:-1], 3 * d)
        branches = [functools.partial(_block_attention, plan=plan, cfg=self.cfg) for plan in plans]
        x = branches[0](qkv) if full is None else jax.lax.cond(full, branches[1], branches[0], qkv)
        return Linear(self.cfg, (d, d), ("vision_heads", "vision_embed"), use_bias=True, name="proj")(x)


class VisionBlock(nn.Module):
    """One layer. `plans` is the layer's own blocks with `full` None, or (windows, photos) with `full` bool[]."""

    cfg: Config

    @nn.compact
    def __call__(self, x, full, plans):
        cfg = self.cfg
        x = x + VisionAttention(cfg, name="attn")(RMSNorm(cfg, 1e-6, name="norm1")(x), full, plans)
        axes = ("vision_embed", "vision_mlp")
        mlp = GatedMLP(cfg, cfg.vision_hidden_size, cfg.vision_ffn_size, axes, use_bias=True, name="mlp")
        x = x + mlp(RMSNorm(cfg, 1e-6, name="norm2")(x))
        return nn.with_logical_constraint(x, ("batch", "length", "features")), None


class Merger(nn.Module):
    """Four neighbouring patches → one image token of the decoder's size."""

    cfg: Config

    @nn.compact
    def __call__(self, x):
        cfg = self.cfg
        wide = cfg.vision_hidden_size * cfg.patches_per_token
        x = RMSNorm(cfg, 1e-6, name="norm")(x)
        x = x.reshape(x.shape[0], x.shape[1] // cfg.patches_per_token, wide)
        x = Linear(cfg, (wide, wide), (None, "merged"), use_bias=True, name="fc1")(x)
        return Linear(cfg, (wide, cfg.hidden_size), ("merged", "embed"), use_bias=True, name="fc2")(
            nn.gelu(x, approximate=False)
        )


class VisionTower(nn.Module):
    """patches float32[R, N, patch_dim] and their index → features [R, N / 4, hidden_size], in the patches' order."""

    cfg: Config

    @nn.compact
    def __call__(self, patches: jax.Array, index: VisionIndex) -> jax.Array:
        cfg = self.cfg
        x = Linear(cfg, (cfg.patch_dim, cfg.vision_hidden_size), ("patch", "vision_embed"), name="patch_embed")(patches)
        x = nn.with_logical_constraint(x, ("batch", "length", "features"))
        windows, photos = _plan(index.windows, index.positions, cfg), _plan(index.photos, index.positions, cfg)
        full = [i in cfg.full_attention_blocks for i in range(cfg.vision_depth)]
        if cfg.scan_layers:
            layers = scan_layers(VisionBlock, cfg, cfg.vision_depth, (0, nn.broadcast))(cfg, name="layers")
            x, _ = layers(x, jnp.array(full), (windows, photos))
        else:
            block = checkpointed(VisionBlock, cfg)
            for i in range(cfg.vision_depth):
                x, _ = block(cfg, name=f"layers_{i}")(x, None, (photos if full[i] else windows,))
        return Merger(cfg, name="merger")(x)
