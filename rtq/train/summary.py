"""The report at the end of a run, WORKDIR/report/index.html: curves, held-out figures, pictures, configuration."""

import json
import pathlib
import shlex
import sys
from collections.abc import Sequence
from typing import Any

import jax

from rtq.eval import report
from rtq.train import writer

HELD = "validation/"
# What stands large at the top, where a run has it: metric → label.
HEADLINE = {
    "loss": "Held-out loss", "delta_e": "ΔE2000 to the user's edit", "reward": "Held-out reward",
    "truth": "Truth, O / 10", "pair_accuracy": "Reward model on the policy's edits",
}  # fmt: skip


def write(config: Any, workdir: pathlib.Path, kind: str, pictures: Sequence[report.Picture] = ()) -> None:
    """On the first host. kind: "SFT of the policy", "GRPO", …"""
    if jax.process_index() > 0:
        return
    held = held_out(workdir / "metrics.jsonl")
    ends = {
        HEADLINE[name]: f"{first[1]:.3g} → {last[1]:.3g}" for name, (first, last) in held.items() if name in HEADLINE
    }
    seen = "Pictures are of validation photos, whose answers are the likeliest ones. " if pictures else ""
    report.write(workdir / "report", report.Report(
        title=f"{kind}: {workdir.resolve().name}",
        summary=f"{seen}Arrows lead from the first evaluation to the last, both on photos that were not trained on.",
        headline=ends, pictures=pictures, tables=[*_before_and_after(held), *_examples(config, workdir)],
        metrics={kind: workdir / "metrics.jsonl"}, config=config.to_dict(), revision=report.git_revision(),
        hardware=report.describe_hardware(), command=f"python -m rtq.main {shlex.join(sys.argv[1:])}",
    ))  # fmt: skip


def held_out(path: pathlib.Path) -> dict[str, tuple[tuple[int, float], tuple[int, float]]]:
    """Metric on validation photos → (step, value) of its first and of its last evaluation."""
    found: dict[str, list[tuple[int, float]]] = {}
    for row in writer.read(path):
        for name, value in row.items():
            if name.startswith(HELD) and value is not None:
                found.setdefault(name.removeprefix(HELD), []).append((row["step"], value))
    return {name: (values[0], values[-1]) for name, values in found.items()}


def _before_and_after(held: dict[str, tuple[tuple[int, float], tuple[int, float]]]) -> list[report.Table]:
    if not held:
        return []
    first, last = min(a[0] for a, _ in held.values()), max(b[0] for _, b in held.values())
    rows = [[name, a[1], b[1]] for name, (a, b) in sorted(held.items())]
    return [report.Table("Validation photos", ["", f"step {first}", f"step {last}"], rows)]


def _examples(config: Any, workdir: pathlib.Path) -> list[report.Table]:
    """What the studio made, and what its filters dropped."""
    root, rows = pathlib.Path(config.data.dir or workdir / "data"), []
    for split in ("train", "validation"):
        made = json.loads((root / split / "report.json").read_text(encoding="utf-8"))
        dropped = ", ".join(f"{reason} {count}" for reason, count in made["dropped"].items() if count)
        kinds = ", ".join(f"{name} {count}" for name, count in made["kinds"].items())
        rows.append([split, made["photos"], made["examples"], kinds, made["drawn"], dropped or "none"])
    return [report.Table("Examples", ["", "photos", "examples", "kinds", "drafts", "dropped"], rows)]
