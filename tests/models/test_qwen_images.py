"""The host's side of images: sizes, patches, packing, positions."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qwen_tiny

from rtq.models.qwen25vl import config, images, positions

CFG = config.preset("7b")
GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "qwen.npz")


def test_smart_resize():
    limits = {"factor": 28, "min_pixels": 3136, "max_pixels": 1003520}
    assert images.smart_resize(480, 640, **limits) == (476, 644)
    assert images.smart_resize(10, 10, **limits) == (56, 56)
    assert images.smart_resize(3000, 4000, **limits) == (840, 1148)
    assert images.smart_resize(28, 5000, **limits) == (28, 5012)
    for bad in ((0, 5), (1, 201)):
        with pytest.raises(ValueError, match="sides must be positive and differ at most 200 times"):
            images.smart_resize(*bad, **limits)


@pytest.mark.parametrize("i", [0, 1])
def test_process_equals_reference(i):
    photo = qwen_tiny.photo(*((61, 90), (30, 41))[i], i)
    patches, grid = images.process(photo, CFG)
    assert grid == tuple(GOLDEN[f"photo{i}/grid"])
    assert patches.dtype == np.float32
    np.testing.assert_array_equal(patches[::3], GOLDEN[f"photo{i}/patches"])


def test_photos_must_be_8_bit_colour():
    for bad in (np.zeros((8, 8, 3), np.float32), np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8)):
        with pytest.raises(ValueError, match=r"a photo must be uint8\[H, W, 3\], got"):
            images.process(bad, CFG)


def test_patches_on_the_device():
    """jax and numpy agree, a batch is its photos, and the gradient reaches every pixel of both copies in time."""
    pixels = np.random.RandomState(0).uniform(size=(2, 56, 84, 3)).astype(np.float32)
    batch = images.to_patches(jnp.asarray(pixels), CFG)
    assert batch.shape == (2, 24, 1176)
    np.testing.assert_allclose(batch[1], images.to_patches(pixels[1], CFG, np), atol=1e-6)
    gradient = jax.grad(lambda p: images.to_patches(p, CFG).sum())(jnp.asarray(pixels))
    np.testing.assert_allclose(gradient, np.broadcast_to(2 / images.STD, pixels.shape), rtol=1e-5)
    with pytest.raises(ValueError, match="multiples of 28, got 56x80"):
        images.to_patches(pixels[:, :, :80], CFG)


def test_index_tables_are_partitions():
    """Every patch has one slot in its photo and one in a window of its photo, and both tables say the same."""
    rows = [[(6, 4), (4, 10)], [(10, 10)], []]
    index = images.index_of(rows, qwen_tiny.CONFIG)
    assert images.layout_of(rows, qwen_tiny.CONFIG) == (100, 9, 2, 100)
    for blocks in (index.windows, index.photos):
        for r, row in enumerate(rows):
            members, slot = blocks.members[r].reshape(-1), blocks.slot[r]
            count = sum(h * w for h, w in row)
            assert sorted(members[members < 100]) == list(range(count))
            np.testing.assert_array_equal(members[slot[:count]], np.arange(count))
            assert (slot[count:] == members.size).all()
    for window in index.windows.members[1]:
        place = index.positions[1][window[window < 100]]
        assert len({tuple(p // 4) for p in place}) == 1


def test_layout_must_fit():
    layout = images.Layout(50, 4, 1, 50)
    assert images.index_of([[(6, 4)]], qwen_tiny.CONFIG, layout).positions.shape == (1, 50, 2)
    with pytest.raises(ValueError, match="does not fit into Layout"):
        images.index_of([[(10, 10)]], qwen_tiny.CONFIG, layout)


@pytest.mark.parametrize("case", ["left", "right"])
def test_positions_equal_reference(case):
    cfg, grids = {
        "left": (qwen_tiny.CONFIG, [[(6, 4), (4, 10)], [(10, 6)]]),
        "right": (qwen_tiny.UNTIED, [[(2, 14)], []]),
    }[case]
    data = qwen_tiny.batch(cfg, grids, side=case, seed=7)
    place, delta = positions.mrope_positions(data.tokens, data.grids, cfg, data.valid)
    np.testing.assert_array_equal(place, GOLDEN[f"{case}/positions"])
    np.testing.assert_array_equal(delta, GOLDEN[f"{case}/delta"])


def test_positions_by_hand():
    """A photo of 1 x 2 tokens after two words: rows and columns count from 2, the next word stands at 4."""
    cfg = qwen_tiny.CONFIG
    place, delta = positions.mrope_positions(np.array([[9, 2, 4, 4, 3, 8]]), [[(2, 4)]], cfg)
    np.testing.assert_array_equal(place[:, 0], [[0, 1, 2, 2, 4, 5], [0, 1, 2, 2, 4, 5], [0, 1, 2, 3, 4, 5]])
    assert delta.tolist() == [0]
    np.testing.assert_array_equal(positions.feature_index(np.array([[9, 4, 4, 3, 4]]), cfg), [[-1, 0, 1, -1, 2]])


def test_photos_and_tokens_must_agree():
    cfg = qwen_tiny.CONFIG
    with pytest.raises(ValueError, match="row 0: a photo of 2x2 tokens needs 4 image tokens in a row"):
        positions.mrope_positions(np.array([[9, 4, 4, 4, 8]]), [[(4, 4)]], cfg)
    with pytest.raises(ValueError, match="row 0: 4 image tokens, but its photos need 2"):
        positions.mrope_positions(np.array([[9, 4, 4, 8, 4, 4]]), [[(2, 4)]], cfg)
