"""Looking: the fixed faults, the gain of one who knows, of none, of the regressor, and of one shown other photos."""

import numpy as np
import pytest
from scenes import square
from skimage.util import img_as_ubyte

from rtq.editor import Plan
from rtq.eval import looking, pictures, spoil

NAMES = ("astronaut", "coffee", "chelsea", "rocket")
LARGER = np.stack([square(name, 64) for name in NAMES])
TILES = np.concatenate([LARGER[:, i:i + 48, j:j + 48] for i in (0, 16) for j in (0, 16)])
PHOTOS = TILES[:4]  # of one size: one compilation for all tests
PINNED = '{"v":1,"Temperature":-55,"Exposure":1.45,"Contrast":-27,"Shadows":52}'
TILE_KEYS = [f"{name}{part}" for part in range(4) for name in NAMES]


def test_faults_are_fixed_and_varied():
    plans = [spoil.plan_of(f"photo {i}") for i in range(300)]
    assert plans == [spoil.plan_of(f"photo {i}") for i in range(300)]
    assert plans[0] != spoil.plan_of("photo 0", 1)
    assert {len(plan.sliders) for plan in plans} == {3, 4}
    assert all(set(spoil.ALWAYS) <= set(plan.sliders) for plan in plans)
    for slider, ranges in {**spoil.ALWAYS, **spoil.LESSER}.items():
        values = [plan.sliders[slider] for plan in plans if slider in plan.sliders]
        assert len(values) > 20
        assert all(any(low <= value <= high for low, high in ranges) for value in values)
        assert min(values) < 0 < max(values)
    # pinned: a change of the distribution makes results incomparable
    assert spoil.plan_of("pinned").to_json() == PINNED



def test_gain_of_undoing_nothing_and_harm():
    keys = list(NAMES)
    assert looking.evaluate(lambda photos, requests: [Plan()] * len(photos), PHOTOS, keys).gain == 0
    undo = iter([Plan({name: -value for name, value in spoil.plan_of(key).sliders.items()}) for key in keys])
    found = looking.evaluate(lambda photos, requests: [next(undo) for _ in photos], PHOTOS, keys, batch=3)
    assert found.gain > 0.4
    assert found.before.shape == (4,)
    assert found.error > 0
    again = iter([spoil.plan_of(key) for key in keys])
    assert looking.evaluate(lambda photos, requests: [next(again) for _ in photos], PHOTOS, keys).gain < -0.2


def test_requests_are_vague_and_fixed():
    seen = {}

    def policy(photos, requests):
        assert photos.shape[1:] == (24, 24, 3)
        seen["requests"] = list(requests)
        return [Plan()] * len(photos)

    looking.evaluate(policy, PHOTOS, list(NAMES))
    assert seen["requests"] == [looking.request_of(name) for name in NAMES]
    assert len({looking.request_of(str(i)) for i in range(100)}) == len(looking.VAGUE)


def test_regressor_gains_and_the_swapped_control_does_not():
    policy = looking.regressor(TILES, TILE_KEYS, seed=0)
    keys = [f"fresh {key}" for key in TILE_KEYS]  # seen photos with unseen faults: enough to test the machinery
    gain = looking.evaluate(policy, TILES, keys).gain
    assert gain > 0.15
    assert looking.evaluate(policy, TILES, keys, swapped=True).gain < gain - 0.15


def test_folders_and_command(tmp_path, capsys):
    from PIL import Image

    (tmp_path / "deep").mkdir()
    Image.fromarray(img_as_ubyte(PHOTOS[0])).save(tmp_path / "deep" / "a.png")
    Image.fromarray(img_as_ubyte(PHOTOS[1])[:40]).save(tmp_path / "b.jpg")
    keys, photos = pictures.squares(tmp_path, 48)
    assert keys == ["b.jpg", "deep/a.png"]
    assert {".heif", ".cr3", ".raf", ".orf", ".rw2"} <= pictures.SUFFIXES  # what training reads, too
    np.testing.assert_allclose(photos[1], PHOTOS[0], atol=0.003)
    assert spoil.main([str(tmp_path / "none")]) == 1
    assert "no photos" in capsys.readouterr().err
    assert spoil.main([]) == 2


def test_squares_of_odd_size_are_refused():
    with pytest.raises(ValueError, match="even sides"):
        pictures.halved(PHOTOS[:, :47])
    with pytest.raises(ValueError, match="one each"):
        pictures.rendered(PHOTOS, [Plan()])
