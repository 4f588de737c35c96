"""GRPO of the policy against a scorer that stays as it is: the learned reward model, the rule, or a mixture.

WORKDIR as in `sft`; at the end the weights are in policy/.
"""

import collections
import functools
import pathlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from rtq.data import pipeline, records, rendering, rows
from rtq.data.batches import PromptBatch
from rtq.data.example import Example
from rtq.data.options import POCKET
from rtq.decode.sampling import GrammarTable, Sampling
from rtq.eval.policy import check_ids
from rtq.models.qwen25vl.config import Config
from rtq.rl import critic, grammars, losses, rollout
from rtq.rl.critic import Critic
from rtq.text import showing
from rtq.text.tokenizer import Tokenizer
from rtq.train import appraisal, grpo_step, loop, optim, parallel, policy_turn, sft, state, summary, weights
from rtq.train.checkpoint import Checkpoints

CRITIC_EXAMPLES = 2048


class Parts(NamedTuple):
    """What GRPO and PGRT are made of. cfg, reward_cfg: shapes of the models; answers, critique: their grammars; turn:
    what shows the reward model an edit; folders: of examples, by split; spoiling, editing: what renders;
    critic: None where it has no weight in the reward."""

    cfg: Config
    reward_cfg: Config
    tokenizer: Tokenizer
    devices: Any
    answers: GrammarTable
    critique: grammars.Critique
    turn: showing.Turn
    writer: rows.Writer
    folders: dict[str, pathlib.Path]
    spoiling: rollout.Executor
    editing: rollout.Executor
    critic: Critic | None = None


def train(config: Any, workdir: pathlib.Path) -> None:
    """Sample, score, learn; evaluate on photos that are not trained on; save the weights and write the report.

    Raises:
      ValueError: one line: something in the configuration or the data cannot be.
    """
    optimizer = optim.make(config.optimizer, config.steps * config.loss.updates)
    parts = prepare(config, workdir)
    devices, key = parts.devices, jax.random.key(config.seed)
    policy = create(parts, parts.cfg, config.policy.checkpoint, config, key, optimizer)
    carry = {"policy": policy} | ({"reference": copied(policy.params)} if config.loss.beta else {})
    judge = frozen(parts, config, key) if config.scorer.learned else None
    turn = player(config, parts, optimizer)
    feed = Prompts(parts.folders, "train", config, parts.writer)
    appraise = appraiser(config, parts)

    def advance(carry: loop.Carry, number: int) -> loop.Outcome:
        batch, examples = feed()
        models = policy_turn.Models(carry["policy"].params, carry.get("reference"), judge)
        (taken, _), health, _ = turn.play(models, batch, jax.random.fold_in(key, number))
        new, metrics = turn.learn(carry["policy"], taken)
        after = refreshed(config, {**carry, "policy": new}, number)
        return loop.Outcome(after, health | metrics, [e.key for e in examples])

    task = loop.Task(
        advance, feed.position, feed.seek, whole=devices.whole, place=devices.place, picture=appraise.picture,
        evaluate=lambda carry, number: appraise(carry["policy"].params, judge),
    )  # fmt: skip
    final = loop.run(
        task, carry, steps=config.steps, every=every(config), workdir=workdir, seconds=config.log.seconds,
        checkpoints=Checkpoints(workdir / "checkpoints", keep=config.checkpoint.keep),
    )  # fmt: skip
    if not appraise.pictures:  # the run was finished already, but for its report
        appraise(final["policy"].params, judge)
    params = devices.whole(final["policy"]).params
    source = weights.words_from(config.model, config.policy.checkpoint)
    weights.save(workdir / "policy", parts.cfg, params, photo=config.model.photo, source=source)
    summary.write(config, workdir, "GRPO", appraise.pictures, feed.dropped)


