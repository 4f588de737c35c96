"""Does it fit? Compiles the full-size programs for a TPU pod with the real TPU compiler, on any machine without one.

    pip install rtq[tpu]
    python launch/aot.py --preset=7b --topology=v5e:8x8        # also v5p:4x4x4, v6e:8x8

Four programs, sharded by the logical rules of rtq.models: a step of supervised fine-tuning (all parameters, float32
with AdamW in float32), the same for LoRA beside bfloat16 weights, the prefill of prompts with their photos, and a
decode loop under a grammar. Prints per chip the bytes of arguments, temporaries and results against the chip's memory,
floating-point operations and collectives, and fails if a program does not fit or holds logits of a whole batch.
"""

import collections
import functools
import math
import os
import pathlib
import re
import time

os.environ["JAX_PLATFORMS"] = "cpu"  # the compiler is asked for by name; there is no TPU to find
os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")  # no device is opened, so several compilations may run
os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
os.environ.setdefault("TPU_ACCELERATOR_TYPE", "v5litepod-4")

import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl import app, flags
from flax import linen as nn
from jax.experimental import topologies
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from rtq.decode.generate import Prompts, prefill
from rtq.decode.loop import Model, Start, decode
from rtq.decode.sampling import GrammarTable, Sampling
from rtq.models.qwen25vl import config, images, lora, model

HBM = {"v5e": 16, "v5p": 95, "v6e": 32}  # GiB per chip, cloud.google.com/tpu/docs
AXES = ("data", "fsdp", "tensor")
ROWS = P(("data", "fsdp"))
GIB = 2**30

FLAGS = flags.FLAGS
flags.DEFINE_enum("preset", "7b", ["3b", "7b", "32b", "72b"], "Size of the model.")
flags.DEFINE_string("topology", "v5e:8x8", "Kind of chip and shape of the pod.")
flags.DEFINE_list("train_mesh", ["1", "16", "4"], "Sizes of the axes data, fsdp, tensor in training.")
flags.DEFINE_list("decode_mesh", ["16", "1", "4"], "The same in prefill and decoding, with whole rows of weights.")
flags.DEFINE_list("programs", ["sft", "lora", "prefill", "decode"], "Which programs to compile.")
flags.DEFINE_integer("batch", 64, "Examples of a training step.")
flags.DEFINE_integer("length", 1024, "Tokens of an example, 256 of them a photo of 448 px.")
flags.DEFINE_integer("prompts", 16, "Prompts that are decoded together.")
flags.DEFINE_integer("prompt_length", 512, "Tokens of a prompt, 256 of them a photo of 448 px.")
flags.DEFINE_integer("group", 8, "Samples of each prompt.")
flags.DEFINE_integer("new_tokens", 256, "Tokens of a sample.")
flags.DEFINE_integer("rank", 16, "Rank of the LoRA factors.")
flags.DEFINE_string("output", None, "Markdown file for the table (default benchmarks/results/aot-PRESET-CHIP.md).")


def struct(shape, dtype, sharding):
    return jax.ShapeDtypeStruct(shape, dtype, sharding=sharding)


def placed(shapes, shardings):
    """Shapes with shardings: the arguments of a program that is only compiled."""
    return jax.tree.map(lambda x, s: struct(x.shape, x.dtype, s), shapes, shardings)


def photo_index(cfg):
    """Index tables of one photo of 448 x 448 pixels, which hold for every row."""
    return images.index_of([[(32, 32)]], cfg)


def examples(cfg, mesh, rows: int, length: int) -> dict:
    """Shapes of a batch: one photo and `length` tokens in each row."""
    by_row = NamedSharding(mesh, ROWS)
    shapes = {
        "patches": ((rows, 1024, cfg.patch_dim), jnp.bfloat16), "tokens": ((rows, length), jnp.int32),
        "feature_index": ((rows, length), jnp.int32), "valid": ((rows, length), bool),
        "answer": ((rows, length), bool),
    }  # fmt: skip
    out = {name: struct(*shape, by_row) for name, shape in shapes.items()}
    return out | {"positions": struct((3, rows, length), jnp.int32, NamedSharding(mesh, P(None, *ROWS)))}


def embedded(cfg, params, batch, factors=None):
    features = model.vision(cfg, params, batch["patches"], photo_index(cfg), lora=factors)
    return model.embed(cfg, params, batch["tokens"], features, batch["feature_index"])


def loss(cfg, params, batch, factors=None):
    """Mean negative log-probability of the answers' tokens."""
    x, mask = embedded(cfg, params, batch, factors), model.causal_mask(batch["valid"])
    hidden, _ = model.forward(cfg, params, x, batch["positions"], mask, lora=factors)
    scores, _ = model.token_logprobs(cfg, params, hidden[:, :-1], batch["tokens"][:, 1:])
    weight = batch["answer"][:, 1:]
    return -jnp.sum(scores * weight) / jnp.maximum(jnp.sum(weight), 1)


