"""The paper's ablation in small: one policy, four rewards, several seeds, and two judges of the results.

    python benchmarks/rewards.py --photos FOLDER FOLDER --requests FOLDER --regressor FOLDER --workdir runs/rewards

From the embedded policy after SFT, on the photographs that come with two Python packages, for equally many steps:

    critic      a network that tells clean photos from spoiled ones and never sees the request
    rule        nearer to the user's edit than the untouched photo, and every slider useful (IEA)
    perturbed   the embedded reward model after SFT on perturbed pairs, frozen
    pgrt        the same, trained in turns with the policy

then `experiments/evaluate.py` on photos that nothing was trained on: all policies, and the perturbed and the pgrt
reward model on the same edits of the last policy. Runs that are done are kept, so the command goes
on where it stopped. Prints the tables of benchmarks/results/rewards.md: mean over seeds ± standard error of that mean
(one seed: by photo).
"""

import argparse
import json
import pathlib
import subprocess
import sys
from collections.abc import Mapping, Sequence

from rtq.eval import metrics, report
from rtq.photos import SUFFIXES
from rtq.train import writer

# Steps of the policy, and of the reward model, in a round of PGRT, and the latter's rate: four times as many and three
# times the rate of `experiments/pgrt.py`, whose reward model hardly moves in four rounds.
PER_ROUND, JUDGED, JUDGING_RATE = 8, 16, 3e-4
EVERY = 2  # rounds between evaluations, which show how the learned reward drifts from truth
ALONE = f"evaluation.every={EVERY * PER_ROUND}"
RUNS = {
    "critic": ("grpo", ("scorer.learned=0", "scorer.critic=1", ALONE)),
    "rule": ("grpo", ("scorer.learned=0", "scorer.rule=1", ALONE)),
    "perturbed": ("grpo", (ALONE,)),
    "pgrt": ("pgrt", (f"rounds.policy_steps={PER_ROUND}", f"rounds.reward_steps={JUDGED}",
                      f"critique.learning_rate={JUDGING_RATE}", f"evaluation.every={EVERY * (PER_ROUND + JUDGED)}")),
}  # fmt: skip
EDITS = {"delta_e": "ΔE2000 to the user's", "sc": "SC", "pq": "PQ", "o": "O"}
LEADS = {"delta_e": "ΔE2000 less that of sft", "o": "O less that of sft"}
SAMPLED = {"delta_e": "sampled: ΔE2000", "o": "sampled: O"}
WORDS = {"signs": "signs, new requests", "frames": "held-out frames", "combinations": "held-out combinations",
         "people": "people's requests", "graded": "slightly < plainly < a lot"}  # fmt: skip
VALID = {"unconstrained": "readable without grammar", "constrained": "with grammar"}


def command(experiment: str, workdir: pathlib.Path, flags: Sequence[str]) -> None:
    """One run of rtq.main, to its end."""
    options = [f"--config=experiments/{experiment}.py", f"--workdir={workdir}", *(f"--config.{flag}" for flag in flags)]
    print("+", *options, flush=True)
    subprocess.run([sys.executable, "-m", "rtq.main", *options], check=True)


def trained(workdir: pathlib.Path, seed: int, steps: int, train_photos: str) -> dict[str, pathlib.Path]:
    """Folders of the policies of one seed, trained unless they are there."""
    found = {}
    for name, (experiment, flags) in RUNS.items():
        folder = workdir / f"{name}-{seed}"
        length = steps if experiment == "grpo" else steps // PER_ROUND
        if not (folder / "policy" / "config.json").is_file() or not (folder / "report").is_dir():
            common = (f"seed={seed}", f"steps={length}", f"data.photos={train_photos}", f"data.dir={workdir / 'data'}")
            command(experiment, folder, (*flags, *common))
        found[name] = folder
    return found


def measured(workdir: pathlib.Path, seed: int, runs: dict[str, pathlib.Path], flags: argparse.Namespace) -> dict:
    """evaluation.json of one seed: all policies, and both reward models on edits of the last one."""
    common = (f"photos={workdir / 'photos'}", "split=all", f"count={flags.count}", f"seed={seed}", "batch=32")
    policies = {"sft": "embedded:policy-sft"} | {name: run / "policy" for name, run in runs.items()}
    words = (f"requests={flags.requests}", f"regressor={flags.regressor}", f"edits_only={flags.edits_only}")
    found = evaluated(workdir / f"policies-{seed}", (named("policies", policies), f"ordered={flags.sampled}", *words,
                                                     *common))  # fmt: skip
    rewards = {"perturbed": "embedded:reward-sft", "pgrt": runs["pgrt"] / "reward"}
    judged = evaluated(workdir / f"rewards-{seed}", (
        named("policies", {"pgrt": policies["pgrt"]}), named("rewards", rewards), f"ordered={flags.count}",
        "edits_only=True", *common))  # fmt: skip
    return found | {"rewards": judged["rewards"]}


def named(flag: str, places: Mapping[str, str | pathlib.Path]) -> str:
    """ "policies=NAME=FOLDER,…"."""
    return f"{flag}={','.join(f'{name}={place}' for name, place in places.items())}"


