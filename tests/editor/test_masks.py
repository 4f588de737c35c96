"""Masks at known points, their algebra, and what is said of missing ones."""

import jax.numpy as jnp
import numpy as np
import pytest
from editor_cases import colorful

from rtq.editor import masks, renderer
from rtq.editor.plan import MASK_KINDS, OPERATIONS, Local, Mask, Plan
from rtq.editor.plan_arrays import to_arrays
from rtq.editor.renderer import render

H, W = 80, 120
ALL = Mask("luminance", (0, 100, 0))


def view(photo=None, named=()):
    photo = np.zeros((H, W, 3), np.float32) if photo is None else photo
    height, width = photo.shape[:2]
    return masks.View(((jnp.arange(height, dtype=jnp.float32) + 0.5) / height)[:, None],
                      ((jnp.arange(width, dtype=jnp.float32) + 0.5) / width)[None],
                      jnp.array([height, width], jnp.float32), tuple(jnp.asarray(photo[..., c]) for c in range(3)),
                      jnp.asarray(np.stack(named) if len(named) else np.zeros((0, height, width)), jnp.float32))


def compose(*components, photo=None, named=(), traced=False):
    """The mask of these components, by the program for them or by the one for any."""
    names = tuple(m.name for m in components if m.name)
    arrays = to_arrays(Plan({}, (Local(components, {}),)), names)
    fields = (arrays.mask_kind, arrays.mask_op, arrays.mask_invert, arrays.mask_name)
    codes = [list(map(jnp.asarray, f[0])) if traced else [int(x) for x in f[0]] for f in fields]
    return np.asarray(masks.compose(*codes, jnp.asarray(arrays.mask_numbers[0]), view(photo, named)))


def test_linear():
    """0 up to the first point, 1 from the second, ½ half-way, constant across."""
    mask = compose(Mask("linear", (250, 500, 750, 500)))
    assert mask[:, :30].max() == 0
    assert mask[:, 90:].min() == 1
    assert mask[7, 59] + mask[7, 60] == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(mask, np.broadcast_to(mask[:1], mask.shape), atol=1e-6)
    diagonal = compose(Mask("linear", (0, 0, 1000, 1000)))
    # Across means across in pixels: (60, 40) + t·(−80, 120)/… is the line through the middle.
    assert diagonal[39, 59] == pytest.approx(0.5, abs=0.03)
    assert diagonal[39 + 12, 59 - 8] == pytest.approx(diagonal[39, 59], abs=1e-4)


def test_radial():
    """1 inside the unfeathered part, 0 outside; radii along width and height; turned clockwise."""
    mask = compose(Mask("radial", (500, 500, 250, 250, 0, 50)))
    assert mask[40, 60] == 1
    assert mask[40, 60 + 31] == 0
    assert mask[40 + 21, 60] == 0
    assert mask[40, 60 + 13] == 1
    assert 0 < mask[40, 60 + 22] < 1
    assert mask[40, 60 + 22] == pytest.approx(mask[40, 59 - 22], abs=1e-5)
    turned = compose(Mask("radial", (500, 500, 400, 100, 45, 20)))
    assert turned[40 + 25, 60 + 25] > 0.9  # down to the right
    assert turned[40 - 25, 60 + 25] == 0


def test_luminance():
    photo = np.repeat(np.tile(np.linspace(0, 1, W, dtype=np.float32), (H, 1))[..., None], 3, -1)
    mask = compose(Mask("luminance", (40, 60, 10)), photo=photo)[0]
    at = np.interp([0.29, 0.35, 0.45, 0.55, 0.65, 0.71], photo[0, :, 0], mask)
    np.testing.assert_allclose(at, [0, 0.5, 1, 1, 0.5, 0], atol=0.01)
    open_ended = compose(Mask("luminance", (0, 30, 5)), photo=photo - 0.5)[0]
    assert open_ended[0] == 1  # also below black
    assert compose(ALL, photo=3 * photo - 1).min() == 1


def test_color():
    photo = np.zeros((H, W, 3), np.float32)
    photo[:, :40] = (200 / 255, 100 / 255, 60 / 255)
    photo[:, 40:80] = (190 / 255, 100 / 255, 70 / 255)
    photo[:, 80:] = (60 / 255, 100 / 255, 200 / 255)
    mask = compose(Mask("color", (200, 100, 60, 40)), photo=photo)
    assert mask[0, 0] == 1
    assert mask[0, 60] > 0.5
    assert mask[0, 100] == 0


def test_named_masks():
    named = np.random.default_rng(0).random((2, H, W)).astype(np.float32)
    for kind in ("region", "bitmap"):
        np.testing.assert_array_equal(compose(Mask(kind, (), "b"), named=named[1:]), named[1])
    np.testing.assert_array_equal(compose(Mask("region", (), "a"), named=named, traced=True), named[0])


