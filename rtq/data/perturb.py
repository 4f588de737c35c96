"""Weak plans: the user's plan with one thing wrong, as people and models get things wrong, and words to correct it."""

from collections.abc import Mapping

import numpy as np

from rtq.data.attributes import ATTRIBUTES, PLACES, on_grid
from rtq.data.options import COMMON
from rtq.data.vocabulary import WORDS
from rtq.data.wording import DEGREES
from rtq.editor import Local, Plan
from rtq.editor.sliders import BY_NAME

# what goes wrong → share
WAYS: Mapping[str, float] = {"flip": 0.25, "omit": 0.2, "under": 0.15, "over": 0.15, "extra": 0.15, "mix": 0.1}
_EXTRA = {"Exposure": (-0.75, -0.5, 0.5, 0.75), "Temperature": (-35, -25, 25, 35), "Tint": (-30, 30),
          "Contrast": (-50, -35, 35, 50), "Saturation": (-60, -40, 40, 60), "Highlights": (-60, 60),
          "Shadows": (-60, 60)}  # fmt: skip


def weaken(plan: Plan, rng: np.random.Generator, ways: Mapping[str, float] = WAYS) -> Plan:
    """A plan that differs from the user's in one way of `ways`; permitted wherever `plan` is."""
    names = list(ways)
    way = names[int(rng.choice(len(names), p=np.array(list(ways.values())) / sum(ways.values())))]
    if way == "mix":
        first, second = rng.choice(("flip", "omit", "under", "over", "extra"), 2, replace=False)
        return _one(_one(plan, str(first), rng), str(second), rng)
    return _one(plan, way, rng)


def _one(plan: Plan, way: str, rng: np.random.Generator) -> Plan:
    spots = [("", name) for name in plan.sliders if not name.endswith("Hue")]
    spots += [("local", name) for local in plan.locals for name in local.sliders]
    if way == "extra" or not spots:
        free = [name for name in _EXTRA if name not in plan.sliders]
        name = str(rng.choice(free))
        return _with(plan, "", name, float(rng.choice(_EXTRA[name])))
    where, name = spots[int(rng.integers(len(spots)))]
    value = (plan.locals[0] if where else plan).sliders[name]
    if plan.locals and where and rng.random() < 0.25:
        return _elsewhere(plan, rng)
    factor = {"flip": -1.0, "omit": 0.0, "under": rng.uniform(0.2, 0.5), "over": rng.uniform(1.7, 2.5)}[way]
    row = BY_NAME[name]
    lo = row.local[0] if where else row.lo
    if name == "BlackAndWhite" or (way == "flip" and lo == 0):
        factor = 0.0
    return _with(plan, where, name, value * factor)


def _with(plan: Plan, where: str, name: str, value: float) -> Plan:
    if not where:
        return Plan({**plan.sliders, name: on_grid(name, value)}, plan.locals)
    local = plan.locals[0]
    sliders = {**local.sliders, name: on_grid(name, value, local=True)}
    return Plan(plan.sliders, (Local(local.mask, sliders),) if any(sliders.values()) else ())


def _elsewhere(plan: Plan, rng: np.random.Generator) -> Plan:
    """The local adjustment in another place, or everywhere."""
    local = plan.locals[0]
    if rng.random() < 0.5 and all(name in COMMON for name in local.sliders):
        return Plan({**local.sliders, **plan.sliders})
    masks = [mask for mask in PLACES.values() if (mask,) != local.mask]
    return Plan(plan.sliders, (Local((masks[int(rng.integers(len(masks)))],), local.sliders),))


