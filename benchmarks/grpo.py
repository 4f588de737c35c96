"""Speed of a GRPO step on a vision-language model, beside TRL's GRPOTrainer, in one run.

    pip install '.[bench]'
    python -m venv trl && trl/bin/pip install torch==2.13.0 torchvision==0.28.0 transformers==5.23.0 trl==1.16.0
    python benchmarks/grpo.py --trl-python trl/bin/python

TRL has an environment of its own because it brings many packages; without `--trl-python` it is looked for in this one.

The model is that of `decode.py`: 4.88 M parameters, random float32 weights, the same for both. A step is 4 prompts of
184 tokens, 64 of them a 224 x 224 image; 8 samples each, 64 tokens, the end token and image tokens never; the reward is
computed on the host, the share of even ids; one update with AdamW, no reference model (beta 0); two threads. A step
starts with texts and uint8 photos and ends with new parameters. Workers are fresh processes and take turns; the first
steps (compilation) are not counted. TRL runs with its defaults, but without mixed precision, and with gradient
checkpointing off, which is faster, as well as on, its default, which takes less memory. Our memory includes compilation
unless an earlier run has filled the compilation cache.

Where other programs run on the machine, set OMP_WAIT_POLICY=PASSIVE: threads of torch that spin make TRL's steps many
times longer there. On an idle machine leave it unset, as TRL's users do. The table says which it was.

Beside it the parts of a step of `experiments/pgrt.py` as it is by default, with the weights of the package.
"""

import argparse
import functools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from decode import GROUP, LENGTH, NEW, PROMPTS, THREADS, machine, tiny, write

ROOT = pathlib.Path(__file__).resolve().parent.parent
WARMUP, SIDE, RATE, TURNS = 2, 224, 1e-6, 3
OURS, TRL, CHECKPOINTED, TURN = "rtq", "TRL 1.16.0", "TRL 1.16.0, gradient checkpointing", "pgrt"
INSTALL = "not installed: pip install torch==2.13.0 torchvision==0.28.0 transformers==5.23.0 trl==1.16.0"
WORDS = ("make", "the", "photo", "brighter", "and", "warmer", "with", "more", "contrast", "less", "grain", "sky")
TEMPLATE = (
    "{% for message in messages %}{% for part in message['content'] %}{% if part['type'] == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %}"
    "<|reply|>"
)


def peaks(reset: bool = False) -> float:
    """MiB of the largest resident memory so far, or since the last reset (Linux)."""
    status = pathlib.Path("/proc/self/status").read_text().splitlines()
    if reset:
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024


def share_of_even(tokens) -> np.ndarray:
    """The reward, float32[B] of int[B, T]."""
    return (np.asarray(tokens) % 2 == 0).mean(1).astype(np.float32)


