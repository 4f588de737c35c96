"""Speed of decoding, beside transformers.generate, in one run.

    pip install '.[bench]' && python benchmarks/decode.py

The model has 4.88 M parameters (text 4 x 256, heads 4/2, ffn 768, vocabulary 2,048 tied; vision 4 x 128), random
float32 weights, the same for both. 4 prompts of 184 tokens, 64 of them a 224 x 224 image; 8 samples each, 64 tokens,
two threads. Every worker is a fresh process; workers take turns; the first call (compilation) is not counted.

    python benchmarks/decode.py --device     # on an accelerator: 3b and 7b shapes, random bfloat16 weights

needs jax, flax and numpy only, and reports the share of the roofline: the bytes that a step must read (weights, the
prompts' keys and values once each, the samples' own so far) over its time, against a measured copy.
Both write a table (.md) and numbers (.json) to benchmarks/results/.
"""

import argparse
import functools
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

PROMPTS, GROUP, NEW, LENGTH, THREADS = 4, 8, 64, 184, 2
RESULTS = pathlib.Path(__file__).parent / "results"
EDGE = 16  # patches per side of a 224 px image


def times(call, count: int) -> list[float]:
    """Seconds of `count` calls after one that is not counted; a call returns when its work is done."""
    call()
    out = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        out.append(time.perf_counter() - start)
    return out


def tiny():
    from rtq.models.qwen25vl import config

    return config.preset("pocket", max_pixels=224 * 224)


def inputs(cfg):
    """tokens int32[P, S] with 64 image tokens in each row, and patches float32[P, N, patch_dim]."""
    rng = np.random.RandomState(0)
    tokens = rng.randint(6, cfg.vocab_size, (PROMPTS, LENGTH)).astype(np.int32)
    tokens[:, 10:76] = [cfg.vision_start_token_id] + [cfg.image_token_id] * 64 + [cfg.vision_end_token_id]
    return tokens, rng.standard_normal((PROMPTS, EDGE**2, cfg.patch_dim)).astype(np.float32)


def decoder(cfg):
    from rtq.decode.loop import Model
    from rtq.models.qwen25vl import model

    return Model(*(functools.partial(f, cfg) for f in (model.embed, model.forward, model.logits, model.init_cache)))


def ours(folder: str, count: int) -> dict:
    """Times in seconds of whole rollouts (image to tokens) and of their parts."""
    import jax
    import jax.numpy as jnp

    from rtq.decode import sampling
    from rtq.decode.generate import Prompts, generate
    from rtq.decode.loop import decode
    from rtq.models.qwen25vl import images, model, params, positions

    cfg = tiny().unrolled()
    weights = jax.jit(functools.partial(model.unstack, cfg))(params.load(folder, tiny()))
    tokens, patches = inputs(cfg)
    index = images.index_of([[(EDGE, EDGE)]], cfg)
    place, delta = positions.mrope_positions(tokens, [[(EDGE, EDGE)]] * PROMPTS, cfg)
    where = positions.feature_index(tokens, cfg)
    free = sampling.free_table(cfg.vocab_size, cfg.eos_token_id, (cfg.image_token_id, cfg.eos_token_id))
    run = decoder(cfg)

    @functools.partial(jax.jit, static_argnames=("group", "new", "how"))
    def rollout(weights, tokens, patches, place, where, following, seeds, group, new, how):
        features = model.vision(cfg, weights, patches, index)
        x = model.embed(cfg, weights, tokens, features, where)
        prompts = Prompts(x, place, jnp.ones(tokens.shape, bool), following)
        options = {"key": jax.random.key(0), "seeds": seeds, "group": group, "max_new_tokens": new}
        return generate(run, weights, prompts, free, how, **options)

    warm, cold = sampling.Sampling(), sampling.Sampling(0.0)

    def whole(count=PROMPTS, group=GROUP, new=NEW, how=warm):
        arrays = tokens[:count], patches[:count], place[:, :count], where[:count], LENGTH + delta[:count]
        out = rollout(weights, *arrays, jnp.arange(count), group=group, new=new, how=how)
        return np.asarray(out.tokens), np.asarray(out.logprobs)

    out = {"rollout": times(whole, count), "first tokens": times(functools.partial(whole, new=1), count)}
    for group in (1, GROUP):
        out[f"one prompt, group of {group}"] = times(functools.partial(whole, 1, group, 1), 3 * count)
    out["greedy"] = whole(new=16, group=1, how=cold)[0].tolist()

    keys = sampling.row_keys(jax.random.key(1), jnp.arange(PROMPTS * GROUP))
    loop = jax.jit(functools.partial(decode, run, sampling=warm, max_new_tokens=NEW))
    budgets = jnp.full(len(keys), NEW)
    for length in (200, 800):
        begin = random_start(cfg, length)
        step = functools.partial(loop, weights, begin, free, keys=keys, budgets=budgets)
        out[f"steps at {length}"] = times(lambda step=step: jax.block_until_ready(step()), count)
    for name, table in grammars(cfg).items():
        out[f"masking {name}"] = times(masking(table, cfg.vocab_size), count)
    return out


