"""Requests in no frame: the wish's words are there, and nothing that turns or measures them otherwise."""

import numpy as np
import pytest

from rtq.data import drafts, loose
from rtq.data.attributes import ATTRIBUTES, STYLES, Wish
from rtq.data.vocabulary import PLACE_WORDS, STYLE_WORDS, WORDS
from rtq.data.wording import CASTS, DEGREES, PARTS, REMOVE

WISHES = [Wish(name, level) for name, sign in WORDS if name in ATTRIBUTES for level in (sign, 3 * sign)]


def said(attribute: str, sign: int) -> list[str]:
    """All words of one direction."""
    own, other = WORDS.get((attribute, sign)), WORDS.get((attribute, -sign))
    words = []
    if own is not None:
        words += [*own.adjectives, *(f"more {result}" for result in own.results), *own.verbs, *own.nouns, *own.states,
                  *(phrase.replace("{p}", "") for phrase in own.phrases)]  # fmt: skip
    opposite = other.nouns if other is not None else ()
    taken = [f"{part} {word}" for parts in PARTS.values() for part in parts if part
             for word in (*opposite, *CASTS.get((attribute, -sign), ()))]  # fmt: skip
    return words + taken + [f"{less} {word}" for word in opposite for less in ("less", "much", *REMOVE)] + [
        f"{verb} {colour}" for colour in CASTS.get((attribute, -sign), ()) for verb in REMOVE]  # fmt: skip


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_a_request_says_the_wish_and_how_much(wish):
    rng = np.random.default_rng(5)
    for request in loose.write((wish,), rng):
        assert any(word in request for word in said(wish.attribute, 1 if wish.level > 0 else -1)), request
        if abs(wish.level) == 3:
            degrees = [word for slot in DEGREES for word in DEGREES[slot][3]] + list(PARTS[3])
            assert any(degree in request for degree in degrees), request


def test_several_wishes_places_and_styles_are_all_said():
    rng = np.random.default_rng(6)
    style = next(iter(STYLES))
    for request in loose.write((Wish("brightness", 2, "sky"), Wish("saturation", -2), Wish(style, 2)), rng):
        assert any(place in request for place in PLACE_WORDS["sky"]), request
        assert any(word in request for word in said("saturation", -1)), request
        assert any(word in request for word in STYLE_WORDS[style]), request


def test_a_number_needs_its_sentence():
    assert loose.write((Wish("contrast", 2, value=20),), np.random.default_rng(0)) is None


def test_fillers_say_nothing_about_wishes():
    whole = {word for own in WORDS.values() for field in (own.verbs, own.adjectives, own.results, own.nouns, own.states)
             for word in field}  # fmt: skip
    degrees = {word for slot in DEGREES.values() for words in slot.values() for word in words}
    turns = {"not", "no", "less", "more", "without", "too", "never", "than", "lower", "higher", "up", "down"}
    assert not set(loose.FILLERS) & (whole | degrees | turns)
    assert len(set(loose.FILLERS)) == len(loose.FILLERS)


def test_draws_follow_from_the_seed():
    wishes = drafts.WISHES["compound"](np.random.default_rng(1))
    some = [loose.write(wishes, np.random.default_rng(seed)) for seed in (3, 4, 3)]
    assert some[0] == some[2] != some[1]
