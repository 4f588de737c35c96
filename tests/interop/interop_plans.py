"""Plans for property tests."""

import hypothesis.strategies as st

from rtq.editor.plan import MASK_NUMBERS, Crop, Local, Mask, Plan
from rtq.editor.sliders import LOCAL_SLIDERS, SLIDERS
from rtq.interop.mask_groups import REGIONS


def grid(lo, hi, step):
    """Strategy: a value on the grid of a slider."""
    ticks = st.integers(0, round((hi - lo) / step))
    return ticks.map(lambda k: int(lo + k * step) if float(step).is_integer() else round(lo + k * step, 6))


def sliders(rows):
    """Strategy: some of these sliders with any allowed values."""
    return st.dictionaries(st.sampled_from([row.name for row in rows]), st.none(), max_size=8).flatmap(
        lambda names: st.fixed_dictionaries({row.name: grid(row.lo, row.hi, row.step) for row in rows
                                             if row.name in names}))


def local_sliders():
    """Strategy: at least one local slider off neutral."""
    return st.sampled_from(LOCAL_SLIDERS).flatmap(
        lambda row: grid(*row.local, row.step).filter(bool).map(lambda v: {row.name: v}))


@st.composite
def masks(draw, first):
    """Strategy: a mask that XMP can hold."""
    kind = draw(st.sampled_from((*MASK_NUMBERS, "region")))
    op = "add" if first else draw(st.sampled_from(("add", "subtract", "intersect")))
    invert = draw(st.booleans())
    if kind == "region":
        return Mask("region", (), draw(st.sampled_from(sorted(REGIONS))), op, invert)
    numbers = [draw(st.integers(lo, hi)) for _, lo, hi in MASK_NUMBERS[kind]]
    if kind == "linear" and numbers[:2] == numbers[2:]:
        numbers[0] = 1 - numbers[0]
    if kind == "radial" and numbers[4] == -180:
        numbers[4] = 180
    if kind == "luminance":
        numbers[:2] = sorted(numbers[:2])
        numbers[2] = min(numbers[2], max(numbers[0], 100 - numbers[1]))
    return Mask(kind, tuple(numbers), "", op, invert)


@st.composite
def local_adjustments(draw):
    """Strategy: a local adjustment that XMP can hold."""
    rest = draw(st.lists(masks(first=False), max_size=2))
    return Local((draw(masks(first=True)), *rest), draw(local_sliders()), draw(st.integers(0, 200)))


def curve_points():
    """Strategy: points of a curve from end to end."""
    xs = st.sets(st.integers(1, 254), max_size=14).map(lambda inner: [0, *sorted(inner), 255])
    return xs.flatmap(lambda x: st.tuples(*(st.tuples(st.just(v), st.integers(0, 255)) for v in x)))


@st.composite
def crops(draw):
    """Strategy: a crop, half of them straightened."""
    left, top = draw(st.integers(0, 900)), draw(st.integers(0, 900))
    right, bottom = draw(st.integers(left + 20, 1000)), draw(st.integers(top + 20, 1000))
    angle = draw(st.one_of(st.just(0), st.integers(-4500, 4500).map(lambda v: v / 100)))
    return Crop(left, top, right, bottom, angle, draw(st.sampled_from((0, 90, 180, 270))))


@st.composite
def representable(draw):
    """Strategy: plans that XMP holds without loss."""
    return Plan(
        draw(sliders([row for row in SLIDERS if row.key is not None])),
        tuple(draw(st.lists(local_adjustments(), max_size=4))),
        draw(st.dictionaries(st.sampled_from(("rgb", "red", "green", "blue")), curve_points(), max_size=2)),
        draw(st.one_of(st.none(), crops())))


def canonical(plan: Plan) -> Plan:
    """XMP writes "intersect" as "subtract the inverse": one spelling of the two."""
    def one(mask):
        if mask.op == "add" or not mask.invert:
            return mask
        return Mask(mask.kind, mask.numbers, mask.name, "intersect" if mask.op == "subtract" else "subtract", False)

    return Plan(plan.sliders, tuple(Local(tuple(map(one, x.mask)), x.sliders, x.amount) for x in plan.locals),
                plan.curves, plan.crop)