def prepare(folder: pathlib.Path) -> None:
    """Weights, tokenizer, photos uint8[P, S, S, 3], prompts as text and as ids."""
    import jax

    from rtq.models.qwen25vl import model, params
    from rtq.text import tokenizer as tokenizers

    params.save(folder, tiny(), jax.jit(model.init, static_argnums=0)(tiny(), jax.random.key(0)))
    (folder / "tokenizer.json").write_bytes(tokenizers.POCKET.read_bytes())
    rng, tokenizer = np.random.default_rng(0), tokenizers.load()
    ramp = np.linspace(40, 200, SIDE)[:, None, None] * rng.uniform(0.5, 1.2, (PROMPTS, 1, 1, 3))
    np.save(folder / "photos.npy", np.clip(ramp + rng.normal(0, 8, (PROMPTS, SIDE, SIDE, 3)), 0, 255).astype(np.uint8))
    texts, image = [], (SIDE // tiny().image_factor) ** 2
    around = tokenizer.encode("<|vision_start|>"), tokenizer.encode("<|vision_end|>"), tokenizer.encode("<|reply|>")
    for _ in range(PROMPTS):
        text = ""
        while (missing := LENGTH - image - 3 - len(tokenizer.encode(text))) > 0:
            text += " " + str(rng.choice(WORDS)) if missing > 6 else " a"
        ids = [*around[0], *[tokenizer.image_id] * image, *around[1], *tokenizer.encode(text), *around[2]]
        texts.append({"text": text, "ids": ids})
    if {len(each["ids"]) for each in texts} != {LENGTH}:
        raise ValueError(f"prompts of {[len(each['ids']) for each in texts]} tokens instead of {LENGTH}")
    (folder / "prompts.json").write_text(json.dumps(texts), encoding="utf-8")


def options(**changes):
    """Of AdamW, as TRL's trainer has it by default."""
    import ml_collections

    values = {"learning_rate": RATE, "schedule": "constant", "warmup": 0, "final": 1.0, "b1": 0.9, "b2": 0.999,
              "eps": 1e-8, "weight_decay": 0.0, "clip": 1.0, "trains": ".*"}  # fmt: skip
    return ml_collections.ConfigDict(values | changes)


def ours(folder: pathlib.Path, count: int) -> dict:
    """Seconds of rollouts and of whole steps, and memory."""
    from rtq.train import parallel

    parallel.initialize()
    import jax
    import jax.numpy as jnp

    from rtq.decode import sampling
    from rtq.models.qwen25vl import params
    from rtq.rl import losses, rollout
    from rtq.text import tokenizer as tokenizers
    from rtq.train import grpo_step, optim, state

    cfg, tokenizer = tiny(), tokenizers.load()
    optimizer = optim.make(options(), WARMUP + count)
    free = sampling.free_table(cfg.vocab_size, cfg.eos_token_id, (cfg.image_token_id, cfg.eos_token_id))
    setup = grpo_step.Setup(cfg, optimizer, free, losses.Grpo())
    texts = [each["text"] for each in json.loads((folder / "prompts.json").read_text(encoding="utf-8"))]
    image = "<|image_pad|>" * rollout.image_side(cfg, SIDE) ** 2
    photos, valid = np.load(folder / "photos.npy"), np.ones((PROMPTS, LENGTH), bool)

    def seen(photos):
        return photos[:, None].astype(jnp.float32) / 255

    @jax.jit
    def play(weights, photos, tokens, key):
        return rollout.sample(
            cfg, weights, seen(photos), tokens, valid, free, sampling.Sampling(), key=key, seeds=jnp.arange(PROMPTS),
            group=GROUP, max_new_tokens=NEW,
        )  # fmt: skip

    @functools.partial(jax.jit, donate_argnums=0)
    def learn(now, photos, tokens, samples, rewards):
        budgets = jnp.full(len(rewards), NEW)
        taken, health = rollout.of_answers(seen(photos), tokens, valid, samples, budgets, rewards, scale_by_std=True)
        now, metrics = grpo_step.step(now, taken, None, setup=setup)
        return now, metrics | health

    weights = jax.tree.map(jnp.asarray, params.load(folder, cfg))
    now = jax.jit(lambda p: state.create(p, optimizer))(weights)
    out = {"rollout": [], "step": []}
    for i in range(WARMUP + count):
        if i == WARMUP:
            out["process"] = peaks(reset=True)
        start = time.perf_counter()
        ids = [tokenizer.encode(f"<|vision_start|>{image}<|vision_end|>{text}<|reply|>") for text in texts]
        given = photos, np.array(ids, np.int32)
        samples = play(now.params, *given, jax.random.key(i))
        sampled = np.asarray(samples.tokens)
        middle = time.perf_counter()
        now, metrics = jax.block_until_ready(learn(now, *given, samples, share_of_even(sampled)))
        if i >= WARMUP:
            out["rollout"].append(middle - start)
            out["step"].append(time.perf_counter() - start)
    assert float(metrics["length"][0]) == PROMPTS * GROUP * NEW
    return out | {"process": max(out["process"], peaks()), "steps": peaks()}


def torchvision() -> None:
    """Import it. Its usual wheel is built against CUDA and asks a CPU-only torch for two operators that it lacks."""
    import torch

    try:
        import torchvision
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision

        torchvision.kept = library  # its operators live as long as it does


def trl(folder: pathlib.Path, count: int, checkpointing: bool = False) -> dict:
    """The same with TRL."""
    import torch

    torchvision()
    import datasets
    import transformers
    from PIL import Image
    from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor
    from trl import GRPOConfig, GRPOTrainer

    torch.set_num_threads(THREADS)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), eos_token="<|eos|>", pad_token="<|pad|>", bos_token="<|bos|>"
    )
    pixels = {"min_pixels": SIDE * SIDE, "max_pixels": SIDE * SIDE}
    processor = Qwen2_5_VLProcessor(
        transformers.Qwen2VLImageProcessor(**pixels), tokenizer, transformers.Qwen2VLVideoProcessor(),
        chat_template=TEMPLATE,
    )  # fmt: skip
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    prompts = json.loads((folder / "prompts.json").read_text(encoding="utf-8"))
    rows = {
        "prompt": [[{"role": "user", "content": each["text"]}] for each in prompts],
        "image": [Image.fromarray(photo) for photo in np.load(folder / "photos.npy")],
    }
    how = GRPOConfig(
        output_dir=str(folder / "trl"), use_cpu=True, bf16=False, gradient_checkpointing=checkpointing,
        per_device_train_batch_size=PROMPTS * GROUP, gradient_accumulation_steps=1, num_generations=GROUP,
        max_completion_length=NEW, generation_kwargs={"min_new_tokens": NEW}, temperature=1.0, top_k=0, beta=0.0,
        learning_rate=RATE, lr_scheduler_type="constant", max_steps=WARMUP + count, report_to="none",
        save_strategy="no", logging_steps=1000, disable_tqdm=True,
    )  # fmt: skip
    rollouts, ends, process = [], [time.perf_counter()], []

    class Timed(GRPOTrainer):
        def _generate(self, prompts):
            start = time.perf_counter()
            out = super()._generate(prompts)
            rollouts.append(time.perf_counter() - start)
            given, answers = sorted(map(list, out[0])), set(map(len, out[1]))
            if given != expected or answers != {NEW}:
                raise ValueError(f"TRL: prompts of {set(map(len, given))} tokens (or others), answers of {answers}")
            return out

    class Clock(transformers.TrainerCallback):
        def on_step_end(self, *_, **__):
            ends.append(time.perf_counter())
            if len(ends) == WARMUP + 1:
                process.append(peaks(reset=True))

    expected = sorted(each["ids"] for each in prompts for _ in range(GROUP))
    Timed(
        model=model, reward_funcs=lambda completion_ids, **_: share_of_even(completion_ids).tolist(), args=how,
        train_dataset=datasets.Dataset.from_dict(rows).cast_column("image", datasets.Image()),
        processing_class=processor, callbacks=[Clock()],
    ).train()  # fmt: skip
    steps = np.diff(ends)[WARMUP:].tolist()
    return {"rollout": rollouts[WARMUP:], "step": steps, "process": max(process[0], peaks()), "steps": peaks()}