def prepare(config: Any, workdir: pathlib.Path) -> Parts:
    """Shapes, tokenizer, devices, grammars, and the studio's examples."""
    if config.steps < 1 or config.batch < 1 or config.sampling.group < 2:
        raise ValueError("steps and batch must be at least 1, sampling.group at least 2")
    if config.batch % jax.process_count():
        raise ValueError(f"batch is {config.batch}, which {jax.process_count()} hosts cannot share")
    if config.scorer.learned and config.policy.checkpoint and not config.reward.checkpoint:
        raise ValueError("reward.checkpoint is missing, and a judge with fresh weights knows nothing; name one, or "
                         "set scorer.learned=0")  # fmt: skip
    cfg = weights.config_of(config.model, config.policy.checkpoint)
    reward_cfg = weights.config_of(config.model, config.reward.checkpoint)
    if config.parallel.mode == "mesh" and reward_cfg != cfg:
        raise ValueError("parallel.mode is mesh, which needs a policy and a reward model of the same shapes; use pmap")
    tokenizer = weights.tokenizer_of(config.model, config.policy.checkpoint, cfg)
    check_ids(reward_cfg, tokenizer, f"{config.reward.checkpoint}, beside the policy's tokenizer")
    image_tokens = rollout.image_side(cfg, config.model.photo) ** 2
    folders = sft.make_examples(config, workdir)
    return Parts(
        cfg, reward_cfg, tokenizer, parallel.make(config.parallel, cfg),
        grammars.answers(tokenizer, POCKET, cfg.vocab_size),
        grammars.critiques(tokenizer, POCKET, reward_cfg.vocab_size), showing.turn(tokenizer, image_tokens),
        rows.Writer(tokenizer, image_tokens), folders, rollout.executor(sft.SPOILS), rollout.executor(POCKET),
        fitted_critic(folders, config.seed) if config.scorer.critic else None,
    )  # fmt: skip


def fitted_critic(folders: dict[str, pathlib.Path], seed: int) -> Critic:
    """A critic of the training photos, clean and spoiled; says how well it tells those of validation apart."""
    clean, spoiled = _spoils(folders["train"])
    found = critic.fit(clean, spoiled, seed)
    clean, spoiled = _spoils(folders["validation"])
    right = np.asarray(critic.score(found, clean)) > np.asarray(critic.score(found, spoiled))
    print(f"critic: the clean photo ahead of the spoiled one in {100 * right.mean():.0f}% of {len(right)}", flush=True)
    return found