def evaluated(out: pathlib.Path, flags: Sequence[str]) -> dict:
    """evaluation.json of a run of experiments/evaluate.py, made unless it is there."""
    if not (out / "evaluation.json").is_file():
        command("evaluate", out, flags)
    return json.loads((out / "evaluation.json").read_text(encoding="utf-8"))


def linked(folders: Sequence[pathlib.Path], target: pathlib.Path) -> None:
    """One folder with links to the photos of all."""
    for number, folder in enumerate(folders):
        for path in folder.rglob("*"):
            if path.suffix.lower() in SUFFIXES:
                link = target / str(number) / path.relative_to(folder)
                link.parent.mkdir(parents=True, exist_ok=True)
                if not link.exists():
                    link.symlink_to(path.resolve())


def over(rows: Sequence[tuple[float, float]]) -> str:
    """Mean over seeds ± its standard error; of a single seed ± that by photo."""
    mean, error = rows[0] if len(rows) == 1 else metrics.over_seeds([row[0] for row in rows])
    return f"{mean:.3f} ± {error:.3f}"


def drift(folder: pathlib.Path) -> str:
    """ "0.02, 0.05, 0.11": the learned reward minus truth, at each evaluation."""
    rows = writer.read(folder / "metrics.jsonl")
    return ", ".join(f"{row['validation/truth_gap']:+.3f}" for row in rows if "validation/truth_gap" in row)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Markdown."""
    return ["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *("| " + " | ".join(row) + " |" for row in rows)]


def tables(found: Sequence[dict], runs: Sequence[dict[str, pathlib.Path]]) -> str:
    """All tables in markdown."""
    names = [name for name in ("sft", *RUNS) if name in found[0]["policies"]]
    rows = []
    for name in ("untouched", *names, "users"):
        some = [one[name] if name in one else one["policies"][name] for one in found]
        gaps = "; ".join(filter(None, (drift(run[name]) for run in runs))) if name in RUNS else ""
        more = [over([row[part][key] for row in some]) if part in some[0] else ""
                for part, keys in (("lead", LEADS), ("sampled", SAMPLED)) for key in keys]  # fmt: skip
        rows.append([name, *(over([row[key] for row in some]) for key in EDITS), *more, gaps])
    head = ["policy", *EDITS.values(), *LEADS.values(), *SAMPLED.values(),
            "learned reward − truth while it trained, by seed"]  # fmt: skip
    lines = table(head, rows)
    if "looking" in found[0]["policies"][names[0]]:
        lines += ["", *of_words(found, names)]
    rows = []
    for judge, policies in found[0]["rewards"].items():
        for policy in policies:
            some = [one["rewards"][judge][policy] for one in found]
            figures = [over([row[key] for row in some]) for key in ("accuracy", "lead", "rank_correlation")]
            rows.append([judge, policy, ", ".join(str(row["pairs"]) for row in some), *figures])
    head = ["reward model", "edits of", "pairs", "user's edit ahead", "more often than perturbed", "rank correlation"]
    return "\n".join([*lines, "", *table(head, rows)])


def of_words(found: Sequence[dict], names: Sequence[str]) -> list[str]:
    """The table of what policies read and see."""
    rows = []
    for name in names:
        some = [one["policies"][name] for one in found]
        shares = [over([row[key]["right"] for row in some]) if key in some[0] else "" for key in WORDS]
        valid = ["{:.3f}".format(sum(row[key]["share"] for row in some) / len(some)) for key in VALID]
        rows.append(
            [name, *shares, *valid, over([row["looking"] for row in some]), over([row["swapped"] for row in some])]
        )
    if "regressor" in found[0]:
        rows.append(["regressor", *[""] * (len(WORDS) + len(VALID)), over([one["regressor"] for one in found]), ""])
    head = ["policy", *WORDS.values(), *VALID.values(), "gain, vague requests", "with another photo shown"]
    return table(head, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=pathlib.Path, nargs="+", required=True, help="folders nothing was trained on")
    parser.add_argument("--requests", default="", help="folder with requests by people (docs/evaluation.md)")
    parser.add_argument("--regressor", default="", help="folder of training photos for the regressor")
    parser.add_argument("--train-photos", default="", help="folder to train on (default: those of two packages)")
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=96, help="of each policy, whole rounds of 8")
    parser.add_argument("--count", type=int, default=1200, help="test examples")
    parser.add_argument("--sampled", type=int, default=200, help="test examples with sampled answers of each policy")
    parser.add_argument("--edits-only", action="store_true", help="neither words nor looking")
    flags = parser.parse_args(arguments)
    linked(flags.photos, flags.workdir / "photos")
    runs = [trained(flags.workdir, seed, flags.steps, flags.train_photos) for seed in flags.seeds]
    found = [measured(flags.workdir, *pair, flags) for pair in zip(flags.seeds, runs, strict=True)]
    print(f"{found[0]['examples']} examples on {found[0]['photos']} photos, {flags.steps} steps, seeds "
          f"{', '.join(map(str, flags.seeds))}; mean L1 of spoiled photos {found[0]['spoiled_l1'][0]:.2f} of 255; "
          f"{report.describe_hardware()}\n")  # fmt: skip
    print(tables(found, runs))


if __name__ == "__main__":
    main()
