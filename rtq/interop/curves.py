"""Point curves: Camera Raw's lists ↔ a plan's points."""

from rtq.editor.plan import MAX_CURVE_POINTS
from rtq.interop.camera_raw_keys import number_of
from rtq.interop.report import Notes

KEYS = {"rgb": "ToneCurvePV2012", "red": "ToneCurvePV2012Red", "green": "ToneCurvePV2012Green",
        "blue": "ToneCurvePV2012Blue"}
LEGACY_KEYS = {"rgb": "ToneCurve", "red": "ToneCurveRed", "green": "ToneCurveGreen", "blue": "ToneCurveBlue"}
MEDIUM_CONTRAST = ((0, 0), (32, 22), (64, 56), (128, 128), (192, 196), (255, 255))  # the base curve of old raw edits
IDENTITY = ((0, 0), (255, 255))

Points = tuple[tuple[int, int], ...]


def to_crs(points: Points) -> list[str]:
    """Points as Camera Raw's sequence of "x, y"."""
    return [f"{x}, {y}" for x, y in points]


def from_crs(key: str, value, notes: Notes) -> Points | None:
    """Points of a plan from "x, y" texts (XMP) or flat numbers (.lrtemplate); None when there is no usable curve."""
    pairs = _pairs(value)
    if pairs is None:
        notes.dropped(key, "not a list of points")
        return None
    kept: dict[int, int] = {}
    changed = False
    for x, y in pairs:
        px, py = (min(max(round(v), 0), 255) for v in (x, y))
        changed |= (px, py) != (x, y) or px in kept
        kept[px] = py
    points = tuple(sorted(kept.items()))
    changed |= [p[0] for p in pairs] != sorted(p[0] for p in pairs)
    if len(points) > MAX_CURVE_POINTS:
        last, steps = len(points) - 1, MAX_CURVE_POINTS - 1
        points = tuple(points[round(i * last / steps)] for i in range(MAX_CURVE_POINTS))
        notes.approximated(key, f"{last + 1} points thinned to {MAX_CURVE_POINTS}")
    if len(points) < 2:
        if pairs:
            notes.dropped(key, "fewer than two points")
        return None
    if changed:
        notes.approximated(key, "points put in order, on whole numbers from 0 to 255")
    return points


def _pairs(value) -> list[tuple[float, float]] | None:
    if not isinstance(value, list):
        return None
    numbers: list = []
    for item in value:
        numbers += item.replace(",", " ").split() if isinstance(item, str) else [item]
    floats = [number_of(n) for n in numbers]
    if len(floats) % 2 or any(f is None for f in floats):
        return None
    return list(zip(floats[::2], floats[1::2], strict=True))


def faded(points: Points, fade: float) -> Points:
    """The rgb curve with Fade laid over it: y ↦ y (1 − 0.2 f) + 0.12 f, f in 0–1 (there is no Camera Raw key)."""
    return tuple((x, min(255, round(y * (1 - 0.2 * fade) + 255 * 0.12 * fade))) for x, y in points)
