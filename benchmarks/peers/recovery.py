"""Slider recovery: `rtq.editor.fit` against IEA's FastSearch (arXiv 2606.08016) on this same editor.

Five photos at 512 px; four of fourteen sliders moved. From neutral, all fourteen unknown; and from a rough start of the
right four. Compilation is left out on both sides. `python -m peers.recovery` prints one line of JSON.
"""

import concurrent.futures
import functools
import json
import os
import time

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
from skimage import data

from rtq import editor
from rtq.editor import compilation, develop, fitting, renderer
from rtq.editor.plan_arrays import snap, to_arrays
from rtq.editor.sliders import BY_NAME, INDEX

DELTAS = (-50, 25, -10, 5, -5, 10, -25, 50)  # of ±100; an Exposure of 40 is 1 EV
REPEATS = 3  # of every timing; the median counts


def unit(name: str) -> float:
    """What one step of ±100 is in the slider's own unit."""
    return 1 / 40 if name == "Exposure" else 1.0


def cases(seed: int = 0):
    """(photo uint8[512, 512, 3], true plan, rough plan) five times."""
    rng = np.random.default_rng(seed)
    for source in (data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), data.chelsea()[:, ::-1]):
        photo = np.asarray(Image.fromarray(np.ascontiguousarray(source)).resize((512, 512)))
        names = [fitting.CORE[i] for i in sorted(rng.choice(len(fitting.CORE), 4, replace=False))]
        true = {}
        for name in names:
            value = rng.integers(20, 61) * rng.choice([-1, 1]) * unit(name)
            true[name] = snap(name, abs(value) if BY_NAME[name].lo == 0 else value)
        rough = {name: snap(name, value + rng.integers(-40, 41) * unit(name)) for name, value in true.items()}
        yield photo, editor.Plan(true), editor.Plan(rough)


@compilation.jit(static_argnames=("program",))
def _distance(sliders, arrays, before, after, program):
    """IEA's distance: mean of L1 and root mean square."""
    out = renderer.whole(before, arrays._replace(sliders=sliders), jnp.zeros((0, *before.shape[:2])), program)
    difference = jnp.clip(out, 0, 1) - after
    return (jnp.abs(difference).mean() + jnp.sqrt((difference ** 2).mean())) / 2


class Search:
    """FastSearch over some sliders of one pair; its eight trials of a slider run on all cores."""

    def __init__(self, before, after, names):
        program = develop.program({BY_NAME[name].group for name in names}, (), (), 0.0, names, 1.0)
        pixels = [jnp.asarray(x, jnp.float32) / 255 for x in (before, after)]
        arrays = jax.device_put(to_arrays(editor.Plan()))
        self.names, self.neutral, self.calls = names, to_arrays(editor.Plan()).sliders, 0
        self.evaluate = functools.partial(_distance, arrays=arrays, before=pixels[0], after=pixels[1], program=program)
        self.pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1)

    def distance(self, values: dict) -> float:
        """The distance that a plan leaves."""
        sliders = self.neutral.copy()
        for name, value in values.items():
            sliders[INDEX[name]] = value
        return float(self.evaluate(sliders))

    def once(self, values: dict) -> dict:
        """One pass: for each slider the best of eight steps that neither reaches zero nor changes sign."""
        values, best = dict(values), self.distance(values)
        for name in self.names:
            now = values.get(name, 0)
            trials = {snap(name, np.clip(now / unit(name) + d, -100, 100) * unit(name)) for d in DELTAS}
            trials = sorted(t for t in trials if t != 0 and t * now >= 0)
            found = list(self.pool.map(lambda t, name=name: self.distance(values | {name: t}), trials))
            self.calls += len(trials)
            if found and min(found) < best:
                best, values[name] = min(found), trials[int(np.argmin(found))]
        return values

    def until_no_gain(self, values: dict) -> dict:
        """Passes until one changes nothing."""
        while (after := self.once(values)) != values:
            values = after
        return values


def _timed(function):
    """(median seconds, result) after one call that compiles."""
    function()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        out = function()
        times.append(time.perf_counter() - start)
    return float(np.median(times)), out


def l1(photo, after, plan) -> float:
    """Mean absolute difference, 0–1, of the 8-bit results."""
    return float(np.abs(editor.render(photo, plan).astype(np.int16) - after).mean() / 255)


def compare(photo, true: editor.Plan, names, start: editor.Plan | None) -> list[dict]:
    """Every method on one pair: name, L1, seconds, renders."""
    after = editor.render(photo, true)
    first = dict(start.sliders) if start else {}
    rows = [{"method": "start", "l1": l1(photo, after, editor.Plan(first)), "s": None, "calls": None}]
    for method in ("FastSearch", "FastSearch until no gain"):
        search = Search(photo, after, names)
        run = search.once if method == "FastSearch" else search.until_no_gain
        seconds, values = _timed(functools.partial(run, first))
        rows.append({"method": method, "l1": l1(photo, after, editor.Plan(values)), "s": seconds,
                     "calls": search.calls // (REPEATS + 1)})
    seconds, plan = _timed(lambda: editor.fit(photo, after, names=names, start=start))
    return rows + [{"method": "rtq.editor.fit", "l1": l1(photo, after, plan), "s": seconds, "calls": None}]


def main() -> dict:
    """Start → rows of method, mean and worst L1, mean and worst seconds, mean renders."""
    found = {"neutral, all fourteen unknown": [], "rough start of the right four": []}
    for photo, true, rough in cases():
        found["neutral, all fourteen unknown"].append(compare(photo, true, fitting.CORE, None))
        found["rough start of the right four"].append(compare(photo, true, tuple(true.sliders), rough))
    out = {}
    for start, pairs in found.items():
        out[start] = []
        for rows in zip(*pairs, strict=True):
            numbers = {key: [row[key] for row in rows] for key in ("l1", "s", "calls")}
            out[start].append({"method": rows[0]["method"]} | {
                key: None if None in v else {"mean": float(np.mean(v)), "worst": float(max(v)), "each": v}
                for key, v in numbers.items()})
    return out


if __name__ == "__main__":
    print(json.dumps(main()))
