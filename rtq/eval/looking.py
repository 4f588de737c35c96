"""Does the policy look? Vague requests on spoiled photos: which way to go stands in the pixels and nowhere else.

    gain = 1 − mean(L1 after) / mean(L1 before)

L1 to the unspoiled photo, means over photos. Beside it: a regressor on image statistics, which cannot read, and the
*swapped* control, in which the policy sees another photo, so that whatever gain is left does not come from looking.

A policy is a callable (photos float32[B, S, S, 3], requests) -> B plans. Photos are measured at 2S.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from rtq.editor import Plan
from rtq.editor.plan_arrays import snap
from rtq.eval import metrics, pictures, spoil

Policy = Callable[[np.ndarray, Sequence[str]], Sequence[Plan]]
VAGUE = ("fix this", "make it look better", "improve this photo", "please enhance this picture",
         "something is off, correct it", "make this photo look good")
DRAWS = 48  # of faults per training photo of the regressor


@dataclasses.dataclass(frozen=True)
class Gain:
    """gain and its standard error by photo; before, after: L1 per photo, 0–255; plans as answered."""

    gain: float
    error: float
    before: np.ndarray
    after: np.ndarray
    plans: tuple[Plan, ...]


def request_of(key: str) -> str:
    """The vague request that goes with a photo."""
    return VAGUE[hashlib.sha256(f"vague {key}".encode()).digest()[0] % len(VAGUE)]


def spoiled_l1(photos: np.ndarray, keys: Sequence[str]) -> np.ndarray:
    """L1 of each photo float32[N, 2S, 2S, 3] to its spoiled self, 0–255: float64[N]."""
    bad, _ = spoil.spoiled(photos, keys)
    return np.array([metrics.l1(a, b) for a, b in zip(photos, bad, strict=True)])


def evaluate(policy: Policy, photos: np.ndarray, keys: Sequence[str], *, swapped: bool = False,
             batch: int = 32) -> Gain:
    """Measures a policy on the fixed faults.

    Args:
      policy: see the module.
      photos: float32[N, 2S, 2S, 3] unspoiled, encoded sRGB 0–1.
      keys: N names of photos.
      swapped: the control: the policy is shown the next photo instead.
      batch: photos per call of the policy.
    """
    if swapped and len(keys) < 2:
        raise ValueError("swapped: one photo; another one is needed to be shown instead")
    bad, _ = spoil.spoiled(photos, keys)
    eyes = pictures.halved(np.roll(bad, -1, axis=0) if swapped else bad)
    requests = [request_of(key) for key in keys]
    plans = [plan for i in range(0, len(keys), batch)
             for plan in policy(eyes[i:i + batch], requests[i:i + batch])]
    edits = pictures.rendered(bad, plans)
    before = np.array([metrics.l1(a, b) for a, b in zip(photos, bad, strict=True)])
    after = np.array([metrics.l1(a, b) for a, b in zip(photos, edits, strict=True)])
    return Gain(1 - float(after.mean() / before.mean()), _error(before, after), before, after, tuple(plans))


def _error(before: np.ndarray, after: np.ndarray, n: int = 1000) -> float:
    """Bootstrap standard error of the ratio, by photo."""
    size = len(before)
    drawn = np.random.default_rng(0).multinomial(size, np.full(size, 1 / size), n)
    return float((1 - (drawn @ after) / (drawn @ before)).std())


def statistics(photos: np.ndarray) -> np.ndarray:
    """What the regressor sees: float32[N, S, S, 3] → float32[N, 41], moments and quantiles in CIELAB."""
    rows = []
    for photo in photos:
        lab = metrics.lab(photo).reshape(-1, 3)
        chroma = np.hypot(lab[:, 1], lab[:, 2])
        dark, light = (lab[lab[:, 0] <= np.quantile(lab[:, 0], 0.25)], lab[lab[:, 0] >= np.quantile(lab[:, 0], 0.75)])
        grey = lab[chroma <= np.quantile(chroma, 0.25)]
        quantiles = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
        rows.append(np.concatenate([
            np.quantile(lab[:, 0], quantiles), np.quantile(lab[:, 1], quantiles), np.quantile(lab[:, 2], quantiles),
            np.quantile(chroma, quantiles), lab.std(0), [chroma.std()], dark.mean(0), light.mean(0), grey.mean(0)]))
    return np.stack(rows).astype(np.float32)


def regressor(photos: np.ndarray, keys: Sequence[str], seed: int = 0) -> Policy:
    """The baseline: ExtraTrees from `statistics` of spoiled photos to the sliders that undo the faults.

    Needs scikit-learn (the extra `eval`).

    Args:
      photos: float32[N, S, S, 3] unspoiled training photos; none may be tested on.
      keys: N names.
      seed: of the trees. Training faults are drawn with seeds 1 … `DRAWS`, the test's with 0.

    Returns:
      a policy that does not read its requests.
    """
    from sklearn.ensemble import ExtraTreesRegressor

    seen, undo = [], []
    for draw in range(1, DRAWS + 1):
        bad, plans = spoil.spoiled(photos, keys, draw)
        seen.append(statistics(bad))
        undo += [[-plan.sliders.get(name, 0) for name in spoil.SLIDERS] for plan in plans]
    trees = ExtraTreesRegressor(300, min_samples_leaf=2, random_state=seed).fit(np.concatenate(seen), np.array(undo))

    def policy(photos, requests):
        del requests
        values = trees.predict(statistics(photos))
        return [Plan({name: snap(name, x) for name, x in zip(spoil.SLIDERS, row, strict=True)}) for row in values]

    return policy
