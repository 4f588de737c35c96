"""Signs measured in rendered pixels, with policies that are right, wrong, idle or only name-deep."""

import numpy as np
import pytest
from scenes import PHOTOS

from rtq.editor import Local, Mask, Plan
from rtq.eval import words

PHOTO = np.stack(list(PHOTOS.values()))
ITEMS = [
    words.Asked("brighter", {"brightness": 1}), words.Asked("darker and warmer", {"brightness": -1, "warmth": 1}),
    words.Asked("less saturated", {"saturation": -1}), words.Asked("greener", {"tint": -1}),
    words.Asked("cooler, more contrast", {"warmth": -1, "contrast": 1}),
]
RIGHT = {
    "brighter": Plan({"Exposure": 0.4}), "darker and warmer": Plan({"Exposure": -0.3, "Temperature": 15}),
    "less saturated": Plan({"Vibrance": -50}), "greener": Plan({"Tint": -15}),
    "cooler, more contrast": Plan({"Temperature": -15, "Contrast": 25}),
}


def policy(plans):
    def answer(photos, requests):
        assert photos.shape[1:] == (48, 48, 3)
        return [plans[request] for request in requests]

    return answer


def test_right_plans_are_right_and_one_wrong_sign_spoils_a_compound():
    found = words.evaluate(policy(RIGHT), PHOTO, ITEMS, batch=3)
    assert found.accuracy == 1, found.wrong
    assert found.by_attribute["warmth"] == (2, 2)
    half = RIGHT | {"darker and warmer": Plan({"Exposure": -0.3, "Temperature": -15}), "greener": Plan(),
                    "brighter": Plan({"Exposure": -0.4})}
    found = words.evaluate(policy(half), PHOTO, ITEMS)
    assert list(found.right) == [False, False, True, False, True]
    assert found.by_attribute["brightness"] == (1, 2)
    assert "warmth +1 but -" in found.wrong[1]


def test_black_and_white_is_more_than_pale():
    item = words.Asked("b/w", {"mono": 1})
    assert words.evaluate(policy({"b/w": Plan({"BlackAndWhite": 1})}), PHOTO, [item]).accuracy == 1
    assert words.evaluate(policy({"b/w": Plan({"Saturation": -40})}), PHOTO, [item]).accuracy == 0


def test_what_a_photo_cannot_show_is_measured_on_the_chart():
    grey = np.repeat(PHOTO.mean(-1, keepdims=True), 3, -1)
    item = words.Asked("paler", {"saturation": -1})
    assert words.moved(grey[0], grey[0], "saturation") == 0
    assert words.evaluate(policy({"paler": Plan({"Saturation": -40})}), grey, [item]).accuracy == 1
    assert words.evaluate(policy({"paler": Plan({"Saturation": 40})}), grey, [item]).accuracy == 0


def test_an_even_photo_has_no_contrast_of_its_own():
    even = 0.8 + 0.1 * PHOTO  # all of it where an S-curve is flat
    item = words.Asked("softer", {"contrast": -1})
    assert not words.can_show(even[0], "contrast")
    assert words.can_show(PHOTO[0], "contrast")
    assert words.evaluate(policy({"softer": Plan({"Contrast": -35})}), even, [item]).accuracy == 1
    assert words.evaluate(policy({"softer": Plan({"Contrast": 35})}), even, [item]).accuracy == 0


def test_signs_from_the_names_of_training_data():
    assert words.signs_of({"vibrance": -2, "blues": 1, "vintage": 2, "sky brightness": 1}) == {
        "saturation": -1, "blue_saturation": 1}


def test_places():
    item = words.Asked("brighter sky", {"sky:brightness": 1})
    sky = Plan({}, (Local((Mask("linear", (500, 500, 500, 0)),), {"Exposure": 0.6}),))
    ground = Plan({}, (Local((Mask("linear", (500, 600, 500, 1000)),), {"Exposure": 0.6}),))
    assert words.evaluate(policy({"brighter sky": sky}), PHOTO, [item]).accuracy == 1
    assert words.evaluate(policy({"brighter sky": ground}), PHOTO, [item]).accuracy == 0


def test_graded_words():
    item = words.Graded(("a bit", "yes", "much"), "contrast", -1)
    amounts = {"a bit": -10, "yes": -25, "much": -50}
    grow = {request: Plan({"Contrast": value}) for request, value in amounts.items()}
    assert list(words.graded(policy(grow), PHOTO, [item, item])) == [True, True]
    for broken in ({"yes": 10}, {"much": -25}, {"a bit": 0}):
        plans = grow | {request: Plan({"Contrast": value}) for request, value in broken.items()}
        assert list(words.graded(policy(plans), PHOTO, [item])) == [False]


def test_chart_holds_every_tone_and_hue():
    from rtq.eval.changes import HUES, changes

    chart = words.chart(96)
    assert chart.min() < 0.05
    assert chart.max() > 0.95
    grey = np.repeat(chart.mean(-1, keepdims=True), 3, -1)
    found = changes(chart, grey)
    assert all(found[f"{hue}_saturation"] < -3 for hue in HUES), found


def test_out_of_vocabulary():
    found = words.out_of_vocabulary(["Make it POP, don’t overdo it!", "pop 20% more"], {"make", "it", "more", "pop"})
    assert found == {"don't": 1, "overdo": 1}


def test_validity():
    texts = ['<think>a</think><answer>{"v":1}</answer>', '<think>a</think><answer>{"v":1,"Glow":3}</answer>', b"x"]
    share, reasons = words.validity(texts)
    assert share == pytest.approx(1 / 3)
    assert reasons.total() == 2
    assert any("Glow" in reason for reason in reasons)


def test_bad_input_in_one_line():
    with pytest.raises(ValueError, match="without signs, the first is 'fix this'"):
        words.evaluate(policy({}), PHOTO, [words.Asked("fix this", {})])
    with pytest.raises(ValueError, match="0 plans for 1 requests"):
        words.evaluate(lambda photos, requests: [], PHOTO, ITEMS[:1])
    with pytest.raises(ValueError, match="place 'moon' is unknown; allowed: sky"):
        words.place("moon", 8, 8)
