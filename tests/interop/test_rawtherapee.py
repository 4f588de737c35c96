"""RawTherapee renders our profiles as we render our plans."""

import os

import numpy as np
import pytest
import rawtherapee_run

from rtq.editor import render
from rtq.editor.plan import Plan
from rtq.interop import rawtherapee


@pytest.mark.parametrize("name", rawtherapee_run.PLANS)
def test_same_pixels(name, tmp_path):
    plan = Plan.from_json(rawtherapee_run.PLANS[name])
    if rawtherapee_run.available():
        theirs = rawtherapee_run.run(plan, tmp_path)
    elif os.environ.get("RTQ_REQUIRE_RAWTHERAPEE") == "1":
        pytest.fail("RTQ_REQUIRE_RAWTHERAPEE=1, but rawtherapee-cli is not installed (apt-get install rawtherapee)")
    else:
        with np.load(rawtherapee_run.GOLDEN) as golden:
            theirs = golden[name]
    ours = render(rawtherapee_run.photo(), plan)
    assert theirs.shape == ours.shape
    error = np.abs(theirs.astype(np.float64) - ours) / 257
    assert np.percentile(error, 99.9) <= 0.4, error.max()
    assert error.max() <= 1.25


def test_goldens_are_of_this_photo_and_these_plans():
    with np.load(rawtherapee_run.GOLDEN) as golden:
        assert set(golden.files) == set(rawtherapee_run.PLANS)
    assert rawtherapee_run.GOLDEN.stat().st_size < 100_000


def test_profile_names_its_table(tmp_path):
    text, report = rawtherapee.profile(Plan({"Contrast": 20, "Clarity": 30, "Shadows": 10}), tmp_path / "a hald.tif")
    assert f"ClutFilename={tmp_path / 'a hald.tif'}\n" in text
    assert "ClampOOG=false" in text
    assert [line.split(":")[0] for line in (*report.exact, *report.approximated, *report.dropped)] == [
        "Contrast", "Shadows", "Clarity"]
    assert "Film Simulation" not in rawtherapee.profile(Plan({"GrainAmount": 5}), None)[0]


def test_crop_and_vignette_sections():
    plan = Plan.from_json('{"v":1,"VignetteAmount":-60,"crop":{"left":100,"right":800,"rotate":90},'
                          '"local":[{"mask":[{"linear":[0,0,0,9]}],"Tint":5}]}')
    text, report = rawtherapee.profile(plan, None, (1000, 500))
    assert "[Crop]\nEnabled=true\nX=0\nY=100\nW=500\nH=700\n" in text
    assert "Rotate=90" in text
    assert "[PCVignette]\nEnabled=true\nStrength=1.320\n" in text
    assert [line.split(":")[0] for line in report.dropped] == ["local[0]"]
    assert "[Crop]" not in rawtherapee.profile(plan, None)[0]
    with pytest.raises(ValueError, match="absolute"):
        rawtherapee.profile(plan, "hald.tif")
