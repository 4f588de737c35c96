"""Examples anew: other wishes, words and weak plans for the same photo, drawn each time that one is read.

A build of the studio holds each photo with one plan; a model that meets it twenty times should not meet the same words
and the same mistake. What is drawn here depends on no pixels: what an edit changes is measured in the step.
"""

import dataclasses

import numpy as np

from rtq.data import annotate, drafts, filters, loose, perturb, requests
from rtq.data.attributes import PLACES, Wish, plan_of
from rtq.data.example import Example
from rtq.editor import Plan
from rtq.text.facts import read_facts
from rtq.text.grammar import Options, permitted

TRIES = 8  # draws of a weak plan; if none is weak enough, the example stays as the studio made it


def redraw(example: Example, rng: np.random.Generator, options: Options, *, free: float = 0.0,
           kind: str = "") -> Example:  # fmt: skip
    """The same photo with other wishes, and all that follows from them.

    What a described or vague request wants follows from the photo: those keep their plans, and vague ones their words.
    kind: of `drafts.WISHES`, where it is not to stay as it is: for rows that show no photo.
    free: share of requests whose words stand in no frame (`loose`), for models that read them.
    `change` and `weak_change` are as before and mean nothing any more.
    """
    wishes, plan, words = wishes_of(example), example.plan, example.requests
    kind = kind or example.kind
    if kind in drafts.WISHES:
        drawn = drafts.WISHES[kind](rng)
        made = plan_of(drawn, rng)
        if permitted(made, options):
            wishes, plan = drawn, made
    if kind != "vague":
        words = loose.write(wishes, rng) if rng.random() < free else None
        words = words or requests.write(wishes, rng)
    facts = example.metrics_reasoning
    levels, _ = read_facts(facts)
    out = dataclasses.replace(
        example, kind=kind, plan=plan, requests=words, attributes={wish.name: wish.level for wish in wishes},
        reasoning=facts + annotate.sentence(levels, wishes),
    )  # fmt: skip
    return _weakened(out, wishes, rng, options) or example


def wishes_of(example: Example) -> tuple[Wish, ...]:
    """What an example asks for, from its attributes; numbers that were said are not among them."""
    return tuple(_wish(name, level) for name, level in example.attributes.items())


def _wish(name: str, level: int) -> Wish:
    for place in PLACES:
        if name.startswith(f"{place} "):
            return Wish(name.removeprefix(f"{place} "), level, place)
    return Wish(name, level)


def _weakened(
    example: Example, wishes: tuple[Wish, ...], rng: np.random.Generator, options: Options
) -> Example | None:
    """With other metrics and another weak plan; None if none that is drawn is weaker."""
    names, about = annotate.metrics(wishes, rng)
    percents = [percent for _, percent in names]
    strong = annotate.scores(example.plan, example.plan, about, rng)

    def with_weak(weak: Plan) -> Example | None:
        scores = annotate.scores(weak, example.plan, about, rng)
        if not filters.weaker(annotate.scalar(percents, strong), annotate.scalar(percents, scores)):
            return None
        return dataclasses.replace(example, weak=weak, metrics=names, scores=strong, weak_scores=scores,
                                   feedback=perturb.feedback(weak, example.plan, rng))  # fmt: skip

    for _ in range(TRIES):
        weak = perturb.weaken(example.plan, rng)
        if permitted(weak, options) and (made := with_weak(weak)) is not None:
            return made
    return None
