"""A whole run of the tiny model, for tests that kill it: python -m tests.train.run_tiny DIR STEPS [pmap|mesh]."""

import os
import sys
import time

import jax
import numpy as np
from ml_collections import ConfigDict

from rtq.models.qwen25vl import model
from rtq.train import loop, optim, parallel, state, weights
from rtq.train.checkpoint import Checkpoints
from tests.train import train_tiny as tiny


def main(workdir: str, steps: int, mode: str = "pmap") -> None:
    """TINY_NAN_AT: a step whose batch is not a number. TINY_SLEEP: seconds that every step takes longer."""
    parallel.initialize()
    jax.config.update("jax_numpy_rank_promotion", "raise")
    nan_at, sleep = int(os.environ.get("TINY_NAN_AT", -1)), float(os.environ.get("TINY_SLEEP", 0))
    options = ConfigDict({"mode": mode, "data": 1, "fsdp": -1, "tensor": 1})
    devices = parallel.make(options, tiny.CONFIG)
    optimizer = optim.make(tiny.OPTIMIZER, 24)
    fresh = devices.create(lambda key: state.create(model.init(tiny.CONFIG, key), optimizer), jax.random.key(0))
    step, place = devices.lift(tiny.make_step(optimizer)), [0]

    def advance(carry, number):
        time.sleep(sleep)
        batch = tiny.rows(place[0])
        place[0] += 1
        if number == nan_at:
            batch = batch._replace(photos=np.full_like(batch.photos, np.nan))
        own = len(batch.tokens) // jax.process_count()
        batch = jax.tree.map(lambda x: x[own * jax.process_index() :][:own], batch)
        policy, metrics = step(carry["policy"], devices.shard(batch), jax.random.key(0))
        return loop.Outcome({"policy": policy}, metrics, [f"photo-{place[0] - 1}"])

    task = loop.Task(
        advance, lambda: place[0], lambda saved: place.__setitem__(0, saved),
        whole=lambda carry: {"policy": devices.whole(carry["policy"])},
        place=lambda carry: {"policy": devices.place(carry["policy"])},
    )  # fmt: skip
    final = loop.run(
        task, {"policy": fresh}, steps=steps, every=loop.Every(log=5, save=4), workdir=workdir, seconds=0.0,
        checkpoints=Checkpoints(os.path.join(workdir, "checkpoints")),
    )  # fmt: skip
    weights.save(os.path.join(workdir, "policy"), tiny.CONFIG, devices.whole(final["policy"]).params, photo=56)


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
    except (loop.Interrupted, loop.Diverged) as reason:
        sys.exit(str(reason))
