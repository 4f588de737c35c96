"""What would put a spoiled photo right: known exactly to whoever saw the original, by experience to whoever did not.

`invert` finds the five sliders that lead a spoiled photo back to its original, by Gauss-Newton on thumbnails.
A person who sees only the spoiled photo cannot know them. `Experience` is the mean of such corrections given what is
visible (kernel ridge regression on statistics of the photo): the plan with the least expected error, which is what
a vague request can ask for. It is fitted on training photos; for a photo among them, on the others (five folds).
"""

import hashlib

import jax.numpy as jnp
import numpy as np

from rtq.data.attributes import on_grid
from rtq.editor import Plan, develop, render_batch
from rtq.editor.plan_arrays import stack
from rtq.editor.sliders import BY_NAME, INDEX

FAMILY = ("Temperature", "Tint", "Exposure", "Contrast", "Saturation")
UNIT = np.array([25, 25, 0.5, 25, 25], np.float32)  # about equally visible
LEAST = np.array([0.2, 0.2, 0.2, 0.3, 0.3], np.float32)  # in units: less is not worth a word
SIDE = 28
FOLDS = 5
_LIMIT = np.array([4, 3, 4, 3.6, 3.2], np.float32)
_BATCH = 192


def invert(clean: np.ndarray, spoiled: np.ndarray, rounds: int = 4) -> np.ndarray:
    """Thumbnails float32[N, s, s, 3] before and after the spoil → float32[N, 5] values of `FAMILY` in `UNIT`s."""
    found = np.zeros((len(clean), len(FAMILY)), np.float32)
    step = 0.4
    for _ in range(rounds):
        base = apply(spoiled, found)
        columns = []
        for k in range(len(FAMILY)):
            moved = found.copy()
            moved[:, k] += np.where(found[:, k] > 0, -step, step)
            columns.append((apply(spoiled, moved) - base) / (moved - found)[:, k, None, None, None])
        jacobian = np.stack(columns, -1).reshape(len(clean), -1, len(FAMILY))
        residual = (clean - base).reshape(len(clean), -1)
        normal = np.einsum("npk,npl->nkl", jacobian, jacobian)
        ridge = 2e-4 * jacobian.shape[1]
        normal += ridge * np.eye(len(FAMILY), dtype=np.float32)[None]
        right = np.einsum("npk,np->nk", jacobian, residual) - ridge * found
        change = np.linalg.solve(normal, right[..., None])[..., 0]
        found = np.clip(found + np.clip(change, -1.5, 1.5), -_LIMIT, _LIMIT).astype(np.float32)
    return found


def apply(photos: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Thumbnails float32[N, s, s, 3] with values of `FAMILY` float32[N, 5] in units → clipped float32[N, s, s, 3]."""
    program = develop.program({BY_NAME[n].group for n in FAMILY}, (), (), 1.0, (), 1.0)
    neutral = stack([Plan()] * _BATCH)
    columns = [INDEX[n] for n in FAMILY]
    out = np.empty_like(photos)
    for start in range(0, len(photos), _BATCH):
        some = np.arange(start, min(start + _BATCH, len(photos)))
        padded = np.resize(some, _BATCH)
        sliders = neutral.sliders.copy()
        sliders[:, columns] = units[padded] * UNIT
        edited = render_batch(jnp.asarray(photos[padded]), neutral._replace(sliders=sliders), program=program)
        out[some] = np.clip(np.asarray(edited)[: len(some)], 0, 1)
    return out


def spoiled(photos: np.ndarray, plans: list[Plan]) -> np.ndarray:
    """Thumbnails with plans that hold only sliders of `FAMILY`."""
    units = [[plan.sliders.get(name, 0) for name in FAMILY] for plan in plans]
    return apply(photos, np.array(units, np.float32) / UNIT)


def to_plan(units: np.ndarray, names: tuple[str, ...] = FAMILY) -> Plan:
    """float32[5] in units → a plan of whole fives; what is not worth a word, or not in `names`, is left out."""
    values = zip(FAMILY, units * UNIT, np.abs(units) >= LEAST, strict=True)
    return Plan({n: on_grid(n, float(v)) for n, v, worth in values if worth and n in names})


def features(photos: np.ndarray) -> np.ndarray:
    """float32[N, s, s, 3] → float32[N, F], what can be seen of light and colour."""
    flat = photos.reshape(len(photos), -1, 3)
    luma = flat @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    high, low = flat.max(-1), flat.min(-1)
    chroma = high - low
    columns = [flat.mean(1), flat.std(1), np.quantile(luma, (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98), axis=1).T,
               np.quantile(chroma, (0.1, 0.5, 0.9), axis=1).T]  # fmt: skip
    axes = np.stack([flat[..., 0] - flat[..., 1], (flat[..., 0] + flat[..., 1]) / 2 - flat[..., 2]], -1)
    for lo, hi in ((0.0, 0.33), (0.33, 0.67), (0.67, 1.0)):  # colour of darks, middles and lights
        edges = np.quantile(luma, (lo, hi), axis=1)
        inside = ((luma >= edges[0][:, None]) & (luma <= edges[1][:, None])).astype(np.float32)[..., None]
        columns.append((axes * inside).sum(1) / np.maximum(inside.sum(1), 1))
    grey = 1 / (0.03 + chroma)  # the greyest pixels tell the cast best
    columns.append((axes * grey[..., None]).sum(1) / grey.sum(1)[:, None])
    return np.concatenate(columns, -1).astype(np.float32)


class Experience:
    """Mean corrections by what is visible.

    Args:
      photos: keys of the photos, N of them.
      seen: float32[N, F] features of spoiled crops.
      wanted: float32[N, 5] corrections in units.
    """

    def __init__(self, photos: list[str], seen: np.ndarray, wanted: np.ndarray, *, ridge: float = 0.3,
                 width: float = 5.0):
        self._mean, self._scale = seen.mean(0), seen.std(0) + 1e-6
        self._width = width
        self._known = frozenset(photos)
        x = (seen - self._mean) / self._scale
        side = np.array([fold(key) for key in photos])
        self._parts = []
        for out in range(FOLDS + 1):  # the last uses all
            rows = np.flatnonzero(side != out)
            offset = wanted[rows].mean(0)
            kernel = self._kernel(x[rows], x[rows]) + ridge * np.eye(len(rows), dtype=np.float32)
            self._parts.append((x[rows], np.linalg.solve(kernel, wanted[rows] - offset), offset))

    def _kernel(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        square = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T
        return np.exp(-square / (2 * self._width**2))

    def __call__(self, key: str, seen: np.ndarray) -> np.ndarray:
        """float32[F] features of a crop of photo `key` → float32[5] in units, from other photos only."""
        x, weights, offset = self._parts[fold(key) if key in self._known else FOLDS]
        near = self._kernel(((seen - self._mean) / self._scale)[None], x)
        return (near @ weights)[0] + offset


def fold(key: str) -> int:
    """Which fifth of the photos this one belongs to."""
    return hashlib.sha256(key.encode()).digest()[0] % FOLDS
