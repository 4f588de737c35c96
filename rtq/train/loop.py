"""The loop around every kind of training: steps, evaluations, checkpoints, and a clean end however it ends.

What is trained is a dict of trees (the *carry*) and a function that takes one step of it. The loop knows nothing else:

    advance(carry, step) -> Outcome       one step; `step` counts the completed ones before it
    evaluate(carry, step) -> {name: number}
    picture() -> uint8[H, W, 3]           what the last evaluation looked at, or None
    position() / seek(position)           where the data stands, as JSON, to go on from exactly there

Metrics are pairs (sum, denominator): rows between two lines of the log hold exact means over their steps.
"""

import dataclasses
import json
import math
import pathlib
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils

from rtq.train.checkpoint import Checkpoints
from rtq.train.writer import Writer

Carry = dict[str, Any]
Metrics = dict[str, tuple[Any, Any]]


class Interrupted(Exception):
    """SIGTERM or Ctrl-C; everything is saved."""


class Diverged(Exception):
    """A number was NaN or infinite; nothing of that step was saved."""


class Outcome(NamedTuple):
    """After a step: what is carried on, its metrics (still on the device), and which examples it saw."""

    carry: Carry
    metrics: Metrics
    keys: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Task:
    """What to train; see the module. `whole` and `place`: the carry as it is saved, and back on the devices."""

    advance: Callable[[Carry, int], Outcome]
    position: Callable[[], Any]
    seek: Callable[[Any], None]
    whole: Callable[[Carry], Carry] = lambda carry: carry
    place: Callable[[Carry], Carry] = lambda carry: carry
    evaluate: Callable[[Carry, int], dict[str, float]] | None = None
    picture: Callable[[], np.ndarray | None] = lambda: None


@dataclasses.dataclass(frozen=True)
class Every:
    """When things happen, in steps (0: never) and minutes (0: never). best: the metric of `evaluate` that should
    fall ("lowest") or rise ("highest"), "" for none; a new best is saved. first: evaluate before the first step too."""

    log: int = 10
    evaluate: int = 0
    save: int = 0
    save_minutes: float = 0.0
    best: str = ""
    best_is: str = "lowest"
    first: bool = False


