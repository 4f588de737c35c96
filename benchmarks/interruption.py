"""The main job in real processes: killed runs and resumed ones end where an uninterrupted one does, to the bit.

    python benchmarks/interruption.py [--kills 2] [--workdir runs/interruption]

Runs `experiments/pgrt.py:smoke` with a checkpoint after every step: once, once more, and once with SIGKILL at moments
drawn at random while it trains, started again each time. Prints which step each kill met and whether weights of both
models and all logged metrics are equal; exits with an error if they are not.
"""

import argparse
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

from rtq.train import policy_turn, writer

ROUNDS = 4
COMMAND = [sys.executable, "-m", "rtq.main", "--config=experiments/pgrt.py:smoke", f"--config.steps={ROUNDS}",
           "--config.checkpoint.every=1", "--config.log.every=1"]  # fmt: skip
WAIT = 6.0  # seconds within which a kill comes after the checkpoint it waits for


def start(folder: pathlib.Path, cache: pathlib.Path) -> subprocess.Popen:
    """A run in a process of its own; compiled programs are kept for the next one."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(cache)}
    with open(folder / "output.txt", "a", encoding="utf-8") as output:
        return subprocess.Popen(
            [*COMMAND, f"--workdir={folder}"], env=environment, stdout=output, stderr=subprocess.STDOUT
        )


def finish(process: subprocess.Popen, folder: pathlib.Path) -> None:
    if process.wait():
        raise SystemExit(f"a run failed: see {folder / 'output.txt'}")


def newest(folder: pathlib.Path) -> int:
    """The newest checkpoint's step; 0 for none."""
    return max((int(path.name) for path in folder.glob("checkpoints/*") if path.name.isdecimal()), default=0)


def killed(folder: pathlib.Path, cache: pathlib.Path, count: int) -> None:
    """A run that SIGKILL meets `count` times."""
    rng = random.Random(0)
    for number in range(count):
        process, least = start(folder, cache), newest(folder) + 1
        while newest(folder) < least and process.poll() is None:
            time.sleep(0.05)
        time.sleep(rng.uniform(0, WAIT))
        process.send_signal(signal.SIGKILL)
        if process.wait() != -signal.SIGKILL:
            raise SystemExit(f"the run ended before kill {number + 1}: see {folder / 'output.txt'}")
        print(f"killed when the newest checkpoint was that of step {newest(folder)}", flush=True)
    finish(start(folder, cache), folder)


def results(folder: pathlib.Path) -> tuple[dict[str, bytes], list]:
    """The weights of both models and every logged figure, but for the host's share of time."""
    weights = {name: (folder / name / "model.safetensors").read_bytes() for name in ("policy", "reward")}
    rows = [{name: x for name, x in row.items() if not name.endswith(policy_turn.HOST)}
            for row in writer.read(folder / "metrics.jsonl")]  # fmt: skip
    return weights, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", type=pathlib.Path, default=pathlib.Path("runs/interruption"))
    parser.add_argument("--kills", type=int, default=2)
    flags = parser.parse_args()
    workdir = flags.workdir.resolve()
    if workdir.exists():
        raise SystemExit(f"{workdir} is there already; name another folder with --workdir")
    cache, ran = workdir / "cache", {name: workdir / name for name in ("one", "two", "killed")}
    for name in ("one", "two"):
        finish(start(ran[name], cache), ran[name])
    killed(ran["killed"], cache, flags.kills)
    weights, rows = results(ran["one"])
    for name in ("two", "killed"):
        other, logged = results(ran[name])
        equal = {model: other[model] == weights[model] for model in weights} | {"metrics": logged == rows}
        said = (f"{what} {'equal' if same else 'DIFFER'}" for what, same in equal.items())
        print(f"{name} beside one: {', '.join(said)}", flush=True)
        if not all(equal.values()):
            raise SystemExit(1)


if __name__ == "__main__":
    main()
