"""Requests in sentences for one wish or two that the studio does not have, of words that training examples are made of.

The frames are written by hand; `rtq/data/requests.py` has none of them. Which wishes come together is not held out: the
studio combines them freely. Placeholders: {a} an adjective of the wished direction ("warmer"), {v} a verb, {n} a noun
that there should be more of, {s} what the photo is too much of now, {t} the photo.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from rtq.data.vocabulary import WORDS
from rtq.eval import words

FRAMES: Mapping[str, tuple[str, ...]] = {
    "a": (
        "it would be great if {t} was {a}", "i see it should be {a}", "{t} would be better {a}",
        "i just want it to appear {a}, thanks", "see if {t} can be {a}", "{a} would look really good on {t}",
    ),
    "v": (
        "i would love you to {v} {t}", "you should {v} {t}", "we need to {v} {t}", "someone must {v} {t}",
        "see if you can {v} {t}",
    ),
    "n": (
        "it has not enough {n}", "more {n} would be good", "i need to see more {n}", "wow, not enough {n} in {t}",
        "it would be great with more {n}",
    ),
    "s": (
        "wow, {t} was terribly {s}", "i have {t} too {s}", "{t} is {s} and it should not be",
        "my camera set {t} too {s}",
    ),
}  # fmt: skip
# Two wishes at once: what each placeholder number asks for.
PAIRS = (
    "it would be great if {t} was {a1} and {a2}", "you should {v1} {t}, and get it {a2}",
    "not enough {n1} and not enough {n2} in {t}", "{t} would be better with more {n1}, and {a2}",
    "we need to {v1} {t} and have more {n2}", "wow, {t} is {s1}. i just want it {a2} too",
)  # fmt: skip
THINGS = ("it", "this", "the photo", "my picture", "the image", "the scene")
_SLOTS = {"a": "adjectives", "v": "verbs", "n": "nouns", "s": "states"}


def single(seed: int, count: int) -> list[words.Asked]:
    """`count` requests for one attribute each, all attributes and frames in turn."""
    rng, known, out = np.random.default_rng([seed, 1]), _askable(), []
    while len(out) < count:
        for key in rng.permutation(len(known)):
            slots = [slot for slot in FRAMES if _options(known[key], slot)]
            slot = slots[rng.integers(len(slots))]
            frame = _any(FRAMES[slot], rng)
            out.append(_filled(frame, {slot: known[key]}, rng))
    return out[:count]


def pairs(seed: int, count: int) -> list[words.Asked]:
    """`count` requests for two attributes that do not touch the same measure."""
    rng, known, out = np.random.default_rng([seed, 2]), _askable(), []
    while len(out) < count:
        frame = PAIRS[len(out) % len(PAIRS)]
        slots = [name for name in ("a1", "v1", "n1", "s1", "a2", "n2") if f"{{{name}}}" in frame]
        keys = [known[i] for i in rng.permutation(len(known))]
        first = next(key for key in keys if _options(key, slots[0][0]))
        signs = words.signs_of({first[0]: first[1]})
        second = next(key for key in keys if _options(key, slots[1][0]) and _apart(signs, key))
        out.append(_filled(frame, dict(zip(slots, (first, second), strict=True)), rng))
    return out


# Attributes whose edits move one another's measure.
_KIN = ({"warmth", "tint"}, {"contrast", "clarity", "haze", "fade", "whites", "blacks", "highlights", "shadows",
        "brightness"}, {"saturation", "mono"}, {"sharpness", "clarity", "noise"})  # fmt: skip


def _apart(signs: Mapping[str, int], key: tuple[str, int]) -> bool:
    other = words.signs_of({key[0]: key[1]})
    kin = [group for group in _KIN if group & set(signs)]
    return not set(signs) & set(other) and not any(group & set(other) for group in kin)


def _askable() -> list[tuple[str, int]]:
    """(attribute, sign) that one measure shows and that has words."""
    return [key for key, own in WORDS.items() if len(words.signs_of({key[0]: key[1]})) == 1
            and any(getattr(own, name) for name in _SLOTS.values())]  # fmt: skip


def _options(key: tuple[str, int], slot: str) -> Sequence[str]:
    return getattr(WORDS[key], _SLOTS[slot])


def _filled(frame: str, keys: Mapping[str, tuple[str, int]], rng: np.random.Generator) -> words.Asked:
    chosen = {slot: _any(_options(key, slot[0]), rng) for slot, key in keys.items()}
    signs: dict[str, int] = {}
    for name, sign in keys.values():
        signs |= words.signs_of({name: sign})
    return words.Asked(frame.format(t=_any(THINGS, rng), **chosen), signs)


def _any(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]
