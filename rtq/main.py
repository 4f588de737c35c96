"""Runs an experiment:

    python -m rtq.main --config=experiments/sft.py --workdir=DIR
    python -m rtq.main --config=experiments/sft.py:smoke --workdir=DIR --config.optimizer.learning_rate=1e-4

A run that was interrupted goes on where it stopped when it is started again. Exit status: 0 done, 1 stopped by an
error, 2 wrong flags, 143 interrupted with everything saved.
"""

import contextlib
import json
import pathlib
import re
import sys
import traceback
from typing import Any

import jax
from absl import app, flags, logging
from flax import traverse_util
from ml_collections import config_flags

from rtq.eval import evaluate
from rtq.train import grpo, loop, parallel, pgrt, pocket, sft

NEEDED = {  # what flags say of a wrong value → what is allowed
    "invalid literal for int": "a whole number", "could not convert string to float": "a number",
    "Non-boolean argument": "true or false", "as a ConfigDict": "a key of this group, as in --config.optimizer.clip=1",
}  # fmt: skip
TASKS = {
    "sft": sft.train, "grpo": grpo.train, "pgrt": pgrt.train, "pocket": pocket.train, "evaluate": evaluate.evaluate,
}  # fmt: skip
CONFIG = config_flags.DEFINE_config_file("config", None, "FILE[:PRESET] with get_config.", lock_config=True)
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; made if missing.")


def parse(arguments: list[str]) -> list[str]:
    """Flags, with the configuration checked; one line and status 2 where something is wrong."""
    try:
        rest = flags.FLAGS(arguments)
        if WORKDIR.value is None or CONFIG.value is None:
            raise ValueError("both --config=FILE and --workdir=DIR are needed")
        if CONFIG.value.task not in TASKS:
            raise ValueError(f"task {CONFIG.value.task!r} is not one of {', '.join(TASKS)}")
        if pathlib.Path(WORKDIR.value).is_file():
            raise ValueError(f"--workdir={WORKDIR.value}: a file; name a folder")
        if rest[1:]:
            raise ValueError(f"unexpected argument {rest[1]!r}")
    except (flags.Error, AttributeError, KeyError, ValueError, OSError) as error:
        print(f"rtq.main: {explained(error, arguments)}", file=sys.stderr)
        sys.exit(2)
    return rest


def explained(error: Exception, arguments: list[str]) -> str:
    """One line: which flag is wrong, and what is allowed."""
    text = str(error)
    if isinstance(error, (AttributeError, KeyError)):
        key = (re.search(r"lookup: .*?(\w+)\W*$", text) or re.search(r"(\w+)", text))[1]
        culprits = [a for a in arguments if a.startswith("--config.") and key in a.split("=")[0].split(".")]
        near = re.search(r'Did you mean "(\w+)"', text)
        return f"the configuration has no key {key!r}: {' '.join(culprits)}" + (f"; {near[1]!r} is one" if near else "")
    if flag := re.match(r"flag (--config\S+?)=(.*?): ", text):
        for said, needed in NEEDED.items():
            if said in text:
                return f"{flag[1]} needs {needed}, not {flag[2]!r}"
    line = [line for line in text.splitlines() if line.strip()][-1].strip()
    return re.sub(r"^\w+Error: ", "", line)


def changes(path: pathlib.Path, new: dict[str, Any]) -> list[str]:
    """"optimizer.learning_rate 0.001 → 0.0001" and so on: how a run's configuration differs from that in a file."""
    try:
        old = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # there is none, or it was cut short
        return []
    before, after = (traverse_util.flatten_dict(tree, sep=".") for tree in (old, new))
    return [f"{key} {before.get(key)} → {value}" for key, value in after.items() if before.get(key) != value]


def main(_) -> None:
    config, workdir = CONFIG.value, pathlib.Path(WORKDIR.value)
    logging.set_verbosity(logging.WARNING)
    parallel.initialize()
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        if jax.process_index() == 0:
            (workdir / "error.txt").unlink(missing_ok=True)  # of an earlier run
            text, path = config.to_json_best_effort(indent=1) + "\n", workdir / "config.json"
            if (others := changes(path, json.loads(text))) and (workdir / "checkpoints").is_dir():
                print(f"rtq.main: goes on with other settings than before: {'; '.join(others)}", file=sys.stderr)
            path.write_text(text, encoding="utf-8")
        TASKS[config.task](config, workdir)
    except loop.Interrupted as reason:
        print(f"rtq.main: {reason}", file=sys.stderr)
        sys.exit(143)
    except (loop.Diverged, ValueError, OSError) as error:
        with contextlib.suppress(OSError):  # there may be no such folder, or no room in it
            (workdir / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
        print(f"rtq.main: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    app.run(main, flags_parser=parse)
