"""The words of a request say what the wish says."""

import re
import zlib

import numpy as np
import pytest

from rtq.data import drafts, requests
from rtq.data.attributes import ATTRIBUTES, LOCAL_ATTRIBUTES, PLACES, STYLES, Wish, plan_of, slider_values
from rtq.data.options import POCKET
from rtq.data.vocabulary import NUMERIC, PLACE_WORDS, VAGUE, WORDS
from rtq.data.wording import CASTS, LOWER, REMOVE, SPARE
from rtq.text.grammar import permitted

WISHES = [Wish(name, sign * level) for name, row in ATTRIBUTES.items() for level in (1, 2, 3) for sign in (1, -1)
          if (row.more if sign > 0 else row.less is None or row.less)]  # fmt: skip
BRIGHTER = ("brighten", "lighten", "brighter", "lighter", "illuminate")
DARKER = ("darken", "darker", "dimmer", "dim down")


def said(wish: Wish, count: int = 60) -> list[str]:
    rng = np.random.default_rng(zlib.crc32(repr(wish).encode()))
    return [text.lower() for _ in range(count // 3) for text in requests.write([wish], rng)]


@pytest.mark.parametrize("wish", WISHES, ids=lambda w: f"{w.attribute}{w.level:+d}")
def test_every_wish_has_words_and_a_permitted_plan(wish):
    texts = said(wish, 30)
    assert all(text.strip() and "{" not in text and "<" not in text and "  " not in text for text in texts)
    assert len(set(texts)) > 8
    for seed in range(10):
        assert permitted(plan_of([wish], np.random.default_rng(seed)), POCKET)


def test_words_of_one_sign_never_stand_for_the_other():
    """Outside negations a direction's own verbs and adjectives never appear for the other direction."""
    turned = (*(verb.removesuffix("e") for verb in LOWER), "excessive", "take away", "lower", " down")
    negation = re.compile("|".join((r"don't|not|less|too|under|over|looks|is |appears|seems", *turned)))
    for sign, wrong in ((1, DARKER), (-1, BRIGHTER)):
        for level in (1, 2, 3):
            for text in said(Wish("brightness", sign * level), 240):
                if not negation.search(text):
                    assert not any(word in text for word in wrong), text


def test_no_phrase_means_both_signs():
    for (name, sign), words in WORDS.items():
        other = WORDS.get((name, -sign))
        if other is not None:
            for field in ("verbs", "adjectives", "phrases", "states", "nouns"):
                both = set(getattr(words, field)) & set(getattr(other, field))
                assert not both, (name, field, both)


def test_degrees_are_graded():
    """Slightly < plainly < a lot, for every slider of every attribute, whatever the taste."""
    for name, row in ATTRIBUTES.items():
        if name in ("mono", "brown"):
            continue
        for sign in (1, -1):
            if not (row.more if sign > 0 else row.less is None or row.less):
                continue
            ranges = []
            for level in (1, 2, 3):
                plans = [plan_of([Wish(name, sign * level)], np.random.default_rng(s)) for s in range(60)]
                first = next(iter(slider_values(Wish(name, sign * level))))
                sizes = [abs(plan.sliders[first]) for plan in plans]
                ranges.append((min(sizes), max(sizes)))
            assert ranges[0][1] < ranges[1][0] <= ranges[1][1] < ranges[2][0], (name, sign, ranges)


def test_the_sign_of_a_plan_is_the_sign_of_its_wish():
    for name in ("brightness", "contrast", "warmth", "tint", "saturation", "highlights", "shadows", "clarity"):
        for sign in (1, -1):
            plan = plan_of([Wish(name, 2 * sign)], np.random.default_rng(0))
            assert all(value * sign > 0 for value in plan.sliders.values())
    assert plan_of([Wish("haze", -2)]).sliders["Dehaze"] > 0
    assert plan_of([Wish("vignette", 2)]).sliders["VignetteAmount"] < 0


def test_numbers_said_are_numbers_planned():
    rng = np.random.default_rng(0)
    for name in NUMERIC:
        for value in (20, -30) if name != "brightness" else (0.5, -0.3):
            if name == "sharpness" and value < 0:
                continue
            wish = Wish(name, 2 if value > 0 else -2, value=value)
            assert list(plan_of([wish], rng).sliders.values()) == [value]
            for text in requests.write([wish], rng):
                digits = {float(d) for d in re.findall(r"\d+(?:\.\d+)?", text)}
                assert digits & {abs(value), abs(value) * 100}, text


def test_places_and_styles_have_words_and_permitted_plans():
    rng = np.random.default_rng(1)
    for place in PLACES:
        wish = Wish("brightness", -2, place)
        assert permitted(plan_of([wish], rng), POCKET)
        assert all(requests.write([wish], rng))
    for style in STYLES:
        for level in (1, 2, 3):
            assert permitted(plan_of([Wish(style, level)], rng), POCKET), style
            assert all(requests.write([Wish(style, level)], rng))


def bare(text: str) -> str:
    """Without articles, which some requests leave out."""
    return re.sub(r"\bthe ", "", text)


def test_a_place_is_named_or_the_rest_is_spared():
    """"warmer, but keep the sky" is a wish for the ground; no request for a place leaves it out."""
    openings = tuple(text.split(" {p}")[0] for text in SPARE)
    spared = 0
    for place in PLACES:
        for attribute in LOCAL_ATTRIBUTES:
            for text in said(Wish(attribute, -2, place), 60):
                text = text.replace("colour", "color")
                if any(bare(word) in bare(text) for word in PLACE_WORDS[place]):
                    continue
                other = requests.SPARED[place]
                ends = [f"{opening} {word}" for opening in openings for word in PLACE_WORDS[other]]
                assert any(bare(end) in bare(text) for end in ends), text
                spared += 1
    assert spared > 200


def test_two_wishes_may_be_for_one_place():
    """Both are in its mask; where the other place is spared, none of them is named again."""
    rng = np.random.default_rng(4)
    found = spared = 0
    for _ in range(400):
        wishes = drafts.WISHES["local"](rng)
        if len({wish.place for wish in wishes}) == 1 and len(wishes) == 2:
            found += 1
            (local,) = plan_of(wishes, rng).locals
            assert set(local.sliders) == {name for wish in wishes for name in slider_values(wish)}
            for text in requests.write(wishes, rng):
                spared += not any(w.removeprefix("the ") in text.lower() for w in PLACE_WORDS[wishes[0].place])
    assert found > 40
    assert spared > 40


def test_too_little_and_too_much_of_a_noun_are_said_on_their_own_sides():
    for level, own, other in ((2, "contrast", "flatness"), (-2, "flatness", "contrast")):
        texts = [text.lower() for text in said(Wish("contrast", level), 300)]
        assert any(f"little {own}" in text for text in texts)
        assert any(f"too much {other}" in text for text in texts)
        assert not any(f"little {other}" in text or f"too much {own}" in text for text in texts)


def test_casts_are_added_on_their_own_side_and_removed_on_the_other():
    """"a blue tint" is wished by who wants it cooler; "remove the blue tint" by who wants it warmer."""
    verbs, noun = "|".join(REMOVE), r"(?:tone|tint|hue|cast|filter)"
    for (name, sign), colours in CASTS.items():
        kind = f"(?:{'|'.join(colours)}) {noun}"
        added = re.compile(rf"(?:add|give|put)\b[^.,;]* an? (?:\w+ )*{kind}")
        removed = re.compile(rf"(?:{verbs}) (?:[\w']+ ){{0,5}}{kind}")
        own = said(Wish(name, 2 * sign), 600)
        assert any(added.search(text) for text in own), name
        assert not any(removed.search(text) for text in own), name
        if name != "brown":
            other = said(Wish(name, -2 * sign), 600)
            assert any(removed.search(text) for text in other), name
            assert not any(added.search(text) for text in other), name


def test_less_of_something_is_not_for_more_of_it():
    """"mute the colors" is never "so that the colors pop", but "brighten it" may be."""
    goal = re.compile("so that the colors pop|so the colors stand out|not look so gray")
    assert not any(goal.search(text) for text in said(Wish("saturation", -2), 900))
    assert any(goal.search(text) for text in said(Wish("brightness", 2), 900))


def test_two_wishes_may_share_a_verb():
    wishes = [Wish("brightness", 2), Wish("sharpness", 2)]
    texts = [text.lower() for seed in range(200) for text in requests.write(wishes, np.random.default_rng(seed))]
    both = re.compile(rf"(?:{'|'.join(WORDS['brightness', 1].verbs)})(?: and|,| &) "
                      rf"(?:{'|'.join(WORDS['sharpness', 1].verbs)})\b")  # fmt: skip
    assert any(both.search(text) for text in texts)


def test_what_is_to_be_kept_is_not_in_the_plan():
    """ "don't touch the contrast" never stands beside a wish about contrast."""
    keep = re.compile(r"(?:touch|change|changing|keep|leave|alter|change to|affecting) the (?:same |original )?(\w+)")
    found = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        wishes = drafts.WISHES["compound"](rng)
        for text in requests.write(wishes, rng):
            for noun in keep.findall(text.lower()):
                if noun in ("contrast", "sharpness", "highlights") and "value" not in text:
                    found += 1
                    assert noun not in {w.attribute for w in wishes}, text
    assert found > 5


def test_vague_requests_name_nothing():
    rng = np.random.default_rng(0)
    for scope in VAGUE:
        for _ in range(50):
            texts = requests.write_vague(scope, rng)
            assert len(texts) == 3
            assert not any(re.search(r"brighter|darker|warmer|cooler|more contrast|{", t.lower()) for t in texts)


def test_requests_follow_from_the_generator():
    wishes = [Wish("brightness", 2), Wish("warmth", -1)]
    one, two = (requests.write(wishes, np.random.default_rng(5)) for _ in range(2))
    assert one == two
