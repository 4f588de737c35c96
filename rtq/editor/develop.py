"""From plan arrays and pixels to edited pixels: effective slider values and the order of operations.

One function, `develop`, serves every use: a strip of a huge photo, a whole photo, one photo of a batch. `Program` holds
what is static (which groups run, padding); everything else is traced and differentiable.
"""

from typing import NamedTuple

import jax.numpy as jnp

from rtq.editor import color, detail, effects, guides, masks, tone
from rtq.editor.compilation import stage
from rtq.editor.numerics import clip, decode, encode
from rtq.editor.plan_arrays import PlanArrays
from rtq.editor.sliders import GROUPS, LOCAL_INDEX, LOCAL_SLIDERS, SLIDERS

ALL_GROUPS = frozenset((*GROUPS, "curve", "channel_curves"))
# Modifiers whose code is left out when they are neutral.
SKIPPED_MODIFIERS = frozenset(("SharpenMasking", "VignetteRoundness", "VignetteHighlights"))
LINEAR = frozenset(("white_balance", "exposure", "calibration"))
_LOCAL_TONE = frozenset(("light", "clarity", "texture"))
_TONE = frozenset(("tone", "parametric", "curve"))
_BEFORE_COLOR = frozenset(("channel_curves", "hsl"))  # between the tone curve and vibrance


class Program(NamedTuple):
    """What is compiled in; hashable.

    Attributes:
      groups: groups of sliders that run; the others are neutral.
      local_sliders: names that local adjustments may change.
      masks: for each local adjustment (kinds, ops, inverts, names) as ints; None: read from the arrays (any masks).
      taps: rows of padding for sharpening, 0 when it does not run.
      noise_pad: rows of padding for noise reduction, likewise.
      modifiers: sliders of `SKIPPED_MODIFIERS` that are in use.
      scale: output pixels per final pixel.
    """

    groups: frozenset
    local_sliders: tuple[str, ...]
    masks: tuple | None
    taps: int
    noise_pad: int
    modifiers: frozenset
    scale: float

    @property
    def pad(self) -> int:
        """Rows of padding that `develop` takes above and below."""
        return self.taps + self.noise_pad


def program(groups, local_sliders, mask_codes, sigma: float, modifiers, scale: float) -> Program:
    """A `Program`; `sigma` is the largest sharpening radius in final pixels, `modifiers` any sliders in use."""
    sharpened = "sharpen" in groups and sigma * scale >= detail.SMALLEST_SIGMA
    taps = 0
    if sharpened:  # few different paddings, few compilations
        taps = next((t for t in (3, 5, 9) if t >= detail.reach(sigma * scale)), detail.reach(sigma * scale))
        taps += "SharpenMasking" in modifiers  # its edges look one row further
    noise = detail.noise_pad(scale) if "noise" in groups else 0
    return Program(frozenset(groups), tuple(local_sliders), mask_codes, taps, noise,
                   SKIPPED_MODIFIERS & set(modifiers), float(scale))


def superset(scale: float = 1.0) -> Program:
    """The program that renders any plan."""
    names = tuple(row.name for row in LOCAL_SLIDERS)
    return program(ALL_GROUPS, names, None, detail.SHARPEN_MAX_SIGMA, SKIPPED_MODIFIERS, scale)


def slider_values(arrays: PlanArrays, program: Program, view: masks.View) -> dict:
    """Effective values: clip(neutral + amount·(value − neutral) + Σ mask·amount·local, lo, hi) · factor.

    Returns:
      name → scalar, or map [h, W] where a local adjustment may change it; the groups in use only.
    """
    amount = arrays.amount * 0.01
    changes = _local_changes(arrays, program, view, amount)
    values = {}
    for i, row in enumerate(SLIDERS):
        if row.group not in program.groups and row.name != "Exposure":
            continue
        value = arrays.sliders[i]
        if row.driver:
            value = row.neutral + amount * (value - row.neutral)
            if row.name in changes:
                value = value + changes[row.name]
            value = clip(value, row.lo, row.hi)
        values[row.name] = value * row.factor
    return values


def _local_changes(arrays, program, view, amount):
    changes = {}
    count = len(program.masks) if program.masks is not None else arrays.mask_kind.shape[0]
    for i in range(count if program.local_sliders else 0):
        if program.masks is not None:
            codes = program.masks[i]
        else:
            codes = tuple(list(field[i]) for field in
                          (arrays.mask_kind, arrays.mask_op, arrays.mask_invert, arrays.mask_name))
        mask = masks.compose(*codes, arrays.mask_numbers[i], view)
        strength = amount * arrays.local_amount[i] * 0.01
        if program.masks is None:
            strength = jnp.where(i < arrays.local_count, strength, 0.0)
        for name in program.local_sliders:
            change = mask * (strength * arrays.local_sliders[i, LOCAL_INDEX[name]])
            changes[name] = changes[name] + change if name in changes else change
    return changes


def curves_at_amount(arrays: PlanArrays):
    """Curve points with y moved from the diagonal by the plan's amount, float[4, P, 2]."""
    x, y = arrays.curve_points[..., 0], arrays.curve_points[..., 1]
    return jnp.stack([x, x + (arrays.amount * 0.01) * (y - x)], -1)


