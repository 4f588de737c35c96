"""No slider clips: values from −.2 to 4 stay apart at both of its ends."""

import functools

import numpy as np
import pytest
from editor_cases import CASE_IDS, CASES, render_many, with_companions

LEVELS = np.concatenate([np.linspace(-0.2, 1.2, 44), np.linspace(1.25, 4, 20)]).astype(np.float32)
LEAST_SLOPE = 0.005  # out of in; B&W mixers at −100 flatten most, on strong colours far above white
# These compare a pixel with its neighbours, its place or the whole photo: seen on flat photos, one per level.
ON_FLATS = {"light", "clarity", "texture", "dehaze", "sharpen", "noise", "vignette", "grain"}
TINT = (np.array([1, 1, 1]), np.array([1.0, 0.8, 0.6]))


@functools.cache
def ramps() -> dict[str, np.ndarray]:
    """id → float32[2, levels, 3]: a grey and a coloured ramp, or the corner and middle of flat photos."""
    ramp = np.stack([np.tile(LEVELS[:, None] * tint, (24, 1, 1)) for tint in TINT]).reshape(2, 24, 64, 3)
    ramp = np.concatenate(list(ramp)).astype(np.float32)  # [48, 64, 3]
    out = {}
    point = [(i, c) for i, c in zip(CASE_IDS, CASES, strict=True) if c[0].group not in ON_FLATS]
    pictures = render_many([ramp] * len(point), [with_companions(*case) for _, case in point])
    out |= {i: picture[[10, 34]] for (i, _), picture in zip(point, pictures, strict=True)}
    few = LEVELS[::6]
    for i, case in zip(CASE_IDS, CASES, strict=True):
        if case[0].group in ON_FLATS:
            flats = [np.full((48, 64, 3), level) * tint for level in few for tint in TINT]
            pictures = render_many(np.asarray(flats, np.float32), [with_companions(*case)] * len(flats))
            out[i] = np.stack([pictures[0::2, 3, 5], pictures[1::2, 24, 32]])
    return out


@pytest.mark.parametrize("case", CASE_IDS)
def test_levels_stay_apart(case):
    out = ramps()[case]
    inputs = LEVELS if out.shape[1] == len(LEVELS) else LEVELS[::6]
    assert np.isfinite(out).all()
    slope = np.abs(np.diff(out, axis=1)).max(-1) / np.diff(inputs)
    assert slope.min() > LEAST_SLOPE, f"levels merge near {inputs[slope.min(0).argmin()]:.2f}"
    luma = out @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(luma[0]) > 0).all(), "a grey ramp turns back"
    assert luma[0, -1] > luma[0, inputs.searchsorted(1.0)] + 0.05, "the top is cut"
