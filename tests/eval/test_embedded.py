"""The weights that come with the package: they are all there, small, described, and they look and read."""

import json
import pathlib

import numpy as np
import pytest

from experiments import evaluate
from rtq.data import photos
from rtq.eval import policy, reward

NAMES = ("policy-sft", "reward-sft")
# What is asked for → the sign of the change in mean brightness. How well other words are understood is measured, not
# tested: benchmarks/results/pocket.md.
ASKED = {"make it brighter": 1, "much darker please": -1, "brighten the photo": 1, "make it darker": -1}


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
    for after, before, sign in zip(pictures.rendered(rows, plans), rows, ASKED.values(), strict=True):
        assert sign * (after - before).mean() > 0.02


@pytest.mark.parametrize("name", ["reward-sft"])
def test_reward_models_judge_what_they_see(seen, name):
    """What was asked for is ahead of the untouched photo, and its opposite behind."""
    config = evaluate.get_config()
    room = {"metrics_tokens": config.metrics_tokens, "score_tokens": config.score_tokens}
    worth = reward.Reward(policy.load(f"embedded:{name}"), batch=2, **room)
    edits = np.stack([np.clip(seen * factor, 0, 1) for factor in (1.25, 1.0, 0.8)], 1)
    scores = worth(np.repeat(seen, 2, axis=0), ["make it brighter", "make it darker"], np.repeat(edits, 2, axis=0))
    assert ((scores > 0) & (scores < 1)).all()
    assert np.diff(scores[0]).max() < -0.01
    assert np.diff(scores[1]).min() > 0.01


def test_the_wheel_would_hold_them():
    setup = (pathlib.Path(policy.__file__).parents[2] / "setup.py").read_text(encoding="utf-8")
    assert '"assets/**/*"' in setup