def state_of(optimizer, trainable, mesh):
    """Shapes of the optimizer's state, each moment sharded as its parameter."""
    whole = NamedSharding(mesh, P())
    structure = jax.tree.structure(trainable)

    def alike(tree):
        return jax.tree.structure(tree) == structure

    def place(tree):
        if alike(tree):
            return jax.tree.map(lambda x, like: struct(x.shape, x.dtype, like.sharding), tree, trainable)
        return struct(tree.shape, tree.dtype, whole)

    return jax.tree.map(place, jax.eval_shape(optimizer.init, trainable), is_leaf=alike)


def train_step(optimizer, value, trainable, state, *rest):
    """One update of `trainable`; value(trainable, *rest) is the loss."""
    out, gradient = jax.value_and_grad(value)(trainable, *rest)
    update, state = optimizer.update(gradient, state, trainable)
    return optax.apply_updates(trainable, update), state, out


def sft(cfg, mesh):
    """All parameters, in float32 as are the moments; bfloat16 arithmetic."""
    cfg = config.preset(cfg, remat=True, param_dtype="float32")
    params = placed(model.param_shapes(cfg), model.param_shardings(cfg, mesh))
    optimizer = optax.adamw(1e-5)
    step = functools.partial(train_step, optimizer, functools.partial(loss, cfg))
    batch = examples(cfg, mesh, FLAGS.batch, FLAGS.length)
    return cfg, jax.jit(step, donate_argnums=(0, 1)), (params, state_of(optimizer, params, mesh), batch)


def lora_sft(cfg, mesh):
    """LoRA factors in float32 beside bfloat16 weights."""
    cfg = config.preset(cfg, remat=True)
    params = placed(model.param_shapes(cfg), model.param_shardings(cfg, mesh))
    shapes = jax.eval_shape(lambda: lora.init(model.param_shapes(cfg), jax.random.key(0), rank=FLAGS.rank))
    rules = config.logical_rules(cfg, mesh.shape["tensor"])
    factors = placed(shapes, nn.logical_to_mesh_sharding(lora.axes(model.param_axes(cfg)), mesh, rules))
    optimizer = optax.adamw(1e-4)
    step = functools.partial(train_step, optimizer, lambda f, params, batch: loss(cfg, params, batch, f))
    batch = examples(cfg, mesh, FLAGS.batch, FLAGS.length)
    return cfg, jax.jit(step, donate_argnums=(0, 1)), (factors, state_of(optimizer, factors, mesh), params, batch)


def decoder(cfg, mesh) -> Model:
    """The model's functions, with the cache divided over rows and heads as the prompts' is."""

    def cache(rows, length):
        return jax.lax.with_sharding_constraint(model.init_cache(cfg, rows, length), kv_sharding(cfg, mesh))

    return Model(*(functools.partial(f, cfg) for f in (model.embed, model.forward, model.logits)), cache)


def kv_sharding(cfg, mesh):
    heads = "tensor" if cfg.num_kv_heads % mesh.shape["tensor"] == 0 else None
    return NamedSharding(mesh, P(*ROWS, heads))


def unrolled(preset, mesh):
    cfg = config.preset(preset).unrolled()
    return cfg, placed(model.param_shapes(cfg), model.param_shardings(cfg, mesh))


def prefilled(preset, mesh):
    """Photos and prompts once; keys, values and the first tokens' logits come out."""
    cfg, params = unrolled(preset, mesh)
    run = decoder(cfg, mesh)

    def program(params, batch):
        next_position = batch["positions"].max((0, 2)) + 1
        prompts = Prompts(embedded(cfg, params, batch), batch["positions"], batch["valid"], next_position)
        return prefill(run, params, prompts)

    return cfg, jax.jit(program), (params, examples(cfg, mesh, FLAGS.prompts, FLAGS.prompt_length))


def decoded(preset, mesh):
    """Groups of samples beside their prompts, under a grammar of 2,800 states and 2,000 classes."""
    cfg, params = unrolled(preset, mesh)
    by_row, whole, rows = NamedSharding(mesh, ROWS), NamedSharding(mesh, P()), FLAGS.prompts * FLAGS.group
    shapes = jax.eval_shape(lambda: model.init_cache(cfg, FLAGS.prompts, FLAGS.prompt_length))
    prefix = jax.tree.map(lambda x: struct(x.shape, x.dtype, kv_sharding(cfg, mesh)), shapes)
    start = Start(
        struct((FLAGS.prompts, cfg.vocab_size), jnp.float32, by_row), prefix,
        struct((FLAGS.prompts, FLAGS.prompt_length), bool, by_row), struct((FLAGS.prompts,), jnp.int32, by_row),
    )  # fmt: skip
    table = GrammarTable(
        struct((2800, 2000), jnp.int16, whole), struct((2800, 2000), jnp.uint8, whole),
        struct((cfg.vocab_size,), jnp.int32, whole), struct((), jnp.int32, whole), struct((), jnp.int32, whole),
    )  # fmt: skip

    def program(params, start, table, seeds, budgets):
        keys = jax.vmap(jax.random.key)(seeds)
        options = {"keys": keys, "budgets": budgets, "max_new_tokens": FLAGS.new_tokens}
        return decode(decoder(cfg, mesh), params, start, table, Sampling(), **options)

    numbers = struct((rows,), jnp.int32, by_row)
    return cfg, jax.jit(program), (params, start, table, numbers, numbers)


