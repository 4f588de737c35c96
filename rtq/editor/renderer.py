"""Rendering: `render` for one photo of any size, `render_batch` for a batch with a different plan per photo."""

import functools
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from rtq.editor import compilation, crop, develop, guides, masks, strips
from rtq.editor.plan import MASK_KINDS, OPERATIONS, Plan
from rtq.editor.plan_arrays import PlanArrays, stack, to_arrays
from rtq.editor.sliders import BY_NAME

DTYPES = ("uint8", "uint16", "float32")


def groups_of(plan: Plan) -> frozenset[str]:
    """The groups that this plan uses: those with a driver off neutral, globally or locally."""
    used = {BY_NAME[name].group for name in plan.sliders if BY_NAME[name].driver}
    used |= {BY_NAME[name].group for local in plan.locals for name in local.sliders}
    used |= {"curve"} if "rgb" in plan.curves else set()
    used |= {"channel_curves"} if set(plan.curves) - {"rgb"} else set()
    return frozenset(used)


def program_of(plan: Plan, scale: float = 1.0, mask_names: tuple[str, ...] = ()) -> develop.Program:
    """The smallest program that renders this plan exactly."""
    local_sliders = tuple(dict.fromkeys(name for local in plan.locals for name in local.sliders))
    codes = tuple(
        (tuple(MASK_KINDS.index(m.kind) for m in local.mask), tuple(OPERATIONS.index(m.op) for m in local.mask),
         tuple(m.invert for m in local.mask), tuple(mask_names.index(m.name) if m.name else -1 for m in local.mask))
        for local in plan.locals)
    radius = plan.sliders.get("SharpenRadius", BY_NAME["SharpenRadius"].neutral) * BY_NAME["SharpenRadius"].factor
    return develop.program(groups_of(plan), local_sliders, codes, radius, plan.sliders, scale)


def render(photo, plan: Plan, *, scale: float = 1.0, masks: Mapping | None = None):
    """Renders one photo.

    Args:
      photo: uint8, uint16 or float32 [H, W, 3], numpy or jax; encoded extended sRGB, integers spanning 0–1.
      plan: what to do.
      scale: this photo's long side / the final photo's long side; radii counted in final pixels shrink with it.
      masks: name → [h, w] bool, uint8 (0–255) or float (0–1), for the plan's region and bitmap masks; any size.

    Returns:
      The edited photo, of the same kind and dtype, [H', W', 3] after the plan's crop. Integers are clipped once and
      rounded; float32 is not clipped.

    Raises:
      ValueError: a wrong shape or dtype, a scale outside (0, 1000], or a missing mask, in one line.
    """
    _check_photo(photo)
    if not 0 < scale <= 1000:
        raise ValueError(f"scale: {scale} is not in (0, 1000]")
    names = plan.mask_names
    maps = _named_masks(names, masks or {}, photo.shape[:2])
    program = program_of(plan, scale, names)
    arrays = to_arrays(plan, names)
    out = strips.render(photo, arrays, program, maps) if program.groups else photo
    if plan.crop is not None:
        out = crop.apply(out, plan.crop)
    if isinstance(photo, jax.Array):
        return jnp.asarray(out)
    return np.array(out) if out is photo else np.asarray(out)


def _check_photo(photo) -> None:
    if not isinstance(photo, (np.ndarray, jax.Array)):
        raise ValueError(f"photo: {type(photo).__name__} where a numpy or jax array is needed")
    if photo.ndim != 3 or photo.shape[2] != 3 or 0 in photo.shape:
        raise ValueError(f"photo: shape {tuple(photo.shape)} where [height, width, 3] is needed")
    if str(photo.dtype) not in DTYPES:
        raise ValueError(f"photo: dtype {photo.dtype} where one of {', '.join(DTYPES)} is needed")


def _named_masks(names: tuple[str, ...], given: Mapping, shape: tuple[int, int]) -> np.ndarray:
    """float32[K, H, W] in the order of `names`, resized bilinearly where the size differs."""
    missing = [name for name in names if name not in given]
    if missing:
        raise ValueError(f"masks: the plan needs {', '.join(missing)}; given: {', '.join(given) or 'none'}")
    maps = []
    for name in names:
        mask = np.asarray(given[name])
        if mask.ndim != 2 or 0 in mask.shape or mask.dtype.kind not in "bfu" or mask.dtype.itemsize > 8:
            raise ValueError(f"masks: {name} is {mask.dtype}{list(mask.shape)}; needed: bool, uint8 or float [h, w]")
        mask = mask.astype(np.float32) / (np.iinfo(mask.dtype).max if mask.dtype.kind == "u" else 1)
        if not np.isfinite(mask).all():
            raise ValueError(f"masks: {name} holds values that are not finite")
        if mask.shape != shape:
            mask = np.asarray(jax.image.resize(mask, shape, "linear"))
        maps.append(np.clip(mask, 0, 1))
    return np.stack(maps) if maps else np.zeros((0, *shape), np.float32)


