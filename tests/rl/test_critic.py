"""The critic that never sees the request: it tells clean photos from spoiled ones of other scenes."""

import jax
import numpy as np

from rtq.rl import critic


def scenes(count, seed):
    """float32[count, 28, 28, 3]: greyish gradients in all sorts of light, roughly neutral, of middling brightness."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(-0.25, 0.25, 28)[None, :, None, None] * rng.uniform(-1, 1, (count, 1, 1, 1))
    base = rng.uniform(0.4, 0.6, (count, 1, 1, 1)) + ramp
    return np.clip(base + rng.normal(0, 0.03, (count, 28, 28, 3)), 0, 1).astype(np.float32)


def spoiled(photos, seed):
    """With a strong cast to either side, or too dark."""
    rng = np.random.default_rng(seed)
    cast = rng.choice((-0.2, 0.2), (len(photos), 1, 1, 1)) * np.array([1, 0, -1])
    dark = rng.choice((0.4, 1.0), (len(photos), 1, 1, 1))
    return np.clip(photos * dark + cast, 0, 1).astype(np.float32)


def test_clean_photos_score_higher_than_their_spoiled_selves():
    clean, test = scenes(96, 0), scenes(64, 1)
    fitted = critic.fit(clean, spoiled(clean, 2))
    score = jax.jit(critic.score)
    good, bad = np.asarray(score(fitted, test)), np.asarray(score(fitted, spoiled(test, 3)))
    assert good.shape == (64,)
    assert ((good >= 0) & (good <= 1) & (bad >= 0) & (bad <= 1)).all()
    assert (good > bad).mean() > 0.95
    again = critic.fit(clean, spoiled(clean, 2))
    jax.tree.map(np.testing.assert_array_equal, fitted, again)


def test_statistics_are_finite_on_flat_photos():
    flat = np.stack([np.zeros((28, 28, 3)), np.ones((28, 28, 3))]).astype(np.float32)
    found = np.asarray(critic.statistics(flat))
    assert np.isfinite(found).all()
