"""What an evaluation has measured so far, so that one that is killed goes on where it stopped."""

import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rtq import files
from rtq.eval.policy import folder_of


class Progress:
    """Figures of one measurement, by name, kept in a file until all are there."""

    def __init__(self, path: pathlib.Path, about: Mapping[str, Any], weights: Sequence[str]):
        """Takes up what the file holds if it is about the same.

        about: JSON, all that figures depend on but the weights, which are the folders `weights` as in
        `eval.policy.folder_of`, and the same while their files are.
        """
        self._path = path
        self._about = json.loads(json.dumps({**about, "weights": [_marks(folder) for folder in weights]}))
        self._parts: dict[str, Any] = {}
        if path.is_file():
            stored = json.loads(path.read_text(encoding="utf-8"))
            if stored["about"] == self._about:
                self._parts = stored["parts"]
                print(f"going on with {len(self._parts)} parts that were measured before", flush=True)

    def __call__(self, name: str, measure: Callable[[], Any]) -> Any:
        """The figures of this name, as JSON has them, measured unless they were."""
        if name not in self._parts:
            self._parts[name] = json.loads(json.dumps(measure()))
            self._path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"about": self._about, "parts": self._parts}, ensure_ascii=False)
            files.replace(self._path, text.encode())
        return self._parts[name]

    def done(self) -> None:
        """The evaluation is whole: nothing is to be taken up any more."""
        self._path.unlink(missing_ok=True)


def _marks(folder: str) -> list[tuple[str, int, int]]:
    """Names, sizes and times of change of the weights in a folder."""
    found = sorted(pathlib.Path(folder_of(folder)).glob("*.safetensors"))
    return [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in found]
