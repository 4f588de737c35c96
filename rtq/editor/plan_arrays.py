"""Plans as fixed-shape arrays, for batches on an accelerator."""

from typing import NamedTuple

import numpy as np

from rtq.editor.plan import (
    CURVES,
    MASK_KINDS,
    MASK_NUMBERS,
    MAX_COMPONENTS,
    MAX_CURVE_POINTS,
    MAX_LOCALS,
    NAMED_KINDS,
    OPERATIONS,
    Crop,
    Mask,
    Plan,
    number,
    slider_range,
)
from rtq.editor.sliders import INDEX, LOCAL_INDEX, LOCAL_SLIDERS, SLIDERS

MASK_WIDTH = max(len(fields) for fields in MASK_NUMBERS.values())


class PlanArrays(NamedTuple):
    """One plan, or a batch of plans with a leading axis B on every field. S sliders, L locals, C mask components.

    Attributes:
      sliders: float32[S], in table order, as a person reads them (Contrast −100…100).
      amount: float32[], percent.
      curve_points: float32[4, P, 2], x and y in 0–255, padded by repeating the last point; identity where absent.
      crop: float32[6]: left, top, right, bottom (thousandths), angle (degrees), rotate (degrees).
      local_count: int32[].
      local_sliders: float32[L, local sliders]; zero means untouched.
      local_amount: float32[L], percent.
      mask_kind: int32[L, C], index into MASK_KINDS, −1 where absent.
      mask_numbers: float32[L, C, N].
      mask_op: int32[L, C], index into OPERATIONS.
      mask_invert: int32[L, C], 0 or 1.
      mask_name: int32[L, C], index into the caller's tuple of mask names, −1 where the kind has none.
    """

    sliders: np.ndarray
    amount: np.ndarray
    curve_points: np.ndarray
    crop: np.ndarray
    local_count: np.ndarray
    local_sliders: np.ndarray
    local_amount: np.ndarray
    mask_kind: np.ndarray
    mask_numbers: np.ndarray
    mask_op: np.ndarray
    mask_invert: np.ndarray
    mask_name: np.ndarray


def to_arrays(plan: Plan, mask_names: tuple[str, ...] = ()) -> PlanArrays:
    """Plan → numpy arrays.

    Args:
      plan: any plan.
      mask_names: the names that region and bitmap masks may use, in the order of the masks given to `render_batch`.

    Raises:
      ValueError: a mask's name is not among `mask_names`.
    """
    shape = (MAX_LOCALS, MAX_COMPONENTS)
    out = PlanArrays(
        sliders=np.array([row.neutral for row in SLIDERS], np.float32),
        amount=np.float32(plan.amount),
        curve_points=np.tile(np.array([[0, 0]] + [[255, 255]] * (MAX_CURVE_POINTS - 1), np.float32), (4, 1, 1)),
        crop=np.array(_crop_tuple(plan.crop or Crop()), np.float32),
        local_count=np.int32(len(plan.locals)),
        local_sliders=np.zeros((MAX_LOCALS, len(LOCAL_SLIDERS)), np.float32),
        local_amount=np.full(MAX_LOCALS, 100, np.float32),
        mask_kind=np.full(shape, -1, np.int32),
        mask_numbers=np.zeros((*shape, MASK_WIDTH), np.float32),
        mask_op=np.zeros(shape, np.int32),
        mask_invert=np.zeros(shape, np.int32),
        mask_name=np.full(shape, -1, np.int32),
    )
    for name, value in plan.sliders.items():
        out.sliders[INDEX[name]] = value
    for i, name in enumerate(CURVES):
        points = plan.curves.get(name, ())
        if points:
            out.curve_points[i] = points[-1]
            out.curve_points[i, :len(points)] = points
    for i, local in enumerate(plan.locals):
        out.local_amount[i] = local.amount
        for name, value in local.sliders.items():
            out.local_sliders[i, LOCAL_INDEX[name]] = value
        for j, mask in enumerate(local.mask):
            _write_mask(out, i, j, mask, mask_names)
    return out


def _crop_tuple(crop: Crop) -> tuple:
    return crop.left, crop.top, crop.right, crop.bottom, crop.angle, crop.rotate


def _write_mask(out: PlanArrays, i: int, j: int, mask: Mask, mask_names: tuple[str, ...]) -> None:
    out.mask_kind[i, j] = MASK_KINDS.index(mask.kind)
    out.mask_numbers[i, j, :len(mask.numbers)] = mask.numbers
    out.mask_op[i, j] = OPERATIONS.index(mask.op)
    out.mask_invert[i, j] = mask.invert
    if mask.kind in NAMED_KINDS:
        if mask.name not in mask_names:
            raise ValueError(f"local[{i}].mask[{j}].{mask.kind}: no mask named {mask.name!r} was given; "
                             f"given: {', '.join(mask_names) or 'none'}")
        out.mask_name[i, j] = mask_names.index(mask.name)


def stack(plans, mask_names: tuple[str, ...] = ()) -> PlanArrays:
    """Several plans → arrays with a leading batch axis."""
    return PlanArrays(*(np.stack(field) for field in zip(*(to_arrays(p, mask_names) for p in plans), strict=True)))


def snap(name: str, value: float, local: bool = False) -> float:
    """The allowed value of a slider nearest to `value`, which must be finite."""
    row = SLIDERS[INDEX[name]]
    lo, hi, step = slider_range(row, local)
    nearest = lo + round((min(max(float(value), lo), hi) - lo) / step) * step
    return number(name, round(nearest) if row.integer else round(nearest, 6), lo, hi, step)
