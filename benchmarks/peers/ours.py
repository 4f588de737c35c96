"""rtq.editor: forward, gradient and batches."""

import jax
import jax.numpy as jnp
import numpy as np

from peers import photos
from rtq import editor
from rtq.editor import develop, gradient, renderer
from rtq.editor.plan_arrays import stack, to_arrays
from rtq.editor.sliders import SLIDERS

# photos.TWELVE with the names and units of this editor.
PLAN = editor.Plan({"Exposure": 0.3, "Contrast": 20, "Highlights": -30, "Shadows": 30, "Whites": 15, "Blacks": -10,
                    "Temperature": 20, "Tint": -10, "Vibrance": 30, "Saturation": 15, "Sharpness": 40,
                    "VignetteAmount": -30})


def work(size: str):
    """() → uint8[H, W, 3]."""
    photo = photos.photo(size)
    return photo, lambda: editor.render(photo, PLAN)


def gradient_work(size: str):
    """() → (loss, float64[12]): mean squared distance to the photo itself, and its gradient."""
    photo = photos.photo(size)
    arrays, program, names = to_arrays(PLAN), renderer.program_of(PLAN), tuple(PLAN.sliders)
    return photo, lambda: gradient.loss_and_gradient(photo, photo, arrays, program, names)


def random_plans(count: int, used: int, seed: int = 0) -> list[editor.Plan]:
    """Plans with `used` sliders each, anywhere in the inner half of their ranges."""
    rng, out = np.random.default_rng(seed), []
    for _ in range(count):
        rows = [SLIDERS[i] for i in rng.choice(len(SLIDERS), used, replace=False)]
        steps = [round((rng.uniform(0.25, 0.75) * (row.hi - row.lo)) / row.step) for row in rows]
        out.append(editor.Plan({row.name: round(row.lo + n * row.step, 6) for row, n in zip(rows, steps, strict=True)}))
    return out


def batch_work(photos_in_batch: np.ndarray, with_gradient: bool):
    """() → float32[B, H, W, 3], or [(loss, gradient of the twelve)]; the superset program, 8 sliders a plan.

    The gradient goes photo by photo, in strips: reverse mode through every stage at once keeps .56 GB a photo.
    """
    plans = random_plans(len(photos_in_batch), 8)
    if not with_gradient:
        arrays, pictures = jax.device_put(stack(plans)), jnp.asarray(photos_in_batch)
        return lambda: jax.block_until_ready(editor.render_batch(pictures, arrays))
    program, names = develop.superset(), tuple(PLAN.sliders)
    pairs = [(photo, to_arrays(plan)) for photo, plan in zip(photos_in_batch, plans, strict=True)]
    return lambda: [gradient.loss_and_gradient(x, x, arrays, program, names) for x, arrays in pairs]


def batch_photos(count: int = 32, side: int = 448) -> np.ndarray:
    """float32[count, side, side, 3]: crops of the 12 MP photo."""
    large, rng = photos.photo("12mp"), np.random.default_rng(0)
    corners = zip(rng.integers(0, 3000 - side, count), rng.integers(0, 4000 - side, count), strict=True)
    return np.stack([large[y:y + side, x:x + side] for y, x in corners]).astype(np.float32) / 255
