"""The truth that trained scorers are held against: what an edit did in pixels, what was asked, what the user did.

Measure at twice the resolution that models are trained at. Nothing here reads plans, words or model scores, and neither
training data nor rewards may import it.

**SC**, 0–10: did the edit do what was asked, and only that. For an asked attribute let d be its change in levels
(`rtq.eval.changes`) in the direction asked, d* what the user's edit did. Progress p = 1 + (d − d*) / max(d*, 1), and

    credit(p) = 0.45 exp(1.2 p)      p < 0        the wrong way: 0.14 at p = −1
                0.45 + 0.55 p        0 ≤ p ≤ 1    0.45 for the untouched photo, 1 for the user's amount
                exp(−0.4 (p − 1))    p > 1        0.67 for twice the amount

    SC = 10 · (geometric mean of the credits) / (1 + (E / 5)²)

E² sums (levels²) how far each attribute that was *not* asked for left the span from 0 to what the user's edit did to it
(times the mean progress, where that is 1 to 3: too much was already counted). Half a level is free, each counts at most
6, a hue's attributes a quarter, haze, fade and mono (made of others) nothing. A vague request asks for every tone that
the user moved by a level or more. Without a user's edit, d* is the level asked for, two levels are free, and what
belongs to an asked attribute's family (light and detail, or colour) is not counted.

**PQ**, 0–10: what the edit broke. PQ = 10 exp(−(clipped / 0.2 + stepped / 0.1 + overdone)), each counted beyond the
larger of the photo before and the user's edit:

    clipped    share of pixels at black or white (half for a colour with some channel at a limit)
    stepped    share of neighbours in smooth areas (before: ≤ 1 L*) that became visible steps (> 2.5 L*): banding, noise
    overdone   mean chroma above 40 (/ 20), mean cast above 25 (/ 15), spread of L* outside 8–32 (/ 10), mean L* outside
               20–85 (/ 15), summed

**O** = sqrt(SC · PQ).
"""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from rtq.eval.changes import ATTRIBUTES, BY_HUE, HUES, TONES, Measured, changes, measured

MAX_LEVEL = 3
# What else attributes are called in training data and labels → (attribute, sign).
ALIASES: Mapping[str, tuple[tuple[str, int], ...]] = {
    "vibrance": (("saturation", 1),), "texture": (("sharpness", 1),), "redness": (("warmth", 1), ("tint", 1)),
    "grain": (("noise", 1),), "brown": (("warmth", 1),), "pop": (("contrast", 1), ("saturation", 1)),
    "skin": (("orange_saturation", 1),),
    **{f"{hue}s": ((f"{hue}_saturation", 1),) for hue in HUES},
}
_FREE, _FREE_ALONE, _LARGEST = 0.5, 2.0, 6.0
_COLOR = {"warmth", "tint", "saturation", "mono", *BY_HUE}


@dataclasses.dataclass(frozen=True)
class Ask:
    """One thing asked for: an attribute of `changes.ATTRIBUTES`, its signed level −3…3, and where (None: everywhere).

    region: float[H, W] in 0–1. Asks that share one array object are measured together.
    """

    attribute: str
    level: float
    region: np.ndarray | None = None

    def __post_init__(self):
        if self.attribute not in ATTRIBUTES:
            raise ValueError(f"attribute {self.attribute!r} is unknown; allowed: {', '.join(ATTRIBUTES)}")
        if not 0 < abs(self.level) <= MAX_LEVEL:
            raise ValueError(f"{self.attribute}: level {self.level} is not in −3…3 without 0")


@dataclasses.dataclass(frozen=True)
class Verdict:
    """sc, pq, o: 0–10. progress: by asked attribute, 1 is the user's amount. moved: levels of what was not asked."""

    sc: float
    pq: float
    o: float
    progress: Mapping[str, float]
    moved: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class _Area:
    region: np.ndarray | None
    asked: Mapping[str, float]  # attribute → sign
    target: Mapping[str, float]  # attribute → what the user's edit did, in levels
    watched: tuple[str, ...]  # attributes that should not move beyond that


@dataclasses.dataclass(frozen=True)
class Case:
    """A photo, what was asked and what the user did, measured once for all edits judged against it."""

    before: Measured
    areas: tuple[_Area, ...]
    flaws: np.ndarray
    free: float


def asks_of(levels: Mapping[str, float], regions: Mapping[str, np.ndarray] | None = None) -> list[Ask]:
    """Asks from attribute → level as examples and labels name them.

    Aliases are translated; "sky brightness" and "sky:brightness" are inside `regions["sky"]`. A name that is no
    attribute (a style, an unknown place) says nothing that can be measured and is left out; if nothing remains, the
    request is judged as a vague one.
    """
    asks: dict[tuple[str, str], Ask] = {}
    for name, level in levels.items():
        place, _, attribute = name.replace(":", " ").rpartition(" ")
        if place and place not in (regions or {}):
            continue
        for plain, sign in ALIASES.get(attribute, ((attribute, 1),)):
            if plain in ATTRIBUTES and level:
                clipped = float(np.clip(sign * level, -MAX_LEVEL, MAX_LEVEL))
                asks.setdefault((place, plain), Ask(plain, clipped, regions[place] if place else None))
    return list(asks.values())


