"""Real processes: killed, stopped and resumed runs end where an uninterrupted one does, to the bit."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from rtq.models.qwen25vl import params
from rtq.train import state, writer
from rtq.train.checkpoint import Checkpoints, problem
from tests.train import train_tiny as tiny

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEPS = 24
ENVIRONMENT = {
    "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "JAX_COMPILATION_CACHE_DIR": jax.config.jax_compilation_cache_dir,
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
}  # fmt: skip


def start(folder, *arguments: str, **environment: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.train.run_tiny", str(folder), str(STEPS), *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=os.environ | ENVIRONMENT | environment, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen) -> str:
    """What it said, when it has ended."""
    try:
        return process.communicate(timeout=300)[1]
    finally:
        process.kill()


def until(folder: pathlib.Path, step: int, process: subprocess.Popen) -> None:
    """Wait for a checkpoint of at least this step."""
    while process.poll() is None:
        found = [path for path in folder.glob("checkpoints/*") if path.name.isdecimal() and int(path.name) >= step]
        if found:
            return
        time.sleep(0.02)
    raise AssertionError(process.communicate()[1])


def final(folder: pathlib.Path):
    like, _ = tiny.fresh(steps=24)
    found = Checkpoints(folder / "checkpoints").restore({"policy": jax.tree.map(np.asarray, like)})
    assert found.step == STEPS
    assert isinstance(found.trees["policy"], state.State)
    return jax.tree.leaves(found.trees), writer.read(folder / "metrics.jsonl")


def assert_equal(one, other) -> None:
    assert [x.tobytes() for x in one[0]] == [x.tobytes() for x in other[0]]
    assert one[1] == other[1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    process = start(folder)
    text = finish(process)
    assert process.returncode == 0, text
    assert f"step {STEPS}/{STEPS} · loss" in text
    return final(folder)


def test_two_runs_are_equal_to_the_bit(whole, tmp_path):
    assert finish(start(tmp_path))
    assert_equal(final(tmp_path), whole)
    assert whole[1][-1]["loss"] < whole[1][0]["loss"]


def test_killed_runs_end_equal_to_the_bit(whole, tmp_path):
    """SIGKILL twice, at moments of no significance, once while a save may be in flight."""
    for step, delay in ((4, 0.0), (12, 0.15)):
        process = start(tmp_path, TINY_SLEEP="0.1")
        until(tmp_path, step, process)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        finish(process)
        assert process.returncode == -signal.SIGKILL
    process = start(tmp_path)
    text = finish(process)
    assert process.returncode == 0, text
    assert "going on from" in text
    assert_equal(final(tmp_path), whole)


def test_sigterm_saves_first(whole, tmp_path):
    process = start(tmp_path, TINY_SLEEP="0.1")
    until(tmp_path, 4, process)
    time.sleep(0.12)
    process.send_signal(signal.SIGTERM)
    text = finish(process).splitlines()[-1]
    assert process.returncode == 1
    assert text.startswith("SIGTERM: stopped after step ")
    step = int(text.split("step ")[1].split(",")[0])
    assert problem(tmp_path / "checkpoints" / f"{step:09d}") is None
    finish(start(tmp_path))
    assert_equal(final(tmp_path), whole)


def test_nan_stops_with_what_it_saw(tmp_path):
    process = start(tmp_path, TINY_NAN_AT="5")
    text = finish(process)
    assert process.returncode == 1
    assert text.splitlines()[-1] == "step 6: loss is nan; its examples were photo-5"
    assert Checkpoints(tmp_path / "checkpoints").steps() == [4]


def start_two(folder, mode: str, **environment: str) -> list[subprocess.Popen]:
    """Two processes, half of the rows each, connected as the environment says."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}", "JAX_NUM_PROCESSES": "2"} | environment
    return [start(folder, mode, **common, JAX_PROCESS_ID=str(i)) for i in range(2)]


@pytest.mark.slow  # the hosts time out when a busy machine lets one wait for the other too long
@pytest.mark.parametrize("mode", ["pmap", "mesh"])
def test_two_hosts_train_as_one(whole, tmp_path, mode):
    """One of them writes, checkpoints and in the end the weights."""
    processes = start_two(tmp_path, mode)
    texts = [finish(process) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], texts
    leaves, rows = final(tmp_path)
    for ours, theirs in zip(leaves, whole[0], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-3)
    np.testing.assert_allclose([row["loss"] for row in rows], [row["loss"] for row in whole[1]], rtol=1e-3)
    trees = Checkpoints(tmp_path / "checkpoints").restore({"policy": jax.tree.map(np.asarray, tiny.fresh(steps=24)[0])})
    saved = params.load(tmp_path / "policy", params.read_config(tmp_path / "policy", param_dtype="float32"))
    for ours, theirs in zip(jax.tree.leaves(saved), jax.tree.leaves(trees.trees["policy"].params), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["pmap", "mesh"])
def test_two_hosts_save_when_one_of_them_is_told_to_stop(tmp_path, mode):
    processes = start_two(tmp_path, mode, TINY_SLEEP="0.3")
    until(tmp_path, 4, processes[0])
    processes[1].send_signal(signal.SIGTERM)
    texts = [finish(process) for process in processes]
    assert [process.returncode for process in processes] == [1, 1], texts
    steps = {text.split("stopped after step ")[1].split(",")[0] for text in texts}
    assert len(steps) == 1
    assert problem(tmp_path / "checkpoints" / f"{int(steps.pop()):09d}") is None
