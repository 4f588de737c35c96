"""Draws an example before anything is rendered: the crop, the hidden spoil, what is wished, and the plan."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from rtq.data import requests
from rtq.data.attributes import ATTRIBUTES, LOCAL_ATTRIBUTES, PLACES, STYLES, Wish, on_grid, plan_of
from rtq.data.correction import FAMILY, UNIT
from rtq.data.photos import Source
from rtq.editor import Local, Plan
from rtq.editor.sliders import BY_NAME

# kind → share. "described" names the correction of the spoil, "vague" asks for it without naming it.
KINDS: Mapping[str, float] = {"one": 0.24, "compound": 0.24, "described": 0.1, "vague": 0.22, "style": 0.08,
                              "local": 0.12}  # fmt: skip
FAULTY = 0.6  # share of vague requests about photos that clearly went wrong: who asks so mostly has reason to
# How often an attribute is asked for, relative to 1.
OFTEN = {"brightness": 7, "contrast": 4, "saturation": 5, "warmth": 5, "tint": 2, "sharpness": 2.5, "shadows": 2,
         "highlights": 2, "clarity": 1.5, "haze": 1.5, "mono": 0.7, "grain": 0.5, "fade": 0.5, "vignette": 0.7,
         "yellows": 0.5, "reds": 0.5, "skin": 0.6, "brown": 0.6}  # fmt: skip
CLASHES = ({"warmth", "redness", "tint", "brown"}, {"saturation", "vibrance", "pop", "mono"}, {"sharpness", "texture"},
           {"contrast", "pop", "clarity"}, {"mono", "brown"}, {"mono", "reds", "skin", "yellows", "greens", "blues"},
           {"grain", "noise"}, {"haze", "contrast"}, {"whites", "highlights"}, {"blacks", "shadows"})  # fmt: skip
SCOPES: Mapping[str, tuple[str, ...]] = {
    "all": FAMILY, "light": ("Exposure", "Contrast"), "color": ("Temperature", "Tint", "Saturation"),
}  # fmt: skip
LEVELS = (1, 2, 3)
LEVEL_SHARES = (0.3, 0.45, 0.25)


@dataclasses.dataclass(frozen=True)
class Draft:
    """An example before rendering.

    Attributes:
      key, box, flip, kind, spoil: as in `Example`.
      crop: uint8[S, S, 3], before the spoil.
      wishes: what is asked for; of a described or vague draft known only once the correction is.
      scope: of `SCOPES`, what a vague request may change; else "".
    """

    key: str
    box: tuple[int, int, int, int]
    flip: bool
    crop: np.ndarray
    kind: str
    spoil: Plan
    wishes: tuple[Wish, ...]
    plan: Plan
    scope: str = ""


def draft(sources: Sequence[Source], rng: np.random.Generator, size: int,
          kinds: Mapping[str, float] = KINDS) -> Draft:
    """One draft from a random photo; everything follows from `rng`."""
    source = sources[int(rng.integers(len(sources)))]
    photo = source.load()
    box, flip = _box(photo.shape, rng), bool(rng.random() < 0.5)
    names = list(kinds)
    shares = np.array([kinds[n] for n in names], np.float64)
    kind = names[int(rng.choice(len(names), p=shares / shares.sum()))]
    corrected = kind in ("described", "vague")
    if kind == "vague" and rng.random() < FAULTY:
        spoil = faulty_plan(rng)
    else:
        spoil = spoil_plan(rng, 3.0 if corrected else 2.0) if corrected or rng.random() < 0.4 else Plan()
    wishes = () if corrected else WISHES[kind](rng)
    scope = ""
    if kind == "vague":
        scope = str(rng.choice(list(SCOPES), p=(0.6, 0.2, 0.2)))
    crop = cut(photo, box, flip, size)
    return Draft(source.key, box, flip, crop, kind, spoil, wishes, plan_of(wishes, rng), scope)


def _box(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, int, int, int]:
    """A crop of 50% to 100% of the largest with aspect 3:4 to 4:3, in thousandths."""
    height, width = shape[:2]
    aspect = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
    share = np.sqrt(rng.uniform(0.4, 1.0))
    w, h = (width, width / aspect) if width / aspect <= height else (height * aspect, height)
    w, h = w * share, h * share
    left, top = rng.uniform(0, width - w), rng.uniform(0, height - h)
    box = (left / width, top / height, (left + w) / width, (top + h) / height)
    return tuple(int(x * 1000) for x in box)


def cut(photo: np.ndarray, box: tuple[int, int, int, int], flip: bool, size: int) -> np.ndarray:
    """The crop, squashed to uint8[size, size, 3]."""
    from PIL import Image

    height, width = photo.shape[:2]
    pixels = (box[0] * width / 1000, box[1] * height / 1000, box[2] * width / 1000, box[3] * height / 1000)
    image = Image.fromarray(photo).resize((size, size), Image.Resampling.BICUBIC, box=pixels, reducing_gap=2.0)
    out = np.asarray(image)
    return np.ascontiguousarray(out[:, ::-1] if flip else out)


def spoil_plan(rng: np.random.Generator, most: float) -> Plan:
    """A hidden spoil: one to three of the family, each from hardly visible to `most` units, to either side."""
    shares = np.array([0.25, 0.1, 0.35, 0.15, 0.15])  # of FAMILY
    count = int(rng.choice((1, 2, 3), p=(0.35, 0.4, 0.25)))
    chosen = rng.choice(len(FAMILY), count, replace=False, p=shares)
    sliders = {}
    for i in sorted(chosen):
        size = rng.uniform(0.5, most) * (0.7 if FAMILY[i] == "Tint" else 1.0)
        sliders[FAMILY[i]] = float(rng.choice((-1, 1)) * size * UNIT[i])
    return Plan({n: round(v * 20) / 20 if n == "Exposure" else round(v) for n, v in sliders.items()})


def faulty_plan(rng: np.random.Generator) -> Plan:
    """A spoil as of a photo that went wrong: light and colour of light clearly off, and perhaps one fault more."""
    sizes = {"Temperature": rng.uniform(1.0, 3.2), "Exposure": rng.uniform(1.0, 3.6)}
    if rng.random() < 0.7:
        sizes[str(rng.choice(("Tint", "Contrast", "Saturation")))] = rng.uniform(0.6, 2.2)
    values = {n: float(rng.choice((-1, 1)) * sizes[n] * UNIT[i]) for i, n in enumerate(FAMILY) if n in sizes}
    return Plan({n: round(v * 20) / 20 if n == "Exposure" else round(v) for n, v in values.items()})


def moving_plan(rng: np.random.Generator) -> Plan:
    """An edit that moves most of what is measured: light, contrast, colours, detail, corners, a part."""
    values = {}
    for name in FAMILY:
        if rng.random() < 0.6:
            values[name] = float(rng.choice((-1, 1)) * rng.uniform(0.3, 3.0) * UNIT[FAMILY.index(name)])
    fine = str(rng.choice(("Clarity", "Texture", "Sharpness", "NoiseReduction", "Dehaze")))
    for name, share in (("Highlights", 0.3), ("Shadows", 0.3), (fine, 0.5), ("VignetteAmount", 0.3)):
        if rng.random() < share:
            side = 1 if BY_NAME[name].lo == 0 else rng.choice((-1, 1))
            values[name] = float(side * rng.uniform(15, 90))
    locals_ = ()
    if rng.random() < 0.3:
        mask = PLACES[str(rng.choice(("sky", "ground", "left", "right", "subject", "background")))]
        inside = on_grid("Exposure", float(rng.choice((-1, 1)) * rng.uniform(0.2, 1.5)), local=True)
        locals_ = (Local((mask,), {"Exposure": inside}),)
    return Plan({n: on_grid(n, v) for n, v in values.items()}, locals_)


def _level(rng: np.random.Generator) -> int:
    return int(rng.choice(LEVELS, p=LEVEL_SHARES))


def _wish(name: str, rng: np.random.Generator, numeric: float = 0.0) -> Wish:
    row = ATTRIBUTES[name]
    sides = [s for s, words in ((1, row.more), (-1, row.more if row.less is None else row.less)) if words]
    if (name, -1) in _RARE:
        sides = sides + sides[:1] * 3
    sign = int(rng.choice(sides))
    level = 2 if name == "mono" else _level(rng)
    value = None
    if numeric and name in requests.NUMERIC and rng.random() < numeric and not (name == "sharpness" and sign < 0):
        if name == "brightness":
            value = sign * float(rng.choice((0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 1.0)))
        else:
            value = sign * int(rng.choice((5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 75, 80, 100)))
        level = 2
    return Wish(name, sign * level, value=value)


_RARE = frozenset((n, -1) for n in ("vibrance", "sharpness", "vignette", "texture", "clarity", "whites"))
_NAMES = tuple(ATTRIBUTES)
_SHARES = np.array([OFTEN.get(n, 1.0) for n in _NAMES]) / sum(OFTEN.get(n, 1.0) for n in _NAMES)


def _one(rng: np.random.Generator) -> tuple[Wish, ...]:
    return (_wish(_name(rng), rng, numeric=0.12),)


def _name(rng: np.random.Generator) -> str:
    """Mostly what people ask for often; rare words want to be met too."""
    return str(rng.choice(_NAMES, p=_SHARES)) if rng.random() < 0.6 else str(rng.choice(_NAMES))


def _compound(rng: np.random.Generator) -> tuple[Wish, ...]:
    count = int(rng.choice((2, 3, 4), p=(0.6, 0.3, 0.1)))
    names: list[str] = []
    while len(names) < count:
        name = _name(rng)
        if name not in names and not any(name in c and set(names) & c for c in CLASHES):
            names.append(name)
    return tuple(_wish(name, rng, numeric=0.06) for name in names)


def _style(rng: np.random.Generator) -> tuple[Wish, ...]:
    return (Wish(str(rng.choice(list(STYLES))), _level(rng)),)


def _local(rng: np.random.Generator) -> tuple[Wish, ...]:
    """One wish in a place, two in the same, or one there and one for the whole photo."""
    place = str(rng.choice(list(PLACES), p=_PLACE_SHARES))
    names = rng.choice(LOCAL_ATTRIBUTES, 2, replace=False, p=(0.5, 0.1, 0.15, 0.15, 0.05, 0.05))
    inside = tuple(Wish(str(name), int(rng.choice((-1, 1))) * _level(rng), place) for name in names)
    form = rng.random()
    if form < 0.55:
        return inside[:1]
    if form < 0.75:
        return inside if set(names) != {"contrast", "clarity"} else inside[:1]
    other = _wish(str(rng.choice(("brightness", "contrast", "saturation", "warmth"))), rng)
    return (inside[0], other) if rng.random() < 0.5 else (other, inside[0])


_PLACE_SHARES = np.array([0.22, 0.12, 0.04, 0.04, 0.24, 0.12, 0.04, 0.04, 0.05, 0.04, 0.03, 0.02])
WISHES = {"one": _one, "compound": _compound, "style": _style, "local": _local}
ATTRIBUTE_OF = {"Exposure": "brightness", "Contrast": "contrast", "Temperature": "warmth", "Tint": "tint",
                "Saturation": "saturation"}  # fmt: skip


def wishes_of(plan: Plan) -> tuple[Wish, ...]:
    """What a correction asks for in words, most visible first: each slider at the level nearest to its value."""
    wishes = []
    for name, value in plan.sliders.items():
        attribute = ATTRIBUTE_OF[name]
        amounts = ATTRIBUTES[attribute].more[name]
        level = 1 + int(np.argmin([abs(np.log(abs(value) / a)) for a in amounts]))
        wishes.append((abs(value) / UNIT[FAMILY.index(name)], Wish(attribute, level if value > 0 else -level)))
    return tuple(w for _, w in sorted(wishes, key=lambda pair: -pair[0]))
