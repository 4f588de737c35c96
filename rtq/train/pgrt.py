"""Policy-guided reward training (RetouchIQ, arXiv 2602.17558): the policy and its judge learn in turns.

A round is `rounds.policy_steps` steps of GRPO, whose answers go into a buffer, and then `rounds.reward_steps` steps of
the reward model, whose weak edits come from the buffer (a share of them from the studio, lest it forget).
WORKDIR as in `sft`; at the end the weights are in policy/ and reward/.
"""

import pathlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from rtq.decode.sampling import Sampling
from rtq.rl import losses, rollout
from rtq.train import appraisal, grpo, loop, optim, pairs, policy_turn, reward_turn, summary, weights
from rtq.train.checkpoint import Checkpoints


def train(config: Any, workdir: pathlib.Path) -> None:
    """Rounds of both; evaluate on photos that are not trained on; save both models and write the report.

    Raises:
      ValueError: one line: something in the configuration or the data cannot be.
    """
    _check(config)
    turns = config.rounds
    optimizer = optim.make(config.optimizer, config.steps * turns.policy_steps * config.loss.updates)
    judging = optim.make(_reward_options(config), config.steps * turns.reward_steps * config.loss.updates)
    parts = grpo.prepare(config, workdir)
    devices, key = parts.devices, jax.random.key(config.seed)
    policy = grpo.create(parts, parts.cfg, config.policy.checkpoint, config, key, optimizer)
    reward = grpo.create(parts, parts.reward_cfg, config.reward.checkpoint, config, jax.random.fold_in(key, 1), judging)
    feed = grpo.Prompts(parts.folders, "train", config, parts.writer)
    buffer = pairs.empty(pairs.perturbed(feed()[0]), turns.buffer)
    carry = {"policy": policy, "reward": reward, "buffer": buffer}
    if config.loss.beta:
        carry |= {"reference": grpo.copied(policy.params), "reward_reference": grpo.copied(reward.params)}
    playing, setup = grpo.player(config, parts, optimizer), reward_setup(config, parts)
    how = grpo.learning(config, parts.reward_cfg, judging, row_images=True)
    comparing = reward_turn.Turn(setup, how, devices)
    appraise = grpo.appraiser(config, parts, accuracies(setup, devices, turns.margin))
    cycle = turns.policy_steps + turns.reward_steps

    def play(carry: loop.Carry, number: int) -> loop.Outcome:
        batch, examples = feed()
        models = policy_turn.Models(carry["policy"].params, carry.get("reference"), carry["reward"].params)
        (taken, difference), health, plans = playing.play(models, batch, jax.random.fold_in(key, number))
        new, metrics = playing.learn(carry["policy"], taken)
        fresh = pairs.answered(batch, plans, devices.fetch(difference), turns.margin)
        after = {**carry, "policy": new, "buffer": pairs.put(carry["buffer"], fresh)}
        after = grpo.refreshed(config, after, number // cycle * turns.policy_steps + number % cycle)
        named = {f"policy/{name}": pair for name, pair in (health | metrics).items()}
        return loop.Outcome(after, named, [e.key for e in examples])

    def compare(carry: loop.Carry, number: int) -> loop.Outcome:
        batch, examples = feed()
        given, kept = mixed(carry["buffer"], pairs.perturbed(batch), turns.perturbed, [config.seed, number])
        reference = carry.get("reward_reference")
        step_key = jax.random.fold_in(key, number)
        taken, health = comparing.play(carry["reward"].params, reference, given, step_key)
        new, metrics = comparing.learn(carry["reward"], taken)
        named = {f"reward/{name}": pair for name, pair in (health | metrics).items()}
        seen = [*(e.key for e in examples[:kept]), f"{len(examples) - kept} answers of the buffer"]
        return loop.Outcome({**carry, "reward": new}, named, seen)

    def advance(carry: loop.Carry, number: int) -> loop.Outcome:
        return (play if number % cycle < turns.policy_steps else compare)(carry, number)

    task = loop.Task(
        advance, feed.position, feed.seek, picture=appraise.picture,
        evaluate=lambda carry, number: appraise(carry["policy"].params, carry["reward"].params),
        whole=lambda carry: _apart(carry, devices.whole), place=lambda carry: _apart(carry, devices.place),
    )  # fmt: skip
    final = loop.run(
        task, carry, steps=config.steps * cycle, every=grpo.every(config), workdir=workdir,
        seconds=config.log.seconds, checkpoints=Checkpoints(workdir / "checkpoints", keep=config.checkpoint.keep),
    )  # fmt: skip
    if not appraise.pictures:  # the run was finished already, but for its report
        appraise(final["policy"].params, final["reward"].params)
    source = weights.words_from(config.model, config.policy.checkpoint)
    for name, cfg in (("policy", parts.cfg), ("reward", parts.reward_cfg)):
        params = devices.whole(final[name]).params
        weights.save(workdir / name, cfg, params, photo=config.model.photo, source=source)
    summary.write(config, workdir, "PGRT", appraise.pictures, feed.dropped)


def _check(config: Any) -> None:
    turns = config.rounds
    if turns.policy_steps < 1 or turns.reward_steps < 1 or turns.buffer < config.batch:
        raise ValueError("rounds: policy_steps and reward_steps must be at least 1, buffer at least batch")
    if not 0 <= turns.perturbed <= 1:
        raise ValueError(f"rounds.perturbed is {turns.perturbed}, allowed is a share from 0 to 1")
    if not config.scorer.learned:
        raise ValueError("scorer.learned is 0, but PGRT trains the learned reward; use experiments/grpo.py")


def _reward_options(config: Any) -> Any:
    options = config.optimizer.copy_and_resolve_references()
    options.learning_rate = config.critique.learning_rate
    return options


def _apart(carry: loop.Carry, move: Callable[[Any], Any]) -> loop.Carry:
    """All but the buffer, which stays on the host, moved."""
    return {name: tree if name == "buffer" else move(tree) for name, tree in carry.items()}


def reward_setup(config: Any, parts: grpo.Parts) -> reward_turn.Setup:
    """How critiques are sampled."""
    return reward_turn.Setup(
        parts.reward_cfg, parts.tokenizer, parts.spoiling, parts.editing, parts.critique, parts.turn,
        config.critique.group, Sampling(config.sampling.temperature), config.sampling.metrics_tokens,
        config.sampling.score_tokens, config.loss.scale_by_std, config.rounds.margin,
    )  # fmt: skip


def mixed(buffer: dict[str, Any], studio: pairs.Pairs, share: float, seed: list[int]) -> tuple[pairs.Pairs, int]:
    """As many pairs as `studio` has: on average `share` of them from there, its first, the rest from the buffer as far
    as it goes; and how many are the studio's."""
    count = len(studio.seeds)
    rng = np.random.default_rng([*seed, jax.process_index()])
    policy = pairs.draw(buffer, count - int(count * share + rng.random()), rng)
    kept = count - len(policy.seeds)
    out = pairs.joined([policy, jax.tree.map(lambda x: np.asarray(x)[:kept], studio)])
    return out._replace(seeds=rng.integers(2**31, size=count).astype(np.int32)), kept


def perturbed_accuracy(config: Any, workdir: pathlib.Path, count: int) -> dict[str, float]:
    """How often the reward model of `config` puts the user's edit ahead of the studio's weak one, of `count` pairs of
    validation photos or a few more ("accuracy"), and of those of them that differ by the margin ("clear_accuracy")."""
    parts = grpo.prepare(config, workdir)
    judge = reward_turn.Judge(reward_setup(config, parts), parts.devices)
    reward = grpo.frozen(parts, config, jax.random.key(config.seed))
    feed = grpo.Prompts(parts.folders, "validation", config, parts.writer)
    rows = [judge(reward, pairs.perturbed(feed()[0]))[1] for _ in range(-(-count // config.batch))]
    found = appraisal.means([jax.device_get(row) for row in rows])
    return {name: found[f"validation/{name}"] for name in ("accuracy", "clear_accuracy")}


def accuracies(setup: reward_turn.Setup, devices: Any, margin: float) -> appraisal.Also:
    """How often the judge is right: on the studio's pairs ("perturbed_accuracy"; "clear_accuracy" where the two edits
    differ by `margin`), and on this policy's likeliest answers that are at least `margin` away from the user's edit
    ("pair_accuracy"; those of this host)."""
    judge = reward_turn.Judge(setup, devices)

    def measure(reward: Any, batch: Any, plans: list, out: policy_turn.Appraised) -> dict[str, losses.Pair]:
        perturbed = jax.device_get(judge(reward, pairs.perturbed(batch))[1])
        found, _ = judge(reward, pairs.perturbed(batch)._replace(weak=rollout.plan_arrays(plans)[0]))
        counts = devices.fetch(out.scored.difference) >= margin
        right = (found[:, 0] > found[:, 1]) & counts
        names = {"perturbed_accuracy": perturbed["accuracy"], "clear_accuracy": perturbed["clear_accuracy"]}
        return names | {"pair_accuracy": (right.sum(), counts.sum())}

    return measure