def turn(folder: pathlib.Path, count: int) -> dict:
    """Seconds of the parts of a step of the default PGRT run, and the mean length of its answers.

    What a part does inside is timed as well ("of it …"), by what it takes without: those programs run beside the step.
    """
    from rtq.train import parallel

    parallel.initialize()
    import jax

    from experiments import pgrt as experiment
    from rtq.rl import scoring
    from rtq.train import grpo, grpo_step, optim, pairs, pgrt, policy_turn, reward_turn

    config = experiment.get_config()
    config.data.count = config.data.validation_count = 64
    parts = grpo.prepare(config, folder / "pgrt")
    devices, optimizer, key = parts.devices, optim.make(config.optimizer, 1000), jax.random.key(0)
    policy = grpo.create(parts, parts.cfg, config.policy.checkpoint, config, key, optimizer)
    reward = grpo.create(parts, parts.reward_cfg, config.reward.checkpoint, config, jax.random.key(1), optimizer)
    references = grpo.copied(policy.params), grpo.copied(reward.params)
    setup, judging = grpo.policy_setup(config, parts), pgrt.reward_setup(config, parts)
    without = setup._replace(scorer={"form": 1.0})
    how = grpo.learning(config, parts.cfg, optimizer)
    looking = grpo.learning(config, parts.reward_cfg, optimizer, row_images=True)
    feed = grpo.Prompts(parts.folders, "train", config, parts.writer)

    def program(function, measured=True, **fixed):
        return devices.rows(functools.partial(function, **fixed), measured=measured)

    begin, sample = (program(policy_turn.begin, False, setup=each) for each in (setup, without))
    finish, unscored = (program(policy_turn.finish, setup=each, learning=how) for each in (setup, without))
    learn, teach = devices.lift(grpo_step.learner(how)), devices.lift(grpo_step.learner(looking))
    pair, judge = program(reward_turn.begin, False, setup=judging), program(
        reward_turn.finish, setup=judging, learning=looking)  # fmt: skip
    seconds: dict[str, list[float]] = {}

    def timed(name, call, *arguments):
        start = time.perf_counter()
        out = jax.block_until_ready(call(*arguments))
        seconds.setdefault(name, []).append(time.perf_counter() - start)
        return out

    def read(tokens, written):
        return devices.shard(policy_turn.read(*devices.fetch((tokens, written)), parts.tokenizer)[0])

    def weigh(tokens):
        return devices.shard(scoring.read_metrics(devices.fetch(tokens), parts.tokenizer))

    lengths = []
    for i in range(1 + count):
        if i == 1:
            seconds.clear()
            lengths.clear()
            process = peaks(reset=True)
        batch, whole = timed("next prompts", feed)[0], (jax.random.fold_in(key, i), parts.answers)
        there = timed("to the device", devices.shard, batch)
        models = policy_turn.Models(policy.params, references[0], reward.params)
        alone = models._replace(reference=None)
        timed("begin alone", sample, models, there, whole)
        begun = timed("begin", begin, models, there, whole)
        given = timed("read", read, begun.samples.tokens, begun.metrics.tokens)
        timed("finish alone", unscored, alone, (there, begun._replace(metrics=None, context=None), given), whole[1])
        timed("finish unreferred", finish, alone, (there, begun, given), whole[1])
        (taken, _), _ = timed("finish", finish, models, (there, begun, given), whole[1])
        policy, metrics = timed("learn", learn, policy, taken, whole[1])
        lengths.append(float(metrics["length"][0] / metrics["length"][1]))

        compared = timed("reward: to the device", devices.shard, pairs.perturbed(batch))
        begun = timed("reward: begin", pair, reward.params, compared, whole[0])
        opinions = timed("reward: read", weigh, begun.metrics.tokens)
        both, grammar = (reward.params, references[1]), parts.critique.table
        taken, _ = timed("reward: finish", judge, both, (compared, begun, opinions), (whole[0], grammar))
        reward, _ = timed("reward: learn", teach, reward, taken, grammar)
    return {"seconds": seconds, "length": statistics.mean(lengths), "process": max(process, peaks()), "steps": peaks(),
            "size": f"{config.batch} requests x {config.sampling.group} answers"}  # fmt: skip


