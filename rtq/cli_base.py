"""What all verbs of `rtq` share: exit codes, messages, starting jax, and files that are written whole or not at all.

Functions raise `Failure`, which carries the exit code, for everything that a person can have caused.
"""

import contextlib
import dataclasses
import gc
import importlib
import logging
import os
import pathlib
import sys
import warnings
from collections.abc import Iterator

from rtq import files
from rtq.interop.report import Report

FAILED, USAGE, INPUT, PLAN, EXISTS, PARTIAL = 1, 2, 3, 4, 5, 6
CACHE_BYTES = 512 << 20


class Failure(Exception):
    """Ends a command, or one photo's part of it: one line for the person, and the exit code."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code


def notice(text: str) -> None:
    """Says something on stderr."""
    print(f"rtq: {text}", file=sys.stderr)


def notice_report(name: str, report: Report, exact: bool = True) -> None:
    """Shows what an import or export could carry; without `exact`, only what it could not."""
    shown = report if exact else dataclasses.replace(report, exact=())
    lines = [f"  {line}" for line in shown.lines()]
    if not exact and lines:
        lines.append(f"  exact         {len(report.exact)} more (`rtq import` lists them)")
    if lines:
        notice("\n".join([f"{name}:", *lines]))


def reason(error: Exception) -> str:
    """An error's text on one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


@contextlib.contextmanager
def noted(notes: list[str]) -> Iterator[None]:
    """Collects what `rtq.photos` warns about."""
    from rtq.photos import PhotoWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", PhotoWarning)
        yield
    notes += [reason(x.message) for x in caught]


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """Discards what libraries below Python write to stderr, e.g. libtpu on a machine without a TPU."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def start_jax() -> None:
    """Loads jax quietly and keeps compiled programs in the user's cache folder, unless jax is told another place.

    Raises:
      Failure: there is no such backend.
    """
    gc.disable()  # jax hooks into it, and a Ctrl-C that arrives inside the hook would be lost
    try:
        import jax

        importlib.import_module("rtq.editor.renderer")
    finally:
        gc.enable()
    logging.getLogger("jax").setLevel(logging.ERROR)
    if jax.config.jax_compilation_cache_dir is None:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        jax.config.update("jax_compilation_cache_dir", os.path.join(base, "rtq", "jax"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
        jax.config.update("jax_compilation_cache_max_size", CACHE_BYTES)
    try:
        with silent_stderr():
            jax.default_backend()
    except RuntimeError as error:
        raise Failure(FAILED, f"jax cannot start: {reason(error)[:200]}") from None


def check_free(path: pathlib.Path, overwrite: bool, *inputs: str | None) -> None:
    """Raises Failure where a file would be replaced without leave, or cannot be written at all; `inputs`, which the
    command reads (None: there is no such file), are never replaced."""
    if os.path.isdir(path):
        raise Failure(USAGE, f"{path}: a folder; name a file")
    if not os.path.isdir(path.parent):
        raise Failure(USAGE, f"{path}: the folder {path.parent} does not exist")
    if not os.path.exists(path):
        return
    if not os.path.isfile(path):
        raise Failure(USAGE, f"{path}: not a regular file, and never replaced; choose another name")
    if any(x is not None and os.path.exists(x) and os.path.samefile(path, x) for x in inputs):
        raise Failure(EXISTS, f"{path}: is itself an input, which is never replaced; choose another name")
    if not overwrite:
        raise Failure(EXISTS, f"{path}: exists already; choose another name or give --overwrite")


def check_plan_free(path: pathlib.Path, overwrite: bool, *inputs: str | None) -> None:
    """`check_free` for a plan, which replaces nothing but a .json, since any other file may be a photo."""
    check_free(path, overwrite, *inputs)
    if os.path.exists(path) and path.suffix.lower() != ".json":
        raise Failure(EXISTS, f"{path}: exists already, and a plan replaces .json files only; choose another name")


@contextlib.contextmanager
def writing(path: pathlib.Path) -> Iterator[None]:
    """Says in one line why `path` cannot be written."""
    try:
        yield
    except OSError as error:
        raise Failure(FAILED, f"{path}: cannot be written ({reason(error)})") from None


def save(path: pathlib.Path, data: bytes) -> None:
    """Writes a file whole or not at all."""
    with writing(path):
        files.replace(path, data)


def read_photo(path: str, notes: list[str]):
    """`rtq.photos.read` with its warnings in `notes`."""
    from rtq import photos

    try:
        with noted(notes):
            return photos.read(path)
    except photos.PhotoError as error:
        raise Failure(INPUT, reason(error)) from None
