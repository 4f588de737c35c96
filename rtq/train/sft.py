"""Supervised fine-tuning, of the policy or of the reward model: what differs is the rows.

    config.trained = "policy" | "reward"      which checkpoint it starts from, and where the weights end up
    config.tasks = {task of rtq.data.rows: share of the updates}

WORKDIR holds data/ (made by the studio once), checkpoints/, metrics.jsonl, tensorboard/, samples.jsonl and at the end
the weights, a Hugging Face folder policy/ or reward/, and report/index.html.
"""

import collections
import functools
import json
import pathlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from rtq.data import batches, correction, drafts, photos, pipeline, rows, studio
from rtq.data.options import POCKET
from rtq.decode.sampling import GrammarTable, Sampling
from rtq.eval import report
from rtq.models.qwen25vl.config import Config
from rtq.rl import grammars, rollout
from rtq.text.grammar import Options
from rtq.text.tokenizer import Tokenizer
from rtq.train import appraisal, loop, optim, parallel, sft_step, state, summary, weights
from rtq.train.checkpoint import Checkpoints
from rtq.train.writer import cut

SPOILS = Options(sliders=correction.FAMILY, local_sliders=(), max_locals=0, kinds=())
SAMPLE_TOKENS = 128
VAGUE = "vague"  # a task, the kind of its examples, and their folder
LOOKING = ("facts", "change")  # tasks in which what is asked for says nothing about the answer


def train(config: Any, workdir: pathlib.Path) -> None:
    """Make the data if need be, train, evaluate on photos that are not trained on, save the weights.

    Raises:
      ValueError: one line: something in the configuration or the data cannot be.
    """
    _check(config)
    checkpoint = config[config.trained].checkpoint
    cfg = weights.config_of(config.model, checkpoint)
    tokenizer = weights.tokenizer_of(config.model, checkpoint, cfg)
    devices = parallel.make(config.parallel, cfg)
    optimizer = optim.make(config.optimizer, config.steps)
    folders = make_examples(config, workdir, vague=bool(config.tasks.get(VAGUE)))
    writer = rows.Writer(tokenizer, rollout.image_side(cfg, config.model.photo) ** 2)
    feed = Feed(folders, config, writer)

    setup = sft_step.Setup(
        cfg, optimizer, sft_step.ordinals(tokenizer, cfg.vocab_size), rollout.executor(SPOILS),
        rollout.executor(POCKET), config.micro, config.optimizer.trains,
    )  # fmt: skip
    key = jax.random.key(config.seed)
    parameters, arguments = weights.start(
        cfg, checkpoint, key, rank=config.model.lora_rank, target=config.model.lora_target,
        shardings=devices.parameters(),
    )
    fresh = devices.create(lambda *a: state.create(parameters(*a), optimizer), *arguments)
    steps = {task: devices.lift(functools.partial(sft_step.step, setup=setup, task=task)) for task in feed.tasks}
    evaluate = evaluator(config, setup, devices, folders, writer)
    samples = Samples(config, cfg, devices, folders["validation"], writer, workdir)

    def advance(carry: loop.Carry, number: int) -> loop.Outcome:
        task, batch = feed(number)
        new, metrics = steps[task](carry[config.trained], devices.shard(batch), key)
        named = {"loss": metrics["loss"], **{f"{task}/{name}": pair for name, pair in metrics.items()}}
        return loop.Outcome({config.trained: new}, named, [f"those of batch {number + 1}, task {task}"])

    def look(carry: loop.Carry, number: int) -> dict[str, float]:
        samples(carry[config.trained].params, number)
        return evaluate(carry[config.trained].params)

    task = loop.Task(
        advance, feed.position, feed.seek, evaluate=look, picture=lambda: appraisal.sheet(samples.pictures),
        whole=lambda carry: {config.trained: devices.whole(carry[config.trained])},
        place=lambda carry: {config.trained: devices.place(carry[config.trained])},
    )  # fmt: skip
    every = loop.Every(
        config.log.every, config.evaluation.every, config.checkpoint.every, config.checkpoint.minutes, "validation/loss"
    )
    checkpoints = Checkpoints(workdir / "checkpoints", keep=config.checkpoint.keep)
    final = loop.run(
        task, {config.trained: fresh}, steps=config.steps, every=every, checkpoints=checkpoints, workdir=workdir,
        seconds=config.log.seconds,
    )  # fmt: skip
    if not samples.pictures:  # the run was finished already, but for its report
        samples(final[config.trained].params, config.steps)
    params = devices.whole(final[config.trained]).params
    weights.save(workdir / config.trained, cfg, params, photo=config.model.photo,
                 source=weights.words_from(config.model, checkpoint))  # fmt: skip
    what = {"policy": "the policy", "reward": "the reward model"}[config.trained]
    summary.write(config, workdir, f"SFT of {what}", samples.pictures, feed.dropped)


