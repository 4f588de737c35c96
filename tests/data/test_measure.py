"""Facts about photos."""

import jax
import jax.numpy as jnp
import numpy as np
from data_photos import scene

from rtq.data import measure
from rtq.text.facts import FACTS

PHOTOS = np.stack([scene(i) for i in range(6)]).astype(np.float32) / 255


def test_numpy_and_jax_agree_under_jit():
    ours = measure.levels(PHOTOS)
    assert ours.dtype == np.int32
    np.testing.assert_array_equal(ours, jax.jit(measure.levels)(jnp.asarray(PHOTOS)))


def test_edges_and_steps_rise():
    assert (np.diff(measure.EDGES) > 0).all()
    assert (np.diff(measure.STEPS) > 0).all()
    assert measure.EDGES.shape == (4, 14)
    assert measure.STEPS.shape == (4, 7)


def test_changes_have_the_sign_of_what_was_done():
    grey = PHOTOS.mean(-1, keepdims=True)
    cases = {"luma": PHOTOS * 0.6 + 0.4, "spread": (PHOTOS - 0.5) * 1.5 + 0.5, "cast": PHOTOS * [1.2, 1.1, 0.6],
             "chroma": grey + 1.6 * (PHOTOS - grey)}  # fmt: skip
    for name, edited in cases.items():
        change = measure.changes(PHOTOS, edited.astype(np.float32))[:, FACTS.index(name)]
        assert (change > 0).all(), (name, change)
        back = measure.changes(edited.astype(np.float32), PHOTOS)[:, FACTS.index(name)]
        np.testing.assert_array_equal(back, -change)
    assert not measure.changes(PHOTOS, PHOTOS).any()


def test_reduced_photos_measure_nearly_the_same():
    big = np.kron(PHOTOS[:, :72, :72], np.ones((1, 2, 2, 1), np.float32))
    assert measure.reduced(big).shape == (6, 72, 72, 3)
    np.testing.assert_allclose(measure.measurements(big), measure.measurements(PHOTOS[:, :72, :72]), atol=1e-5)
