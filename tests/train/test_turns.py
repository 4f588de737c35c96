"""Turns of the policy and of the reward model on eight devices, with a scripted judge where numbers are expected."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from rtq.data.batches import PromptBatch
from rtq.data.example import Example
from rtq.decode.sampling import Sampling
from rtq.editor import Plan
from rtq.editor.plan_arrays import stack
from rtq.eval import metrics as distances
from rtq.rl import grammars, losses, rollout, scoring
from rtq.text import answers as texts
from rtq.text import prompts, showing
from rtq.train import appraisal, grpo_step, optim, pairs, parallel, policy_turn, reward_turn, state
from tests.rl import tiny_policy as tiny
from tests.train import train_tiny

CFG, TOKENIZER = tiny.CFG, tiny.TOKENIZER
PROMPTS, GROUP, STEPS = 8, 2, 24
KEY = jax.random.key(3)
DEVICES = parallel.Replicated(tuple(jax.devices()))
CRITIQUE = grammars.critiques(TOKENIZER, tiny.OPTIONS, CFG.vocab_size)
ANSWERS = grammars.answers(TOKENIZER, tiny.OPTIONS, CFG.vocab_size)
TURN = showing.turn(TOKENIZER, tiny.IMAGE_TOKENS)
REQUESTS = [f"{how} {what}" for how in ("a bit", "much") for what in ("warmer", "darker", "paler", "brighter")]
USERS = [Plan({"Exposure": (i - 4) / 4, "Contrast": 10 * i}) for i in range(PROMPTS)]
METRICS = TOKENIZER.encode(texts.metrics_text(("natural look", "clean whites"), (30, 70), Plan({"Exposure": 1.0})))
SETUP = policy_turn.Setup(CFG, CFG, TOKENIZER, tiny.EXECUTOR, tiny.EXECUTOR, CRITIQUE, TURN, {"learned": 1.0}, GROUP,
                          Sampling(1.3), STEPS, len(METRICS), 16, False)  # fmt: skip
OPTIMIZER = optim.make(train_tiny.OPTIMIZER, 10)
LEARNING = grpo_step.Setup(CFG, OPTIMIZER, None, losses.Grpo(beta=0.02), 1.3)


def padded(messages):
    rows = [prompts.render(TOKENIZER, m, [tiny.IMAGE_TOKENS]) for m in messages]
    tokens = np.full((len(rows), max(map(len, rows))), TOKENIZER.pad_id, np.int32)
    for i, row in enumerate(rows):
        tokens[i, -len(row) :] = row
    return tokens, tokens != TOKENIZER.pad_id


def batch() -> PromptBatch:
    none = stack([Plan()] * PROMPTS)
    return PromptBatch(
        tiny.photos(PROMPTS), none, *padded([prompts.edit(r) for r in REQUESTS]),
        *padded([prompts.critique_metrics(r) for r in REQUESTS]), stack(USERS), none, np.arange(PROMPTS, dtype=np.int32)
    )  # fmt: skip


def scripted_metrics(cfg, params, photos, tokens, valid, grammar, sampling=None, *, group, **options):
    """The same two metrics for everything."""
    rows = jnp.broadcast_to(jnp.array(METRICS), (len(photos), len(METRICS)))
    shape = rows.shape
    samples = scoring.Samples(rows, jnp.ones(shape, bool), jnp.zeros(shape, jnp.int32), jnp.zeros(shape),
                              jnp.ones(shape[0], bool))  # fmt: skip
    return samples, jnp.zeros(shape[0])


def scripted_score(cfg, params, context, metrics, edits, opinions, shown, grammar, **options):
    """The first metric is the edit's mean, the second 0."""
    mean, weights = edits.mean((1, 2, 3)), opinions.weights
    expected = jnp.stack([10 * mean, *[jnp.zeros_like(mean)] * 4], 1)
    return scoring.weighted(expected, jnp.repeat(weights, len(edits) // len(weights), axis=0)), scoring.Scores(
        None, expected, expected.astype(jnp.int32)
    )


@pytest.fixture
def scripted(monkeypatch):
    monkeypatch.setattr(scoring, "write_metrics", scripted_metrics)
    monkeypatch.setattr(scoring, "score", scripted_score)


@functools.cache
def start():
    return DEVICES.place(state.create(tiny.params(), OPTIMIZER))


class Watched:
    """Devices that note what comes from them to the host."""

    def __init__(self, devices, fetched):
        self._devices, self._fetched = devices, fetched
        self.shard, self.rows, self.lift = devices.shard, devices.rows, devices.lift

    def fetch(self, tree):
        out = self._devices.fetch(tree)
        self._fetched += jax.tree.leaves(out)
        return out


render = jax.jit(functools.partial(rollout.render, executor=tiny.EXECUTOR))


def rendered(plans):
    """What the plans of the answers, `len(plans) / 8` to each photo, make of the photos."""
    seen = np.repeat(tiny.photos(PROMPTS) / np.float32(255), len(plans) // PROMPTS, axis=0)
    return np.asarray(render(seen, stack(plans)))


def far(edits, wanted):
    return [distances.delta_e(a[::2, ::2], b[::2, ::2]) for a, b in zip(edits, wanted, strict=True)]


def test_a_turn_of_the_policy(scripted):
    fetched = []
    devices = Watched(DEVICES, fetched)
    turn = policy_turn.Turn(SETUP, LEARNING, devices, ANSWERS)
    old = DEVICES.whole(start()).params
    models = policy_turn.Models(start().params, start().params, start().params)
    (taken, difference), health, plans = turn.play(models, batch(), KEY)
    assert {(x.dtype.kind, x.ndim) for x in fetched} == {("i", 2)}  # token ids, no photo and no render
    assert len(plans) == PROMPTS * GROUP
    assert all(isinstance(plan, Plan) for plan in plans)
    edits = rendered(plans)
    worth = 0.3 * edits.mean((1, 2, 3))
    assert np.ptp(worth) > 0.02
    np.testing.assert_allclose(health["reward_learned"][0] / health["reward_learned"][1], worth.mean(), rtol=1e-4)
    np.testing.assert_allclose(health["reward"][0] / health["reward"][1], worth.mean(), rtol=1e-4)
    groups = worth.reshape(PROMPTS, GROUP)
    taken_here = DEVICES.fetch(taken)
    np.testing.assert_allclose(taken_here.advantages, (groups - groups.mean(1, keepdims=True)).ravel(), atol=1e-4)
    wanted = rendered([plan for plan in USERS for _ in range(GROUP)])
    np.testing.assert_allclose(DEVICES.fetch(difference), far(edits, wanted), atol=0.02)
    mask = taken_here.trained
    np.testing.assert_allclose(taken_here.reference[mask], taken_here.logprobs[mask], atol=1e-3)  # the policy itself
    spent, whole = health[policy_turn.HOST]
    assert 0 < spent < whole
    new, metrics = turn.learn(DEVICES.place(state.create(old, OPTIMIZER)), taken)
    assert float(metrics["sampler_gap"][0] / metrics["sampler_gap"][1]) < 1e-3
    copies = np.asarray(new.params["language"]["embedding"])
    assert (copies == copies[:1]).all()
    assert np.abs(copies[0] - old["language"]["embedding"]).max() > 1e-4


def example(i: int) -> Example:
    request = REQUESTS[i]
    return Example(
        f"photo-{i}", "validation", (0, 0, 1000, 1000), False, "one", Plan(), USERS[i], Plan(),
        (request, f"please make it {request}", request.upper()), {"brightness": 2 if i > 4 else -2}, "", (), "",
        (), (), "", "", "",
    )  # fmt: skip


def test_likeliest_answers_are_appraised(scripted):
    turn = policy_turn.Turn(SETUP._replace(group=1, sampling=Sampling(0.0)), None, DEVICES, ANSWERS)
    given = batch(), [example(i) for i in range(PROMPTS)]
    good = [*TOKENIZER.encode('<think></think><answer>{"v":1}</answer>'), TOKENIZER.eos_id]
    free = np.full((PROMPTS, len(good)), TOKENIZER.pad_id)
    free[:2] = good
    appraise = appraisal.Appraiser(turn, [given, given], DEVICES, TOKENIZER, 3, lambda policy, batch: free)
    assert appraise.picture() is None
    found = appraise(start().params, start().params)
    assert appraise(start().params, start().params) == found
    models = policy_turn.Models(start().params, None, start().params)
    out, _, plans = turn.play(models, given[0], KEY)
    edits, wanted = rendered(plans), rendered(USERS)
    np.testing.assert_allclose(DEVICES.fetch(out.scored.edits), edits, atol=1e-5)
    assert found["validation/delta_e"] == pytest.approx(np.mean(far(edits, wanted)), abs=0.02)
    untouched = far(tiny.photos(PROMPTS) / np.float32(255), wanted)
    assert found["validation/delta_e_untouched"] == pytest.approx(np.mean(untouched), abs=0.02)
    assert found["validation/reward"] == pytest.approx(0.3 * edits.mean(), rel=1e-4)
    assert 0 <= found["validation/truth"] <= 1
    assert found["validation/readable"] == 2 / PROMPTS
    gap = found["validation/reward_learned"] - found["validation/truth"]
    assert found["validation/truth_gap"] == pytest.approx(gap, abs=1e-6)
    first = appraise.pictures[0]
    assert len(appraise.pictures) == 3
    assert (first.request, first.plan) == (REQUESTS[0], plans[0])
    scored = f"natural look (30%) {10 * edits[0].mean():.1f}; clean whites (70%) 0.0"
    assert first.critique == f"own plan: Exposure +1; {scored}"
    assert appraise.picture().shape[2] == 3


JUDGING = reward_turn.Setup(CFG, TOKENIZER, tiny.EXECUTOR, tiny.EXECUTOR, CRITIQUE, TURN, GROUP, Sampling(1.3), 24, 16,
                            False)  # fmt: skip


def test_a_turn_of_the_reward_model():
    turn = reward_turn.Turn(JUDGING, LEARNING._replace(row_images=True), DEVICES)
    taken, health = turn.play(start().params, start().params, pairs.perturbed(batch()), KEY)
    count = PROMPTS * GROUP
    right, tied = (float(health[name][0]) for name in ("accuracy", "ties"))
    assert health["accuracy"][1] == health["ties"][1] == count
    assert right + tied <= count
    assert float(health["reward"][0] / health["reward"][1]) == pytest.approx(1 + right / count)  # all are well formed
    rows = DEVICES.fetch(taken)
    assert rows.tokens.shape[0] == 2 * count
    np.testing.assert_allclose(rows.reference[rows.trained], rows.logprobs[rows.trained], atol=1e-3)


def test_the_judge_is_fair_to_both_sides():
    judge = reward_turn.Judge(JUDGING, DEVICES)
    given = pairs.perturbed(batch())
    found, metrics = judge(start().params, given)
    turned, _ = judge(start().params, given._replace(strong=given.weak, weak=given.strong))
    np.testing.assert_allclose(turned, found[:, ::-1], atol=1e-5)
    assert ((found > 0) & (found < 1)).all()
    assert float(metrics["accuracy"][0]) == (found[:, 0] > found[:, 1]).sum()
    strong, weak = rendered(USERS), rendered([Plan()] * PROMPTS)
    clear = np.array(far(strong, weak)) >= JUDGING.margin
    assert 0 < clear.sum() < PROMPTS
    np.testing.assert_array_equal(metrics["clear_accuracy"], [(clear & (found[:, 0] > found[:, 1])).sum(), clear.sum()])
    same, metrics = judge(start().params, given._replace(weak=given.strong))
    assert float(metrics["accuracy"][0]) == 0  # a tie is not right
    np.testing.assert_array_equal(same[:, 0], same[:, 1])


def test_turns_on_a_mesh_are_those_on_copies():
    """The same answers, critiques and updates with parameters divided over data, fsdp and tensor."""
    options = ConfigDict({"mode": "mesh", "data": 2, "fsdp": 2, "tensor": 2})
    places = {"copies": DEVICES, "mesh": parallel.make(options, CFG)}
    # With a small eps Adam's first step has one size, and rounding decides its sign where the gradient is nearly 0.
    optimizer = optim.make(ConfigDict({**train_tiny.OPTIMIZER, "eps": 1e-3}), 10)
    learning = LEARNING._replace(optimizer=optimizer)
    found = {}
    for name, devices in places.items():
        at = devices.place(state.create(tiny.params(), optimizer))
        models = policy_turn.Models(at.params, at.params, at.params)
        playing = policy_turn.Turn(SETUP, learning, devices, ANSWERS)
        comparing = reward_turn.Turn(JUDGING, learning._replace(row_images=True), devices)
        (answers, _), health, _ = playing.play(models, batch(), KEY)
        critiques, judged = comparing.play(at.params, at.params, pairs.perturbed(batch()), KEY)
        rows = [devices.fetch((taken.tokens, taken.trained, taken.logprobs)) for taken in (answers, critiques)]
        new, metrics = playing.learn(at, answers)
        named = {k: v for k, v in {**health, **judged, **metrics}.items() if policy_turn.HOST not in k}
        found[name] = rows, jax.device_get(named), jax.tree.map(np.asarray, devices.whole(new).params)
    (rows, health, params), (others, there, moved) = found["copies"], found["mesh"]
    for (tokens, trained, logprobs), (same, _, close) in zip(rows, others, strict=True):
        np.testing.assert_array_equal(tokens, same)
        np.testing.assert_allclose(logprobs[trained], close[trained], atol=2e-4)
    for name, pair in health.items():
        np.testing.assert_allclose(there[name], pair, rtol=2e-3, atol=2e-3, err_msg=name)
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=1e-4), params, moved)
