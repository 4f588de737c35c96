"""From prompts to answers, edits and back to the trainer, with photos and renders staying on the device.

Pure functions of (configuration, parameters, …); whoever calls them jits or maps them over devices. All images are
squares of side S, so every image takes the same g² tokens (g = S / `cfg.image_factor`).

Letters: P prompts, G samples of each, B = P·G rows, T tokens, I images per row, M tokens of an image, S side.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rtq.decode.generate import Prompts, generate
from rtq.decode.loop import Model, Samples
from rtq.decode.sampling import GrammarTable, Sampling, allowed, remaining
from rtq.editor import develop, renderer
from rtq.editor.detail import SHARPEN_MAX_SIGMA
from rtq.editor.plan import Plan
from rtq.editor.plan_arrays import PlanArrays, stack
from rtq.editor.sliders import BY_NAME
from rtq.models.qwen25vl import images, model
from rtq.models.qwen25vl.config import Config
from rtq.rl.advantage import group_advantages, group_metrics
from rtq.rl.types import Rollout
from rtq.text.answers import Failure, parse_answer
from rtq.text.grammar import Options
from rtq.text.tokenizer import Tokenizer


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
    radius = BY_NAME["SharpenRadius"]
    sigma = SHARPEN_MAX_SIGMA if radius.name in names else radius.neutral * radius.factor
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


def engine(cfg: Config) -> Model:
    """The functions that decode with; low-rank factors come along as `params["lora"]`."""
    return Model(*(functools.partial(f, cfg) for f in (model.embed, forward, model.logits, model.init_cache)))


def forward(cfg: Config, params, *args, **options) -> tuple[jax.Array, Any]:
    """`model.forward`, with the low-rank factors where there are any."""
    return model.forward(cfg, params, *args, lora=params.get("lora"), **options)


def unrolled(cfg: Config, params) -> tuple[Config, Any]:
    """Configuration and parameters with one subtree per layer, as decoding wants them; inside the jit."""
    if not cfg.scan_layers:
        return cfg, params
    low_rank = {"lora": model.unstack(cfg, params["lora"])} if "lora" in params else {}
    whole = {part: tree for part, tree in params.items() if part != "lora"}
    return cfg.unrolled(), model.unstack(cfg, whole) | low_rank


def prompts(cfg: Config, params, seen: jax.Array, tokens: jax.Array, valid: jax.Array) -> Prompts:
    """Embedded prompts: seen float32[P, I, S, S, 3], tokens int32[P, T] and valid bool[P, T], padded on the left."""
    place = inputs(cfg, tokens, valid, image_side(cfg, seen.shape[2]))
    x = model.embed(cfg, params, tokens, features(cfg, params, seen), place.feature_index)
    return Prompts(x, place.positions, valid, place.next_position)


def sample(
    cfg: Config, params, seen: jax.Array, tokens: jax.Array, valid: jax.Array, table: GrammarTable, sampling: Sampling,
    *, key: jax.Array, seeds: jax.Array, group: int, max_new_tokens: int,
) -> Samples:  # fmt: skip
    """`group` answers to each of P prompts: one vision pass per photo, one prefill per prompt.

    Arguments as in `prompts` and `decode.generate`; seeds int32[P] are the prompts' numbers over all devices.
    """
    cfg, params = unrolled(cfg, params)
    start = prompts(cfg, params, seen, tokens, valid)
    options = {"key": key, "seeds": seeds, "group": group, "max_new_tokens": max_new_tokens}
    return generate(engine(cfg), params, start, table, sampling, **options)


def to_plans(tokens: np.ndarray, tokenizer: Tokenizer) -> list[Plan | None]:
    """Sampled int32[B, T] → plans, None where the text is no answer. On the host."""
    read = (parse_answer(tokenizer.decode_answer(row)) for row in np.asarray(tokens).tolist())
    return [None if isinstance(answer, Failure) else answer.plan for answer in read]


def plan_arrays(plans: Sequence[Plan | None]) -> tuple[PlanArrays, np.ndarray]:
    """(arrays of B plans, bool[B] which are plans): what goes back to the device; None becomes the empty plan."""
    return stack([Plan() if plan is None else plan for plan in plans]), np.array([p is not None for p in plans])


def render_edits(seen: jax.Array, plans: PlanArrays, executor: Executor) -> jax.Array:
    """float32[P, S, S, 3] photos and B = P·G plans → their edits float32[B, S, S, 3]."""
    group = plans.amount.shape[0] // seen.shape[0]
    return render(jnp.repeat(seen, group, axis=0), plans, executor)


def render_pairs(seen: jax.Array, strong: PlanArrays, weak: PlanArrays, executor: Executor) -> jax.Array:
    """float32[P, 2, S, S, 3]: the strong and the weak edit of each photo."""
    return jnp.stack([render(seen, strong, executor), render(seen, weak, executor)], 1)


def of_answers(
    seen: jax.Array, tokens: jax.Array, valid: jax.Array, samples: Samples, budgets: jax.Array, rewards: jax.Array,
    *, scale_by_std: bool,
) -> tuple[Rollout, dict]:  # fmt: skip
    """What `sample` was given and gave, with rewards float32[B], as the trainer takes it; and the groups' metrics."""
    groups = rewards.reshape(tokens.shape[0], -1)
    steps = samples.tokens.shape[1]
    rollout = Rollout(
        images=seen, prompt=tokens, prompt_valid=valid, tokens=samples.tokens, valid=samples.mask,
        first_feature=jnp.zeros(len(samples.tokens), jnp.int32), trained=samples.mask, states=samples.states,
        room=remaining(budgets, steps), logprobs=samples.logprobs, reference=None,
        advantages=group_advantages(groups, scale_by_std=scale_by_std).reshape(-1),
    )  # fmt: skip
    return rollout, group_metrics(groups)