def feedback(weak: Plan, plan: Plan, rng: np.random.Generator) -> str:
    """What a person who sees the weak result says to get the plan: "still too dark, and less saturated".

    At most three things, the largest first.
    """
    found = []
    inside, wanted_inside = _inside(weak), _inside(plan)
    for name in dict.fromkeys((*weak.sliders, *plan.sliders)):
        if name.endswith("Hue"):
            continue
        found.append((name, plan.sliders.get(name, 0) - weak.sliders.get(name, 0), plan.sliders.get(name, 0), ""))
    place = _place(plan) if wanted_inside else _place(weak)
    if _place(weak) != _place(plan) and inside:
        inside = {}  # it is somewhere else: what is wanted here is missing altogether
    for name in dict.fromkeys((*inside, *wanted_inside)):
        found.append((name, wanted_inside.get(name, 0) - inside.get(name, 0), wanted_inside.get(name, 0), place))
    found = [(n, d, w, p) for n, d, w, p in found if abs(d) > 1e-9]
    found.sort(key=lambda entry: -abs(entry[1]) / _unit(entry[0]))
    return ", ".join(_said(*entry, rng) for entry in found[:3]) or "it is fine"


def _inside(plan: Plan) -> Mapping[str, float]:
    return plan.locals[0].sliders if plan.locals else {}


def _place(plan: Plan) -> str:
    for name, mask in PLACES.items():
        if plan.locals and plan.locals[0].mask == (mask,):
            return name
    return ""


def _unit(name: str) -> float:
    return 0.5 if name == "Exposure" else 1 if name == "BlackAndWhite" else 30


# slider → (attribute, +1 or −1): what raising it is called
_CALLED: dict[str, tuple[str, int]] = {}
for _name, _row in ATTRIBUTES.items():
    for _sign, _amounts in ((1, _row.more), (-1, _row.less or {})):
        if len(_amounts) == 1:
            _slider, _values = next(iter(_amounts.items()))
            _CALLED.setdefault(_slider, (_name, _sign if _values[0] > 0 else -_sign))


def _said(name: str, difference: float, wanted: float, place: str, rng: np.random.Generator) -> str:
    """One difference in words. `wanted`: the value it should get."""
    sign = 1 if difference > 0 else -1
    size = abs(difference) / _unit(name)
    level = 1 if size < 0.6 else 2 if size < 1.6 else 3
    degree = DEGREES["before"][level][int(rng.integers(len(DEGREES["before"][level])))]
    where = f"in the {place}" if place in ("darks", "lights") else f"on the {place}" if place else ""
    if name not in _CALLED:
        return _words(degree, "more" if abs(wanted) > abs(wanted - difference) else "less", _PLAIN[name], where)
    attribute, direction = _CALLED[name]
    own, other = (WORDS.get((attribute, sign * direction * k)) for k in (1, -1))
    still = "still" if abs(wanted) > 0 and wanted * sign > 0 else "now"
    forms = []
    if own and own.states:
        forms += [_words(still, {1: "a bit too", 2: "too", 3: "much too"}[level], _any(own.states, rng), where)] * 2
    if own and own.adjectives:
        forms += [_words(degree, _any(own.adjectives, rng), where)] * 2
    if own and own.nouns:
        forms += [_words(degree, "more", _any(own.nouns, rng), where)]
    if other and other.nouns:
        forms += [_words(degree, "less", _any(other.nouns, rng), where)]
    if own and own.phrases and not where:
        forms += [_words(_any(own.phrases, rng).replace("{p}", ""), {1: "a bit", 2: "", 3: "a lot"}[level])]
    if forms:
        return _any(forms, rng)
    return _words(degree, "more" if sign > 0 else "less", _PLAIN.get(name, name.lower()), where)


_PLAIN = {"GlobalSaturation": "tint of color", "ShadowSaturation": "color in the shadows", "GrainAmount": "grain",
          "HighlightSaturation": "color in the highlights", "BlackAndWhite": "black and white", "Fade": "fade",
          "NoiseReduction": "noise reduction"}  # fmt: skip


def _any(options, rng):
    return options[int(rng.integers(len(options)))]


def _words(*parts: str) -> str:
    return " ".join(part for part in parts if part)
