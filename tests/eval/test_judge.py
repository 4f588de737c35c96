"""The truth, calibrated: the user's edit, none, the opposite, too much, the wrong thing, the wrong place, damage."""

import ast
import pathlib

import numpy as np
import pytest
from scenes import EDITS, PHOTOS, edit

from rtq.eval import judge as j

PHOTO = PHOTOS["astronaut"]


def scores(photo, attribute, amounts, sign=1):
    case = j.prepare(photo, {attribute: 2 * sign}, edit(photo, attribute, sign))
    return [j.judge(case, edit(photo, attribute, sign * amount)) for amount in amounts]


@pytest.mark.parametrize("attribute", EDITS)
def test_calibration(attribute):
    for photo in PHOTOS.values():
        opposite, none, half, same, double = scores(photo, attribute, (-1, 0, 0.5, 1, 2))
        assert same.o >= 9
        assert same.progress[attribute] == pytest.approx(1)
        assert 4 <= none.sc <= 6
        assert none.pq > 9
        assert opposite.sc <= 3
        assert none.sc < half.sc < same.sc
        assert opposite.sc < none.sc
        assert double.sc < 8.5
        assert none.o < same.o
        assert double.o < same.o


@pytest.mark.parametrize("attribute", ["brightness", "contrast", "warmth", "saturation"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_monotone_up_to_the_users_amount_and_down_after(attribute, sign):
    amounts = (-1, -0.5, 0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3)
    sc = [verdict.sc for verdict in scores(PHOTO, attribute, amounts, sign)]
    top = amounts.index(1)
    assert all(np.diff(sc[:top + 1]) > 0), sc
    assert all(np.diff(sc[top:]) < 0), sc
    assert sc[amounts.index(2)] > sc[0]


def test_credit_is_continuous():
    for at in (0, 1):
        assert j.credit(at - 1e-9) == pytest.approx(j.credit(at + 1e-9), abs=1e-6)
    assert j.credit(-1e9) < 1e-4
    assert j.credit(1e9) < 0.02


def test_the_wrong_thing_costs():
    user = edit(PHOTO, "brightness", 1)
    case = j.prepare(PHOTO, {"brightness": 2}, user)
    also = j.judge(case, edit(user, "warmth", 2))
    instead = j.judge(case, edit(PHOTO, "warmth", 2))
    assert "warmth" in also.moved
    assert instead.sc < also.sc < 9
    assert instead.sc < 4.5  # worse than to do nothing


def test_every_part_of_a_compound_counts():
    user = edit(edit(PHOTO, "brightness", 1), "saturation", -1)
    case = j.prepare(PHOTO, {"brightness": 2, "saturation": -2}, user)
    both, one = j.judge(case, user), j.judge(case, edit(PHOTO, "brightness", 1))
    against = j.judge(case, edit(edit(PHOTO, "brightness", 1), "saturation", 1))
    assert both.o >= 9
    assert both.sc > one.sc + 2 > against.sc + 3


def test_vague_requests_follow_the_user():
    spoiled = edit(edit(PHOTO, "brightness", -1.5), "warmth", 1.5)
    case = j.prepare(spoiled, {}, PHOTO)
    halfway = edit(edit(PHOTO, "brightness", -0.7), "warmth", 0.7)
    worse = edit(edit(PHOTO, "brightness", -2.5), "warmth", 2.5)
    done, some, none, bad = (j.judge(case, x) for x in (PHOTO, halfway, spoiled, worse))
    assert done.o >= 9
    assert done.sc > some.sc > none.sc > bad.sc
    assert {"brightness", "warmth"} <= set(done.progress)


def test_a_local_request_is_judged_where_it_was_meant():
    region = np.zeros(PHOTO.shape[:2], np.float32)
    region[:45] = 1
    blend = region[..., None]
    brighter = edit(PHOTO, "brightness", 1.5)
    user = PHOTO + blend * (brighter - PHOTO)
    case = j.prepare(PHOTO, [j.Ask("brightness", 2, region)], user)
    local, everywhere, elsewhere, none = (j.judge(case, x) for x in (user, brighter, PHOTO + brighter - user, PHOTO))
    assert local.o >= 9
    assert local.sc > everywhere.sc + 1.5
    assert everywhere.sc > elsewhere.sc
    assert none.sc > elsewhere.sc


def test_without_a_users_edit_the_level_is_the_aim():
    case = j.prepare(PHOTO, {"brightness": 1.5})
    amounts = (-1, 0, 0.5, 1, 2.5)
    opposite, none, half, plain, lots = (j.judge(case, edit(PHOTO, "brightness", a)).sc for a in amounts)
    assert opposite < none < half < plain
    assert lots < plain
    with pytest.raises(ValueError, match="vague"):
        j.prepare(PHOTO, {})


def test_damage_lowers_quality():
    case = j.prepare(PHOTO, {"brightness": 2}, edit(PHOTO, "brightness", 1))
    smooth = np.repeat(np.linspace(0.2, 0.8, 96, dtype=np.float32)[None, :, None].repeat(96, 0), 3, -1)
    steps = np.rint(smooth * 12) / 12
    ramp = j.prepare(smooth, {"contrast": 1}, smooth)
    burnt = j.judge(case, edit(PHOTO, "brightness", 5))
    garish = j.judge(case, edit(PHOTO, "saturation", 6))
    assert j.judge(case, PHOTO).pq > 9.9
    assert burnt.pq < 4
    assert garish.pq < 6
    assert j.judge(ramp, steps).pq < 7
    assert j.judge(ramp, smooth).pq == pytest.approx(10)
    pq = [j.judge(case, edit(PHOTO, "brightness", a)).pq for a in (1, 2, 3, 4, 5)]
    assert all(np.diff(pq) <= 0), pq


def test_asks_from_the_names_of_training_data():
    sky = np.ones(PHOTO.shape[:2], np.float32)
    asks = j.asks_of({"vibrance": 1, "sky brightness": -2, "vintage": 2, "face:warmth": 1, "blues": 3, "noise": -5},
                     {"sky": sky})
    found = {(ask.attribute, ask.level, ask.region is sky) for ask in asks}
    assert found == {("saturation", 1, False), ("brightness", -2, True), ("blue_saturation", 3, False),
                     ("noise", -3, False)}
    assert j.asks_of({"vintage": 2}) == []


def test_bad_requests_in_one_line():
    with pytest.raises(ValueError, match="attribute 'glow' is unknown; allowed: brightness"):
        j.Ask("glow", 1)
    with pytest.raises(ValueError, match="level 0"):
        j.Ask("contrast", 0)
    with pytest.raises(ValueError, match="asked for twice"):
        j.prepare(PHOTO, [j.Ask("contrast", 1), j.Ask("contrast", 2)])


def test_margin():
    assert j.has_margin(2.0, 0)
    assert j.has_margin(0, -1.0)
    assert not j.has_margin(1.9, 0.9)


def test_truth_stands_alone():
    """Training data, rewards and the loops may not import it; it imports only its own folder."""
    root = pathlib.Path(j.__file__).parents[1]
    for name in ("judge.py", "changes.py"):
        for node in ast.walk(ast.parse((root / "eval" / name).read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rtq"):
                assert node.module.startswith("rtq.eval")
    for folder in ("data", "rl"):
        for path in (root / folder).rglob("*.py"):
            assert "rtq.eval" not in path.read_text(), path
