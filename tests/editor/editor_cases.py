"""What the editor's tests share: programs, batches of one shape, photos, and the cases that the slider table gives."""

import functools

import numpy as np
from skimage import data

from rtq.editor import develop, probes, renderer
from rtq.editor.plan import Plan
from rtq.editor.plan_arrays import snap
from rtq.editor.sliders import SLIDERS, Slider

BATCH = 64
# Every group runs, neutral or not, but no local adjustments: compiled three times faster than the whole superset.
LEAN = develop.superset()._replace(local_sliders=(), masks=())


def with_companions(row: Slider, value: float) -> Plan:
    """The slider at this value together with what makes it visible."""
    return Plan({**dict(row.companions), row.name: value})


def values(row: Slider, count: int) -> list[float]:
    """`count` allowed values from end to end, and the neutral one; ascending."""
    return sorted({snap(row.name, x) for x in np.linspace(row.lo, row.hi, count)} | {row.neutral})


def ends(row: Slider) -> list[float]:
    """Both ends of the range, without the neutral value."""
    return [x for x in (row.lo, row.hi) if x != row.neutral]


CASES = [(row, end) for row in SLIDERS for end in ends(row)]
CASE_IDS = [f"{row.name}={end:g}" for row, end in CASES]
ROW_IDS = [row.name for row in SLIDERS]


def render_many(photos, plans, program=LEAN, batch: int = BATCH) -> np.ndarray:
    """Photos of one shape, each with its plan, in batches: one compiled program. float32[N, H, W, 3]."""
    photos, plans = list(photos), list(plans)
    spare = -len(plans) % batch
    photos, plans = photos + photos[-1:] * spare, plans + plans[-1:] * spare
    out = [np.asarray(renderer.render_batch(np.stack(photos[i:i + batch]), plans[i:i + batch], program=program))
           for i in range(0, len(plans), batch)]
    return np.concatenate(out)[:len(plans) - spare]


def smallest_program(rows):
    """One program without locals that renders any of these sliders with their companions."""
    everything = {name: value for row in rows for name, value in (*row.companions, (row.name, ends(row)[-1]))}
    return renderer.program_of(Plan(everything))


def render_on_probes(cases) -> list[np.ndarray]:
    """Each (row, value) on the row's probe, its companions beside it: a program for every shape of probe."""
    by_shape: dict = {}
    for i, (row, value) in enumerate(cases):
        photo = probes.PROBES[row.probe]()
        by_shape.setdefault(photo.shape, []).append((i, row, value, photo))
    out: list = [None] * len(cases)
    for shape, group in by_shape.items():
        common = shape == (probes.HEIGHT, probes.WIDTH, 3)
        program = LEAN if common else smallest_program([row for _, row, _, _ in group])
        pictures = render_many([p for *_, p in group], [with_companions(r, v) for _, r, v, _ in group], program)
        for (i, *_), picture in zip(group, pictures, strict=True):
            out[i] = picture
    return out


@functools.cache
def photo(name: str) -> np.ndarray:
    """A photograph bundled with scikit-image, uint8[H, W, 3]."""
    return getattr(data, name)()


def shrink(picture: np.ndarray, factor: int) -> np.ndarray:
    """Mean of factor × factor boxes of [..., H, W, 3]; H and W are multiples of factor."""
    *lead, height, width, _ = picture.shape
    return picture.reshape(*lead, height // factor, factor, width // factor, factor, 3).mean((-4, -2))


def colorful(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A small picture with all hues and levels, smooth and grainy parts, some of it beyond [0, 1]; float32."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 1, (4, 6, 3))
    rows, columns = np.linspace(0, 2.99, height), np.linspace(0, 4.99, width)
    y, x = rows.astype(int), columns.astype(int)
    dy, dx = (rows - y)[:, None, None], (columns - x)[None, :, None]
    top = coarse[y][:, x] * (1 - dx) + coarse[y][:, x + 1] * dx
    bottom = coarse[y + 1][:, x] * (1 - dx) + coarse[y + 1][:, x + 1] * dx
    return (1.15 * (top * (1 - dy) + bottom * dy) - 0.05 + rng.normal(0, 0.03, (height, width, 3))).astype(np.float32)


def random_plan(rng: np.random.Generator, *, skip=(), curves=()) -> Plan:
    """Every slider somewhere in its range, half of them at an end, and a rising curve of each of these names."""
    sliders = {}
    for row in SLIDERS:
        if row.name in skip:
            continue
        value = rng.choice([row.lo, row.hi, rng.uniform(row.lo, row.hi), rng.uniform(row.lo, row.hi)])
        sliders[row.name] = snap(row.name, value)
    drawn = {}
    for name in curves:
        x = np.sort(rng.choice(np.arange(1, 255), 3, replace=False))
        y = np.sort(rng.integers(0, 256, 5))
        drawn[name] = tuple((int(a), int(b)) for a, b in zip((0, *x, 255), y, strict=True))
    return Plan(sliders, (), drawn)
