"""Rows, their survival of a restart, and the line on the terminal."""

import io
import json

import numpy as np
import pytest

from rtq.train import writer


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def steps(path) -> list[int]:
    return [row["step"] for row in writer.read(path / "metrics.jsonl")]


def test_rows_are_strict_json_and_survive_a_restart_once_each(tmp_path):
    out = writer.Writer(tmp_path, 10, stream=io.StringIO())
    for step in (2, 4, 6):
        out.write(step, {"loss": 1 / step, "validation/accuracy": float("nan")})
    out.close()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 8, "lo')  # killed while it wrote
    assert steps(tmp_path) == [2, 4, 6]
    out = writer.Writer(tmp_path, 10, start=4, stream=io.StringIO())
    assert steps(tmp_path) == [2, 4]
    out.write(6, {"loss": 0.5})
    out.close()
    rows = [json.loads(line, parse_constant=pytest.fail) for line in (tmp_path / "metrics.jsonl").open()]
    assert rows[0] == {"step": 2, "loss": 0.5, "validation/accuracy": None}
    assert rows[1:] == [{"step": 4, "loss": 0.25, "validation/accuracy": None}, {"step": 6, "loss": 0.5}]


def test_tensorboard_gets_numbers_words_and_pictures(tmp_path):
    out = writer.Writer(tmp_path, 10, stream=io.StringIO())
    out.write(1, {"loss": 0.5})
    out.text(1, "answer", "<answer>{}</answer>")
    out.picture(1, "grid", np.zeros((4, 6, 3), np.uint8))
    out.close()
    (events,) = (tmp_path / "tensorboard").iterdir()
    data = events.read_bytes()
    assert all(name in data for name in (b"loss", b"answer", b"grid", b"PNG"))


def test_a_terminal_gets_one_line_with_what_is_left(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(writer.time, "monotonic", lambda: now[0])
    stream = Terminal()
    out = writer.Writer(tmp_path, 400, start=100, stream=stream)
    out.write(110, {"loss": 1.25, "entropy": 3.0})
    for step in (102, 104, 106, 110, 111):  # the last comes too soon
        now[0] = 100.0 + 20 * (step - 100) / 10
        out.progress(step)
        now[0] += 0.01
        out.progress(step)
    out.progress(400)
    out.say("done")
    out.close()
    text = stream.getvalue()
    assert text.count("\r\x1b[K") == 7
    assert "step 110/400 · loss 1.25 · 2 s/step · 10 min left" in text
    assert text.endswith("left\n\r\x1b[Kdone\n")


def test_elsewhere_plain_lines_now_and_then(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(writer.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    out = writer.Writer(tmp_path, 100, seconds=30.0, stream=stream)
    for step in range(1, 101):
        now[0] = float(step)
        out.progress(step)
    out.close()
    lines = stream.getvalue().splitlines()
    assert [line.split(" · ")[0] for line in lines] == [f"step {i}/100" for i in (30, 60, 90, 100)]
    assert lines[0].endswith("70 s left")


def test_steps_that_compile_say_nothing_about_the_pace(tmp_path, monkeypatch):
    """The first one, and later ones of another kind."""
    now = [0.0]
    monkeypatch.setattr(writer.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    out = writer.Writer(tmp_path, 10, seconds=0.0, stream=stream)
    for step in range(1, 7):
        now[0] += 300.0 if step in (1, 2, 6) else 2.0
        out.progress(step)
    out.close()
    lines = stream.getvalue().splitlines()
    assert lines[:3] == [f"step {n}/10" for n in (1, 2, 3)]
    assert lines[3:] == [f"step {n}/10 · 2 s/step · {20 - 2 * n} s left" for n in (4, 5, 6)]


def test_long_steps_are_said_in_whole_seconds(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(writer.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    out = writer.Writer(tmp_path, 10, seconds=0.0, stream=stream)
    for step in (1, 2, 3, 4):
        now[0] += 230.4
        out.progress(step)
    out.close()
    assert stream.getvalue().splitlines()[-1] == "step 4/10 · 230 s/step · 23 min left"


@pytest.mark.parametrize(("seconds", "words"), [(40, "40 s"), (700, "12 min"), (3900, "1 h 05 min")])
def test_clock(seconds, words):
    assert writer._clock(seconds) == words
