"""A policy from a folder answers in plans and words, in few compiled programs, the same each time."""

import json

import numpy as np
import pytest

from rtq.data.options import POCKET
from rtq.editor import Plan
from rtq.eval import policy, words
from rtq.models.qwen25vl import params
from rtq.text import grammar
from tests.eval import policy_folder
from tests.rl import tiny_policy as tiny

REQUESTS = ("warmer", "much darker, please", "fix this", "less contrast and a touch of green", "black and white")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return policy_folder.write(tmp_path_factory.mktemp("weights") / "policy-sft")


@pytest.fixture(scope="module")
def ask(folder):
    return policy.load(folder, batch=2)


@pytest.fixture(scope="module")
def photos():
    return policy_folder.photos(len(REQUESTS))


def test_plans_are_permitted_and_the_same_each_time(ask, photos):
    plans = ask(photos, REQUESTS)
    assert len(plans) == len(REQUESTS)
    assert all(grammar.permitted(plan, POCKET) for plan in plans)
    assert len({plan.to_json() for plan in plans}) > 1
    assert ask(photos, REQUESTS) == plans
    programs = policy.sample._cache_size()
    assert ask(photos[1:2], REQUESTS[1:2]) == plans[1:2]  # padded to the batch, no new program
    assert ask(photos[[0, 2, 3]], [REQUESTS[i] for i in (0, 2, 3)]) == [plans[i] for i in (0, 2, 3)]
    assert policy.sample._cache_size() == programs


def test_it_is_what_the_measures_take(ask):
    large = policy_folder.photos(3, seed=1).repeat(2, 1).repeat(2, 2)
    plans = words.answers(ask, large, np.array([0, 1, 2]), REQUESTS[:3], batch=32)
    assert plans == ask(policy_folder.photos(3, seed=1), REQUESTS[:3])


def test_samples_depend_on_the_seed_alone(ask, photos):
    options = {"samples": 3, "temperature": 1.0}
    first = ask.answers(photos[:3], REQUESTS[:3], seed=1, **options)
    assert [len(group) for group in first] == [3, 3, 3]
    assert len({answer.plan.to_json() for group in first for answer in group}) > 3
    assert ask.answers(photos[:3], REQUESTS[:3], seed=1, **options) == first
    assert ask.answers(photos[:3], REQUESTS[:3], seed=2, **options) != first
    assert ask.answers(photos[:1], REQUESTS[:1], seed=1, **options) == first[:1]


def test_refining_reads_the_plan_and_the_feedback(ask, photos):
    photo = np.repeat(photos[:1], 4, 0)
    plans = [Plan({"Exposure": 1.0}), Plan({"Contrast": -40, "Saturation": 20}), Plan(), Plan()]
    feedback = ["too much", "too much", "too much", "the sky is too dark now"]
    answers = ask.refine(photo, np.clip(photo + 0.2, 0, 1), plans, feedback)
    assert all(len(group) == 1 and grammar.permitted(group[0].plan, POCKET) for group in answers)
    assert ask.refine(photo, np.clip(photo + 0.2, 0, 1), plans, feedback) == answers
    first, other, third, words_only = (group[0] for group in answers)
    assert len({str(first), str(other), str(third)}) > 1
    assert str(words_only) != str(third)


def test_summaries_are_words(ask, photos):
    texts = ask.summarise(photos[:3], 1 - photos[:3])
    assert len(texts) == 3
    assert all(text.strip() and "<" not in text for text in texts)
    assert ask.summarise(photos[:3], 1 - photos[:3]) == texts


def test_what_does_not_fit_is_refused(ask, photos):
    with pytest.raises(ValueError, match=r"photos are \[2, 56, 56, 3\], needed are \[1, 56, 56, 3\]"):
        ask(photos[:2], REQUESTS[:1])
    with pytest.raises(ValueError, match="too long"):
        ask(photos[:1], ["darker " * 5000])


def test_a_square_is_the_whole_photo_whatever_its_depth():
    photo = np.zeros((30, 80, 3), np.uint8)
    photo[:, 40:] = 200
    photo[15:, :, 2] = 90
    seen = policy.square(photo, 20)
    assert seen.dtype == np.float32
    assert seen.shape == (20, 20, 3)
    np.testing.assert_allclose(seen[2, 2], 0, atol=0.01)
    np.testing.assert_allclose(seen[2, 17], 200 / 255, atol=0.01)
    np.testing.assert_allclose(seen[17, 17], np.array([200, 200, 90]) / 255, atol=0.01)
    np.testing.assert_array_equal(policy.square(photo * np.uint16(257), 20), seen)
    np.testing.assert_array_equal(policy.square(photo.astype(np.float32) / 255, 20), seen)
    beyond = np.array([[[-0.5, 0.5, 1.5]]], np.float32)
    assert policy.eight_bits(beyond).tolist() == [[[0, 128, 255]]]


def test_settings_of_a_folder(tmp_path):
    assert policy.read_settings(tmp_path, policy.POCKET) == policy.POCKET
    file = tmp_path / "rtq.json"
    file.write_text('{"photo": 448}')
    assert policy.read_settings(tmp_path, policy.POCKET) == policy.Settings(448, 128, "float32")
    for text, said in (("{", "not JSON"), ("[]", "an object"), ('{"size": 1}', "size: 1"), ('{"photo": 0}', "photo: 0"),
                       ('{"photo": true}', "photo: True"), ('{"dtype": "int8"}', "dtype: 'int8'")):
        file.write_text(text)
        with pytest.raises(ValueError, match=said) as error:
            policy.read_settings(tmp_path, policy.POCKET)
        assert "\n" not in str(error.value)


def test_folders_that_are_no_policy(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(policy, "ASSETS", tmp_path / "none")
    with pytest.raises(ValueError, match=r"embedded weights are missing.*Hugging Face folder"):
        policy.load()
    with pytest.raises(ValueError, match="no such folder"):
        policy.load(tmp_path / "none")
    with pytest.raises(ValueError, match=r"no config\.json"):
        policy.load(tmp_path)
    monkeypatch.setattr(policy, "ASSETS", folder.parent)
    with pytest.raises(ValueError, match="embedded:other: no such weights; choose from embedded:policy-sft, or a f"):
        policy.load("embedded:other")
    assert policy.load().settings == policy.Settings(tiny.SIDE, 32, "float32")
    for number, (changes, said) in enumerate((({"photo": 50}, "needed is a multiple of 28"),
                                              ({"new_tokens": 3}, "new_tokens: 3 are too few"))):
        other = tmp_path / f"other{number}"
        params.save(other, tiny.CFG, tiny.params())
        (other / "rtq.json").write_text(json.dumps({"photo": tiny.SIDE, **changes}))
        with pytest.raises(ValueError, match=said):
            policy.load(other)(policy_folder.photos(1), ["warmer"])
