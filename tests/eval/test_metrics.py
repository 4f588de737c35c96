"""Distances against skimage and published values; bootstrap and rank correlation against what they must give."""

import numpy as np
import pytest
from skimage import color

from rtq.eval import metrics


def photo(seed, height=24, width=32):
    return np.random.default_rng(seed).random((height, width, 3), np.float32)


# Sharma, Wu and Dalal 2005, table 1: rows that exercise the hue average, the blue rotation and greys.
SHARMA = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
    ((50, 0, 0), (50, -1, 2), 2.3669),
    ((50, 2.4900, -0.0010), (50, -2.4900, 0.0009), 7.1792),
    ((50, 2.4900, -0.0010), (50, -2.4900, 0.0011), 7.2195),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((50, 2.5, 0), (58, 24, 15), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


def test_ciede2000_is_the_published_one():
    a, b, expected = (np.array(x) for x in zip(*SHARMA, strict=True))
    np.testing.assert_allclose(metrics.delta_e2000(a, b), expected, atol=1e-4)
    np.testing.assert_allclose(metrics.delta_e2000(b, a), expected, atol=1e-4)


def test_lab_and_delta_e_agree_with_skimage():
    a, b = photo(0), photo(1)
    np.testing.assert_allclose(metrics.lab(a), color.rgb2lab(a), atol=0.03)
    expected = color.deltaE_ciede2000(color.rgb2lab(a), color.rgb2lab(b)).mean()
    assert metrics.delta_e(a, b) == pytest.approx(expected, abs=0.02)


def test_greys_have_no_chroma():
    grey = np.repeat(np.linspace(0, 1, 50, dtype=np.float32)[:, None, None], 3, -1)
    assert np.abs(metrics.lab(grey)[..., 1:]).max() < 1e-3
    assert metrics.lab(grey)[-1, 0, 0] == pytest.approx(100, abs=1e-3)


def test_simple_distances():
    a = np.full((16, 16, 3), 0.5, np.float32)
    b = a.copy()
    b[:8] += 0.2
    assert metrics.l1(a, b) == pytest.approx(25.5, rel=1e-5)
    assert metrics.l2(a, b) == pytest.approx(255 * np.sqrt(0.02), rel=1e-5)
    assert metrics.psnr(a, b) == pytest.approx(10 * np.log10(1 / 0.02), rel=1e-4)
    assert metrics.psnr(a, a) == float("inf")
    assert metrics.ssim(a, a) == pytest.approx(1)
    assert metrics.ssim(photo(0), photo(1)) < 0.3
    assert metrics.l1(a + 5, np.ones_like(a)) == 0  # clipped first
    assert set(metrics.distances(a, b)) == {"l1", "l2", "psnr", "ssim", "delta_e"}


def test_shapes_are_checked_in_one_line():
    with pytest.raises(ValueError, match=r"shapes \(24, 32, 3\) and \(24, 31, 3\)"):
        metrics.l1(photo(0), photo(0, width=31))
    with pytest.raises(ValueError, match="not empty"):
        metrics.pair_accuracy([], [])
    with pytest.raises(ValueError, match="as many groups"):
        metrics.bootstrap([1.0, 2.0], ["a"])


def test_pair_accuracy_counts_ties_as_wrong():
    assert metrics.pair_accuracy([3, 2, 1, 5], [1, 2, 3, 4]) == 0.5


def test_bootstrap_by_photo():
    rng = np.random.default_rng(0)
    mean, error = metrics.bootstrap(rng.normal(5, 2, 400), np.arange(400), 2000)
    assert mean == pytest.approx(5, abs=0.3)
    assert error == pytest.approx(2 / np.sqrt(400), rel=0.15)
    per_photo = rng.normal(5, 2, 40)  # ten values a photo that all say the same: no more certain than one
    _, clustered = metrics.bootstrap(np.repeat(per_photo, 10), np.repeat(np.arange(40), 10), 2000)
    _, single = metrics.bootstrap(per_photo, np.arange(40), 2000)
    assert clustered == pytest.approx(single, rel=0.1)
    assert metrics.bootstrap([1.0, 3.0], ["a", "a"]) == (2.0, 0.0)
    assert metrics.bootstrap([1.0, 3.0], ["a", "b"], seed=3) == metrics.bootstrap([1.0, 3.0], ["a", "b"], seed=3)


def test_over_seeds():
    assert metrics.over_seeds([1, 2, 3]) == (2.0, pytest.approx(1 / np.sqrt(3)))
    assert metrics.over_seeds([4.0]) == (4.0, 0.0)


def test_spearman():
    x = np.arange(20.0)
    assert metrics.spearman(x, np.exp(x)) == pytest.approx(1)
    assert metrics.spearman(x, -x) == pytest.approx(-1)
    assert metrics.spearman(x, np.ones(20)) == 0
    np.testing.assert_array_equal(metrics.ranks([10, 30, 20, 20]), [0, 3, 1.5, 1.5])
    from scipy.stats import spearmanr

    a, b = np.round(np.random.default_rng(0).normal(size=(2, 60)), 1)
    assert metrics.spearman(a, b) == pytest.approx(spearmanr(a, b)[0])
