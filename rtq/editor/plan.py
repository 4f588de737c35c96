"""A plan: slider values, local adjustments, point curves and a crop, with its JSON form.

JSON, compact and flat, sliders by Lightroom's names, every key optional but "v":

    {"v":1,"Exposure":0.35,"HueOrange":-10,
     "curves":{"rgb":[[0,0],[64,50],[255,255]]},
     "crop":{"left":0,"top":0,"right":1000,"bottom":1000,"angle":0,"rotate":0},
     "local":[{"mask":[{"linear":[500,0,500,400]},{"op":"subtract","luminance":[0,40,10]}],"amount":80,"Exposure":-0.5}],
     "amount":100}

Coordinates are thousandths of the width and height of the upright, uncropped photo. Mask kinds and their numbers:
`linear` [x0, y0, x1, y1] rises from 0 at the first point to 1 at the second; `radial` [x, y, rx, ry, angle, feather];
`luminance` [lo, hi, feather] and `color` [red, green, blue, range] read the input photo; `region` and `bitmap` name a
mask that is given to `render`.
"""

import dataclasses
import math
from collections.abc import Mapping

from rtq.editor.sliders import BY_NAME, Slider, allowed_text

VERSION = 1
MAX_LOCALS = 4
MAX_COMPONENTS = 3
MAX_CURVE_POINTS = 16
CURVES = ("rgb", "red", "green", "blue")
OPERATIONS = ("add", "subtract", "intersect")
NAMED_KINDS = ("region", "bitmap")
# kind → (name, lo, hi) of each number
MASK_NUMBERS: Mapping[str, tuple[tuple[str, int, int], ...]] = {
    "linear": (("x0", -1000, 2000), ("y0", -1000, 2000), ("x1", -1000, 2000), ("y1", -1000, 2000)),
    "radial": (("x", -1000, 2000), ("y", -1000, 2000), ("rx", 1, 3000), ("ry", 1, 3000), ("angle", -180, 180),
               ("feather", 0, 100)),
    "luminance": (("lo", 0, 100), ("hi", 0, 100), ("feather", 0, 100)),
    "color": (("red", 0, 255), ("green", 0, 255), ("blue", 0, 255), ("range", 1, 100)),
}
MASK_KINDS = (*MASK_NUMBERS, *NAMED_KINDS)
AMOUNT = (0, 200)
CROP_FIELDS: Mapping[str, tuple[float, float, float]] = {  # field → lo, hi, step
    "left": (0, 1000, 1), "top": (0, 1000, 1), "right": (0, 1000, 1), "bottom": (0, 1000, 1),
    "angle": (-45, 45, 0.01), "rotate": (0, 270, 90),
}


@dataclasses.dataclass(frozen=True)
class Mask:
    """One component of a local adjustment's mask.

    Attributes:
      kind: one of `MASK_KINDS`.
      numbers: the integers of `MASK_NUMBERS[kind]`; empty for named kinds.
      name: the mask's name for "region" and "bitmap", else "".
      op: how it joins the components before it; the first is always "add".
      invert: 1 − mask.
    """

    kind: str
    numbers: tuple[int, ...] = ()
    name: str = ""
    op: str = "add"
    invert: bool = False


@dataclasses.dataclass(frozen=True)
class Local:
    """A local adjustment: slider values inside a mask of at most `MAX_COMPONENTS` components; amount in percent."""

    mask: tuple[Mask, ...]
    sliders: Mapping[str, float]
    amount: int = 100


@dataclasses.dataclass(frozen=True)
class Crop:
    """A crop on the upright, uncropped photo.

    (left, top) and (right, bottom), in thousandths, are opposite corners of the kept rectangle, which is turned by
    `angle` degrees (as Lightroom stores it: positive turns the frame clockwise, so the photo counter-clockwise); then
    the result is turned clockwise by `rotate` (0, 90, 180 or 270).
    """

    left: int = 0
    top: int = 0
    right: int = 1000
    bottom: int = 1000
    angle: float = 0
    rotate: int = 0