def random_start(cfg, length: int, prompts: int = PROMPTS):
    """Prompts' keys and values of random numbers, made on the device: what they are does not change the speed."""
    import jax
    import jax.numpy as jnp

    from rtq.decode.loop import Start
    from rtq.models.qwen25vl import model

    def fill():
        shapes = jax.eval_shape(lambda: model.init_cache(cfg, prompts, length))
        prefix = jax.tree.map(lambda x: jax.random.normal(jax.random.key(length), x.shape, x.dtype), shapes)
        logits = jnp.zeros((prompts, cfg.vocab_size), jnp.float32)
        return Start(logits, prefix, jnp.ones((prompts, length), bool), jnp.full(prompts, length, jnp.int32))

    return jax.jit(fill)()


def grammars(cfg) -> dict:
    """Random tables of the size of an answer's grammar: by token, and by class."""
    from rtq.decode import sampling

    rng = np.random.RandomState(0)
    states, classes = 2800, 700
    following, need = rng.randint(0, states, (states, classes)), rng.randint(0, 40, (states, classes))
    need[rng.uniform(size=need.shape) < 0.9] = sampling.FORBIDDEN
    kinds = rng.randint(0, classes, cfg.vocab_size)
    limits = {"by token": sampling.DENSE_LIMIT, "by class": 0}
    return {
        name: sampling.grammar_table(following, need, kinds, 0, cfg.eos_token_id, dense_limit=limit)
        for name, limit in limits.items()
    }


def masking(table, vocab: int):
    """A call that masks and advances 50 times and does nothing else; its logits are written out, as an upper bound."""
    import jax
    import jax.numpy as jnp

    from rtq.decode import sampling

    @jax.jit
    def loop(logits, states, table):
        def body(i, carry):
            states, logits = carry
            mask = sampling.allowed(table, states, 60 - i + states % 2)
            logits = jax.lax.optimization_barrier(jnp.where(mask, logits, sampling.MASKED))
            return sampling.advance(table, states, (states + i) % vocab), logits

        return jax.lax.fori_loop(0, 50, body, (states, logits))

    rows = PROMPTS * GROUP
    arrays = jnp.ones((rows, vocab)), jnp.arange(rows, dtype=jnp.int32), table
    return lambda: jax.block_until_ready(loop(*arrays))


def transformers(folder: str, count: int) -> dict:
    """The same prompts, sampling and numbers of tokens with transformers.generate."""
    import torch
    from transformers import Qwen2_5_VLForConditionalGeneration

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    cfg = tiny()
    module = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    tokens, patches = inputs(cfg)
    tokens = torch.from_numpy(tokens).long()
    batch = {
        "input_ids": tokens, "attention_mask": torch.ones_like(tokens),
        "mm_token_type_ids": (tokens == cfg.image_token_id).int(),
        "pixel_values": torch.from_numpy(patches.reshape(-1, cfg.patch_dim)),
        "image_grid_thw": torch.tensor([[1, EDGE, EDGE]] * PROMPTS),
    }  # fmt: skip
    module.generation_config.eos_token_id = None
    options = {"suppress_tokens": [cfg.image_token_id, cfg.eos_token_id], "pad_token_id": 0}
    sample = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "num_return_sequences": GROUP}

    def whole(new=NEW, **how):
        with torch.inference_mode():
            out = module.generate(**batch, max_new_tokens=new, min_new_tokens=new, **options, **how)
        if out.shape[1] != LENGTH + new:
            raise ValueError(f"transformers made {out.shape[1] - LENGTH} tokens instead of {new}")
        return out[:, LENGTH:]

    out = {"rollout": times(lambda: whole(**sample), count), "first tokens": times(lambda: whole(1, **sample), count)}
    out["greedy"] = whole(16, do_sample=False).tolist()
    return out