def logprobs(
    cfg: Config, params, rollout: Rollout, table: GrammarTable, scale: float, *, row_images: bool
) -> tuple[jax.Array, jax.Array]:
    """Log-probabilities float32[B, T] of a rollout's tokens and the entropies there, with the prompt computed once.

    scale: the sampling temperature. row_images: rows show images too (those of `Rollout.images` after the prompt's).
    Meaningful where `rollout.trained`. Layers are unrolled unless they are recomputed in the backward pass: a loop over
    them stacks and unstacks every activation, a seventh of an update on 2 cores; large models compile faster with it.
    """
    cfg, params = (cfg, params) if cfg.remat else unrolled(cfg, params)
    group = rollout.tokens.shape[0] // rollout.prompt.shape[0]
    side = image_side(cfg, rollout.images.shape[2])
    known = features(cfg, params, rollout.images)
    place = inputs(cfg, rollout.prompt, rollout.prompt_valid, side)
    x = model.embed(cfg, params, rollout.prompt, known, place.feature_index)
    first, prefix = forward(cfg, params, x, place.positions, model.causal_mask(rollout.prompt_valid))
    steps = jnp.arange(rollout.prompt.shape[1])[None]
    last = jnp.max(jnp.where(rollout.prompt_valid, steps, 0), axis=1)
    first = jnp.repeat(jnp.take_along_axis(first, last[:, None, None], axis=1), group, axis=0)
    tokens, valid = rollout.tokens[:, :-1], rollout.valid[:, :-1]
    start = jnp.repeat(place.next_position, group)
    place = inputs(cfg, tokens, valid, side, start=start, first_feature=rollout.first_feature)
    pictures = (jnp.repeat(known, group, axis=0), place.feature_index) if row_images else ()
    x = model.embed(cfg, params, tokens, *pictures)
    options = {"prefix": prefix, "prefix_mask": rollout.prompt_valid}
    hidden, _ = forward(cfg, params, x, place.positions, model.causal_mask(valid), **options)
    hidden = jnp.concatenate([first.astype(hidden.dtype), hidden], 1)
    return model.token_logprobs(
        cfg, params, hidden, rollout.tokens, temperature=scale, allowed=lambda s: allowed(table, *s),
        states=(rollout.states, rollout.room),
    )  # fmt: skip