@dataclasses.dataclass(frozen=True)
class Plan:
    """What an edit is. Sliders that are absent are neutral; values equal to neutral are left out on construction.

    Attributes:
      sliders: name → value, in table order.
      locals: at most `MAX_LOCALS` local adjustments.
      curves: "rgb", "red", "green", "blue" → points (x, y), 0–255, x ascending.
      crop: or None.
      amount: percent by which all driver sliders, curves and locals are scaled when rendered.

    Raises:
      ValueError: one line that names the key and says what is allowed.
    """

    sliders: Mapping[str, float] = dataclasses.field(default_factory=dict)
    locals: tuple[Local, ...] = ()
    curves: Mapping[str, tuple[tuple[int, int], ...]] = dataclasses.field(default_factory=dict)
    crop: Crop | None = None
    amount: int = 100

    def __post_init__(self):
        object.__setattr__(self, "sliders", _check_sliders(self.sliders, local=False, where=""))
        if len(self.locals) > MAX_LOCALS:
            raise ValueError(f"local: {len(self.locals)} local adjustments; at most {MAX_LOCALS} are allowed")
        object.__setattr__(self, "locals", tuple(_check_local(x, f"local[{i}]") for i, x in enumerate(self.locals)))
        object.__setattr__(self, "curves", _check_curves(self.curves))
        if self.crop is not None:
            object.__setattr__(self, "crop", _check_crop(self.crop))
        object.__setattr__(self, "amount", int(number("amount", self.amount, *AMOUNT, 1)))

    def __hash__(self):
        return hash(self.to_json())

    def to_json(self) -> str:
        """The compact JSON form: no spaces, table order, only what differs from neutral."""
        from rtq.editor import plan_json  # plan_json builds on this module

        return plan_json.dumps(self)

    @staticmethod
    def from_json(text: "str | bytes | Mapping") -> "Plan":
        """Parses the JSON form (a string, bytes or the decoded object). Key order does not matter.

        Raises:
          ValueError: one line that names the key and says what is allowed.
        """
        from rtq.editor import plan_json

        return plan_json.loads(text)

    @property
    def mask_names(self) -> tuple[str, ...]:
        """Names of the masks that `render` must be given, sorted."""
        return tuple(sorted({m.name for local in self.locals for m in local.mask if m.kind in NAMED_KINDS}))


def number(key: str, value, lo: float, hi: float, step: float) -> float:
    """Checks one number: type, finiteness, range and grid.

    Returns:
      the value, an int where the step is whole.

    Raises:
      ValueError: one line with the key, the value and what is allowed.
    """
    allowed = allowed_text(lo, hi, step)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{key}: {_short(value)} is not a number; allowed: {allowed}")
    if not lo <= value <= hi:  # also false for NaN
        raise ValueError(f"{key}: {_short(value)} is out of range; allowed: {allowed}")
    ticks = (value - lo) / step
    if abs(ticks - round(ticks)) > 1e-6 / step:
        near = lo + round(ticks) * step
        raise ValueError(f"{key}: {_short(value)} is between two steps (nearest {near:g}); allowed: {allowed}")
    return int(value) if float(step).is_integer() else round(lo + round(ticks) * step, 6) + 0.0


def _short(value) -> str:
    text = " ".join((repr(value) if not isinstance(value, int) else format(float(value), ".6g")
                     if abs(value) > 10**9 and abs(value) < 10**300 else "a huge number"
                     if abs(value) >= 10**300 else repr(value)).split())
    return text if len(text) <= 40 else text[:37] + "..."


def slider_range(row: Slider, local: bool) -> tuple[float, float, float]:
    """(lo, hi, step) of a slider, globally or inside a local adjustment."""
    if not local:
        return row.lo, row.hi, row.step
    if row.local is None:
        raise ValueError(f"{row.name}: not available in a local adjustment")
    return row.local[0], row.local[1], row.step