def copies(photo, named):
    """The ≤ 1024-px and ≤ 512-px copies of a photo and of its named masks.

    Args:
      photo: [H, W, 3] encoded, any real dtype (integers keep their range).
      named: [K, H, W].

    Returns:
      (copy, tone copy), each (float[h, w, 3], float[h, w, K]).
    """
    first, second = guides.factors(*photo.shape[:2])
    copy, maps = (guides.shrink(x, first) for x in (photo, jnp.moveaxis(named, 0, -1)))
    return (copy, maps), tuple(guides.shrink(x, second // first) for x in (copy, maps))


def make_guides(arrays: PlanArrays, program: Program, copy, tone_copy, factors, size) -> guides.Guides:
    """Guides from the copies (encoded, 0–1) after step 1 of the same plan.

    Args:
      copy, tone_copy: (float[h, w, 3], float[h, w, K]).
      factors: photo pixels per sample of each.
      size: (H, W) of the photo.
    """
    planes = []
    for (pixels, maps), factor in zip((copy, tone_copy), factors, strict=True):
        encoded = [pixels[..., c] for c in range(3)]
        height, width = pixels.shape[:2]
        view = masks.View(
            rows=((jnp.arange(height, dtype=pixels.dtype) + 0.5) * (factor / size[0]))[:, None],
            cols=((jnp.arange(width, dtype=pixels.dtype) + 0.5) * (factor / size[1]))[None],
            size=jnp.asarray(size, pixels.dtype), source=tuple(encoded), named=jnp.moveaxis(maps, -1, 0))
        values = slider_values(arrays, program, view)
        planes.append(color.linear_stage([decode(x) for x in encoded], values, program.groups))
    return guides.make(planes[0], planes[1], program.groups, size[1], *factors)


def point_stages(planes, values: dict, program: Program, curves, guide_planes, airlight):
    """Steps 1–7, per pixel once the guides are known. Any shape: planes, maps in `values` and guide planes agree.

    Args:
      planes: three encoded planes.
      values: `slider_values`.
      curves: `curves_at_amount`.
      guide_planes: (a, b, band), None where not in use.
      airlight: three scalars.

    Returns:
      three encoded planes, not clipped.
    """
    groups = program.groups
    if groups & (LINEAR | _LOCAL_TONE | {"dehaze"}):
        planes = stage([decode(x) for x in planes])
        planes = color.linear_stage(planes, values, groups)
        if "dehaze" in groups:
            planes = tone.dehaze(planes, values, airlight)
        if groups & _LOCAL_TONE:
            planes = tone.local_gain(planes, values, groups, *guide_planes)
        planes = stage([encode(x) for x in planes])
    line = ()
    if groups & _TONE:
        offset, ratio = line = tone.tone_line(planes, values, groups, curves)
        if groups & _BEFORE_COLOR or "color" not in groups:
            planes, line = [offset + ratio * x for x in planes], ()
    if "channel_curves" in groups:
        planes = tone.channel_curves(planes, curves)
    if "hsl" in groups:
        planes = color.hsl(stage(planes), values)
    if "color" in groups:
        planes = color.vibrance_saturation(stage(planes), values, *line)
    if "mono" in groups:
        planes = color.black_and_white(stage(planes), values)
    if "grading" in groups:
        planes = color.grading(stage(planes), values)
    return planes


def finish(planes, values: dict, program: Program, view: masks.View, crop):
    """Steps 8–9 on rows: sharpening, vignette, fade, grain.

    Args:
      planes: three encoded planes with `program.taps` rows of padding.
      values: `slider_values`, maps without padding.
      view: absolute coordinates of the rows without padding.
      crop: float[6] as in `PlanArrays`.

    Returns:
      three encoded planes without padding, not clipped.
    """
    if program.taps:
        planes = detail.sharpen(stage(planes), values, program.scale, program.taps,
                                "SharpenMasking" in program.modifiers)
    if "vignette" in program.groups:
        planes = effects.vignette(planes, values, view, crop, "VignetteRoundness" in program.modifiers,
                                  "VignetteHighlights" in program.modifiers)
    if "fade" in program.groups:
        planes = tone.fade(planes, values)
    if "grain" in program.groups:
        planes = effects.grain(planes, values, view)
    return planes


def inner_rows(values: dict, view: masks.View, taps: int):
    """Values and view without the padding of sharpening."""
    values = {name: detail.rows(value, taps) for name, value in values.items()}
    return values, view._replace(rows=detail.rows(view.rows, taps))


def develop(planes, arrays: PlanArrays, program: Program, view: masks.View, guide_planes, airlight):
    """Runs every operation in order.

    Args:
      planes: three encoded planes [h + 2·pad, W] with `program.pad` rows more above and below (absent rows repeat the
        photo's edge).
      arrays: one plan.
      view: absolute coordinates of rows h + 2·taps (padding of noise reduction excluded).
      guide_planes: (a, b, band) [h + 2·taps, W] each, or None where not in use.
      airlight: three scalars.

    Returns:
      three encoded planes [h, W], not clipped.
    """
    values = slider_values(arrays, program, view)
    if program.noise_pad:
        planes = detail.reduce_noise(planes, values, program.scale)
    planes = point_stages(planes, values, program, curves_at_amount(arrays), guide_planes, airlight)
    values, view = inner_rows(values, view, program.taps)
    return finish(planes, values, program, view, arrays.crop)


def flat_base(planes, arrays: PlanArrays, program: Program, view: masks.View):
    """Guide maps (a, b) when every encoded pixel fills a photo of its own."""
    values = slider_values(arrays, program, view)
    return tone.flat_base(color.linear_stage([decode(x) for x in planes], values, program.groups))
