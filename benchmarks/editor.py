"""Speed and memory of the editor beside its peers, from one run.

    pip install -e .[bench]
    python benchmarks/editor.py                  # → benchmarks/results/editor.md and editor.json, about 25 minutes
    python benchmarks/editor.py --pairs DIR      # fit on pairs of photos by people → fivek.md
    python benchmarks/editor.py --device         # on an accelerator with jax and numpy alone → editor_device.md, .json

Each measurement is a process of its own, peers in turn, so that no library's threads or memory weigh on another.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from peers import report

HERE = pathlib.Path(__file__).resolve().parent
FORWARD = ("ours", "ours, default malloc", "OpenCV", "Pillow", "kornia", "torch", "torch.compile")
ROWS = {  # row → peers
    "forward_12mp": FORWARD,
    "forward_1024": FORWARD,
    "gradient_12mp": ("ours", "ours, default malloc", "torch", "torch.compile"),
    "batch_32": ("ours",),
    "batchgradient_32": ("ours",),
    "forward_50mp": ("ours",),
}
SECTIONS = (*ROWS, "bandwidth", "compile", "fit")
TIMEOUT = 900  # seconds for one process


def environment(caches: str, huge_pages: bool = True) -> dict[str, str]:
    """Variables of a measured process; what must be set before it starts is set here, for all peers alike."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)]),
                        "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads of torch would disturb its own next step
                        "JAX_COMPILATION_CACHE_DIR": os.path.join(caches, "jax"),
                        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                        "TORCHINDUCTOR_CACHE_DIR": os.path.join(caches, "torch")}
    env.pop("GLIBC_TUNABLES", None)
    return env | {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"} if huge_pages else env


def child(module: str, *args: str, env: dict, prefix: str = "", lines: bool = False):
    """Runs `python -m module args`; the JSON of its last line (`lines`: of all), or {"cannot": reason}."""
    command = [*prefix.split(), sys.executable, "-m", module, *args]
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return {"cannot": f"not finished after {TIMEOUT} s"}
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not found:
        tail = done.stderr.strip().splitlines()
        return {"cannot": f"exit status {done.returncode}: {tail[-1][:160] if tail else 'no message'}"}
    return found if lines else found[-1]


def merge(runs: list[dict]) -> dict:
    """Rounds of one peer → one result; a reason that it cannot run wins."""
    for run in runs:
        if "cannot" in run:
            return run
    times = [ms for run in runs for ms in run["ms"]]
    return {"ms": times, "extra_mib": max(run["extra_mib"] for run in runs), "moved": runs[0]["moved"],
            "first_s": runs[0]["first_s"]}


def measure_row(row: str, rounds: int, caches: str, prefix: str) -> dict[str, dict]:
    """Peer → result; round-robin."""
    runs = {peer: [] for peer in ROWS[row]}
    for i in range(rounds):
        for peer, so_far in runs.items():
            if so_far and "cannot" in so_far[-1]:
                continue
            env = environment(caches, huge_pages="default malloc" not in peer)
            so_far.append(child("peers.measure", peer, row, env=env, prefix=prefix))
            print(f"{row}, round {i + 1}, {peer}: {report.brief(so_far[-1])}", file=sys.stderr, flush=True)
    return {peer: merge(found) for peer, found in runs.items()}


def compile_times(caches: str, prefix: str) -> dict:
    """Cold: an empty cache; again: a new process with the cache that the first one left."""
    env = environment(os.path.join(caches, "cold"))
    return {name: child("peers.compile_time", env=env, prefix=prefix) for name in ("cold", "again")}


def run_all(sections, rounds: int, prefix: str) -> dict:
    """Every section; JSON-able."""
    out = {"machine": report.machine(), "rounds": rounds, "rows": {}}
    with tempfile.TemporaryDirectory() as caches:
        if "bandwidth" in sections:
            out["bandwidth"] = child("peers.bandwidth", env=environment(caches), prefix=prefix)
        for row in ROWS:
            if row in sections:
                out["rows"][row] = measure_row(row, rounds, caches, prefix)
        if "compile" in sections:
            out["compile"] = compile_times(caches, prefix)
        if "fit" in sections:
            out["fit"] = child("peers.recovery", env=environment(caches), prefix=prefix)
    return out


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "results", help="folder for the results")
    parser.add_argument("--rounds", type=int, default=2, help="fresh processes per peer and row")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS, help="sections to run")
    parser.add_argument("--prefix", default="", help='put before every measured command, e.g. "taskset -c 0,1"')
    parser.add_argument("--pairs", type=pathlib.Path, help="folder with pairs.jsonl: only fit on these pairs")
    parser.add_argument("--device", action="store_true", help="only the section for an accelerator")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.pairs is not None or args.device:
        with tempfile.TemporaryDirectory() as caches:
            env = environment(caches)
            if args.device:
                name, found = "editor_device", child("peers.device", env=env)
                text = report.device(found, report.machine())
            else:
                name, found = "fivek", child("peers.pairs", str(args.pairs.resolve()), env=env, lines=True)
                text = report.pairs(found, report.machine())
    else:
        name, found = "editor", run_all(args.only, args.rounds, args.prefix)
        text = report.editor(found)
    (args.out / f"{name}.md").write_text(text, encoding="utf-8")
    if name != "fivek":
        (args.out / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
