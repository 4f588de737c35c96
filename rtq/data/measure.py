"""Measured facts about photos: what the levels and changes of `rtq.text.facts` are.

Four measurements of encoded sRGB, reduced to about `SIDE` pixels a side and clipped to 0–1:

    luma     mean of Rec. 709 luma
    spread   standard deviation of luma
    cast     mean of (R + G)/2 − B: warm is positive, blue negative
    chroma   mean of max(R, G, B) − min(R, G, B)

Of an edit what happened to these four, and to seven more, is measured (`differences`).

A level counts the edges that lie below a measurement. The edges are the fifteenths of 1,600 random crops of 114 free
photos, many of them spoiled, rounded (`calibrate`). A change is the signed
count of the steps that the difference of two measurements exceeds; the first step is about where an edit
begins to be seen, the others are sevenths of the differences between photos and spoiled photos.
Those of the seven later changes were set by hand, near such sevenths of 3,072 edits.
"""

import jax.numpy as jnp
import numpy as np

from rtq.text.facts import CHANGES, FACTS, LEVELS, MAX_CHANGE

SIDE = 70
LUMA = (0.2126, 0.7152, 0.0722)
EDGES = np.array([
    [.14, .20, .25, .295, .34, .38, .415, .445, .475, .51, .555, .61, .665, .74],
    [.07, .093, .108, .125, .14, .155, .17, .183, .195, .207, .222, .237, .257, .287],
    [-.28, -.20, -.145, -.105, -.072, -.046, -.022, -.004, .012, .032, .06, .098, .15, .22],
    [.037, .075, .098, .117, .138, .16, .182, .206, .234, .263, .3, .34, .39, .48],
], np.float32)  # fmt: skip
STEPS = np.array([
    [.012, .03, .052, .075, .1, .13, .17],
    [.006, .012, .018, .025, .034, .045, .06],
    [.008, .018, .033, .056, .09, .14, .2],
    [.008, .017, .032, .05, .076, .115, .175],
    [.004, .008, .013, .019, .03, .05, .09],
    [.05, .1, .16, .23, .32, .45, .7],
    [.007, .014, .022, .033, .05, .075, .12],
    [.007, .016, .03, .05, .08, .12, .17],
    [.006, .01, .016, .024, .036, .055, .09],
    [.006, .012, .02, .03, .045, .07, .1],
    [.006, .01, .016, .023, .034, .05, .08],
], np.float32)  # fmt: skip


