"""Where numbers of a run go: TensorBoard, one JSON object per line in metrics.jsonl, and a line on the terminal.

Only the first process writes. After a restart at step s everything later than s is cut off, so no step stands twice.
"""

import collections
import json
import math
import os
import pathlib
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any, TextIO

import jax
import numpy as np
from tensorboardX import SummaryWriter

# Beside the step:
SHOWN = ("loss", "reward", "policy/reward", "reward/accuracy", "validation/loss", "validation/delta_e")

COMPILED = 10.0  # times the median
PACED = 3  # steps after the first that tell the pace: those of another kind compile too


def _clock(seconds: float) -> str:
    """"1 h 05 min", "12 min", "40 s"."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def pace(durations: Sequence[float]) -> float:
    """Seconds a step: their mean without those far beyond the median, which compiled a program first."""
    most = COMPILED * statistics.median(durations)
    return statistics.fmean(x for x in durations if x <= most)


def _json(value: float) -> float | None:
    """JSON has no NaN and no infinity: null."""
    return float(value) if math.isfinite(value) else None


def read(path: str | pathlib.Path) -> list[dict[str, Any]]:
    """The rows of a metrics.jsonl, without a last line that was cut off."""
    rows = []
    for line in pathlib.Path(path).read_text(encoding="utf-8").split("\n")[:-1]:
        rows.append(json.loads(line))
    return rows


def cut(path: pathlib.Path, step: int) -> None:
    """Keep rows of a JSONL file up to `step`, if it is there; the file is replaced at once."""
    if path.exists():
        kept = [row for row in read(path) if row["step"] <= step]
        new = path.with_suffix(".new")
        new.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept), encoding="utf-8")
        os.replace(new, path)


class Writer:
    """Args:
    workdir: metrics.jsonl and tensorboard/ are made there.
    total: steps of the run. start: step at which it begins, later rows are cut off (0: all rows).
    seconds: between lines where output is not a terminal.
    """

    def __init__(
        self, workdir: str | pathlib.Path, total: int, *, start: int = 0, seconds: float = 30.0,
        stream: TextIO | None = None,
    ):  # fmt: skip
        self.active = jax.process_index() == 0
        self._stream = sys.stderr if stream is None else stream
        self._total, self._start, self._seconds = total, start, seconds
        self._spoke = time.monotonic()
        self._seen: tuple[int, float] | None = None  # the last step and when; the first one compiles
        self._durations: collections.deque[float] = collections.deque(maxlen=1000)
        self._last: tuple[int, dict[str, float]] = (start, {})
        self._terminal = self._stream.isatty()
        if not self.active:
            return
        workdir = pathlib.Path(workdir)
        workdir.mkdir(parents=True, exist_ok=True)
        cut(workdir / "metrics.jsonl", start or -1)  # a run from the start evaluates at step 0 anew
        self._rows = (workdir / "metrics.jsonl").open("a", encoding="utf-8")
        self._board = SummaryWriter(str(workdir / "tensorboard"), purge_step=start + 1 if start else None)

    def write(self, step: int, metrics: dict[str, float]) -> None:
        """One row; call at most once per step. Names with slashes, as in "validation/loss"."""
        if not self.active:
            return
        self._rows.write(json.dumps({"step": step, **{name: _json(x) for name, x in metrics.items()}}) + "\n")
        self._rows.flush()
        for name, value in metrics.items():
            self._board.add_scalar(name, value, step)
        self._last = step, {**self._last[1], **metrics}

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        """uint8[H, W, 3] sRGB, to TensorBoard."""
        if self.active:
            self._board.add_image(name, pixels, step, dataformats="HWC")

    def text(self, step: int, name: str, words: str) -> None:
        """To TensorBoard."""
        if self.active:
            self._board.add_text(name, words, step)

    def progress(self, step: int) -> None:
        """Say how far it is: over and over in one line on a terminal, else a line every now and then."""
        now = time.monotonic()
        if not self.active:
            return
        if self._seen is not None and step > self._seen[0]:
            self._durations.append((now - self._seen[1]) / (step - self._seen[0]))
        self._seen = step, now
        if now - self._spoke < (0.2 if self._terminal else self._seconds) and step < self._total:
            return
        self._spoke = now
        end = "\n" if not self._terminal or step >= self._total else ""
        start = "\r\x1b[K" if self._terminal else ""
        print(start + self.line(step), end=end, file=self._stream, flush=True)

    def line(self, step: int) -> str:
        """"step 40/100 · loss 1.234 · 0.21 s/step · 13 s left"; no pace in the first steps."""
        parts = [f"step {step}/{self._total}"]
        parts += [f"{name} {self._last[1][name]:.4g}" for name in SHOWN if name in self._last[1]]
        if len(self._durations) >= PACED:
            each = pace(self._durations)
            parts += [f"{each:.2g} s/step" if each < 10 else f"{each:.0f} s/step",
                      f"{_clock(each * (self._total - step))} left"]  # fmt: skip
        return " · ".join(parts)

    def say(self, words: str) -> None:
        """A line of its own."""
        if self.active:
            print(("\r\x1b[K" if self._terminal else "") + words, file=self._stream, flush=True)

    def close(self) -> None:
        if self.active:
            self._rows.close()
            self._board.close()