def find_slider(name: str, where: str = "") -> Slider:
    """The row of that name, else a ValueError that offers the nearest names."""
    if not isinstance(name, str):
        raise ValueError(f"{where}{_short(name)}: no such slider; names are text")
    if name in BY_NAME:
        return BY_NAME[name]
    import difflib  # 10 ms, only on the way to an error

    near = difflib.get_close_matches(name, BY_NAME, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else "`rtq sliders` lists them"
    raise ValueError(f"{where}{_short(name)}: no such slider; {hint}")


def _check_sliders(sliders: Mapping[str, float], local: bool, where: str) -> dict[str, float]:
    kept = {}
    for name, value in sliders.items():
        row = find_slider(name, where)
        if local and row.local is None:
            allowed = ", ".join(r.name for r in BY_NAME.values() if r.local is not None)
            raise ValueError(f"{where}{name}: not available in a local adjustment; allowed: {allowed}")
        value = number(where + name, value, *slider_range(row, local))
        if value != (0 if local else row.neutral):
            kept[name] = value
    return {name: kept[name] for name in BY_NAME if name in kept}


def _check_local(local: Local, where: str) -> Local:
    if not 1 <= len(local.mask) <= MAX_COMPONENTS:
        raise ValueError(f"{where}.mask: {len(local.mask)} components; 1 to {MAX_COMPONENTS} are allowed")
    mask = tuple(_check_mask(m, f"{where}.mask[{i}]", first=i == 0) for i, m in enumerate(local.mask))
    sliders = _check_sliders(local.sliders, local=True, where=f"{where}.")
    return Local(mask, sliders, int(number(f"{where}.amount", local.amount, *AMOUNT, 1)))


def _check_mask(mask: Mask, where: str, first: bool) -> Mask:
    if mask.op not in OPERATIONS:
        raise ValueError(f"{where}.op: {_short(mask.op)} is unknown; allowed: {', '.join(OPERATIONS)}")
    if first and mask.op != "add":
        raise ValueError(f'{where}.op: the first component is always "add"')
    if not isinstance(mask.invert, bool):
        raise ValueError(f"{where}.invert: {_short(mask.invert)} is not true or false")
    if mask.kind in NAMED_KINDS:
        if not isinstance(mask.name, str) or not 1 <= len(mask.name) <= 80 or not mask.name.isprintable():
            raise ValueError(f"{where}.{mask.kind}: {_short(mask.name)} is not a name of 1 to 80 printable characters")
        return Mask(mask.kind, (), mask.name, mask.op, mask.invert)
    if mask.kind not in MASK_NUMBERS:
        raise ValueError(f"{where}: mask kind {_short(mask.kind)} is unknown; allowed: {', '.join(MASK_KINDS)}")
    fields = MASK_NUMBERS[mask.kind]
    if len(mask.numbers) != len(fields):
        names = ", ".join(name for name, _, _ in fields)
        raise ValueError(f"{where}.{mask.kind}: {len(mask.numbers)} numbers; needed: {names}")
    numbers = tuple(int(number(f"{where}.{mask.kind}.{name}", value, lo, hi, 1))
                    for value, (name, lo, hi) in zip(mask.numbers, fields, strict=True))
    if mask.kind == "linear" and numbers[:2] == numbers[2:]:
        raise ValueError(f"{where}.linear: both points are the same; they must differ")
    if mask.kind == "luminance" and numbers[0] > numbers[1]:
        raise ValueError(f"{where}.luminance: lo {numbers[0]} is above hi {numbers[1]}; lo ≤ hi is needed")
    return Mask(mask.kind, numbers, "", mask.op, mask.invert)


def _check_curves(curves) -> dict[str, tuple[tuple[int, int], ...]]:
    kept = {}
    for name, points in curves.items():
        if name not in CURVES:
            raise ValueError(f"curves.{name}: no such curve; allowed: {', '.join(CURVES)}")
        if not 2 <= len(points) <= MAX_CURVE_POINTS:
            raise ValueError(f"curves.{name}: {len(points)} points; 2 to {MAX_CURVE_POINTS} are allowed")
        checked = []
        for i, point in enumerate(points):
            if len(point) != 2:
                raise ValueError(f"curves.{name}[{i}]: {len(point)} numbers; a point is [x, y]")
            checked.append(tuple(int(number(f"curves.{name}[{i}]", v, 0, 255, 1)) for v in point))
        for i in range(1, len(checked)):
            if checked[i][0] <= checked[i - 1][0]:
                raise ValueError(f"curves.{name}[{i}]: x {checked[i][0]} does not rise; x must ascend")
        if any(x != y for x, y in checked):
            kept[name] = tuple(checked)
    return {name: kept[name] for name in CURVES if name in kept}


def _check_crop(crop: Crop) -> Crop | None:
    fields = {name: number(f"crop.{name}", value, *CROP_FIELDS[name])
              for name, value in dataclasses.asdict(crop).items()}
    width, height = fields["right"] - fields["left"], fields["bottom"] - fields["top"]
    if width < 10 or height < 10:
        raise ValueError(f"crop: {width} × {height} thousandths of the photo; at least 10 × 10 is needed")
    crop = Crop(**fields)
    return None if crop == Crop() else crop


def scaled(plan: Plan, amount: float) -> Plan:
    """The same plan at `amount` percent (0–200) of its own amount, rounded and clipped to 0–200."""
    product = plan.amount * float(amount) / 100
    if not math.isfinite(product) or not AMOUNT[0] <= amount <= AMOUNT[1]:
        raise ValueError(f"amount: {amount!r} is out of range; allowed: {allowed_text(*AMOUNT, 1)}")
    return dataclasses.replace(plan, amount=min(AMOUNT[1], round(product)))
