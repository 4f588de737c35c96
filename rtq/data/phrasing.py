"""What all requests are put together with: draws, degrees, a wish's own words, and inflections of verbs."""

from collections.abc import Sequence

import numpy as np

from rtq.data.attributes import Wish
from rtq.data.vocabulary import WORDS, Words
from rtq.data.wording import DEGREES

DONE = ("should be", "needs to be", "must be", "has to be", "could be", "can be")
_NO_WORDS = Words()


def pick(rng: np.random.Generator, options: Sequence):
    """One of the options, all equally likely."""
    return options[int(rng.integers(len(options)))]


def degree(level: int, slot: str, rng: np.random.Generator) -> str:
    """How much, as it stands in a slot of DEGREES."""
    return pick(rng, DEGREES[slot][abs(level)])


def join(*parts: str) -> str:
    """The parts that are not empty, with spaces between."""
    return " ".join(part for part in parts if part)


def words_of(wish: Wish) -> tuple[Words, Words]:
    """(words of the wished direction, words of the other)."""
    sign = 1 if wish.level > 0 else -1
    return WORDS.get((wish.attribute, sign), _NO_WORDS), WORDS.get((wish.attribute, -sign), _NO_WORDS)


def is_one(thing: str) -> bool:
    """Whether "is" and "has" go with it."""
    return thing.startswith("everything") or not thing.endswith("s") or thing in ("this", "the grass")


def with_article(thing: str) -> str:
    """"an orange tint", "a tone", "tones"."""
    return thing if thing.endswith("s") else f"{'an' if thing[0] in 'aeiou' else 'a'} {thing}"


def gerund(verb: str) -> str:
    """"brightening"."""
    return (verb.removesuffix("e") if verb.endswith("e") else verb + _doubled(verb)) + "ing"


def participle(verb: str) -> str:
    """"brightened"."""
    return verb + ("d" if verb.endswith("e") else _doubled(verb) + "ed")


def _doubled(verb: str) -> str:
    return verb[-1] if verb in ("dim", "blur", "tan", "fog", "defog", "unblur", "deblur") and verb[-1] != "r" else (
        "r" if verb.endswith("blur") else "")
