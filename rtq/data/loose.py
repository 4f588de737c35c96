"""Requests in no frame: what is wished, among words that say nothing about it. For training only.

Whoever meets words only in the sentences that `requests` writes learns sentences too, and misses the same words in any
other. Here an adjective, a verb, "more" or "too little" of a noun or "too" much of a state stands among fillers in
random order, so that nothing but the wish's own words can tell what is meant.
"""

from collections.abc import Sequence

import numpy as np

from rtq.data.attributes import STYLES, Wish
from rtq.data.phrasing import join, pick
from rtq.data.vocabulary import PLACE_WORDS, STYLE_WORDS, WORDS
from rtq.data.wording import CAST_NOUNS, CASTS, DEGREES, PARTS, REMOVE, WHOLE


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Nothing here turns a meaning around (not, less, without), says how much, or belongs to an attribute.
FILLERS = _words(
    "i you we they it this that there here someone people my your our its the a an of on in at for with from by "
    "to as and or if when because would could should can may might must will do does did be is was are been being "
    "have has had having get got give take make made let want need like love wish hope think see feel know find "
    "ask tell say try use put look looks seem appear come go going keep please thanks hello hi maybe perhaps also "
    "still already now today then again always ever what which where how why who great good nice better best "
    "happy glad sure possible able something thing part place time day work help"
)
# After a state, in place of "too".
UNLIKED = ("unfortunately", "sadly", "which is wrong", "which is a pity", "and i hate that")
MOST = 5  # fillers in a row
WITH_PHOTO = 0.7  # how often the photo itself is named


def write(wishes: Sequence[Wish], rng: np.random.Generator) -> tuple[str, str, str] | None:
    """Three requests for the same wishes; None where a wish names a number, which needs its sentence."""
    if any(wish.value is not None for wish in wishes):
        return None
    return tuple(_one(wishes, rng) for _ in range(3))


def _one(wishes: Sequence[Wish], rng: np.random.Generator) -> str:
    parts = [[*_fillers(rng), _core(wish, rng)] for wish in wishes]
    if rng.random() < WITH_PHOTO:
        some = parts[int(rng.integers(len(parts)))]
        some.insert(int(rng.integers(len(some) + 1)), pick(rng, WHOLE))
    text = pick(rng, (" and ", ", ", " ", ". ")).join(" ".join(part) for part in parts)
    return " ".join(" ".join([text, *_fillers(rng)]).split())


def _core(wish: Wish, rng: np.random.Generator) -> str:
    """The words that carry a wish: "slightly warmer", "brighten", "more contrast", "way too dark"."""
    size = abs(wish.level)
    if wish.attribute in STYLES:
        return f"{pick(rng, DEGREES['before'][size]) if size != 2 else ''} {pick(rng, STYLE_WORDS[wish.attribute])}"
    sign = 1 if wish.level > 0 else -1
    own, other = WORDS.get((wish.attribute, sign)), WORDS.get((wish.attribute, -sign))
    place = pick(rng, PLACE_WORDS[wish.place]) if wish.place else ""
    before, after, too = (pick(rng, DEGREES[slot][size]) for slot in ("before", "after", "too"))
    ways = []
    if own is not None:
        ways += [(before, word, place) for word in _some(own.adjectives, rng)]
        ways += [(word, place, after) for word in _some(own.verbs, rng)]
        ways += [(before, "more", word, place) for word in _some(own.nouns, rng)]
        ways += [(before, "more", word, place) for word in _some(own.results, rng) if own.adjectives]
        ways += [(pick(rng, DEGREES["little"][size]), word, place) for word in _some(own.nouns, rng)]
        ways += [(place, too, word) for word in _some(own.states, rng) if "too" in too]
        ways += [(place, too, word, pick(rng, UNLIKED)) for word in _some(own.states, rng)]
        ways += [(word.replace("{p}", ""), after) for word in _some(own.phrases, rng) if not place]
    if other is not None:
        ways += [(before, "less", word, place) for word in _some(other.nouns, rng)]
        ways += [(pick(rng, DEGREES["excess"][size]), word, place) for word in _some(other.nouns, rng)]
        ways += [(pick(rng, REMOVE), pick(rng, PARTS[size]), word, place) for word in _some(other.nouns, rng)]
    colours = CASTS.get((wish.attribute, -sign), ())
    ways += [(pick(rng, REMOVE), pick(rng, PARTS[size]), word, pick(rng, CAST_NOUNS), place)
             for word in _some(colours, rng)]  # fmt: skip
    return join(*pick(rng, ways))


def _some(words: Sequence[str], rng: np.random.Generator) -> list[str]:
    """One of the words, if there are any: each way of saying it is as likely, however many words it has."""
    return [pick(rng, words)] if words else []


def _fillers(rng: np.random.Generator) -> list[str]:
    return [pick(rng, FILLERS) for _ in range(int(rng.integers(MOST + 1)))]
