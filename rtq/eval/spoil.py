"""The fixed distribution of faults for measuring whether a policy looks: what is wrong can be seen, not read.

Every photo gets a wrong exposure, a wrong white balance and one or two lesser faults, drawn by its key alone, so that
every policy meets the same ones. The studio's faults (`drafts.faulty_plan`) are other draws of the same kind: exposure
and white balance always, in ranges much like these. `python -m rtq.eval.spoil FOLDER` prints the mean L1 they cost.
"""

import hashlib
import sys
from collections.abc import Mapping, Sequence

import numpy as np

from rtq.editor import Plan
from rtq.editor.plan_arrays import snap
from rtq.eval import metrics, pictures

Ranges = tuple[tuple[float, float], ...]
ALWAYS: Mapping[str, Ranges] = {  # slider → ranges of its value, one of which is drawn
    "Temperature": ((-70, -25), (25, 70)),
    "Exposure": ((-2.0, -0.6), (0.5, 1.5)),
}
LESSER: Mapping[str, Ranges] = {
    "Contrast": ((-50, -20), (20, 45)),
    "Tint": ((-50, -20), (20, 50)),
    "Saturation": ((-60, -25), (25, 50)),
    "Highlights": ((-70, -30), (30, 70)),
    "Shadows": ((-70, -30), (30, 70)),
    "Blacks": ((-50, -25), (25, 50)),
}
COUNTS = (1, 2)  # of lesser faults, equally likely
SLIDERS = (*ALWAYS, *LESSER)


def plan_of(key: str, seed: int = 0) -> Plan:
    """The faults of the photo with this key."""
    digest = hashlib.sha256(f"spoil {seed} {key}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    names = [*ALWAYS, *rng.choice(list(LESSER), rng.choice(COUNTS), replace=False)]
    values = {}
    for name in names:
        ranges = {**ALWAYS, **LESSER}[name]
        low, high = ranges[rng.integers(len(ranges))]
        values[name] = snap(name, rng.uniform(low, high))
    return Plan(values)


def spoiled(photos: np.ndarray, keys: Sequence[str], seed: int = 0) -> tuple[np.ndarray, list[Plan]]:
    """(spoiled photos rounded to 8 bits as files would keep them, the hidden plans).

    Args:
      photos: float32[N, H, W, 3] encoded sRGB 0–1.
      keys: N names of photos.
      seed: another distribution of faults over photos; results are reported for 0.
    """
    plans = [plan_of(key, seed) for key in keys]
    return pictures.quantised(pictures.rendered(photos, plans)), plans


def main(arguments: Sequence[str]) -> int:
    """Prints the mean L1 (0–255) and ΔE2000 between the photos of a folder and their spoiled selves."""
    if len(arguments) != 1:
        print("usage: python -m rtq.eval.spoil FOLDER", file=sys.stderr)
        return 2
    try:
        keys, photos = pictures.squares(arguments[0], 280)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    bad, _ = spoiled(photos, keys)
    for name, distance in (("L1", metrics.l1), ("ΔE2000", metrics.delta_e)):
        values = [distance(a, b) for a, b in zip(photos, bad, strict=True)]
        mean, error = metrics.bootstrap(values, keys)
        print(f"{name} {mean:.2f} ± {error:.2f} over {len(keys)} photos")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
