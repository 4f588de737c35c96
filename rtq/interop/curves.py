"""Point curves: Camera Raw's lists ↔ a plan's points.

Beyond its first and last point Camera Raw's curve is level, ours goes on with its slope.
"""

from rtq.editor.plan import MAX_CURVE_POINTS
from rtq.interop.camera_raw_keys import number_of
from rtq.interop.report import Notes

KEYS = {"rgb": "ToneCurvePV2012", "red": "ToneCurvePV2012Red", "green": "ToneCurvePV2012Green",
        "blue": "ToneCurvePV2012Blue"}
LEGACY_KEYS = {"rgb": "ToneCurve", "red": "ToneCurveRed", "green": "ToneCurveGreen", "blue": "ToneCurveBlue"}
MEDIUM_CONTRAST = ((0, 0), (32, 22), (64, 56), (128, 128), (192, 196), (255, 255))  # the base curve of old raw edits
IDENTITY = ((0, 0), (255, 255))
BEND = 8  # levels at most in which an imported curve turns level

Points = tuple[tuple[int, int], ...]


def to_crs(points: Points) -> list[str]:
    """Points as Camera Raw's sequence of "x, y"."""
    return [f"{x}, {y}" for x, y in points]


def continued(points: Points) -> Points:
    """A plan's curve with a point more at each end that lies inside, where its line arrives at 0 or 255."""
    return _thinned(tuple(sorted({*points, *_arrival(*points[:2], 0), *_arrival(*points[:-3:-1], 255)})))


def _arrival(last, inner, end: int) -> Points:
    """The point where the line from `inner` through `last` reaches x = `end`, or leaves 0–255 before."""
    (x, y), slope = last, (last[1] - inner[1]) / (last[0] - inner[0])
    arrives = y + slope * (end - x)
    limit = min(max(arrives, 0), 255)
    at = end if arrives == limit else round(x + (limit - y) / slope)
    return ((at, round(limit)),) if at != x else ()


def _held(points: Points) -> Points:
    """Camera Raw's curve with points more at each end that lies inside, so that ours is as level there."""
    return tuple(sorted({*points, *_level(*points[:2], 0), *_level(*points[:-3:-1], 255)}))


def _level(last, inner, end: int) -> Points:
    """Points at x = `end` and beside `last`, which keep the curve level up to there and its bend narrow; none where it
    goes on level, or from black below or white above, by itself."""
    (x, y), gap = last, inner[0] - last[0]
    slope = (inner[1] - y) / gap
    if x == end or slope == 0 or y == (255 if slope * (end - x) > 0 else 0):
        return ()
    steps = [d if gap > 0 else -d for d in range(1, min(BEND, (abs(gap) - 1) // 2) + 1)]
    beside = sorted(steps, key=lambda d: abs(slope * d - round(slope * d)))[:1]  # where whole numbers fit best
    return ((end, y), *((x + d, y + round(slope * d)) for d in beside))


def _thinned(points: Points) -> Points:
    """As many points as a plan may have, the first and last among them."""
    last, steps = len(points) - 1, MAX_CURVE_POINTS - 1
    return points if last <= steps else tuple(points[round(i * last / steps)] for i in range(MAX_CURVE_POINTS))


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
    if len(points) < 2:
        if pairs:
            notes.dropped(key, "fewer than two points")
        return None
    points = _held(points)
    if len(points) > MAX_CURVE_POINTS:
        notes.approximated(key, f"{len(points)} points thinned to {MAX_CURVE_POINTS}")
        points = _thinned(points)
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
