"""Facts about photos."""

import jax
import jax.numpy as jnp
import numpy as np
from data_photos import scene

from rtq.data import measure
from rtq.text.facts import CHANGES

PHOTOS = np.stack([scene(i) for i in range(6)]).astype(np.float32) / 255


def test_numpy_and_jax_agree_under_jit():
    ours = measure.levels(PHOTOS)
    assert ours.dtype == np.int32
    np.testing.assert_array_equal(ours, jax.jit(measure.levels)(jnp.asarray(PHOTOS)))


def test_edges_and_steps_rise():
    assert (np.diff(measure.EDGES) > 0).all()
    assert (np.diff(measure.STEPS) > 0).all()
    assert measure.EDGES.shape == (4, 14)
    assert measure.STEPS.shape == (len(CHANGES), 7)


def test_changes_have_the_sign_of_what_was_done():
    grey = PHOTOS.mean(-1, keepdims=True)
    down, across = (np.linspace(-1, 1, n, dtype=np.float32) for n in PHOTOS.shape[1:3])
    corners = (np.hypot(down[:, None], across[None]) > 1)[..., None]
    soft = sum(np.roll(PHOTOS, shift, axis) for axis in (1, 2) for shift in (-1, 1)) / 4
    cases = {
        "luma": PHOTOS * 0.6 + 0.4, "spread": (PHOTOS - 0.5) * 1.5 + 0.5, "cast": PHOTOS * [1.2, 1.1, 0.6],
        "chroma": grey + 1.6 * (PHOTOS - grey), "tint": PHOTOS * [1.1, 0.8, 1.1], "detail": 2 * PHOTOS - soft,
        "darks": np.maximum(PHOTOS, 0.4), "lights": PHOTOS + 0.4 * PHOTOS**4, "rim": PHOTOS + 0.2 * corners,
        "top": PHOTOS - 0.1 * down[:, None, None], "side": PHOTOS - 0.1 * across[:, None],
    }  # fmt: skip
    assert set(cases) == set(CHANGES)
    for name, edited in cases.items():
        change = measure.changes(PHOTOS, edited.astype(np.float32))[:, CHANGES.index(name)]
        assert (change > 0).all(), (name, change)
    assert not measure.changes(PHOTOS, PHOTOS).any()


def test_the_four_measurements_change_back():
    edited = (PHOTOS * 0.6 + 0.3).astype(np.float32)
    there, back = measure.changes(PHOTOS, edited), measure.changes(edited, PHOTOS)
    np.testing.assert_array_equal(back[:, :4], -there[:, :4])


def test_reduced_photos_measure_nearly_the_same():
    big = np.kron(PHOTOS[:, :72, :72], np.ones((1, 2, 2, 1), np.float32))
    assert measure.reduced(big).shape == (6, 72, 72, 3)
    np.testing.assert_allclose(measure.measurements(big), measure.measurements(PHOTOS[:, :72, :72]), atol=1e-5)
