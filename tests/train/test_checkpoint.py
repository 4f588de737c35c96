"""Whole or not there: damage of every kind is found, named and skipped; a killed process loses only what it wrote."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from rtq.train import checkpoint, parallel
from tests.train import train_tiny as tiny

ROOT = pathlib.Path(__file__).resolve().parents[2]


def trees(value: float) -> dict:
    return {
        "policy": {"a": np.full((3, 4), value, np.float32), "b": [np.int32(value) * np.ones((), np.int32)]},
        "reward": (np.full(5, -value, jnp.bfloat16), np.zeros((0, 2), np.float32)),
        "buffer": {"count": np.array([int(value)], np.int64)},
    }


def same(a, b) -> bool:
    alike = jax.tree.map(lambda x, y: x.dtype == y.dtype and np.array_equal(x, y), a, b)
    return all(jax.tree.leaves(alike))


def filled(folder, steps=(10, 20, 30), **options) -> checkpoint.Checkpoints:
    out = checkpoint.Checkpoints(folder, **({"keep": 3} | options))
    for step in steps:
        out.save(step, trees(step), {"position": {"row": step}, "rng": [0, step]})
    out.wait()
    return out


def test_what_is_saved_comes_back(tmp_path):
    assert checkpoint.Checkpoints(tmp_path).restore(trees(0)) is None
    found = filled(tmp_path).restore(trees(0))
    assert found.step == 30
    assert same(found.trees, trees(30))
    assert found.facts == {"position": {"row": 30}, "rng": [0, 30]}
    part = checkpoint.Checkpoints(tmp_path).restore({"buffer": trees(0)["buffer"]})
    assert same(part.trees["buffer"], trees(30)["buffer"])


def arrays_of(folder: pathlib.Path) -> pathlib.Path:
    """The largest data file of a checkpoint."""
    return max((x for x in (folder / "arrays").rglob("*") if x.is_file()), key=lambda x: x.stat().st_size)


def truncate(folder):
    os.truncate(arrays_of(folder), 17)
    return "is damaged"


def flip(folder):
    data = bytearray(arrays_of(folder).read_bytes())
    data[len(data) // 2] ^= 1
    arrays_of(folder).write_bytes(data)
    return "is damaged"


def flip_facts(folder):
    text = (folder / "facts.json").read_text().replace('"row": 30', '"row": 31')
    (folder / "facts.json").write_text(text)
    return r"facts\.json is damaged"


def remove(folder):
    arrays_of(folder).unlink()
    return "is missing"


def remove_manifest(folder):
    (folder / "manifest.json").unlink()
    return r"no manifest\.json"


def cut_manifest(folder):
    os.truncate(folder / "manifest.json", 100)
    return "cannot be read"


def leave_half(folder):
    shutil.rmtree(folder / "arrays" / "d")
    folder.rename(folder.with_suffix(".saving"))
    return "being written"


DAMAGES = [truncate, flip, flip_facts, remove, remove_manifest, cut_manifest, leave_half]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__)
def test_a_damaged_checkpoint_is_skipped_and_named(tmp_path, caplog, damage):
    filled(tmp_path)
    reason = damage(tmp_path / "000000030")
    again = checkpoint.Checkpoints(tmp_path, keep=2)
    found = again.restore(trees(0))
    assert found.step == 20
    assert same(found.trees, trees(20))
    assert len(caplog.messages) == 1
    assert "000000030" in caplog.text
    assert re.search(reason, caplog.text)
    # Training goes on: the damaged one neither counts among those kept nor stands in the way of its successor.
    again.save(25, trees(25), {})
    again.wait()
    assert again.restore(trees(0)).step == 25
    again.save(30, trees(31), {})
    again.wait()
    assert same(again.restore(trees(0)).trees, trees(31))
    assert sorted(x.name for x in tmp_path.iterdir()) == ["000000025", "000000030"]


def test_what_was_restored_stays_beside_damaged_ones(tmp_path):
    """Two whole ones are kept, however many damaged ones lie between them."""
    filled(tmp_path)
    flip(tmp_path / "000000020")
    flip(tmp_path / "000000030")
    again = checkpoint.Checkpoints(tmp_path, keep=2)
    assert again.restore(trees(0)).step == 10
    again.save(35, trees(35), {})
    again.wait()
    assert again.steps() == [10, 20, 30, 35]
    flip(tmp_path / "000000035")
    assert again.restore(trees(0)).step == 10


def test_newest_and_best_stay(tmp_path):
    out = checkpoint.Checkpoints(tmp_path, keep=2)
    for step, score in ((1, 0.1), (2, 0.9), (3, None), (4, 0.5), (5, 0.2)):
        out.save(step, trees(step), {}, score=score)
    out.wait()
    assert out.steps() == [2, 4, 5]
    assert out.restore(trees(0)).step == 5
    assert out.restore(trees(0), best=True).step == 2
    with pytest.raises(ValueError, match=r"checkpoint\.keep is 0"):
        checkpoint.Checkpoints(tmp_path, keep=0)


def test_another_model_is_refused_by_path(tmp_path):
    out = filled(tmp_path, steps=(10,))
    other = trees(0)
    other["policy"]["a"] = np.zeros((3, 5), np.float32)
    with pytest.raises(ValueError, match=r"policy/a is float32\[3, 4\] there, needed is float32\[3, 5\]"):
        out.restore(other)
    with pytest.raises(ValueError, match="critic/x is not in it"):
        out.restore({"critic": {"x": np.zeros(2)}})


def test_a_failed_save_is_raised(tmp_path, monkeypatch):
    out = filled(tmp_path, steps=(10,))

    def full(paths):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "_sync", full)
        out.save(20, trees(20), {})
        with pytest.raises(OSError, match="no space left"):
            out.wait()
    with pytest.raises(TypeError, match="not JSON serializable"):
        out.save(30, trees(30), {"x": object()})
    assert out.restore(trees(0)).step == 10


@pytest.mark.parametrize("mode", ["pmap", "mesh"])
def test_a_save_in_flight_keeps_its_values_while_training_goes_on(tmp_path, mode):
    """The state is donated to the next steps while Orbax writes; restored, it has the device's layout again."""
    devices = parallel.make(ConfigDict({"mode": mode, "data": 2, "fsdp": 2, "tensor": 2}), tiny.CONFIG)
    fresh, optimizer = tiny.fresh()
    step, now = devices.lift(tiny.make_step(optimizer)), devices.place(fresh)
    now, _ = step(now, devices.shard(tiny.rows(0)), jax.random.key(0))
    before = jax.tree.map(np.array, now)
    out = checkpoint.Checkpoints(tmp_path)
    out.save(1, {"policy": devices.whole(now)}, {})
    for i in range(3):
        now, _ = step(now, devices.shard(tiny.rows(i)), jax.random.key(0))
    found = out.restore({"policy": devices.whole(now)}).trees["policy"]
    placed = devices.place(found)
    assert same(jax.tree.map(np.array, placed), before)
    alike = jax.tree.map(lambda x, y: x.sharding.is_equivalent_to(y.sharding, x.ndim), placed, now)
    assert all(jax.tree.leaves(alike))


KILLED = """
import sys, numpy as np
from rtq.train.checkpoint import Checkpoints
out = Checkpoints(sys.argv[1], keep=2)
for step in range(1, 10**6):
    out.save(step, {"policy": {"a": np.full(2_000_000, step, np.float32)}}, {"row": step})
    print(step, flush=True)
"""


@pytest.mark.parametrize("delay", [0.0, 0.03, 0.1])
def test_sigkill_while_saving(tmp_path, delay):
    """However the process dies, what is found is whole: values and facts of one step, at most one save old."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
    )  # fmt: skip
    try:
        for _ in range(4):
            last = int(process.stdout.readline())
        time.sleep(delay)
    finally:
        process.send_signal(signal.SIGKILL)
        rest = process.communicate()[0].split()
    started = int(rest[-1]) if rest else last
    found = checkpoint.Checkpoints(tmp_path).restore({"policy": {"a": np.zeros(2_000_000, np.float32)}})
    assert found.step >= started - 1
    assert found.facts == {"row": found.step}
    assert np.all(found.trees["policy"]["a"] == found.step)
    manifest = json.loads((tmp_path / f"{found.step:09d}" / "manifest.json").read_text())
    assert "facts.json" in manifest["sha256"]
