"""Attribute changes: right sign, graded, zero for nothing, little for pure exposure, restricted to a region."""

import numpy as np
import pytest
from scenes import EDITS, PHOTOS, edit

from rtq.eval import changes as c


@pytest.mark.parametrize("attribute", EDITS)
def test_signed_and_graded(attribute):
    for name, photo in PHOTOS.items():
        levels = [c.changes(photo, edit(photo, attribute, a))[attribute] for a in (-2, -1, -0.5, 0, 0.5, 1, 2)]
        assert levels[3] == pytest.approx(0, abs=1e-6)
        assert all(np.diff(levels) > 0), (name, levels)
        assert levels[5] > 0.3, (name, levels)
        assert levels[1] < -0.3, (name, levels)


def test_exposure_is_brightness_and_little_else():
    own = ("contrast", "warmth", "tint", "saturation", "sharpness", "clarity")
    for photo in PHOTOS.values():
        dimmed = photo * 0.8  # so that nothing is clipped
        found = c.changes(dimmed, edit(dimmed, "brightness", 0.5))
        assert found["brightness"] > 0.5
        assert max(abs(found[name]) for name in own) < 0.15, found


def test_saturation_of_a_warm_photo_is_not_warmth():
    found = c.changes(PHOTOS["coffee"], edit(PHOTOS["coffee"], "saturation", 1))
    assert abs(found["warmth"]) < 0.4 * found["saturation"]


def test_hues_apart():
    photo = np.zeros((32, 64, 3), np.float32)
    photo[:, :32], photo[:, 32:] = (0.25, 0.35, 0.75), (0.75, 0.35, 0.25)
    photo += np.random.default_rng(0).normal(0, 0.01, photo.shape).astype(np.float32)
    after = photo.copy()
    after[:, :32] = edit(photo, "saturation", 1)[:, :32]
    found = c.changes(photo, after)
    assert found["blue_saturation"] > 1
    assert abs(found["red_saturation"]) < 0.2
    assert found["green_saturation"] == 0  # there is none
    after[:, :32] = edit(photo, "brightness", -1)[:, :32]
    assert c.changes(photo, after)["blue_luminance"] < -1


def test_black_and_white_is_mono():
    photo = PHOTOS["coffee"]
    grey = np.repeat(photo.mean(-1, keepdims=True), 3, -1)
    assert c.changes(photo, grey)["mono"] > 2.5
    assert c.changes(photo, edit(photo, "saturation", -1))["mono"] < 1


def test_noise_and_clarity():
    photo = PHOTOS["chelsea"]
    noisy = np.clip(photo + np.random.default_rng(0).normal(0, 0.05, photo.shape), 0, 1).astype(np.float32)
    assert c.changes(photo, noisy)["noise"] > 1
    assert c.changes(noisy, photo)["noise"] < -1


def test_a_region_sees_only_itself():
    photo = PHOTOS["astronaut"]
    region = np.zeros(photo.shape[:2], np.float32)
    region[:40] = 1
    after = photo.copy()
    after[:40] = edit(photo, "warmth", 1)[:40]
    assert c.changes(photo, after, region)["warmth"] > 1
    assert max(map(abs, c.changes(photo, after, 1 - region).values())) < 0.01


def test_bad_input_in_one_line():
    photo = PHOTOS["coffee"]
    with pytest.raises(ValueError, match="one size is needed"):
        c.changes(photo, photo[:50])
    with pytest.raises(ValueError, match="sides of at least 16"):
        c.measured(photo[:8])
    with pytest.raises(ValueError, match="not all 0"):
        c.changes(photo, photo, np.zeros(photo.shape[:2]))