def prepare(before, asked: Mapping[str, float] | Iterable[Ask], user=None) -> Case:
    """Measures everything that does not depend on the edit.

    Args:
      before: float32[H, W, 3] encoded sRGB, at twice the training resolution.
      asked: attribute → signed level, or `Ask`s with regions; empty for a vague request.
      user: the user's edit, like `before`, or None.

    Raises:
      ValueError: an unknown attribute, a level or shape that does not fit, a vague request without a user's edit.
    """
    asks = [Ask(*item) for item in asked.items()] if isinstance(asked, Mapping) else list(asked)
    if not asks and user is None:
        raise ValueError("a vague request can be judged only beside a user's edit")
    before = measured(before)
    after = None if user is None else measured(user)
    regions = list({id(ask.region): ask.region for ask in asks if ask.region is not None}.values())
    areas = [_area(before, after, region, [ask for ask in asks if ask.region is region]) for region in regions]
    elsewhere = None if not regions else 1 - np.max([np.asarray(r, np.float32) for r in regions], 0)
    if elsewhere is None or elsewhere.mean() > 0.01:
        areas.append(_area(before, after, elsewhere, [ask for ask in asks if ask.region is None]))
    if not asks:
        areas = [_implied(areas[0])]
    flaws = _flaws(before, before) if after is None else np.maximum(_flaws(before, before), _flaws(before, after))
    return Case(before, tuple(areas), flaws, _FREE_ALONE if after is None else _FREE)


def judge(case: Case, after) -> Verdict:
    """SC, PQ and O of one edit, float32[H, W, 3] encoded sRGB of the photo's size."""
    after = measured(after)
    credits, progress, moved = [], {}, {}
    for area in case.areas:
        found = changes(case.before, after, area.region)
        reached = []
        for name, sign in area.asked.items():
            target = sign * area.target[name]
            p = 1 + (sign * found[name] - target) / max(target, 1.0)
            reached.append(p)
            progress[name] = min(p, progress.get(name, p))
        credits += [credit(p) for p in reached]
        reach = float(np.clip(np.mean(reached), 1, 3)) if reached else 1.0
        for name in area.watched:
            low, high = sorted((0.0, reach * area.target[name]))
            beyond = max(low - found[name], found[name] - high) - case.free
            if beyond > 0:
                moved[name] = max(min(beyond, _LARGEST), moved.get(name, 0.0))
    excess = sum(x * x * (1 if name in TONES else 0.25) for name, x in moved.items())
    done = np.exp(np.mean(np.log(credits))) if credits else 1.0
    sc = 10 * float(done) / (1 + excess / 25)
    pq = 10 * float(np.exp(-np.maximum(_flaws(case.before, after) - case.flaws, 0).sum()))
    return Verdict(sc, pq, float(np.sqrt(sc * pq)), progress, moved)


def score(before, after, user, asked: Mapping[str, float] | Iterable[Ask]) -> Verdict:
    """`judge` for a single edit."""
    return judge(prepare(before, asked, user), after)


def credit(p: float) -> float:
    """0–1 for progress p towards the user's amount; the formula is the module's."""
    if p < 0:
        return float(0.45 * np.exp(1.2 * max(p, -10)))
    return 0.45 + 0.55 * p if p <= 1 else float(np.exp(-0.4 * min(p - 1, 10)))


def has_margin(delta_e: float, overall: float) -> bool:
    """Whether truth tells two edits apart: mean ΔE2000 of at least 2 between them, or O that differs by at least 1."""
    return delta_e >= 2 or abs(overall) >= 1


def _area(before: Measured, user: Measured | None, region, asks: list[Ask]) -> _Area:
    levels = {ask.attribute: float(ask.level) for ask in asks}
    if len(levels) != len(asks):
        raise ValueError(f"an attribute is asked for twice: {', '.join(ask.attribute for ask in asks)}")
    asked = {name: float(np.sign(level)) for name, level in levels.items()}
    watched = tuple(name for name in (*TONES, *BY_HUE) if name not in asked)
    if user is not None:
        return _Area(region, asked, changes(before, user, region), watched)
    families = {name in _COLOR for name in asked}
    watched = tuple(name for name in watched if (name in _COLOR) not in families)
    return _Area(region, asked, dict.fromkeys(ATTRIBUTES, 0.0) | levels, watched)


def _implied(area: _Area) -> _Area:
    asked = {name: float(np.sign(area.target[name])) for name in TONES if abs(area.target[name]) >= 1}
    return dataclasses.replace(area, asked=asked, watched=tuple(name for name in area.watched if name not in asked))


def _outside(x: float, low: float, high: float, scale: float) -> float:
    return max(low - x, x - high, 0.0) / scale


def _flaws(before: Measured, photo: Measured) -> np.ndarray:
    """float64[3], clipped, stepped, overdone, each divided by its scale."""
    low, high = photo.linear <= 0.0004, photo.linear >= 0.9915  # 1 and 254 of 255, encoded
    full = low.all(-1) | high.all(-1)
    clipped = full.mean() + 0.5 * ((low | high).any(-1) & ~full).mean()
    light, chroma = photo.lab[..., 0], np.hypot(photo.lab[..., 1], photo.lab[..., 2])
    smooth = visible = 0
    for axis in (0, 1):
        flat = np.abs(np.diff(before.lab[..., 0], axis=axis)) <= 1
        smooth += flat.sum()
        visible += (flat & (np.abs(np.diff(light, axis=axis)) > 2.5)).sum()
    cast = float(np.hypot(photo.lab[..., 1].mean(), photo.lab[..., 2].mean()))
    overdone = (_outside(float(chroma.mean()), 0, 40, 20) + _outside(cast, 0, 25, 15)
                + _outside(float(light.std()), 8, 32, 10) + _outside(float(light.mean()), 20, 85, 15))
    return np.array([clipped / 0.2, visible / max(smooth, 1) / 0.1, overdone], np.float64)
