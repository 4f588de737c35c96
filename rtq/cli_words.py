"""Plans and reasoning in plain words, for `--why`."""

import re
from collections.abc import Iterable

from rtq.editor.plan import Local, Mask, Plan
from rtq.editor.sliders import BY_NAME
from rtq.text.facts import FACTS, LEVELS, read_facts

# Fact → its lowest, middle and highest levels in words.
LEVEL_WORDS = {
    "luma": ("dark", "medium bright", "bright"),
    "spread": ("flat", "of medium contrast", "contrasty"),
    "cast": ("cool", "neither warm nor cool", "warm"),
    "chroma": ("muted", "moderately colourful", "vivid"),
}
OUTER, INNER = 3, 5  # levels from either end that are plainly so, and rather so
UNITS = {"EV": " EV", "degree": "°"}
JOINTS = {"add": " and ", "subtract": ", not ", "intersect": ", only "}
_BRACKETS = re.compile(r"\[[^\]]*\]")


def level_words(name: str, level: int) -> str:
    """A fact of the reasoning, level 0 to 14: "dark", "rather warm"."""
    low, middle, high = LEVEL_WORDS[name]
    from_end = min(level, LEVELS - 1 - level)
    if from_end >= INNER:
        return middle
    return ("" if from_end < OUTER else "rather ") + (low if level < LEVELS // 2 else high)


def sees(reasoning: str) -> dict[str, str]:
    """Fact → words, of the facts that the reasoning states."""
    levels, _ = read_facts(reasoning)
    return {name: level_words(name, levels[name]) for name in FACTS if name in levels}


def thoughts(reasoning: str) -> str:
    """The reasoning without its facts, on one line."""
    return " ".join(_BRACKETS.sub(" ", reasoning).split())


def steps(plan: Plan) -> list[str]:
    """What each slider of a plan does, one line each; local adjustments under a line that says where."""
    lines = [_slider(name, plan.sliders[name]) for name in _in_order(plan.sliders)]
    for local in plan.locals:
        lines.append(f"{_where(local)}:")
        lines += [f"  {_slider(name, local.sliders[name])}" for name in _in_order(local.sliders)]
    if plan.curves:
        lines.append(f"curves: {', '.join(plan.curves)}")
    if plan.crop is not None:
        lines.append("crop")
    if plan.amount != 100:
        lines.append(f"all of it at {plan.amount} %")
    return lines or ["nothing: the photo stays as it is"]


def _in_order(names: Iterable[str]) -> list[str]:
    return [name for name in BY_NAME if name in names]


def _slider(name: str, value: float) -> str:
    row = BY_NAME[name]
    number = f"{value:+g}" if row.lo < 0 else f"{value:g}"
    return f"{name} {number}{UNITS.get(row.unit, '')}: {row.doc}"


def _where(local: Local) -> str:
    parts = [f"{JOINTS[mask.op] if i else ''}{_mask(mask)}" for i, mask in enumerate(local.mask)]
    return "".join(parts) + ("" if local.amount == 100 else f", at {local.amount} %")


def _mask(mask: Mask) -> str:
    return ("everywhere but " if mask.invert else "") + _inside(mask)


def _inside(mask: Mask) -> str:
    n = mask.numbers
    if mask.kind == "linear":
        return f"along a gradient, none at {_place(*n[:2])}, all at {_place(*n[2:])}"
    if mask.kind == "radial":
        return f"in an ellipse around {_place(*n[:2])}, {n[2] / 5:g} % wide and {n[3] / 5:g} % high"
    if mask.kind == "luminance":
        return f"where it is {n[0]} to {n[1]} % bright"
    if mask.kind == "color":
        return f"where the colour is near #{n[0]:02x}{n[1]:02x}{n[2]:02x}"
    return f"in the mask {mask.name}"


def _place(x: int, y: int) -> str:
    """Thousandths of width and height."""
    return f"{x / 10:g} % from the left and {y / 10:g} % from the top"
