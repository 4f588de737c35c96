"""The sample grid: photos where they belong, words that do not overflow."""

import numpy as np
import pytest
from scenes import PHOTOS, edit

from rtq.editor import Plan
from rtq.eval import grid

PHOTO = PHOTOS["coffee"]


def test_photos_and_words_are_in_place():
    after = edit(PHOTO, "brightness", 1)
    samples = [grid.Sample(PHOTO, after, PHOTO, "brighter", Plan({"Exposure": 0.5}), "light (100%): 8"),
               grid.Sample((PHOTO * 255).astype(np.uint8), after, None, "word " * 200, None, "words " * 100)]
    sheet = grid.draw(samples, side=96, words=240)
    assert sheet.dtype == np.uint8
    assert sheet.shape == (25 + 2 * 104, 3 * 96 + 240 + 40, 3)
    first = sheet[25:121, 8:104] / 255
    np.testing.assert_allclose(first, PHOTO, atol=0.003)
    np.testing.assert_allclose(sheet[25:121, 112:208] / 255, after, atol=0.003)
    empty = sheet[129:225, 216:312]
    assert (empty == empty[0, 0]).all()  # no reference
    assert (sheet[25:121, 328:] < 128).any()
    assert (sheet[:, -4:] == sheet[0, 0]).all()  # no word runs out of the sheet
    longer = sheet[129:225, 328:]
    assert (longer[-2:] == sheet[0, 0]).all()


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="no samples"):
        grid.draw([])
