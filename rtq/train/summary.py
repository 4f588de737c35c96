"""The report at the end of a run, WORKDIR/report/index.html: curves, held-out figures, pictures, configuration."""

import json
import pathlib
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from rtq.eval import report
from rtq.train import writer

HELD = "validation/"
# Metric of an evaluation → what a person calls it; the others stand under their own names.
LABELS = {
    "loss": "loss", "delta_e": "ΔE2000 to the user's edit", "delta_e_untouched": "ΔE2000 of the untouched photo to it",
    "reward": "reward", "reward_learned": "learned reward", "reward_rule": "rule",
    "reward_critic": "critic that does not see the request", "reward_form": "readable answers",
    "readable": "readable answers without the grammar",
    "truth": "truth, O / 10", "truth_gap": "learned reward minus truth",
    "pair_accuracy": "reward model right on the policy's edits",
    "perturbed_accuracy": "reward model right on perturbed edits",
    "clear_accuracy": "the same, where the two edits differ visibly",
}  # fmt: skip
HEADLINE = ("loss", "delta_e", "reward", "truth", "pair_accuracy")  # stands large at the top, where a run has it


def write(config: Any, workdir: pathlib.Path, kind: str, pictures: Sequence[report.Picture] = (),
          dropped: Mapping[str, int] | None = None) -> None:
    """On the first host. kind: "SFT of the policy", "GRPO", …; dropped: rows that were too long, by task."""
    if jax.process_index() > 0:
        return
    held = held_out(workdir / "metrics.jsonl")
    ends = {LABELS[x]: f"{held[x][0][1]:.3g} → {held[x][1][1]:.3g}" for x in HEADLINE if x in held}
    seen = "Pictures are of validation photos, whose answers are the likeliest ones. " if pictures else ""
    long = [[task, str(count)] for task, count in sorted((dropped or {}).items()) if count]
    cut = [report.Table("Rows left out for their length, on this host since the last start", ["task", "rows"], long)]
    report.write(workdir / "report", report.Report(
        title=f"{kind}: {workdir.resolve().name}",
        summary=f"{seen}Arrows lead from the first evaluation to the last, both on photos that were not trained on.",
        headline=ends, pictures=pictures, tables=[*_before_and_after(held), *_examples(config, workdir),
                *(cut if long else [])],
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
    order = [*(name for name in LABELS if name in held), *sorted(set(held) - set(LABELS))]
    rows = [[LABELS.get(name, name), held[name][0][1], held[name][1][1]] for name in order]
    return [report.Table("Validation photos", ["", f"step {first}", f"step {last}"], rows)]


def _examples(config: Any, workdir: pathlib.Path) -> list[report.Table]:
    """What the studio made, and what its filters dropped."""
    root = pathlib.Path(config.data.dir or workdir / "data")
    reports = sorted(root.glob("*/report.json"))
    made = {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in reports}
    out = []
    for title, group, fixed in (("Examples", "kinds", ("photos", "examples")), ("Drafts", "dropped", ("drawn",))):
        names = sorted({name for one in made.values() for name in one[group]})
        rows = [[x, *(str(one[key]) for key in fixed), *(str(one[group].get(name, 0)) for name in names)]
                for x, one in made.items()]  # fmt: skip
        out.append(report.Table(title, ["", *fixed, *names], rows))
    return out
