"""The editor on an accelerator, with jax and numpy alone: `python -m peers.device` prints one line of JSON.

12 MP float32 and 32 photos at 448² with 32 plans (superset program), forward and gradient; and how far the accelerator
is from the CPU on a batch of random plans.
"""

import functools
import json
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from peers import ours, photos
from rtq import editor
from rtq.editor import compilation, develop, renderer
from rtq.editor.plan_arrays import PlanArrays, stack

CALLS, WARM = 20, 3


def milliseconds(function) -> dict:
    """Median and best of 20 calls after three, and the seconds of the first, which compiles."""
    start = time.perf_counter()
    jax.block_until_ready(function())
    first = time.perf_counter() - start
    for _ in range(WARM - 1):
        jax.block_until_ready(function())
    times = []
    for _ in range(CALLS):
        start = time.perf_counter()
        jax.block_until_ready(function())
        times.append((time.perf_counter() - start) * 1e3)
    return {"median": float(np.median(times)), "best": min(times), "first_s": first}


def batch(count: int, side: int) -> np.ndarray:
    """float32[count, side, side, 3]."""
    return np.stack([photos.synthetic(side, side, seed) for seed in range(count)])


def agreement(pictures: np.ndarray, count: int) -> dict:
    """Differences between the default backend and the CPU over the first `count` photos, eight random sliders each."""
    plans, program = stack(ours.random_plans(len(pictures), 8)), develop.superset()
    there = np.asarray(editor.render_batch(jnp.asarray(pictures), plans))[:count]
    whole = jax.vmap(functools.partial(renderer.whole, program=program))
    named = np.zeros((count, 0, *pictures.shape[1:3]), np.float32)
    on_cpu = jax.device_put((pictures[:count], PlanArrays(*(x[:count] for x in plans)), named), jax.devices("cpu")[0])
    here = np.asarray(jax.jit(whole, compiler_options=compilation.CPU_OPTIONS)(*on_cpu))
    raw = np.abs(there - here)
    shown = np.abs(np.clip(there, 0, 1) - np.clip(here, 0, 1))
    return {"plans": count, "side": pictures.shape[1], "max": float(raw.max()), "max_clipped": float(shown.max()),
            "mean": float(raw.mean()), "above_1_65535": float((shown > 1 / 65535).mean())}


def main(small: bool = False) -> dict:
    """All measurements; `small` only tries that everything runs."""
    height, width = (300, 400) if small else photos.SIZES["12mp"]
    count, side = (4, 64) if small else (32, 448)
    large = photos.synthetic(height, width)
    one = jnp.asarray(large)[None]
    plan, program = stack([ours.PLAN]), renderer.program_of(ours.PLAN)
    pictures = batch(count, side)
    size, many = f"{height * width / 1e6:.0f} MP", f"batch {count} × {side}²"
    device = jax.devices()[0]
    return {
        "device": f"{device.device_kind} ({device.platform})",
        "rows": {
            f"{size} float32, photo on the device": milliseconds(
                lambda: editor.render_batch(one, plan, program=program)),
            f"{size} float32, numpy in and out": milliseconds(lambda: editor.render(large, ours.PLAN)),
            f"{many}, forward, superset": milliseconds(ours.batch_work(pictures, False)),
            f"{many}, value + gradient, superset": milliseconds(ours.batch_work(pictures, True)),
        },
        "agreement": agreement(pictures, min(count, 8)),
    }


if __name__ == "__main__":
    print(json.dumps(main(small="small" in sys.argv[1:])))
