"""From prompts to answers, edits and back to the trainer, with photos and renders staying on the device.

Pure functions of (configuration, parameters, …); whoever calls them jits or maps them over devices. All images are
squares of side S, so every image takes the same g² tokens (g = S / `cfg.image_factor`).

Letters: P prompts, G samples of each, B = P·G rows, T tokens, I images per row, M tokens of an image, S side.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from rtq.editor import develop, renderer
from rtq.editor.detail import SHARPEN_MAX_SIGMA
from rtq.editor.plan_arrays import PlanArrays
from rtq.editor.sliders import BY_NAME
from rtq.models.qwen25vl import images, model
from rtq.models.qwen25vl.config import Config
from rtq.text.grammar import Options


class Inputs(NamedTuple):
    """Where tokens stand: positions int32[3, B, T]; feature_index int32[B, T], -1 for words; next_position int32[B]."""

    positions: jax.Array
    feature_index: jax.Array
    next_position: jax.Array


def inputs(cfg: Config, tokens: jax.Array, valid: jax.Array, side: int, *, start=0, first_feature=0) -> Inputs:
    """M-RoPE positions and places of image features of int32[B, T], as `models.…positions`, but on the device.

    valid bool[B, T]: padding, anywhere, counts for nothing and stands at 0. side: g, image tokens per side of every
    image. start, first_feature: int or int32[B], where the rows go on when they follow other tokens and other images.
    """
    size = side * side
    start, first_feature = (jnp.reshape(jnp.asarray(x, jnp.int32), (-1, 1)) for x in (start, first_feature))
    image = valid & (tokens == cfg.image_token_id)
    word = valid & ~image
    pixels = jnp.cumsum(image, axis=1) - image  # image tokens before this one
    place = pixels % size
    base = jnp.cumsum(word, axis=1) - word + side * (pixels // size) + start
    row, column = (jnp.where(image, x, 0) for x in (place // side, place % side))
    positions = jnp.where(valid[None], jnp.stack([base, base + row, base + column]), 0)
    total = start[:, 0] + word.sum(1) + side * (image.sum(1) // size)
    return Inputs(positions, jnp.where(image, pixels + first_feature, -1), jnp.broadcast_to(total, tokens.shape[:1]))


def image_side(cfg: Config, pixels: int) -> int:
    """g, image tokens per side of an image of `pixels` x `pixels`."""
    if pixels % cfg.image_factor:
        raise ValueError(f"image side: {pixels} pixels; needed is a multiple of {cfg.image_factor}")
    return pixels // cfg.image_factor


def features(cfg: Config, params, photos: jax.Array) -> jax.Array:
    """One vision pass: float32[B, I, S, S, 3] sRGB 0–1 → features [B, I·M, D], images in order."""
    rows, count, side = photos.shape[:3]
    grid = (side // cfg.patch_size,) * 2
    index = images.index_of([[grid] * count], cfg)
    patches = images.to_patches(photos, cfg).reshape(rows, -1, cfg.patch_dim)
    return model.vision(cfg, params, patches, index, lora=params.get("lora"))


class Executor(NamedTuple):
    """How plans are rendered; hashable, so a static argument.

    program: the operations that are compiled in. locals, components: how many local adjustments, and masks in each,
    are looked at; plans hold no more.
    """

    program: develop.Program
    locals: int
    components: int = 1


def executor(options: Options, scale: float = 1.0) -> Executor:
    """What renders every plan that a policy with these options can write, and no more: small programs compile fast.

    scale: the rendered photo's long side / that of the photo the plan is meant for.
    """
    local = options.local_sliders if options.max_locals and (options.kinds or options.regions) else ()
    names = (*options.sliders, *local)
    groups = frozenset(BY_NAME[name].group for name in names)
    sigma = SHARPEN_MAX_SIGMA if "sharpen" in groups else 0.0
    return Executor(develop.program(groups, local, None, sigma, names, scale), options.max_locals if local else 0)


def render(photos: jax.Array, plans: PlanArrays, executor: Executor) -> jax.Array:
    """float32[B, S, S, 3] sRGB 0–1 with a plan each → edited, clipped to 0–1.

    Inside a larger jit on CPU, compile that one with `editor.compilation.options()` too.
    """
    cut = (slice(None), slice(executor.locals))
    masks = (*cut, slice(executor.components))
    plans = plans._replace(
        local_sliders=plans.local_sliders[cut], local_amount=plans.local_amount[cut],
        mask_kind=plans.mask_kind[masks], mask_numbers=plans.mask_numbers[masks], mask_op=plans.mask_op[masks],
        mask_invert=plans.mask_invert[masks], mask_name=plans.mask_name[masks],
    )  # fmt: skip
    named = jnp.zeros((photos.shape[0], 0, *photos.shape[1:3]), photos.dtype)
    whole = jax.vmap(functools.partial(renderer.whole, program=executor.program))
    return jnp.clip(whole(photos, plans, named), 0.0, 1.0)


def spoiled(photos: jax.Array, spoil: PlanArrays | None, executor: Executor | None) -> jax.Array:
    """uint8[B, S, S, 3] → the photo that people and models see, float32 0–1: the hidden spoil applied, if any."""
    photos = photos.astype(jnp.float32) / 255
    return photos if spoil is None else render(photos, spoil, executor)