def _check(config: Any) -> None:
    if config.trained not in ("policy", "reward"):
        raise ValueError(f"trained is {config.trained!r}; choose from policy, reward")
    if config.steps < 1 or config.batch < 1 or config.micro < 1:
        raise ValueError("steps, batch and micro must be at least 1")
    if config.batch % jax.process_count():
        raise ValueError(f"batch is {config.batch}, which {jax.process_count()} hosts cannot share")
    unknown = set(config.tasks) - set(rows.TASKS)
    if unknown or not any(share > 0 for share in config.tasks.values()) or min(config.tasks.values()) < 0:
        raise ValueError(f"tasks are {dict(config.tasks)}; shares are needed for some of {', '.join(rows.TASKS)}")


def make_examples(config: Any, workdir: pathlib.Path, *, vague: bool = False) -> dict[str, pathlib.Path]:
    """Folders of examples for training and validation and, if asked for, of vague ones alone for training; what is
    missing there is made by the first host."""
    root = pathlib.Path(config.data.dir or workdir / "data")
    counts = {"train": config.data.count, "validation": config.data.validation_count}
    kinds = dict.fromkeys(counts, drafts.KINDS)
    if vague:
        counts[VAGUE], kinds[VAGUE] = config.data.vague_count, {"vague": 1.0}
    if jax.process_index() == 0:
        found = photos.sources(config.data.photos or None)
        for name, count in counts.items():
            print(f"examples: {count} for {name}, made once and kept in {root / name}", flush=True)
            studio.build(
                found, root / name, count=count, seed=config.data.seed, size=config.model.photo, kinds=kinds[name],
                split="validation" if name == "validation" else "train",
            )  # fmt: skip
    else:
        # Not in a collective, which would time out: a large build takes hours.
        while not all(studio.built(root / name) >= count for name, count in counts.items()):
            time.sleep(1.0)
    return {name: root / name for name in counts}


def kinds_of(config: Any, task: str) -> tuple[str, ...]:
    """The kinds of examples that `config.data.kinds` names; all of them where it is "", and for tasks of looking.

    Words alone do not say what a vague request wants.
    """
    if task == VAGUE:
        return (VAGUE,)
    named = drafts.KINDS if task in LOOKING or not config.data.kinds else config.data.kinds.split(",")
    return tuple(kind for kind in named if task != "words" or kind != "vague")


class Feed:
    """Batches of one task at a time; which task a step has follows from the seed and the step."""

    def __init__(self, folders: Mapping[str, pathlib.Path], config: Any, writer: rows.Writer):
        shares = {task: share for task, share in config.tasks.items() if share > 0}
        self.tasks, self._seed = tuple(shares), config.seed
        self._shares = np.array(list(shares.values())) / sum(shares.values())
        self.dropped: collections.Counter = collections.Counter()  # rows that were too long, by task, since the start
        self._rows = {
            task: open_rows(folders, VAGUE if task == VAGUE else "train", task, config, writer, self.dropped)
            for task in shares
        }  # fmt: skip

    def __call__(self, step: int) -> tuple[str, batches.Batch]:
        drawn = np.random.default_rng([self._seed, step]).choice(len(self.tasks), p=self._shares)
        return self.tasks[drawn], next(self._rows[self.tasks[drawn]])

    def position(self) -> dict[str, Any]:
        return {task: made.get_state() for task, made in self._rows.items()}

    def seek(self, position: dict[str, Any]) -> None:
        if set(position) != set(self._rows):
            raise ValueError(f"the checkpoint has tasks {', '.join(position)}, the run has {', '.join(self._rows)}")
        for task, made in self._rows.items():
            made.set_state(position[task])


def seed_of(config: Any, name: str) -> int:
    """The seed of what is drawn of a folder's examples: a run's own in training, the same in all runs in validation."""
    return config.data.seed + pipeline.HELD_OUT if name == "validation" else config.seed


def open_rows(
    folders: Mapping[str, pathlib.Path], name: str, task: str, config: Any, writer: rows.Writer,
    dropped: collections.Counter | None = None,
) -> Iterator[batches.Batch]:  # fmt: skip
    """This host's endless batches of one task from one of the folders; dropped: as in `pipeline.dataset`."""
    return iter(
        pipeline.dataset(
            folders[name], tasks={task: 1.0}, batch_size=config.batch // jax.process_count(), writer=writer,
            seed=seed_of(config, name), lengths=config.lengths.to_dict(), kinds=kinds_of(config, task),
            host=(jax.process_index(), jax.process_count()), dropped=dropped,
        )
    )  # fmt: skip