class Signals:
    """Remembers SIGTERM and Ctrl-C between steps; a second one acts as usual.

    On several hosts jax itself listens for SIGTERM and tells all of them; a handler here would take its place. Ctrl-C
    ends one of those at once.
    """

    def __init__(self):
        self.received: str | None = None
        self._old: dict[int, Any] = {}

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread() and jax.process_count() == 1:
            self._old = {number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _note(self, number, _frame) -> None:
        self.received = signal.Signals(number).name
        signal.signal(number, self._old[number])

    def agreed(self, step: int) -> str | None:
        """The signal's name; on several hosts, once all of them have reached the same step."""
        if jax.process_count() > 1:
            return "SIGTERM" if multihost_utils.reached_preemption_sync_point(step) else None
        return self.received


class Window:
    """Sums of metrics since the last row of the log; saved with a checkpoint, so that rows come out the same."""

    def __init__(self, sums: dict[str, list[float]]):
        self.sums = {name: list(pair) for name, pair in sums.items()}
        self._pending: list[tuple[int, Metrics, Sequence[str]]] = []

    def add(self, step: int, outcome: Outcome) -> None:
        self._pending.append((step, outcome.metrics, outcome.keys))

    def settle(self) -> None:
        """Fetch what the device has computed. Diverged: a number is not finite."""
        pending, self._pending = self._pending, []
        for step, metrics, keys in pending:
            for name, pair in jax.device_get(metrics).items():
                total, count = (float(np.sum(x)) for x in pair)
                if not (math.isfinite(total) and math.isfinite(count)):
                    seen = f"; its examples were {', '.join(keys)}" if keys else ""
                    raise Diverged(f"step {step}: {name} is {total / count if count else total}{seen}")
                sums = self.sums.setdefault(name, [0.0, 0.0])
                sums[0], sums[1] = sums[0] + total, sums[1] + count

    def means(self) -> dict[str, float]:
        """The row of the log; starts the next window."""
        self.settle()
        sums, self.sums = self.sums, {}
        return {name: total / count for name, (total, count) in sums.items() if count}


def _better(value: float, best: float | None, every: Every) -> bool:
    return best is None or (value < best if every.best_is == "lowest" else value > best)


def run(
    task: Task, carry: Carry, *, steps: int, every: Every, checkpoints: Checkpoints, workdir: str | pathlib.Path,
    seconds: float = 30.0, writer_of: Callable[..., Writer] = Writer,
) -> Carry:  # fmt: skip
    """Train up to `steps`, from the newest checkpoint that verifies or from `carry`, and save at the end.

    Raises:
      Interrupted: after a signal, when everything is saved. Diverged: a metric is not finite; names step and metric.
    """
    if every.best_is not in ("lowest", "highest"):
        raise ValueError(f"best_is is {every.best_is!r}; choose from lowest, highest")
    found = checkpoints.restore(task.whole(carry))
    start, best, window = 0, None, Window({})
    if found is not None:
        start, carry = found.step, task.place(found.trees)
        best, window = found.facts["best"], Window(found.facts["window"])
        task.seek(_own(found.facts["positions"]))
    writer = writer_of(workdir, steps, start=start, seconds=seconds)
    if found is not None:
        writer.say(f"going on from {checkpoints.path(start)}")
    saver, step = _Saver(task, checkpoints, window, best, start if found is not None else -1), start
    try:
        with Signals() as signals:
            if every.first and every.evaluate and task.evaluate is not None and found is None:
                writer.say("measuring before the first step; the programs are compiled first")
                writer.write(0, _evaluated(task, carry, 0, writer))
            if step < steps:
                writer.say("the first step compiles its programs")
            while step < steps:
                outcome = task.advance(carry, step)
                carry, step = outcome.carry, step + 1
                window.add(step, outcome)
                row, score = {}, None
                if step % every.log == 0 or step == steps:
                    row |= window.means()
                if task.evaluate is not None and _due(step, every.evaluate, steps):
                    window.settle()
                    row |= _evaluated(task, carry, step, writer)
                    score = saver.improved(row, every)
                if row:
                    writer.write(step, row)
                writer.progress(step)
                if score is not None or _due(step, every.save, steps) or _minutes(step, saver.clock, every):
                    saver.save(carry, step, score)
                stop = signals.agreed(step)
                if stop is not None:
                    saver.save(carry, step)
                    checkpoints.wait()
                    raise Interrupted(f"{stop}: stopped after step {step}, all saved in {checkpoints.path(step)}")
            saver.save(carry, step)
    finally:
        writer.close()
        checkpoints.wait()
    return carry


def _evaluated(task: Task, carry: Carry, step: int, writer: Writer) -> dict[str, float]:
    row, picture = task.evaluate(carry, step), task.picture()
    if picture is not None:
        writer.picture(step, "samples", picture)
    return row


class _Saver:
    """What a checkpoint needs to know, and the best score so far. saved: the step of the newest one, -1 for none."""

    def __init__(self, task: Task, checkpoints: Checkpoints, window: Window, best: float | None, saved: int):
        self._task, self._checkpoints, self._window, self._best = task, checkpoints, window, best
        self._saved, self.clock = saved, time.monotonic()

    def improved(self, row: dict[str, float], every: Every) -> float | None:
        """The score of an evaluation that is the best so far, higher being better; else None."""
        if not every.best or not _better(row[every.best], self._best, every):
            return None
        self._best = row[every.best]
        return self._best if every.best_is == "highest" else -self._best

    def save(self, carry: Carry, step: int, score: float | None = None) -> None:
        """Unless this step is saved already."""
        if self._saved == step:
            return
        self._window.settle()  # nothing is saved after a step that went wrong
        facts = {"positions": _everyones(self._task.position()), "window": self._window.sums, "best": self._best}
        self._checkpoints.save(step, self._task.whole(carry), facts, score=score)
        self._saved, self.clock = step, time.monotonic()


def _everyones(position: Any) -> list[Any]:
    """The positions of all hosts, in order."""
    if jax.process_count() == 1:
        return [position]
    own = np.frombuffer(json.dumps(position).encode(), np.uint8)
    sizes = multihost_utils.process_allgather(np.array([len(own)])).ravel()
    rows = multihost_utils.process_allgather(np.pad(own, (0, int(sizes.max()) - len(own))))
    return [json.loads(row[:size].tobytes()) for row, size in zip(rows, sizes, strict=True)]


def _own(positions: list[Any]) -> Any:
    if len(positions) != jax.process_count():
        raise ValueError(f"the checkpoint is of {len(positions)} processes, here are {jax.process_count()}")
    return positions[jax.process_index()]


def _due(step: int, every: int, steps: int) -> bool:
    return every > 0 and (step % every == 0 or step == steps)


def _minutes(step: int, clock: float, every: Every) -> bool:
    """Whether the minutes are over; on several hosts the first one's clock decides, at rows of the log."""
    if not every.save_minutes:
        return False
    over = time.monotonic() - clock > 60 * every.save_minutes
    if jax.process_count() == 1:
        return over
    return step % every.log == 0 and bool(multihost_utils.broadcast_one_to_all(np.bool_(over)))
