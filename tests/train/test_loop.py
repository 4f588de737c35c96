"""The loop on a carry of numbers: what it logs, saves and evaluates, how it stops, and that it goes on exactly."""

import io
import os
import signal

import numpy as np
import pytest

from rtq.train import loop, writer
from rtq.train.checkpoint import Checkpoints


class Source:
    """Numbers 0, 1, 2 …; what a data pipeline is to the loop."""

    def __init__(self):
        self.place = 0

    def __call__(self) -> int:
        self.place += 1
        return self.place - 1


def task(*, wrong_at: int = -1, kill_at: int = -1, signal_at: int = -1, scores=None) -> loop.Task:
    source = Source()

    def advance(carry, step):
        number = source()
        assert number == step
        if step == kill_at:
            raise KeyError("the power went")
        if step == signal_at:
            os.kill(os.getpid(), signal.SIGTERM)
        value = carry["policy"] * np.float32(0.9) + np.float32(number)
        loss = np.nan if step == wrong_at else float(value) / 3
        pair = (np.float32(loss * (step + 1)), np.float32(step + 1))
        return loop.Outcome({"policy": value}, {"loss": pair, "rare": (1.0 * (step == 4), 1.0 * (step == 4))},
                            [f"photo-{number}"])

    def evaluate(carry, step):
        return {"validation/loss": float(carry["policy"]) if scores is None else scores[step]}

    return loop.Task(advance, lambda: source.place, lambda place: setattr(source, "place", place), evaluate=evaluate)


START = {"policy": np.float32(1) * np.ones((), np.float32)}


def go(folder, job, steps: int = 12, *, keep: int = 2, stream=None, **every) -> dict:
    options = loop.Every(**({"log": 5, "evaluate": 4, "save": 3} | every))

    def quiet(*args, **kwargs):
        return writer.Writer(*args, **kwargs, stream=io.StringIO() if stream is None else stream)

    return loop.run(job, START, steps=steps, every=options, checkpoints=Checkpoints(folder / "checkpoints", keep=keep),
                    workdir=folder, writer_of=quiet)


def rows(folder) -> list[dict]:
    return writer.read(folder / "metrics.jsonl")


def test_what_is_logged_and_kept(tmp_path):
    go(tmp_path, task())
    assert [row["step"] for row in rows(tmp_path)] == [4, 5, 8, 10, 12]
    by_step = {row["step"]: row for row in rows(tmp_path)}
    assert set(by_step[5]) == {"step", "loss", "rare"}
    assert set(by_step[4]) == {"step", "validation/loss"}
    assert set(by_step[10]) == {"step", "loss"}  # nothing to divide by: no "rare"
    values, value = [], 1.0
    for i in range(5):
        value = value * 0.9 + i
        values.append(value)
    weights = np.arange(1, 6)
    assert by_step[5]["loss"] == pytest.approx(np.dot(values, weights) / weights.sum() / 3, rel=1e-6)
    assert Checkpoints(tmp_path / "checkpoints").steps() == [9, 12]


@pytest.mark.parametrize("how", ["kill", "signal"])
@pytest.mark.parametrize("at", [2, 3, 7, 10])
def test_an_interrupted_run_goes_on_as_if_nothing_had_been(tmp_path, how, at):
    whole = go(tmp_path / "whole", task())
    if how == "kill":
        with pytest.raises(KeyError):
            go(tmp_path / "cut", task(kill_at=at))
    else:
        with pytest.raises(loop.Interrupted, match=rf"SIGTERM: stopped after step {at + 1}, all saved in .*{at + 1}"):
            go(tmp_path / "cut", task(signal_at=at))
        assert Checkpoints(tmp_path / "cut" / "checkpoints").steps()[-1] == at + 1
    again = go(tmp_path / "cut", task())
    assert again["policy"].tobytes() == whole["policy"].tobytes()
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")


def test_a_finished_run_stays_finished(tmp_path):
    first = go(tmp_path, task())
    assert go(tmp_path, task(kill_at=0))["policy"] == first["policy"]
    assert len(rows(tmp_path)) == 5


@pytest.mark.parametrize("log", [1, 5, 100])
def test_nan_stops_and_says_where(tmp_path, log):
    with pytest.raises(loop.Diverged, match="step 8: loss is nan; its examples were photo-7"):
        go(tmp_path, task(wrong_at=7), log=log)
    assert Checkpoints(tmp_path / "checkpoints").steps() == [3, 6]


def test_the_best_is_saved_at_once_and_stays(tmp_path):
    scores = {2: 0.5, 4: 0.2, 6: 0.9, 8: 0.3, 10: 0.2}
    options = {"evaluate": 2, "save": 0, "best": "validation/loss", "keep": 1}
    go(tmp_path / "low", task(scores=scores), 10, **options)
    found = Checkpoints(tmp_path / "low" / "checkpoints")
    assert found.steps() == [4, 10]
    assert found.restore(START, best=True).step == 4
    go(tmp_path / "high", task(scores=scores), 10, **options, best_is="highest")
    assert Checkpoints(tmp_path / "high" / "checkpoints").steps() == [6, 10]
    with pytest.raises(ValueError, match="choose from lowest, highest"):
        go(tmp_path, task(), best_is="up")


def test_minutes(tmp_path, monkeypatch):
    """Every step takes 40 seconds, checkpoints are due after a minute."""
    now = [0.0]

    def clock():
        now[0] += 20.0
        return now[0]

    monkeypatch.setattr(loop.time, "monotonic", clock)
    saved = []
    monkeypatch.setattr(Checkpoints, "save", lambda self, step, *args, **kwargs: saved.append(step))
    go(tmp_path, task(), 6, save=0, evaluate=0, save_minutes=1.0)
    assert 2 <= len(saved) <= 4
    assert saved[-1] == 6


def test_handlers_are_put_back(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    go(tmp_path, task())
    assert signal.getsignal(signal.SIGTERM) is before