def worker(name: str, folder: str, count: int) -> dict:
    """Run `ours` or `transformers` in a fresh process on the first two cores."""
    command = [sys.executable, __file__, f"--worker={name}", f"--folder={folder}", f"--count={count}"]
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def machine() -> str:
    from importlib import metadata

    names = ("jax", "jaxlib", "flax", "numpy", "torch", "transformers")
    found = {d.metadata["Name"].lower(): d.version for d in metadata.distributions()}
    versions = ", ".join(f"{name} {found[name]}" for name in names if name in found)
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), platform.processor())
    return f"{model}, {os.cpu_count()} cores; Python {platform.python_version()}, {versions}"


def write(name: str, lines: list[str], numbers: dict) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (RESULTS / f"{name}.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    print("\n".join(lines))


def side_by_side(rounds: int, count: int) -> None:
    """The table of the tiny model on this machine's CPU."""
    import jax

    from rtq.models.qwen25vl import model, params

    with tempfile.TemporaryDirectory() as folder:
        folder = str(pathlib.Path(folder) / "tiny")
        params.save(folder, tiny(), jax.jit(model.init, static_argnums=0)(tiny(), jax.random.key(0)))
        runs = {"ours": [], "transformers": []}
        for _ in range(rounds):
            for name, done in runs.items():
                done.append(worker(name, folder, count))
    greedy = [np.asarray(done[0].pop("greedy")) for done in runs.values()]
    same = f"{np.sum(greedy[0] == greedy[1])} of {greedy[0].size}"
    numbers = {name: {key: [t for run in done for t in run[key]] for key in done[0]} for name, done in runs.items()}
    facts = {"machine": machine(), "greedy tokens equal": same, "seconds": numbers}
    write("decode", table(numbers, same, rounds), facts)


def table(numbers: dict, same: str, rounds: int) -> list[str]:
    """Lines of markdown; ratios are of medians, and of bests."""
    median, total = statistics.median, PROMPTS * GROUP * NEW
    lines = [
        f"# Decoding, {machine()}", "",
        f"`python benchmarks/decode.py --rounds={rounds}`: {PROMPTS} prompts of {LENGTH} tokens with a 224 px image, "
        f"{GROUP} samples each, {NEW} tokens, float32, {THREADS} threads.", "",
        "| | rollout ms, median (best) | tokens/s, median (best) | of it prompts and first tokens ms |",
        "|---|---|---|---|",
    ]  # fmt: skip
    for name, values in numbers.items():
        t, first = values["rollout"], values["first tokens"]
        rate = f"{total / median(t):.0f} ({total / min(t):.0f})"
        rest = f"{1e3 * median(first):.0f} ({1e3 * min(first):.0f})"
        lines.append(f"| {name} | {1e3 * median(t):.0f} ({1e3 * min(t):.0f}) | {rate} | {rest} |")
    mine, theirs = numbers["ours"], numbers["transformers"]

    def ratio(a, b, scale=1.0):
        return f"{scale * median(a) / median(b):.3g} ({scale * min(a) / min(b):.3g})"

    steps = mine["steps at 200"]
    lines += [
        "", "| | median (best) | target |", "|---|---|---|",
        f"| times faster than transformers | {ratio(theirs['rollout'], mine['rollout'])} | ≥ 4 |",
        f"| prompt and first tokens, a group of {GROUP} over one sample "
        f"| {ratio(mine[f'one prompt, group of {GROUP}'], mine['one prompt, group of 1'])} | ≤ 1.2 |",
        f"| a decode step, ms | {ratio(steps, [1e-3], 1 / (NEW - 1))} | |",
        f"| time per token, prompts of 800 over 200 tokens | {ratio(mine['steps at 800'], steps)} | ≤ 1.5 |",
    ]  # fmt: skip
    for name, goal in (("by token", "≤ 5"), ("by class", "")):
        share = ratio(mine[f"masking {name}"], steps, 100 * (NEW - 1) / 50)
        lines.append(f"| grammar mask {name}, % of a step (2,800 states, 700 classes) | {share} | {goal} |")
    return [*lines, f"| greedy tokens equal to transformers' | {same} | |"]


def copy_bandwidth() -> float:
    """Bytes per second of a copy, reading and writing counted."""
    import jax
    import jax.numpy as jnp

    x = jnp.zeros(1 << 30, jnp.bfloat16)
    copy = jax.jit(lambda x: x + 1)
    return 2 * x.nbytes / min(times(lambda: copy(x).block_until_ready(), 20))


def random_weights(cfg) -> dict:
    """The decoder's parameters, each made on the device, in its final dtype."""
    import jax
    import jax.numpy as jnp

    from rtq.models.qwen25vl import model

    @functools.partial(jax.jit, static_argnums=(0, 1))
    def fill(shape, dtype, i):
        if len(shape) == 1:
            return jnp.ones(shape, dtype)
        return jax.random.normal(jax.random.fold_in(jax.random.key(0), i), shape, dtype) * 0.02

    leaves, tree = jax.tree.flatten(model.param_shapes(cfg)["language"])
    filled = [fill(x.shape, x.dtype, i) for i, x in enumerate(leaves)]
    return {"language": jax.block_until_ready(jax.tree.unflatten(tree, filled))}


def on_device(presets: list[str], new: int = 128, prompts: int = 8) -> None:
    """3b and 7b shapes at batch 64 on the default device."""
    import jax
    import jax.numpy as jnp

    from rtq.decode import sampling
    from rtq.decode.loop import decode
    from rtq.models.qwen25vl import config

    device, batch = jax.devices()[0].device_kind, prompts * GROUP
    bandwidth = copy_bandwidth()
    lines = [
        f"# Decoding on {device}; {machine()}", "",
        f"`python benchmarks/decode.py --device`: random bfloat16 weights, {prompts} prompts x {GROUP} samples, {new} "
        f"tokens, prompts already computed; measured copy {bandwidth / 1e9:.0f} GB/s.", "",
        "| | prompt | ms per step, median (best) | tokens/s | GB to read per step | share of roofline | compile s |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    print("\n".join(lines), flush=True)
    numbers = {"machine": machine(), "device": device, "copy_bandwidth": bandwidth, "rows": []}
    keys = sampling.row_keys(jax.random.key(1), jnp.arange(batch))
    for name in presets:
        cfg = config.preset(name).unrolled()
        weights, run = random_weights(cfg), decoder(cfg)
        free = sampling.free_table(cfg.vocab_size, cfg.eos_token_id, (cfg.image_token_id, cfg.eos_token_id))
        read = sum(x.nbytes for x in jax.tree.leaves(weights))
        if not cfg.tie_embeddings:
            read -= weights["language"]["embedding"].nbytes  # only 64 rows of it
        loop = jax.jit(functools.partial(decode, run, sampling=sampling.Sampling(), max_new_tokens=new))
        for length in (200, 800):
            arrays = {"keys": keys, "budgets": jnp.full(batch, new)}
            started = time.perf_counter()
            compiled = loop.lower(weights, random_start(cfg, length, prompts), free, **arrays).compile()
            seconds = time.perf_counter() - started
            begin = random_start(cfg, length, prompts)
            step = functools.partial(compiled, weights, begin, free, **arrays)
            t = times(lambda step=step: jax.block_until_ready(step()), 5)
            per_key = 2 * 2 * cfg.num_layers * cfg.num_kv_heads * cfg.head_dim  # bytes, keys and values
            needed = read + per_key * (prompts * length + batch * new / 2)
            median, best = (1e3 * f(t) / (new - 1) for f in (statistics.median, min))
            share = needed / (median * 1e-3) / bandwidth
            lines.append(
                f"| {name} | {length} | {median:.2f} ({best:.2f}) | {batch * 1e3 / median:.0f} | {needed / 1e9:.2f} "
                f"| {share:.0%} | {seconds:.0f} |"
            )
            print(lines[-1], flush=True)
            row = {"preset": name, "prompt": length, "seconds": t, "bytes": needed, "share": share, "compile": seconds}
            numbers["rows"].append(row)
            del step, begin
        del weights
    write("decode-" + device.lower().replace(" ", "-"), lines, numbers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes of each kind")
    parser.add_argument("--count", type=int, default=7, help="timed calls in each process")
    parser.add_argument("--device", action="store_true", help="3b and 7b shapes on the default device instead")
    parser.add_argument("--presets", default="3b,7b", help="with --device: which sizes")
    parser.add_argument("--worker", choices=["ours", "transformers"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.worker:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
        work = {"ours": ours, "transformers": transformers}[flags.worker]
        print(json.dumps(work(flags.folder, flags.count)))
    elif flags.device:
        on_device(flags.presets.split(","))
    else:
        side_by_side(flags.rounds, flags.count)
