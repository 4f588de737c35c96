"""Checkpoints that are whole or not there: Orbax writes in the background, a manifest of SHA-256 says what was written.

    DIR/000000500/arrays/…        all arrays (Orbax)
    DIR/000000500/facts.json      step, score, shapes, and what the caller adds: data position, RNG, counters
    DIR/000000500/manifest.json   SHA-256 of every other file

A checkpoint is written as DIR/000000500.saving and renamed when its manifest is on disk, so a process killed at any
moment leaves the earlier ones untouched. `restore` takes the newest whose manifest verifies and warns of the others.
"""

import hashlib
import json
import logging
import math
import os
import pathlib
import shutil
import threading
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils

from rtq.train.optim import path_of

log = logging.getLogger(__name__)
SAVING, REPLACED = ".saving", ".replaced"


class Restored(NamedTuple):
    step: int
    trees: dict[str, Any]
    facts: dict[str, Any]


def _sha256(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    found.pop("manifest.json", None)
    return dict(sorted(found.items()))


def _write(path: pathlib.Path, content: Any) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, allow_nan=False)
        file.write("\n")


def _sync(paths: Any) -> None:
    """Through to the disk, so that a rename never outlives the contents."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def problem(folder: pathlib.Path) -> str | None:
    """What is wrong with a checkpoint, in words; None if every file is as it was written."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["sha256"]
    except FileNotFoundError:
        return "it has no manifest.json"
    except (ValueError, KeyError, TypeError):
        return "its manifest.json cannot be read"
    if "facts.json" not in manifest:
        return "its manifest.json is incomplete"
    for name, digest in manifest.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if _sha256(path) != digest:
            return f"{name} is damaged (its SHA-256 differs from the manifest)"
    return None


def _flat(trees: Any) -> dict[str, Any]:
    """{path: leaf}; empty arrays, which Orbax refuses and nothing needs, are left out."""
    leaves = jax.tree_util.tree_leaves_with_path(trees)
    return {path_of(keys): _array(leaf) for keys, leaf in leaves if math.prod(np.shape(leaf))}


def _array(leaf: Any) -> Any:
    """Numbers as arrays; arrays, and shapes to be restored, as they are."""
    return leaf if isinstance(leaf, (jax.Array, jax.ShapeDtypeStruct, np.ndarray)) else np.asarray(leaf)


def _shape(leaf: Any) -> str:
    return f"{leaf.dtype}{list(leaf.shape)}"


