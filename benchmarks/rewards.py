"""The paper's ablation in small: one policy, four rewards, several seeds, and two judges of the results.

    python benchmarks/rewards.py --photos FOLDER FOLDER --workdir runs/rewards --seeds 0 1 2

From the embedded policy after SFT, on the photographs that come with two Python packages, for equally many steps:

    critic      a network that tells clean photos from spoiled ones and never sees the request
    rule        nearer to the user's edit than the untouched photo, and every slider useful (IEA)
    perturbed   the embedded reward model after SFT on perturbed pairs, frozen
    pgrt        the same, trained in turns with the policy

then `experiments/evaluate.py` on photos that nothing was trained on. Runs that are done are kept, so the command goes
on where it stopped. Prints the tables of benchmarks/results/rewards.md: mean over seeds ± standard error of that mean
(one seed: by photo).
"""

import argparse
import json
import pathlib
import subprocess
import sys
from collections.abc import Sequence

from rtq.data.photos import SUFFIXES
from rtq.eval import metrics, report
from rtq.train import writer

PER_ROUND = 8  # steps of the policy in a round of PGRT
RUNS = {
    "critic": ("grpo", ("scorer.learned=0", "scorer.critic=1")),
    "rule": ("grpo", ("scorer.learned=0", "scorer.rule=1")),
    "perturbed": ("grpo", ()),
    "pgrt": ("pgrt", (f"rounds.policy_steps={PER_ROUND}",)),
}  # fmt: skip
EDITS = {"delta_e": "ΔE2000 to the user's", "sc": "SC", "pq": "PQ", "o": "O"}


def command(experiment: str, workdir: pathlib.Path, flags: Sequence[str]) -> None:
    """One run of rtq.main, to its end."""
    options = [f"--config=experiments/{experiment}.py", f"--workdir={workdir}", *(f"--config.{flag}" for flag in flags)]
    print("+", *options, flush=True)
    subprocess.run([sys.executable, "-m", "rtq.main", *options], check=True)


def trained(workdir: pathlib.Path, seed: int, steps: int) -> dict[str, pathlib.Path]:
    """Folders of the policies of one seed, trained unless they are there."""
    found = {}
    for name, (experiment, flags) in RUNS.items():
        folder = workdir / f"{name}-{seed}"
        length = steps if experiment == "grpo" else steps // PER_ROUND
        if not (folder / "policy" / "config.json").is_file() or not (folder / "report").is_dir():
            common = (f"seed={seed}", f"steps={length}", f"data.dir={workdir / 'data'}")
            command(experiment, folder, (*flags, *common))
        found[name] = folder
    return found


def measured(workdir: pathlib.Path, seed: int, runs: dict[str, pathlib.Path], photos: pathlib.Path, count: int) -> dict:
    """evaluation.json of one seed."""
    out = workdir / f"evaluation-{seed}"
    if not (out / "evaluation.json").is_file():
        policies = {"sft": "embedded:policy-sft"} | {name: run / "policy" for name, run in runs.items()}
        rewards = {"perturbed": "embedded:reward-sft", "pgrt": runs["pgrt"] / "reward"}
        named = [",".join(f"{name}={place}" for name, place in some.items()) for some in (policies, rewards)]
        command("evaluate", out, (f"photos={photos}", "split=all", f"policies={named[0]}", f"rewards={named[1]}",
                                  f"count={count}", f"seed={seed}"))  # fmt: skip
    return json.loads((out / "evaluation.json").read_text(encoding="utf-8"))


def linked(folders: Sequence[pathlib.Path], target: pathlib.Path) -> pathlib.Path:
    """One folder with links to the photos of all."""
    for number, folder in enumerate(folders):
        for path in folder.rglob("*"):
            if path.suffix.lower() in SUFFIXES:
                link = target / str(number) / path.relative_to(folder)
                link.parent.mkdir(parents=True, exist_ok=True)
                if not link.exists():
                    link.symlink_to(path.resolve())
    return target


def over(rows: Sequence[tuple[float, float]]) -> str:
    """Mean over seeds ± its standard error; of a single seed ± that by photo."""
    mean, error = rows[0] if len(rows) == 1 else metrics.over_seeds([row[0] for row in rows])
    return f"{mean:.3f} ± {error:.3f}"


def drift(folder: pathlib.Path) -> str:
    """ "0.02 → 0.11": the learned reward minus truth, at the first and at the last evaluation."""
    gaps = [row["validation/truth_gap"] for row in writer.read(folder / "metrics.jsonl")
            if "validation/truth_gap" in row]  # fmt: skip
    return f"{gaps[0]:+.3f} → {gaps[-1]:+.3f}" if gaps else ""


def tables(found: Sequence[dict], runs: Sequence[dict[str, pathlib.Path]]) -> str:
    """Markdown."""
    head = [*EDITS.values(), "gain, vague requests", "learned reward − truth, first → last evaluation"]
    lines = ["| reward | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    for name in ("untouched", "sft", *RUNS, "users"):
        rows = [one[name] if name in one else one["policies"][name] for one in found]
        cells = [over([row[key] for row in rows]) for key in EDITS]
        cells.append(over([row["looking"] for row in rows]) if "looking" in rows[0] else "")
        cells.append("; ".join(filter(None, (drift(some[name]) for some in runs))) if name in RUNS else "")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "| reward model | edits of | pairs | user's edit ahead | rank correlation with truth |",
        "|---|---|---|---|---|",
    ]
    for judge in found[0]["rewards"]:
        for policy in found[0]["rewards"][judge]:
            rows = [one["rewards"][judge][policy] for one in found]
            pairs = ", ".join(str(row["pairs"]) for row in rows)
            cells = [over([row[key] for row in rows]) for key in ("accuracy", "rank_correlation")]
            lines.append(f"| {judge} | {policy} | {pairs} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=pathlib.Path, nargs="+", required=True, help="folders nothing was trained on")
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=96, help="of each policy, whole rounds of 8")
    parser.add_argument("--count", type=int, default=1200, help="test examples")
    flags = parser.parse_args(arguments)
    photos = linked(flags.photos, flags.workdir / "photos")
    runs = [trained(flags.workdir, seed, flags.steps) for seed in flags.seeds]
    found = [measured(flags.workdir, *pair, photos, flags.count) for pair in zip(flags.seeds, runs, strict=True)]
    print(f"{found[0]['examples']} examples on {found[0]['photos']} photos, {flags.steps} steps, seeds "
          f"{', '.join(map(str, flags.seeds))}; {report.describe_hardware()}\n")  # fmt: skip
    print(tables(found, runs))


if __name__ == "__main__":
    main()
