"""The embedded weights from scratch: supervised stages, each in a folder of its own, then PGRT.

A stage that is done is skipped, one that was interrupted goes on, so the whole is one command however often it stops.
WORKDIR/assets holds in the end what rtq/assets/pocket does: `policy-sft` and `reward-sft`, from which PGRT starts, and
`policy` and `reward`, its results.
"""

import pathlib
from typing import Any

import jax

from rtq.train import pgrt, sft, weights, writer


def train(config: Any, workdir: pathlib.Path) -> None:
    """All stages in order.

    Raises:
      ValueError: one line: a stage's measure on validation rows is below its gate, or as in `sft` and `pgrt`.
    """
    for name in config.order:
        stage, folder = config.stages[name], workdir / name
        if not _is_done(folder, stage.trained):
            sft.train(stage_config(config, name, workdir), _made(folder))
            # Each stage compiles its own programs; all together are more mappings than Linux gives a process.
            jax.clear_caches()
        _pass(name, stage.measure, measured(folder, stage.measure), stage.gate)
    assets, last = workdir / "assets", workdir / "pgrt"
    for name in ("policy", "reward"):
        weights.store(result(config, name, workdir), assets / f"{name}-sft")
    if not _is_done(last, "reward"):
        final = last_config(config, workdir)
        found = pgrt.perturbed_accuracy(final, workdir, config.pairs.count)
        print(f"perturbed pairs that differ visibly: {found['clear_accuracy']:.3f} in order", flush=True)
        _pass("reward", "accuracy on perturbed pairs", found["accuracy"], config.pairs.gate)
        pgrt.train(final, _made(last))
    for name in ("policy", "reward"):
        weights.store(last / name, assets / name)


def result(config: Any, name: str, workdir: pathlib.Path) -> pathlib.Path:
    """Where the weights are that a stage leaves to the next."""
    return workdir / name / config.stages[name].trained


def stage_config(config: Any, name: str, workdir: pathlib.Path) -> Any:
    """The configuration of one supervised stage; each draws words and mistakes of its own."""
    out, stage = config.copy_and_resolve_references(), config.stages[name]
    out.seed = config.seed + config.order.index(name)
    out.trained, out.steps, out.tasks = stage.trained, stage.steps, stage.tasks
    out.data.kinds, out.data.dir = stage.kinds, config.data.dir or str(workdir / "data")
    out.optimizer.schedule = stage.schedule
    if stage["from"]:
        out[stage.trained].checkpoint = str(result(config, stage["from"], workdir))
    return out


def last_config(config: Any, workdir: pathlib.Path) -> Any:
    """The configuration of the last stage, PGRT: from the weights as they are stored."""
    out = config.copy_and_resolve_references()
    out.batch, out.data.dir = config.prompts, config.data.dir or str(workdir / "data")
    out.optimizer.learning_rate, out.critique.learning_rate = config.last.policy_rate, config.last.reward_rate
    out.optimizer.warmup = config.last.warmup
    out.evaluation.every = out.checkpoint.every = config.last.every
    out.policy.checkpoint = str(workdir / "assets" / "policy-sft")
    out.reward.checkpoint = str(workdir / "assets" / "reward-sft")
    return out


def measured(folder: pathlib.Path, names: str) -> float:
    """The last value of a validation metric; of several, "edit/accuracy,words/accuracy", the mean."""
    wanted = [f"validation/{name}" for name in names.split(",")]
    for row in reversed(writer.read(folder / "metrics.jsonl")):
        if all(name in row for name in wanted):
            return sum(row[name] for name in wanted) / len(wanted)
    raise ValueError(f"{folder}: no validation metric {names}")


def _pass(stage: str, measure: str, reached: float, gate: float) -> None:
    print(f"stage {stage}: validation {measure} {reached:.3f}, needed {gate}", flush=True)
    if reached < gate:
        raise ValueError(f"stage {stage}: validation {measure} is {reached:.3f}, below its gate {gate}")


def _is_done(folder: pathlib.Path, trained: str) -> bool:
    """Whether a stage has left its weights and, after them, its report."""
    return (folder / trained / "config.json").exists() and (folder / "report" / "index.html").exists()


def _made(folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