def whole(photo, arrays: PlanArrays, named, program: develop.Program):
    """One photo in one piece; differentiable in photo, plan and masks. Crop is not applied.

    Args:
      photo: float[H, W, 3] encoded.
      arrays: one plan.
      named: float[K, H, W].
      program: static.

    Returns:
      float[H, W, 3] encoded, not clipped.
    """
    height, width = photo.shape[:2]
    copy, tone_copy = develop.copies(photo, named)
    factors = guides.factors(height, width)
    guide = develop.make_guides(arrays, program, copy, tone_copy, factors, (height, width))
    taps, pad = program.taps, program.pad
    planes = [jnp.pad(photo[..., c], ((pad, pad), (0, 0)), mode="edge") for c in range(3)]
    row = jnp.clip(jnp.arange(-taps, height + taps), 0, height - 1)
    noise = program.noise_pad
    view = masks.View(
        rows=((row.astype(photo.dtype) + 0.5) / height)[:, None],
        cols=((jnp.arange(width, dtype=photo.dtype) + 0.5) / width)[None],
        size=jnp.array([height, width], photo.dtype),
        source=tuple(x[noise:x.shape[0] - noise] for x in planes),
        named=jnp.pad(named, ((0, 0), (taps, taps), (0, 0)), mode="edge"))
    weights = strips.row_weights(program, (height, width), factors, -taps, height + 2 * taps)
    guide_planes = strips.guide_planes(program, guide.base, guide.band, *weights)
    return jnp.stack(develop.develop(planes, arrays, program, view, guide_planes, list(guide.airlight)), -1)


@compilation.jit(static_argnames=("program",))
def _batch(photos, arrays, named, program):
    return jax.vmap(functools.partial(whole, program=program))(photos, arrays, named)


def render_batch(photos, plans: PlanArrays | Sequence[Plan], *, scale: float = 1.0, masks=None,
                 program: develop.Program | None = None):
    """Renders a batch, a different plan per photo, by one compiled program per shape; differentiable.

    Args:
      photos: float32[B, H, W, 3], encoded extended sRGB.
      plans: B plans, or `PlanArrays` with a leading axis B.
      scale: as in `render`, one for the batch.
      masks: float32[B, K, H, W] for region and bitmap masks, or None.
      program: None for the superset that renders any plan; or a smaller one, if the caller knows that it is enough.

    Returns:
      float32[B, H, W, 3], encoded, not clipped. Crops are not applied: shapes are fixed.
    """
    if not isinstance(plans, PlanArrays):
        plans = stack(plans)
    if masks is None:
        masks = jnp.zeros((photos.shape[0], 0, *photos.shape[1:3]), photos.dtype)
    return _batch(photos, plans, masks, program or develop.superset(scale))


def render_flat(colors, plan: Plan):
    """Renders colours as if each filled a photo of its own: what a colour lookup table can hold of a plan.

    Operations with a radius, masks, vignette and grain are left out; Highlights and Shadows take their flat-field form.

    Args:
      colors: float32[N, 3], encoded.
      plan: any plan.

    Returns:
      float32[N, 3], encoded, not clipped.
    """
    groups = groups_of(Plan(plan.sliders, (), plan.curves)) - guides.NOT_FLAT
    program = develop.program(groups, (), (), 0.0, (), 1.0)
    return _flat(jnp.asarray(colors, jnp.float32), to_arrays(Plan(plan.sliders, (), plan.curves, None, plan.amount)),
                 program)


@compilation.jit(static_argnames=("program",))
def _flat(colors, arrays, program):
    planes = [colors[:, c][None] for c in range(3)]
    ones = jnp.ones((1, 1))
    view = masks.View(ones, ones, jnp.ones(2), tuple(planes), jnp.zeros((0, 1, colors.shape[0])))
    base = develop.flat_base(planes, arrays, program, view)
    return jnp.stack(develop.develop(planes, arrays, program, view, (*base, None), None), -1)[0]