def test_algebra():
    """add: a + b − ab; subtract: a(1 − b); intersect: ab; invert: 1 − a; in order."""
    first, second, third = Mask("linear", (0, 0, 1000, 300)), Mask("radial", (400, 500, 300, 400, 10, 60)), \
        Mask("linear", (0, 1000, 300, 0))
    a, b, c = compose(first), compose(second), compose(third)

    def joined(op, mask=second, invert=False):
        return Mask(mask.kind, mask.numbers, "", op, invert)

    np.testing.assert_allclose(compose(first, joined("add")), a + b - a * b, atol=1e-6)
    np.testing.assert_allclose(compose(first, joined("subtract")), a * (1 - b), atol=1e-6)
    np.testing.assert_allclose(compose(first, joined("intersect")), a * b, atol=1e-6)
    np.testing.assert_allclose(compose(Mask("linear", first.numbers, "", "add", True)), 1 - a, atol=1e-6)
    np.testing.assert_allclose(compose(first, joined("intersect", invert=True), joined("add", third)),
                               a * (1 - b) + c - a * (1 - b) * c, atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_the_program_for_any_mask_is_the_one_for_these(seed):
    rng = np.random.default_rng(seed)
    photo, named = colorful(H, W, seed), np.random.default_rng(0).random((1, H, W)).astype(np.float32)
    make = {"linear": lambda: tuple(int(x) for x in rng.integers(-300, 1300, 4)),
            "radial": lambda: tuple(int(x) for x in (*rng.integers(0, 1000, 2), *rng.integers(50, 900, 2),
                                                     rng.integers(-180, 181), rng.integers(0, 101))),
            "luminance": lambda: (int(rng.integers(0, 50)), int(rng.integers(50, 101)), int(rng.integers(0, 101))),
            "color": lambda: tuple(int(x) for x in (*rng.integers(0, 256, 3), rng.integers(1, 101)))}
    components = []
    for j in range(1 + seed % 3):
        kind = MASK_KINDS[int(rng.integers(0, 6))]
        op = OPERATIONS[int(rng.integers(0, 3))] if j else "add"
        numbers = make[kind]() if kind in make else ()
        components.append(Mask(kind, numbers, "" if kind in make else "m", op, bool(rng.integers(0, 2))))
    special, general = (compose(*components, photo=photo, named=named, traced=t) for t in (False, True))
    assert 0 <= special.min() <= special.max() <= 1
    np.testing.assert_allclose(general, special, atol=1e-6)


def test_local_sliders_act_inside_only():
    photo = colorful(H, W)
    out = render(photo, Plan({}, (Local((Mask("radial", (500, 500, 200, 200, 0, 20)),), {"Exposure": 1.0}),)))
    np.testing.assert_allclose(out[:10], photo[:10], atol=2e-6)
    np.testing.assert_allclose(out[40, 60], render(photo, Plan({"Exposure": 1.0}))[40, 60], atol=1e-6)


def test_given_masks_of_any_type_and_size():
    """bool, bytes and floats; another size is resized to the photo; a mask of ones is everywhere."""
    photo = colorful(H, W)
    plan = Plan({}, (Local((Mask("bitmap", (), "sky"),), {"Exposure": 1.0}),))
    everywhere = render(photo, Plan({"Exposure": 1.0}))
    half = np.zeros((H, W), bool)
    half[:40] = True
    for mask in (np.ones((H, W), bool), np.full((H, W), 255, np.uint8), np.ones((7, 5), np.float32)):
        np.testing.assert_allclose(render(photo, plan, masks={"sky": mask}), everywhere, atol=1e-6)
    out = render(photo, plan, masks={"sky": half})
    np.testing.assert_allclose(out[:40], everywhere[:40], atol=1e-6)
    np.testing.assert_allclose(out[40:], photo[40:], atol=2e-6)
    small = render(photo, plan, masks={"sky": half[::4, ::4]})
    np.testing.assert_allclose(small[:30], everywhere[:30], atol=1e-6)
    np.testing.assert_allclose(small[50:], photo[50:], atol=2e-6)
    assert renderer.program_of(plan, 1.0, ("sky",)).masks is not None


@pytest.mark.parametrize(("given", "message"), [
    (None, "masks: the plan needs sky; given: none"),
    ({"sea": np.ones((4, 4))}, "masks: the plan needs sky; given: sea"),
    ({"sky": np.ones((4, 4, 3))}, "masks: sky is float64"),
    ({"sky": np.ones((4, 4), complex)}, "masks: sky is complex128"),
    ({"sky": np.full((4, 4), np.nan)}, "not finite"),
    ({"sky": np.ones((0, 4))}, "masks: sky is"),
])
def test_bad_masks(given, message):
    plan = Plan({}, (Local((Mask("region", (), "sky"),), {"Exposure": 1.0}),))
    with pytest.raises(ValueError, match=message) as error:
        render(np.zeros((4, 4, 3), np.uint8), plan, masks=given)
    assert "\n" not in str(error.value)