def reduced(photos):
    """float32[B, H, W, 3] → float32[B, h, w, 3] by means over blocks, no side below `SIDE` unless it was.

    Rendering and reducing may change places: the studio renders reduced crops, for a quarter of the work.
    """
    _, height, width, _ = photos.shape
    block = max(min(height, width) // SIDE, 1)
    if block == 1:
        return photos
    photos = photos[:, : height // block * block, : width // block * block]
    return photos.reshape(-1, height // block, block, width // block, block, 3).mean((2, 4))


def measurements(photos):
    """float32[B, H, W, 3] sRGB 0–1 → float32[B, 4] in the order of `FACTS`. Jax or numpy; differentiable."""
    xp = np if isinstance(photos, np.ndarray) else jnp
    photos = xp.clip(reduced(photos), 0, 1)
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


def differences(before, after):
    """What an edit did: two float32[B, H, W, 3] sRGB 0–1 → float32[B, 11] in the order of `CHANGES`.

    The differences of the four measurements, then
        tint     of the mean of (R + B)/2 − G: magenta is positive, green negative
        detail   of log2 of the mean distance of luma from its four neighbours' mean
        darks    of luma where the photo was half a standard deviation below its mean; lights: above
        rim      of luma in the corners, less that in the middle; top, side: less that at the bottom, at the right
    """
    xp = np if isinstance(before, np.ndarray) else jnp
    before, after = (xp.clip(reduced(x), 0, 1) for x in (before, after))
    first, then = before @ np.array(LUMA, np.float32), after @ np.array(LUMA, np.float32)
    moved = then - first
    mean, spread = first.mean((1, 2), keepdims=True), first.std((1, 2), keepdims=True)

    def over(where):
        where = where.astype(xp.float32)
        return (moved * where).sum((1, 2)) / (where.sum((1, 2)) + 1e-6)

    down, across = (np.linspace(-1, 1, n, dtype=np.float32) for n in moved.shape[1:])
    radius = np.broadcast_to(np.hypot(down[:, None], across[None]), moved.shape)
    rows, columns = np.broadcast_to(down[:, None], moved.shape), np.broadcast_to(across[None], moved.shape)
    tint = [((x[..., 0] + x[..., 2]) / 2 - x[..., 1]).mean((1, 2)) for x in (before, after)]
    detail = [xp.log2(_detail(x) + 1e-3) for x in (first, then)]
    more = (tint[1] - tint[0], detail[1] - detail[0], over(first < mean - spread / 2), over(first > mean + spread / 2),
            over(radius > 1) - over(radius < 0.6), over(rows < -0.3) - over(rows > 0.3),
            over(columns < -0.3) - over(columns > 0.3))  # fmt: skip
    return xp.concatenate([measurements(after) - measurements(before), xp.stack(more, -1)], -1)


def _detail(luma):
    """float32[B, H, W] → float32[B]."""
    around = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:]
    return abs(luma[:, 1:-1, 1:-1] - around / 4).mean((1, 2))


def levels(photos):
    """float32[B, H, W, 3] sRGB 0–1 → int32[B, 4] levels 0 to 14, in the order of `FACTS`."""
    return levels_of(measurements(photos))


def changes(before, after):
    """Photos before and after an edit, float32[B, H, W, 3] each → int32[B, 11], −7 to 7, in the order of `CHANGES`."""
    xp = np if isinstance(before, np.ndarray) else jnp
    difference = differences(before, after)
    size = (xp.abs(difference)[..., None] >= xp.asarray(STEPS)[None]).sum(-1)
    return (xp.sign(difference) * size).astype(np.int32)


def moves(should, change):
    """int32[…, 11] each → int32[…, 33] in the order of `facts.moves_text`: each change as it should be, as it is, and
    the error."""
    should, change = jnp.broadcast_arrays(should, change)
    errors = jnp.clip(change - should, -MAX_CHANGE, MAX_CHANGE)
    return jnp.stack([should, change, errors], -1).reshape(*change.shape[:-1], -1)


def judged(photos, own, edits):
    """What reward models are shown of edits: photos float32[P, S, S, 3], their own edits float32[P·C, S, S, 3] of C
    critiques of each, and E edits of each float32[P·E, S, S, 3] → int32[P·C·E, 33], as `moves`."""

    def changed(some):
        each = len(some) // len(photos)
        return changes(jnp.repeat(photos, each, axis=0), some).reshape(len(photos), each, -1)

    return moves(changed(own)[:, :, None], changed(edits)[:, None]).reshape(-1, 3 * len(CHANGES))


def named(row) -> dict[str, int]:
    """One row of levels or of changes by name, as `rtq.text.facts` writes them."""
    return {name: int(value) for name, value in zip(FACTS if len(row) == len(FACTS) else CHANGES, row, strict=True)}


def calibrate(before: np.ndarray, moved: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measurements float32[N, 4] of photos and `differences` float32[M, 11] of edits → (edges [4, 14], steps [11, 7]).

    The first steps are fixed; the others share out the differences above them evenly.
    """
    edges = np.quantile(before, np.arange(1, LEVELS) / LEVELS, axis=0).T
    steps = []
    for size, first in zip(np.abs(moved).T, STEPS[:, 0], strict=True):
        steps.append([first, *np.quantile(size[size >= first], np.arange(1, MAX_CHANGE) / MAX_CHANGE)])
    return edges, np.array(steps)