class Checkpoints:
    """The checkpoints of one run. Not for several processes on one host; on several hosts all call alike.

    Args:
      folder: shared by all hosts; made if missing.
      keep: how many of the newest stay; the best by score stays too.
    """

    def __init__(self, folder: str | pathlib.Path, *, keep: int = 2):
        if keep < 1:
            raise ValueError(f"checkpoint.keep is {keep}, at least one must stay")
        self.folder, self.keep = pathlib.Path(folder).absolute(), keep
        self.folder.mkdir(parents=True, exist_ok=True)
        self._orbax = ocp.AsyncCheckpointer(ocp.PyTreeCheckpointHandler())
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._damaged: set[int] = set()  # steps that did not verify when they were looked at

    def steps(self) -> list[int]:
        """Steps of the checkpoints that are there, oldest first, whether whole or not."""
        return sorted(int(path.name) for path in self.folder.iterdir() if path.is_dir() and path.name.isdecimal())

    def path(self, step: int) -> pathlib.Path:
        return self.folder / f"{step:09d}"

    def save(self, step: int, trees: dict[str, Any], facts: dict[str, Any], *, score: float | None = None) -> None:
        """Start writing; returns when the arrays are copied. A save in flight is waited for, and its failure raised.

        trees: {"policy": …, "reward": …, …} of arrays; numpy arrays must not be written to afterwards. facts: JSON.
        score: higher is better; the best stays.
        """
        self.wait()
        staging = self.path(step).with_suffix(SAVING)
        flat = _flat(trees)
        if jax.process_index() == 0:
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir()
            shapes = {path: _shape(leaf) for path, leaf in flat.items()}
            _write(staging / "facts.json", {"step": step, "score": score, "facts": facts, "shapes": shapes})
        if jax.process_count() > 1:
            multihost_utils.sync_global_devices(f"checkpoint {step}")
        self._orbax.save(staging / "arrays", args=ocp.args.PyTreeSave(flat))
        self._thread = threading.Thread(target=self._finish, args=(step, staging), name=f"checkpoint-{step}")
        self._thread.start()

    def wait(self) -> None:
        """Until the save in flight is complete; raises what it failed with."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def _finish(self, step: int, staging: pathlib.Path) -> None:
        try:
            self._orbax.wait_until_finished()
            if jax.process_index() == 0:
                self._publish(step, staging)
        except Exception as failure:  # noqa: BLE001 - carried over to the main thread, where `wait` raises it
            self._failure = failure

    def _publish(self, step: int, staging: pathlib.Path) -> None:
        files = _files(staging)
        _write(staging / "manifest.json", {"sha256": {name: _sha256(path) for name, path in files.items()}})
        _sync([*files.values(), staging / "manifest.json", staging])
        final = self.path(step)
        replaced = final.with_suffix(REPLACED)
        self._damaged.discard(step)
        if final.exists():  # a damaged one that `restore` skipped, or the same step again
            shutil.rmtree(replaced, ignore_errors=True)
            final.rename(replaced)
        staging.rename(final)
        _sync([self.folder])
        self._prune(step)

    def _score(self, step: int) -> float | None:
        try:
            return json.loads((self.path(step) / "facts.json").read_text(encoding="utf-8"))["score"]
        except (OSError, ValueError, KeyError):
            return None

    def _prune(self, newest: int) -> None:
        """Those that did not verify, and steps later than the newest, neither count nor go."""
        steps = [step for step in self.steps() if step <= newest and step not in self._damaged]
        scores = {step: score for step in steps if (score := self._score(step)) is not None}
        kept = {*steps[-self.keep :], *([max(scores, key=scores.get)] if scores else [])}
        stale = [self.path(step) for step in steps if step not in kept]
        stale += [path for path in self.folder.iterdir() if path.suffix in (SAVING, REPLACED)]
        for path in stale:
            shutil.rmtree(path)

    def _find(self, best: bool) -> int:
        """The step to restore, -1 if there is none; warns of what is skipped."""
        for path in sorted(self.folder.glob(f"*{SAVING}")):
            log.warning("checkpoint %s skipped: it was being written when the process ended", path)
        steps = self.steps()[::-1]
        if best:
            scores = {step: score for step in steps if (score := self._score(step)) is not None}
            steps = sorted(scores, key=scores.get, reverse=True)
        for step in steps:
            reason = problem(self.path(step))
            if reason is None:
                return step
            log.warning("checkpoint %s skipped: %s", self.path(step), reason)
            self._damaged.add(step)
        return -1

    def restore(self, like: dict[str, Any], *, best: bool = False) -> Restored | None:
        """The newest checkpoint that verifies (or the one with the best score), or None.

        like: trees of arrays, or of `jax.ShapeDtypeStruct`s with shardings, as they are wanted; some of the trees that
        were saved are enough. numpy arrays come back as numpy arrays.

        Raises:
          ValueError: the checkpoint is of another model: names the first path that is missing or differs.
        """
        self.wait()
        step = self._find(best) if jax.process_index() == 0 else -1
        if jax.process_count() > 1:
            step = int(multihost_utils.broadcast_one_to_all(np.int32(step)))
        if step < 0:
            return None
        facts = json.loads((self.path(step) / "facts.json").read_text(encoding="utf-8"))
        target = _flat(like)
        for path, leaf in target.items():
            saved = facts["shapes"].get(path)
            if saved != _shape(leaf):
                there = "is not in it" if saved is None else f"is {saved} there"
                raise ValueError(f"checkpoint {self.path(step)}: {path} {there}, needed is {_shape(leaf)}")
        arrays = self._orbax.restore(
            self.path(step) / "arrays",
            args=ocp.args.PyTreeRestore(
                item=target, restore_args=ocp.checkpoint_utils.construct_restore_args(target), partial_restore=True
            ),
        )

        def find(keys, leaf):
            return arrays[path_of(keys)] if path_of(keys) in arrays else np.zeros(leaf.shape, leaf.dtype)

        trees = jax.tree_util.tree_map_with_path(find, like)
        return Restored(step, trees, facts["facts"])
