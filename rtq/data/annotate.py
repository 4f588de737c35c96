"""The annotator: the reasoning, the metrics written for the case, and scores from plan parameters.

Scores compare a plan with the user's, slider by slider. Nothing here looks at pixels: those are judged elsewhere,
and the annotator is not to learn that judge's taste.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from rtq.data.attributes import STYLES, Wish, metric_names, slider_values
from rtq.editor import Plan

GENERAL = ("overall balance", "natural look", "restraint")
OMITTED, EXACT = 4.0, 9.4
MAX_NAMED = 3


def metrics(wishes: Sequence[Wish], rng: np.random.Generator) -> tuple[tuple[tuple[str, int], ...], tuple]:
    """Metrics with percents in whole fives that sum to 100, and what each is about: a wish, or None for the whole.

    Returns:
      ((name, percent), …), (wish or None, …)
    """
    named = sorted(wishes, key=lambda w: -abs(w.level))[:MAX_NAMED]
    about = [*named, None]
    names = []
    for wish in about:
        options = GENERAL if wish is None else metric_names(wish.attribute)
        free = [o for o in options if o not in names] or list(GENERAL)
        name = free[int(rng.integers(len(free)))]
        names.append(f"{wish.place} {name}" if wish is not None and wish.place else name)
    weights = np.array([1.0 if w is None else 1.5 + 0.5 * abs(w.level) for w in about])
    weights *= rng.uniform(0.8, 1.2, len(about))
    percents = np.maximum(np.round(weights / weights.sum() * 20).astype(int) * 5, 5)
    percents[int(np.argmax(percents))] += 100 - percents.sum()
    return tuple((n, int(p)) for n, p in zip(names, percents, strict=True)), tuple(about)


def closeness(given: Mapping[str, float], wanted: Mapping[str, float]) -> float:
    """0–10 for values that one wish is about: 9.4 exact, about 6.7 half, 4 untouched, 1.5 the wrong way; too much
    costs less than too little of the same size.
    """
    unit = {n: _visible(n) for n in wanted}
    v = np.array([given.get(n, 0) / unit[n] for n in wanted])
    u = np.array([wanted[n] / unit[n] for n in wanted])
    size = float(np.linalg.norm(u))
    if size == 0:
        return EXACT if not np.any(v) else OMITTED
    error = float(np.linalg.norm(v - u)) / size
    if float(v @ u) > size * size:
        error *= 0.75
    score = EXACT - (EXACT - OMITTED) * error if error <= 1 else OMITTED - 2.5 * (error - 1)
    return max(score, 0.0)


def _visible(name: str) -> float:
    """How much of a slider is about equally visible."""
    return 0.5 if name == "Exposure" else 1 if name == "BlackAndWhite" else 90 if name.endswith("Hue") else 30


def scores(given: Plan, plan: Plan, about: Sequence[Wish | None], rng: np.random.Generator | None) -> tuple[int, ...]:
    """Whole scores of a plan against the user's, one for each metric; `rng`: with the annotator's mild taste."""
    out = []
    for wish in about:
        score = _whole(given, plan) if wish is None else _on(wish, given, plan)
        score += rng.normal(0, 0.35) if rng is not None else 0.0
        out.append(int(np.clip(round(score), 0, 10)))
    return tuple(out)


def _on(wish: Wish, given: Plan, plan: Plan) -> float:
    names = list(slider_values(wish))
    if not wish.place:
        return closeness(given.sliders, {n: plan.sliders.get(n, 0) for n in names})
    wanted = plan.locals[0].sliders if plan.locals else {}
    if not given.locals or given.locals[0].mask != plan.locals[0].mask:
        everywhere = any(given.sliders.get(n, 0) * wanted.get(n, 0) > 0 for n in names)
        return OMITTED + 1 if everywhere else OMITTED - (1 if given.locals else 0)
    return closeness(given.locals[0].sliders, {n: wanted.get(n, 0) for n in names})


def _whole(given: Plan, plan: Plan) -> float:
    """Nothing that was not asked for, nothing overdone: every unit of it costs."""
    harm = 0.0
    for name in {*given.sliders, *plan.sliders}:
        v, u = given.sliders.get(name, 0) / _visible(name), plan.sliders.get(name, 0) / _visible(name)
        beyond = abs(v - u) if abs(v) > abs(u) or u * v < 0 else 0.25 * abs(v - u)
        harm += beyond
    if given.locals and plan.locals and given.locals[0].mask == plan.locals[0].mask:
        for name, value in given.locals[0].sliders.items():
            harm += 0.5 * abs(value - plan.locals[0].sliders.get(name, 0)) / _visible(name)
    elif bool(given.locals) != bool(plan.locals) or given.locals != plan.locals:
        harm += 0.5
    return max(EXACT - 2.6 * harm, 1.0)


def scalar(percents: Sequence[int], values: Sequence[int]) -> float:
    """The critique's scalar: the weighted mean, 0–10."""
    return sum(p * v for p, v in zip(percents, values, strict=True)) / 100


def sentence(levels: Mapping[str, int], wishes: Sequence[Wish]) -> str:
    """What is seen and what will be done, in a few plain words that follow from levels and wishes."""
    seen = [word for word in (
        "dark" if levels["luma"] <= 3 else "bright" if levels["luma"] >= 11 else "",
        "flat" if levels["spread"] <= 2 else "contrasty" if levels["spread"] >= 12 else "",
        "cool" if levels["cast"] <= 2 else "warm" if levels["cast"] >= 12 else "",
        "muted" if levels["chroma"] <= 2 else "vivid" if levels["chroma"] >= 12 else "") if word]  # fmt: skip
    parts = [f" {' '.join(seen[:2])}."] if seen else []
    done = [_done(w) for w in wishes[:4]]
    return "".join(parts) + (" " + ", ".join(done) + "." if done else "")


def _done(wish: Wish) -> str:
    """"a little more warmth", "much less haze in the sky"."""
    degree = {1: "a little ", 2: "", 3: "much "}[abs(wish.level)]
    name = f"{wish.attribute} look" if wish.attribute in STYLES else wish.attribute
    where = f" in the {wish.place}" if wish.place else ""
    return f"{degree}{'more' if wish.level > 0 else 'less'} {name}{where}"