def evaluator(
    config: Any, setup: sft_step.Setup, devices: Any, folders: Mapping[str, pathlib.Path], writer: rows.Writer
) -> Callable:  # fmt: skip
    """params → {"validation/loss": …, "validation/TASK/…": …} over the same few batches every time."""
    held = {
        task: [next(made) for _ in range(config.evaluation.batches)]
        for task, share in config.tasks.items()
        if share > 0
        for made in [open_rows(folders, "validation", task, config, writer)]
    }
    measures = {task: devices.measure(functools.partial(sft_step.evaluate, setup=setup, task=task)) for task in held}

    def evaluate(params: Any) -> dict[str, float]:
        sums: dict[str, np.ndarray] = {}
        for task, some in held.items():
            for batch in some:
                found = jax.device_get(measures[task](params, devices.shard(batch)))
                for name, pair in {"loss": found["loss"], **{f"{task}/{k}": v for k, v in found.items()}}.items():
                    sums[name] = sums.get(name, np.zeros(2)) + np.array(pair, np.float64)
        return {f"validation/{name}": float(total / count) for name, (total, count) in sums.items() if count}

    return evaluate


class Samples:
    """Call it with (params, step): the likeliest answers to a few validation requests, without a grammar, as lines of
    samples.jsonl and as `pictures`. Nothing happens where the policy's answers are not trained."""

    def __init__(
        self, config: Any, cfg: Config, devices: Any, folder: pathlib.Path, writer: rows.Writer, workdir: pathlib.Path
    ):  # fmt: skip
        self.pictures: list[report.Picture] = []
        count, self._tokenizer, self._path = config.evaluation.samples, writer.tokenizer, workdir / "samples.jsonl"
        self._run = None
        if not (count and config.tasks.get("edit", 0)):
            return
        made = pipeline.prompts(folder, count=count, writer=writer, seed=seed_of(config, "validation"),
                                length=config.lengths.edit)  # fmt: skip
        self._batch, self._examples = next(iter(made))
        self._table = grammars.free(self._tokenizer, cfg.vocab_size)
        self._run = devices.once(functools.partial(_answers, cfg))
        self._render = jax.jit(functools.partial(rollout.render, executor=rollout.executor(POCKET)))

    def __call__(self, params: Any, step: int) -> None:
        if self._run is None:
            return
        seen, tokens = jax.device_get(self._run(params, self._batch, self._table))
        if jax.process_index() > 0:
            return
        cut(self._path, step - 1)  # after a restart this step may come again
        lines = list(_lines(step, tokens, self._batch, self._examples, self._tokenizer))
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        plans = rollout.to_plans(tokens, self._tokenizer)
        users = [example.plan for example in self._examples]
        arrays, _ = rollout.plan_arrays([*plans, *users])
        edits = np.asarray(self._render(np.concatenate([seen, seen]), arrays))
        self.pictures = [
            report.Picture(seen[i], {appraisal.EDIT: edits[i], appraisal.USERS: edits[i + len(plans)]},
                           lines[i]["request"], plan, "" if plan else f"no plan: {lines[i]['answer']}")
            for i, plan in enumerate(plans)
        ]  # fmt: skip


def _answers(cfg: Config, params: Any, batch: batches.PromptBatch, table: GrammarTable) -> tuple[jax.Array, jax.Array]:
    """The photos as they are seen and the likeliest answers' tokens."""
    seen = rollout.spoiled(batch.photos, batch.spoil, rollout.executor(SPOILS))
    samples = rollout.sample(
        cfg, params, seen[:, None], batch.tokens, batch.valid, table, Sampling(temperature=0.0), key=jax.random.key(0),
        seeds=batch.seeds, group=1, max_new_tokens=SAMPLE_TOKENS,
    )  # fmt: skip
    return seen, samples.tokens


def _lines(step: int, tokens: np.ndarray, batch: Any, examples: list, tokenizer: Tokenizer) -> Iterator[dict[str, Any]]:
    plans = rollout.to_plans(tokens, tokenizer)
    for i, (example, plan) in enumerate(zip(examples, plans, strict=True)):
        yield {
            "step": step, "photo": example.key, "wanted": example.plan.to_json(), "valid": plan is not None,
            "request": appraisal.words(batch.tokens[i][batch.valid[i]], example, tokenizer),
            "answer": tokenizer.decode_answer(tokens[i].tolist()),
        }  # fmt: skip
