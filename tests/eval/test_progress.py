"""An evaluation that is killed keeps what it has measured, of the same configuration and weights alone."""

import os

import pytest

from rtq.eval.progress import Progress


def never():
    raise AssertionError("measured again")


@pytest.fixture
def weights(tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"1")
    return folder


def test_what_was_measured_is_taken_up_until_the_end(tmp_path, weights, capsys):
    path = tmp_path / "run" / "progress.json"
    kept = Progress(path, {"count": 4}, [str(weights)])
    assert kept("a", lambda: {"right": (0.5, 0.1)}) == {"right": [0.5, 0.1]}
    assert kept("a", never) == {"right": [0.5, 0.1]}
    again = Progress(path, {"count": 4}, [str(weights)])
    assert "1 parts" in capsys.readouterr().out
    assert again("a", never) == {"right": [0.5, 0.1]}
    assert again("b", lambda: 2) == 2
    again.done()
    assert not path.exists()


def test_other_figures_are_not_taken_up(tmp_path, weights):
    path = tmp_path / "progress.json"
    Progress(path, {"count": 4}, [str(weights)])("a", lambda: 1)
    assert Progress(path, {"count": 5}, [str(weights)])("a", lambda: 2) == 2
    Progress(path, {"count": 4}, [str(weights)])("a", lambda: 1)
    os.utime(weights / "model.safetensors", ns=(0, 0))
    assert Progress(path, {"count": 4}, [str(weights)])("a", lambda: 3) == 3