def check_no_logits(text: str, cfg, mesh, rows: int, length: int) -> None:
    """No float32 array as large as this device's share of [rows, length, vocabulary]."""
    share = rows // (mesh.shape["data"] * mesh.shape["fsdp"]) * length
    for vocab in {cfg.vocab_size, cfg.vocab_size // mesh.shape["tensor"]}:
        for shape in set(re.findall(r"f32\[([\d,]+)\]", text)):
            sizes = [int(size) for size in shape.split(",")]
            if vocab in sizes and math.prod(sizes) >= share * vocab:
                raise ValueError(f"the program holds float32[{shape}]: logits of a whole batch")


def collectives(text: str) -> str:
    names = "all-gather|all-reduce|reduce-scatter|all-to-all|collective-permute"
    # One operation can be printed many times, once in each fusion that overlaps with it; its channel is the same.
    operations = set(re.findall(rf" ({names})(?:-start)?\(.*?channel_id=(\d+)", text))
    found = collections.Counter(kind for kind, _ in operations)
    return ", ".join(f"{count} {name}" for name, count in sorted(found.items())) or "none"


def compile_one(name: str, build, mesh_sizes, devices, limit: float) -> str:
    """A line of the table; raises ValueError where something does not fit."""
    mesh = jax.sharding.Mesh(np.array(devices).reshape(mesh_sizes), AXES, axis_types=(AxisType.Auto,) * 3)
    cfg = config.preset(FLAGS.preset)
    started = time.perf_counter()
    with jax.set_mesh(mesh), nn.logical_axis_rules(config.logical_rules(cfg, mesh.shape["tensor"])):
        cfg, program, arguments = build(FLAGS.preset, mesh)
        compiled = program.lower(*arguments).compile()
    seconds = time.perf_counter() - started
    memory, text = compiled.memory_analysis(), compiled.as_text()
    if name in ("sft", "lora"):
        check_no_logits(text, cfg, mesh, FLAGS.batch, FLAGS.length)
    sizes = memory.argument_size_in_bytes, memory.temp_size_in_bytes
    sizes += (memory.output_size_in_bytes - memory.alias_size_in_bytes,)
    total = sum(sizes) / GIB
    if total > limit:
        raise ValueError(f"{name} needs {total:.1f} GiB per chip, there are {limit}")
    columns = [f"{size / GIB:.2f}" for size in sizes] + [f"{total:.2f} of {limit}"]
    flops = compiled.cost_analysis()["flops"] / 1e12
    mesh_text = " x ".join(map(str, mesh_sizes))
    return f"| {name} | {mesh_text} | {' | '.join(columns)} | {flops:.2f} | {collectives(text)} | {seconds:.0f} |"


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument {argv[1]!r}")
    chip = FLAGS.topology.split(":")[0]
    if chip not in HBM:
        raise app.UsageError(f"--topology={FLAGS.topology}: the chip must be one of {', '.join(HBM)}")
    devices = topologies.get_topology_desc(platform="tpu", topology_name=FLAGS.topology).devices
    meshes = {"train": [int(n) for n in FLAGS.train_mesh], "decode": [int(n) for n in FLAGS.decode_mesh]}
    programs = {"sft": (sft, "train"), "lora": (lora_sft, "train")}
    programs |= {"prefill": (prefilled, "decode"), "decode": (decoded, "decode")}
    lines = [
        f"# Qwen2.5-VL {FLAGS.preset} on {FLAGS.topology}, compiled ahead of time", "",
        f"`python launch/aot.py --preset={FLAGS.preset} --topology={FLAGS.topology}`; jax {jax.__version__}. Training: "
        f"{FLAGS.batch} examples of {FLAGS.length} tokens with a photo of 448 px. Decoding: {FLAGS.prompts} prompts of "
        f"{FLAGS.prompt_length} tokens with a photo, {FLAGS.group} samples each, {FLAGS.new_tokens} tokens. Sizes are "
        "GiB per chip, operations per chip; the compiler counts the body of a loop once.", "",
        "| program | mesh data x fsdp x tensor | arguments | temporaries | results | in all | TFLOP | collectives "
        "| compile s |", "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    print("\n".join(lines), flush=True)
    for name in FLAGS.programs:
        build, mesh = programs[name]
        lines.append(compile_one(name, build, meshes[mesh], devices, HBM[chip]))
        print(lines[-1], flush=True)
    results = pathlib.Path(__file__).parents[1] / "benchmarks" / "results"
    path = pathlib.Path(FLAGS.output) if FLAGS.output else results / f"aot-{FLAGS.preset}-{chip}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    app.run(main)
