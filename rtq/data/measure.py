"""Measured facts about photos: what the levels and changes of `rtq.text.facts` are.

Four measurements of encoded sRGB, clipped to 0–1:

    luma     mean of Rec. 709 luma
    spread   standard deviation of luma
    cast     mean of (R + G)/2 − B: warm is positive, blue negative
    chroma   mean of max(R, G, B) − min(R, G, B)

A level counts the edges that lie below a measurement. The edges are the fifteenths of 3,000 random crops of 128 free
photos, half of them spoiled, rounded: `python -m rtq.data.measure FOLDER` prints them anew. A change is the signed
count of the steps that the difference of two measurements exceeds; the steps are sevenths of differences between a
photo and its edit, the first being about where an edit begins to be seen.
"""

import sys

import jax.numpy as jnp
import numpy as np

from rtq.text.facts import FACTS, LEVELS, MAX_CHANGE

LUMA = (0.2126, 0.7152, 0.0722)
EDGES = np.array([
    [.10, .15, .20, .24, .28, .32, .36, .40, .44, .48, .53, .58, .64, .72],
    [.06, .085, .105, .12, .135, .15, .163, .177, .19, .205, .22, .24, .26, .285],
    [-.16, -.11, -.075, -.05, -.03, -.012, .003, .018, .034, .05, .07, .095, .13, .18],
    [.04, .06, .075, .09, .105, .12, .135, .15, .167, .185, .21, .24, .28, .34],
], np.float32)  # fmt: skip
STEPS = np.array([
    [.012, .03, .055, .085, .12, .165, .23],
    [.006, .014, .023, .034, .047, .064, .09],
    [.008, .02, .035, .055, .08, .11, .16],
    [.008, .02, .035, .053, .075, .105, .15],
], np.float32)  # fmt: skip


def measurements(photos):
    """float32[B, H, W, 3] sRGB 0–1 → float32[B, 4] in the order of `FACTS`. Jax or numpy; differentiable."""
    xp = np if isinstance(photos, np.ndarray) else jnp
    photos = xp.clip(photos, 0, 1)
    red, green, blue = photos[..., 0], photos[..., 1], photos[..., 2]
    luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    chroma = xp.maximum(xp.maximum(red, green), blue) - xp.minimum(xp.minimum(red, green), blue)
    axes = (1, 2)
    parts = (luma.mean(axes), luma.std(axes), ((red + green) / 2 - blue).mean(axes), chroma.mean(axes))
    return xp.stack(parts, -1)


def levels_of(values):
    """float32[B, 4] measurements → int32[B, 4] levels 0 to 14."""
    xp = np if isinstance(values, np.ndarray) else jnp
    return (values[..., None] >= xp.asarray(EDGES)[None]).sum(-1).astype(np.int32)


def changes_of(before, after):
    """Two float32[B, 4] of measurements → int32[B, 4] changes −7 to 7."""
    xp = np if isinstance(before, np.ndarray) else jnp
    difference = after - before
    size = (xp.abs(difference)[..., None] >= xp.asarray(STEPS)[None]).sum(-1)
    return (xp.sign(difference) * size).astype(np.int32)


def levels(photos):
    """float32[B, H, W, 3] sRGB 0–1 → int32[B, 4] levels 0 to 14, in the order of `FACTS`."""
    return levels_of(measurements(photos))


def changes(before, after):
    """Photos before and after an edit, float32[B, H, W, 3] each → int32[B, 4], −7 to 7, in the order of `FACTS`."""
    return changes_of(measurements(before), measurements(after))


def named(row) -> dict[str, int]:
    """One row of levels or changes by name, as `rtq.text.facts` writes them."""
    return {name: int(value) for name, value in zip(FACTS, row, strict=True)}


def quantiles(values: np.ndarray, count: int) -> np.ndarray:
    """float[N, 4] → the inner edges [4, count − 1] that share the values out evenly."""
    return np.quantile(values, np.arange(1, count) / count, axis=0).T


def main() -> None:
    """Prints edges and steps measured on a folder of photos."""
    from rtq.data import drafts, photos, rendering

    found, _ = photos.readable(photos.sources(sys.argv[1]))
    made = [drafts.draft(found, np.random.default_rng([1, i]), 140) for i in range(3000)]
    before, after = rendering.measured(made, 140)
    print("EDGES", np.round(quantiles(before, LEVELS), 3).tolist())
    size = np.abs(after - before)
    for fact in range(len(FACTS)):
        seen = size[:, fact][size[:, fact] >= STEPS[fact, 0]]
        print("STEPS", FACTS[fact], np.round(np.quantile(seen, np.arange(1, MAX_CHANGE) / MAX_CHANGE), 3).tolist())


if __name__ == "__main__":
    main()
