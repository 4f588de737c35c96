"""Requests about nouns: more light, less haze, a blue tint added or taken away."""

from collections.abc import Sequence

import numpy as np

from rtq.data.attributes import Wish
from rtq.data.phrasing import DONE, degree, gerund, is_one, join, participle, pick, with_article, words_of
from rtq.data.wording import CAST_NOUNS, CAST_STRENGTHS, CASTS, LOWER, PARTS, RAISE, REMOVE

_AMOUNTS = ("amount of", "level of", "levels of")
_CHANNELS = ("on rgb", "overall", "in the whole image", "throughout the image", "in general", "everywhere",
             "on the rgb channel", "of all channels", "in all layers", "on the layer", "across the image")


def forms(wish: Wish, thing: str, where: str, place: str,
          rng: np.random.Generator) -> list[tuple[str, bool, int]]:  # fmt: skip
    """More of what there should be, less of its opposite: (text, imperative, register) as `requests` has them."""
    own, other = words_of(wish)
    before, after, amount = (degree(wish.level, slot, rng) for slot in ("before", "after", "amount"))
    some = amount.removesuffix("more").strip()
    ways = []
    if own.nouns:
        noun = pick(rng, own.nouns)
        ways += [(join(before, "more", noun, place), False, 0), (join("add", amount, noun, place), True, 1),
                  (join(_gerunded(RAISE, rng), "the", noun, place, after), True, 2),
                  (join(pick(rng, ("make", "put", "give")), amount, noun, place), True, 1),
                  (join("higher", noun, place), False, 0),
                  (join(thing, "needs", before, "more", noun), False, 2),
                  (join("give", thing, before, "more", noun), True, 2)]  # fmt: skip
        ways += _turned(RAISE, "up", noun, where, place, after, rng)
        little = degree(wish.level, "little", rng)
        ways += [(join(little, noun, place), False, 0), (join("there is", little, noun, place), False, 3)]
        ways += [(join(thing, degree(wish.level, "lack", rng), noun), False, 3)] if is_one(thing) else []
        ways += [(join(pick(rng, RAISE), "the", pick(rng, _AMOUNTS), noun, place, after), True, 2)]
    if other.nouns:
        noun = pick(rng, other.nouns)
        ways += [(join(before, "less", noun, place), False, 0), (join("take away", some, noun, place), True, 2),
                  (join(_gerunded(LOWER, rng), "the", noun, place, after), True, 2),
                  (join("lower", noun, place), False, 0),
                  (join(pick(rng, ("reduce", "remove", "cut")), "the excessive", noun, place), True, 2)]  # fmt: skip
        ways += _turned(LOWER, "down", noun, where, place, after, rng)
        excess = degree(wish.level, "excess", rng)
        ways += [(join(excess, noun, place), False, 0), (join("there is", excess, noun, place), False, 3)]
        ways += [(join(thing, "has", excess, noun), False, 3)] if is_one(thing) else []
        ways += [(join(pick(rng, LOWER), "the", pick(rng, _AMOUNTS), noun, place, after), True, 2)]
        ways += _removed(wish, noun, thing, place, rng)
    return ways + _casts(wish, thing, place, rng)


def _removed(wish: Wish, noun: str, thing: str, place: str,
             rng: np.random.Generator) -> list[tuple[str, bool, int]]:  # fmt: skip
    """"remove some of the fog", "get rid of the glare in the sky"."""
    part = pick(rng, PARTS[abs(wish.level)])
    return [(join(pick(rng, REMOVE), part, noun, place), True, 1),
            (join(pick(rng, REMOVE), part, noun, "from", thing), True, 2)]  # fmt: skip


def _casts(wish: Wish, thing: str, place: str, rng: np.random.Generator) -> list[tuple[str, bool, int]]:
    """"a slight blue tint", "remove the yellow tone from the picture": colours that lie over everything."""
    sign = 1 if wish.level > 0 else -1
    strong, part = pick(rng, CAST_STRENGTHS[abs(wish.level)]), pick(rng, PARTS[abs(wish.level)])
    ways = []
    if (wish.attribute, sign) in CASTS:
        colour, noun = pick(rng, CASTS[wish.attribute, sign]), pick(rng, CAST_NOUNS)
        cast = with_article(join(strong, colour, noun))
        ways += [(join(strong, colour, noun, place), False, 0), (join("add", cast, place), True, 1),
                  (join("give", thing, cast), True, 1), (join("put", cast, "on", thing), True, 2)]  # fmt: skip
    if (wish.attribute, -sign) in CASTS:
        colour, noun = pick(rng, CASTS[wish.attribute, -sign]), pick(rng, CAST_NOUNS)
        ways += [(join(pick(rng, REMOVE), part, colour, noun, place), True, 0),
                  (join(pick(rng, REMOVE), part, colour, noun, "from", thing), True, 1),
                  (join(pick(rng, LOWER), "the", colour, noun, place), True, 1)]  # fmt: skip
        ways += [(join(thing, "has", with_article(join(strong, colour, noun))), False, 3)] if is_one(thing) else []
    return ways


def _turned(verbs: Sequence[str], way: str, noun: str, where: str, place: str, after: str,
            rng: np.random.Generator) -> list[tuple[str, bool, int]]:  # fmt: skip
    """"increase the contrast", "contrast up": a noun turned up or down."""
    ways = [(join(pick(rng, verbs), noun, place, after), True, 0),
             (join(pick(rng, verbs), "the", noun, place, after), True, 1)]  # fmt: skip
    if where:
        return ways
    of = pick(rng, ("of it", "of the photo", "of the image", "of this picture", *_CHANNELS))
    whose, change = pick(rng, ("image's", "photo's", "picture's")), "higher" if way == "up" else "lower"
    return ways + [
        (join(noun, way, after), False, 0), (join(pick(rng, verbs), "the", noun, of, after), True, 1),
        (join(pick(rng, verbs), "the", whose, noun, after), True, 1),
        (join("the", noun, pick(rng, DONE), participle(pick(rng, verbs[:2])), after), False, 2),
        (join("change the", noun, "to a", change, "value"), True, 2)]  # fmt: skip


def _gerunded(verbs: Sequence[str], rng: np.random.Generator) -> str:
    """"try increasing", "i suggest lowering"."""
    return join(pick(rng, ("try", "start by", "i suggest", "consider", "by")), gerund(pick(rng, verbs[:2])))
