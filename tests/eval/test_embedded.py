"""The weights that come with the package: they are all there, small, described, and they look and read."""

import json
import pathlib

import numpy as np
import pytest

from rtq.data import photos
from rtq.eval import metrics, policy, reward

NAMES = ("policy-sft", "reward-sft")
# What is asked for → (channel weights, sign): the mean of these channels must move that way.
LIGHT, WARM = (1 / 3, 1 / 3, 1 / 3), (1.0, 0.0, -1.0)
ASKED = {
    "make it brighter": (LIGHT, 1), "much darker please": (LIGHT, -1), "warmer": (WARM, 1),
    "make the photo a lot cooler": (WARM, -1),
}  # fmt: skip


def test_all_are_there_small_and_described():
    assert sorted(path.parent.name for path in policy.ASSETS.glob("*/config.json")) == sorted(NAMES)
    size = sum(path.stat().st_size for path in policy.ASSETS.rglob("*") if path.is_file())
    assert size <= 40e6
    card = (policy.ASSETS / "README.md").read_text(encoding="utf-8")
    for word in ("Data", "Compute", "Results", "Limits", *NAMES):
        assert word in card
    for name in NAMES:
        assert json.loads((policy.ASSETS / name / "config.json").read_text())["dtype"] == "bfloat16"
        assert json.loads((policy.ASSETS / name / "rtq.json").read_text()) == {"photo": 140}


@pytest.fixture(scope="module")
def seen():
    found = photos.sources(None)
    return np.stack([policy.square(source.load(), 140) for source in found if "coffee" in source.key])


@pytest.mark.parametrize("name", ["policy-sft"])
def test_policies_do_what_is_asked(seen, name):
    from rtq.eval import pictures

    ask = policy.load(f"embedded:{name}", batch=len(ASKED))
    rows = np.repeat(seen, len(ASKED), axis=0)
    plans = ask(rows, list(ASKED))
    for after, before, (channels, sign) in zip(pictures.rendered(rows, plans), rows, ASKED.values(), strict=True):
        assert sign * ((after - before).mean((0, 1)) @ np.array(channels)) > 0.005


@pytest.mark.parametrize("name", ["reward-sft"])
def test_reward_models_prefer_what_was_asked_for(seen, name):
    worth = reward.Reward(policy.load(f"embedded:{name}"), batch=2)
    brighter, darker = (np.clip(seen * factor, 0, 1) for factor in (1.3, 0.75))
    edits = np.stack([brighter, darker], 1)
    scores = worth(np.repeat(seen, 2, axis=0), ["make it brighter", "make it darker"], np.repeat(edits, 2, axis=0))
    assert scores[0, 0] > scores[0, 1]
    assert scores[1, 1] > scores[1, 0]
    assert metrics.l1(brighter[0], seen[0]) > 1


def test_the_wheel_would_hold_them():
    setup = (pathlib.Path(policy.__file__).parents[2] / "setup.py").read_text(encoding="utf-8")
    assert '"assets/**/*"' in setup