WORKERS = {OURS: ours, TRL: trl, CHECKPOINTED: functools.partial(trl, checkpointing=True), TURN: turn}


def worker(name: str, python: str, folder: str, count: int) -> dict:
    """Run one of `WORKERS` in a fresh process."""
    command = [python, __file__, f"--worker={name}", f"--folder={folder}", f"--count={count}"]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")])
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": paths, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr[-2000:]}")
    last = done.stdout.splitlines()[-1]
    print(f"{name}: {last}", file=sys.stderr, flush=True)
    return json.loads(last)


def versions(python: str) -> str:
    """What TRL runs on; "" where it is not installed."""
    names = "trl", "torch", "transformers"
    program = f"from importlib.metadata import version; print(', '.join(f'{{n}} {{version(n)}}' for n in {names}))"
    return subprocess.run([python, "-c", program], capture_output=True, text=True, check=False).stdout.strip()


def side_by_side(python: str, rounds: int, count: int) -> None:
    """All workers in turns, the TRL with checkpointing and PGRT once; the tables."""
    theirs = versions(python)
    runs = {OURS: [], TRL: [], CHECKPOINTED: [], TURN: []}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name) / "model"
        prepare(folder)
        for i in range(rounds):
            for name, done in runs.items():
                if not ((name in (TRL, CHECKPOINTED) and not theirs) or (i and name in (CHECKPOINTED, TURN))):
                    steps = min(count, TURNS) if name == TURN else count
                    done.append(worker(name, python if "TRL" in name else sys.executable, str(folder), steps))
    command = f"python benchmarks/grpo.py --rounds={rounds} --count={count}"
    facts = {"machine": machine(), "trl": theirs, "date": time.strftime("%Y-%m-%d"), "command": command,
             "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "unset"), "runs": runs}  # fmt: skip
    write("grpo", [*step_table(facts), *turn_table(runs[TURN][0])], facts)


def spread(values: list[float], scale: float = 1.0) -> str:
    return f"{scale * statistics.median(values):.3g} ({scale * min(values):.3g})"


def step_table(facts: dict) -> list[str]:
    """Lines of markdown: the tiny model, ours and TRL's, and the targets."""
    lines = [
        f"# A step of GRPO, {facts['machine']}; beside it {facts['trl'] or 'no TRL'}", "",
        f"`{facts['command']}`, {facts['date']}: {PROMPTS} prompts of {LENGTH} tokens with a {SIDE} px image, {GROUP} "
        f"samples each, {NEW} tokens, 4.88 M parameters, float32, {THREADS} threads, "
        f"OMP_WAIT_POLICY {facts['OMP_WAIT_POLICY']}; median (best).", "",
        "| | s per step | rollout s | update s | tokens/s of rollout | of step | peak MiB in the steps | of process |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    total, steps, memory = PROMPTS * GROUP * NEW, {}, {}
    for name in (OURS, TRL, CHECKPOINTED):
        if not facts["runs"][name]:
            lines.append(f"| {name} | {INSTALL} | | | | | | |")
            continue
        rollout, step = ([t for run in facts["runs"][name] for t in run[key]] for key in ("rollout", "step"))
        steps[name], memory[name] = step, max(run["steps"] for run in facts["runs"][name])
        update = [whole - part for whole, part in zip(step, rollout, strict=True)]
        rates = [f"{total / statistics.median(t):.0f} ({total / min(t):.0f})" for t in (rollout, step)]
        process = max(run["process"] for run in facts["runs"][name])
        cells = [*map(spread, (step, rollout, update)), *rates, f"{memory[name]:.0f}", f"{process:.0f}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "| | median (best) | target |", "|---|---|---|", f"| s per step | {spread(steps[OURS])} | ≤ 1.1 |"]
    for name in (TRL, CHECKPOINTED):
        if name in steps:
            ratio = (f(steps[name]) / f(steps[OURS]) for f in (statistics.median, min))
            lines.append("| times faster than {} | {:.2f} ({:.2f}) | ≥ 3 |".format(name, *ratio))
            lines.append(f"| its memory in the steps over ours | {memory[name] / memory[OURS]:.2f} | > 1 |")
    return lines


def turn_table(run: dict) -> list[str]:
    """Lines of markdown: the parts of a PGRT step."""
    seconds = run["seconds"]
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    policy = ("next prompts", "to the device", "begin", "read", "finish", "learn")
    whole = sum(middle[name] for name in policy)
    judge = [name for name in middle if name.startswith("reward")]
    judged = sum(middle[name] for name in judge)
    scored, referred = (middle[a] - middle[b] for a, b in
                        (("finish unreferred", "finish alone"), ("finish", "finish unreferred")))  # fmt: skip
    lines = [
        "", "## A step of the default PGRT run", "",
        f"`experiments/pgrt.py`, the package's weights: {run['size']} of {run['length']:.0f} tokens on average, KL "
        f"to a reference; peak {run['steps']:.0f} MiB; median (best) of {len(seconds['learn'])} steps.", "",
        "| part | s | share |", "|---|---|---|",
    ]  # fmt: skip
    inside = {
        "begin": {"sampling": middle["begin alone"], "metrics beside it": middle["begin"] - middle["begin alone"]},
        "finish": {"rendering, rule, ΔE2000": middle["finish alone"], "scores": scored, "reference": referred},
    }  # fmt: skip
    for name in policy:
        lines.append(f"| {name} | {spread(seconds[name])} | {middle[name] / whole:.1%} |")
        lines += [f"| … {part} | {t:.3g} | {t / whole:.1%} |" for part, t in inside.get(name, {}).items()]
    lines.append(f"| **policy's step** | {whole:.3g} | {(middle['read'] + middle['to the device']) / whole:.1%} host "
                 "(read, to the device; target ≤ 3%) |")  # fmt: skip
    lines += [f"| {name} | {spread(seconds[name])} | {middle[name] / judged:.1%} |" for name in judge]
    share = (middle["reward: read"] + middle["reward: to the device"]) / judged
    return [*lines, f"| **reward model's step** | {judged:.3g} | {share:.1%} host |"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trl-python", default=sys.executable, help="interpreter of an environment with TRL")
    parser.add_argument("--rounds", type=int, default=2, help="fresh processes of ours and of TRL")
    parser.add_argument("--count", type=int, default=6, help="timed steps in each process")
    parser.add_argument("--worker", choices=list(WORKERS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=pathlib.Path, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.worker:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
        print(json.dumps(WORKERS[flags.worker](flags.folder, flags.count)))
    else:
        side_by_side(flags.trl_python, flags.rounds, flags.count)
