"""`fit` recovers plans, stays sparse, and refuses what cannot be a pair."""

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

from rtq.editor import Plan, fit, render
from rtq.editor.fitting import CORE, fit_report

PHOTO = data.astronaut()[::2, ::2]


@pytest.fixture(scope="module")
def recovered():
    plan = Plan({"Exposure": 0.4, "Temperature": 25, "Shadows": 40, "Saturation": -30})
    return plan, fit_report(PHOTO, render(PHOTO, plan), names=CORE)


def test_four_of_fourteen_sliders_are_found(recovered):
    plan, result = recovered
    assert result.l1 < 0.003
    assert result.l1_before > 0.05
    assert set(result.plan.sliders) == set(plan.sliders)
    for name, value in plan.sliders.items():
        assert abs(result.plan.sliders[name] - value) <= (0.05 if name == "Exposure" else 3), name
    assert result.unexplained == ()


def test_a_local_difference_is_said(recovered):
    plan, _ = recovered
    after = render(PHOTO, plan)
    after[:64, :64] = after[:64, :64] // 3
    result = fit_report(PHOTO, after, names=CORE)
    assert any("local adjustment" in line for line in result.unexplained), result


def test_an_unchanged_photo_gives_an_empty_plan():
    assert fit(PHOTO, PHOTO.copy(), names=CORE) == Plan()


def test_clipped_results_only_bound_the_fit():
    plan = Plan({"Exposure": 1.5})
    found = fit(PHOTO, render(PHOTO, plan), names=CORE)
    assert abs(found.sliders["Exposure"] - 1.5) <= 0.1
    assert np.abs(render(PHOTO, found).astype(int) - render(PHOTO, plan)).mean() < 1


def test_a_jpeg_file_with_blown_lights_does_not_mislead():
    plan, file = Plan({"Temperature": -10, "Exposure": 0.8}), io.BytesIO()
    Image.fromarray(render(PHOTO, plan)).save(file, "JPEG", quality=92)
    found = fit(PHOTO, np.asarray(Image.open(file)), names=CORE).sliders
    assert abs(found["Exposure"] - 0.8) <= 0.1
    assert abs(found["Temperature"] + 10) <= 3
    assert all(abs(value) <= 10 for name, value in found.items() if name not in plan.sliders), found


@pytest.mark.parametrize(("before", "after", "names", "message"), [
    (PHOTO, PHOTO[:-1], None, "same size"),
    (PHOTO, data.coffee()[:256, :256], None, "do not match"),
    (PHOTO, PHOTO, ("Sharpness",), "cannot be fitted"),
    (PHOTO, PHOTO, ("Nonsense",), "cannot be fitted"),
    (PHOTO, PHOTO, ("Exposure", "Texture"), "Texture cannot be fitted"),
    (PHOTO, PHOTO, ("GrainAmount",), "cannot be fitted"),
    (PHOTO[..., 0], PHOTO[..., 0], None, "needed"),
])
def test_what_is_no_pair_is_refused_in_one_line(before, after, names, message):
    with pytest.raises(ValueError, match=message) as error:
        fit(before, after, names=names)
    assert "\n" not in str(error.value)