def _spoils(folder: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Crops and their spoiled selves, float32[N, S, S, 3] each, of at most `CRITIC_EXAMPLES` examples."""
    some = [(crop, example.spoil) for example, crop in records.read(folder, CRITIC_EXAMPLES) if example.spoil.sliders]
    clean = np.stack([crop for crop, _ in some]).astype(np.float32) / 255
    return clean, rendering.render(clean, [plan for _, plan in some])


def create(
    parts: Parts, cfg: Config, checkpoint: str, config: Any, key: jax.Array, optimizer: optax.GradientTransformation
) -> state.State:
    """A model in training, on the devices."""
    how = {"rank": config.model.lora_rank, "target": config.model.lora_target}
    parameters, arguments = weights.start(cfg, checkpoint, key, **how, shardings=parts.devices.parameters())
    return parts.devices.create(lambda *a: state.create(parameters(*a), optimizer), *arguments)


def frozen(parts: Parts, config: Any, key: jax.Array) -> Any:
    """The reward model's parameters, on the devices."""
    shardings = parts.devices.parameters()
    parameters, arguments = weights.start(parts.reward_cfg, config.reward.checkpoint, key, shardings=shardings)
    return parts.devices.create(parameters, *arguments)


def copied(tree: Any) -> Any:
    """Buffers of its own: steps donate the state."""
    return jax.tree.map(jnp.copy, tree)


def refreshed(config: Any, carry: loop.Carry, number: int) -> loop.Carry:
    """After step `number` (from 0) of the policy: every so many steps it becomes its own reference."""
    due = config.loss.refresh and (number + 1) % config.loss.refresh == 0
    return {**carry, "reference": copied(carry["policy"].params)} if due and "reference" in carry else carry


def policy_setup(config: Any, parts: Parts, *, greedy: bool = False) -> policy_turn.Setup:
    """How the policy plays; greedy: one likeliest answer, for evaluation."""
    return policy_turn.Setup(
        parts.cfg, parts.reward_cfg, parts.tokenizer, parts.spoiling, parts.editing, parts.critique, parts.turn,
        dict(config.scorer), 1 if greedy else config.sampling.group,
        Sampling(0.0 if greedy else config.sampling.temperature), config.sampling.new_tokens,
        config.sampling.metrics_tokens, config.sampling.score_tokens, config.loss.scale_by_std, measure_rule=greedy,
        critic=parts.critic,
    )  # fmt: skip


def learning(
    config: Any, cfg: Config, optimizer: optax.GradientTransformation, *, row_images: bool = False
) -> grpo_step.Setup:
    """How either model learns from what it played; row_images: critiques show the edits."""
    return grpo_step.Setup(
        cfg, optimizer, None, objective(config), config.sampling.temperature, row_images=row_images,
        epochs=config.loss.updates, micro=config.micro, trains=config.optimizer.trains,
    )  # fmt: skip


def player(config: Any, parts: Parts, optimizer: optax.GradientTransformation) -> policy_turn.Turn:
    """The policy's turns."""
    how = learning(config, parts.cfg, optimizer)
    return policy_turn.Turn(policy_setup(config, parts), how, parts.devices, parts.answers)


def objective(config: Any) -> losses.Grpo:
    """The loss of either model."""
    how = config.loss
    return losses.Grpo(how.clip_low, how.clip_high, how.beta, how.aggregation, config.sampling.new_tokens)


def every(config: Any) -> loop.Every:
    """The best policy is the one with the smallest distance to the users' edits of validation photos."""
    return loop.Every(
        config.log.every, config.evaluation.every, config.checkpoint.every, config.checkpoint.minutes,
        "validation/delta_e", first=True,
    )  # fmt: skip


class Prompts:
    """This host's endless prompts with their examples, and where they stand."""

    def __init__(self, folders: dict[str, pathlib.Path], name: str, config: Any, writer: rows.Writer):
        self.dropped: collections.Counter = collections.Counter()  # those that were too long, since the start
        self._rows = iter(
            pipeline.prompts(
                folders[name], count=config.batch // jax.process_count(), writer=writer, seed=sft.seed_of(config, name),
                length=config.sampling.prompt_tokens, kinds=sft.kinds_of(config, "edit"),
                host=(jax.process_index(), jax.process_count()), dropped=self.dropped,
            )
        )  # fmt: skip

    def __call__(self) -> tuple[PromptBatch, list[Example]]:
        return next(self._rows)

    def position(self) -> Any:
        return self._rows.get_state()

    def seek(self, position: Any) -> None:
        self._rows.set_state(position)


def appraiser(config: Any, parts: Parts, also: appraisal.Also | None = None) -> appraisal.Appraiser:
    """The measure of the policy on `evaluation.batches` batches of validation requests."""
    greedy = policy_turn.Turn(policy_setup(config, parts, greedy=True), None, parts.devices, parts.answers)
    held = Prompts(parts.folders, "validation", config, parts.writer)
    batches = [held() for _ in range(config.evaluation.batches)]
    answer = parts.devices.rows(functools.partial(_free_answers, policy_setup(config, parts)))
    free = grammars.free(parts.tokenizer, parts.cfg.vocab_size)
    return appraisal.Appraiser(
        greedy, batches, parts.devices, parts.tokenizer, config.evaluation.samples,
        lambda policy, batch: parts.devices.fetch(answer(policy, parts.devices.shard(batch), free)), also,
    )  # fmt: skip


def _free_answers(setup: policy_turn.Setup, policy: Any, batch: PromptBatch, table: GrammarTable) -> jax.Array:
    """One answer to each request, sampled at temperature 1: tokens int32[P, T]."""
    seen = rollout.spoiled(batch.photos, batch.spoil, setup.spoiling)
    return rollout.sample(
        setup.cfg, policy, seen[:, None], batch.tokens, batch.valid, table, Sampling(1.0), key=jax.random.key(0),
        seeds=batch.seeds, group=1, max_new_tokens=setup.new_tokens,
    ).tokens  # fmt: skip
