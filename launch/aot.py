"""Does it fit? Compiles the full-size programs for a TPU pod with the real TPU compiler, on any machine without one.

    pip install '.[tpu]'
    python launch/aot.py --preset=7b --topology=v5e:8x8        # also v5p:4x4x4, v6e:8x8

Four programs, sharded by the logical rules of rtq.models: a step of supervised fine-tuning (all parameters, float32
with AdamW in float32), the same for LoRA beside bfloat16 weights, the prefill of prompts with their photos, and a
decode loop under a grammar. Prints per chip the bytes of arguments, temporaries and results against the chip's memory,
floating-point operations and collectives; the exit status is 1 if a program does not fit or holds a whole batch's
logits. With --programs, rows of other programs that --output holds already are kept.
"""

import collections
import dataclasses
import functools
import importlib.util
import math
import os
import pathlib
import re
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl import app, flags
from flax import linen as nn
from jax.experimental import topologies
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from rtq.decode.generate import Prompts, prefill
from rtq.decode.loop import Model, Start, decode
from rtq.decode.sampling import GrammarTable, Sampling
from rtq.models.qwen25vl import config, images, lora, model

HBM = {"v5e": 16, "v5p": 95, "v6e": 32}  # GiB per chip, cloud.google.com/tpu/docs
AXES = ("data", "fsdp", "tensor")
ROWS = P(("data", "fsdp"))
GIB = 2**30
SETTINGS = {  # of libtpu, in the environment
    "TPU_SKIP_MDS_QUERY": "1", "TPU_WORKER_HOSTNAMES": "localhost", "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # no device is opened, so several compilations may run
}  # fmt: skip
STATES, CLASSES = 4600, 520  # of an answer's grammar, benchmarks/results/grammar.md
HEAD = (
    "| program | mesh data x fsdp x tensor | arguments | temporaries | results | in all | TFLOP | collectives "
    "| compile, CPU s |", "|---|---|---|---|---|---|---|---|---|",
)  # fmt: skip

FLAGS = flags.FLAGS
flags.DEFINE_enum("preset", "7b", ["3b", "7b", "32b", "72b"], "Size of the model.")
flags.DEFINE_string("topology", "v5e:8x8", "Kind of chip and shape of the pod.")
flags.DEFINE_list("train_mesh", ["1", "16", "4"], "Sizes of the axes data, fsdp, tensor in training.")
flags.DEFINE_list("decode_mesh", ["16", "1", "4"], "The same in prefill and decoding, with whole rows of weights.")
flags.DEFINE_list("programs", ["sft", "lora", "prefill", "decode"], "Which programs to compile.")
flags.DEFINE_integer("batch", 64, "Examples of a training step.", lower_bound=1)
flags.DEFINE_integer("length", 1024, "Tokens of an example, its photo's included.", lower_bound=2)
flags.DEFINE_integer("prompts", 16, "Prompts that are decoded together.", lower_bound=1)
flags.DEFINE_integer("prompt_length", 512, "Tokens of a prompt, its photo's included.", lower_bound=1)
flags.DEFINE_integer("group", 8, "Samples of each prompt.", lower_bound=1)
flags.DEFINE_integer("new_tokens", 256, "Tokens of a sample.", lower_bound=1)
flags.DEFINE_integer("photo", 448, "Pixels of a photo's sides, a multiple of 28.", lower_bound=28)
flags.DEFINE_integer("rank", 16, "Rank of the LoRA factors.", lower_bound=1)
flags.DEFINE_string("output", None, "Markdown file for the table (default benchmarks/results/aot-PRESET-CHIP.md).")


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much a program does at once; the flags of the same names say what each number is."""

    batch: int
    length: int
    prompts: int
    prompt_length: int
    group: int
    new_tokens: int
    photo: int
    rank: int


def struct(shape, dtype, sharding):
    return jax.ShapeDtypeStruct(shape, dtype, sharding=sharding)


def placed(shapes, shardings):
    """Shapes with shardings: the arguments of a program that is only compiled."""
    return jax.tree.map(lambda x, s: struct(x.shape, x.dtype, s), shapes, shardings)


def examples(cfg, mesh, photo: int, rows: int, length: int) -> dict:
    """Shapes of a batch: one photo and `length` tokens in each row."""
    by_row = NamedSharding(mesh, ROWS)
    shapes = {
        "patches": ((rows, (photo // cfg.patch_size) ** 2, cfg.patch_dim), jnp.bfloat16),
        "tokens": ((rows, length), jnp.int32), "feature_index": ((rows, length), jnp.int32),
        "valid": ((rows, length), bool), "answer": ((rows, length), bool),
    }  # fmt: skip
    out = {name: struct(*shape, by_row) for name, shape in shapes.items()}
    return out | {"positions": struct((3, rows, length), jnp.int32, NamedSharding(mesh, P(None, *ROWS)))}


def embedded(cfg, photo, params, batch, factors=None):
    """Tokens and photos as [B, T, D]; the index tables of one photo hold for every row."""
    edge = photo // cfg.patch_size
    features = model.vision(cfg, params, batch["patches"], images.index_of([[(edge, edge)]], cfg), lora=factors)
    return model.embed(cfg, params, batch["tokens"], features, batch["feature_index"])


def loss(cfg, photo, params, batch, factors=None):
    """Mean negative log-probability of the answers' tokens."""
    x, mask = embedded(cfg, photo, params, batch, factors), model.causal_mask(batch["valid"])
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


def sft(cfg, sizes, mesh):
    """All parameters, in float32 as are the moments; bfloat16 arithmetic."""
    cfg = dataclasses.replace(cfg, remat=True, param_dtype="float32")
    params = placed(model.param_shapes(cfg), model.param_shardings(cfg, mesh))
    optimizer = optax.adamw(1e-5)
    step = functools.partial(train_step, optimizer, functools.partial(loss, cfg, sizes.photo))
    batch = examples(cfg, mesh, sizes.photo, sizes.batch, sizes.length)
    return jax.jit(step, donate_argnums=(0, 1)), (params, state_of(optimizer, params, mesh), batch)


def lora_sft(cfg, sizes, mesh):
    """LoRA factors in float32 beside bfloat16 weights."""
    cfg = dataclasses.replace(cfg, remat=True)
    params = placed(model.param_shapes(cfg), model.param_shardings(cfg, mesh))
    shapes = jax.eval_shape(lambda: lora.init(model.param_shapes(cfg), jax.random.key(0), rank=sizes.rank))
    rules = config.logical_rules(cfg, mesh.shape["tensor"])
    factors = placed(shapes, nn.logical_to_mesh_sharding(lora.axes(model.param_axes(cfg)), mesh, rules))
    optimizer = optax.adamw(1e-4)
    step = functools.partial(train_step, optimizer, lambda f, params, batch: loss(cfg, sizes.photo, params, batch, f))
    batch = examples(cfg, mesh, sizes.photo, sizes.batch, sizes.length)
    return jax.jit(step, donate_argnums=(0, 1)), (factors, state_of(optimizer, factors, mesh), params, batch)


def decoder(cfg, mesh) -> Model:
    """The model's functions, with the cache divided over rows and heads as the prompts' is."""

    def cache(rows, length):
        return jax.lax.with_sharding_constraint(model.init_cache(cfg, rows, length), kv_sharding(cfg, mesh))

    return Model(*(functools.partial(f, cfg) for f in (model.embed, model.forward, model.logits)), cache)


def kv_sharding(cfg, mesh):
    heads = "tensor" if cfg.num_kv_heads % mesh.shape["tensor"] == 0 else None
    return NamedSharding(mesh, P(*ROWS, heads))


def prefilled(cfg, sizes, mesh):
    """Photos and prompts once; keys, values and the first tokens' logits come out."""
    cfg = cfg.unrolled()
    run = decoder(cfg, mesh)

    def program(params, batch):
        next_position = batch["positions"].max((0, 2)) + 1
        x = embedded(cfg, sizes.photo, params, batch)
        return prefill(run, params, Prompts(x, batch["positions"], batch["valid"], next_position))

    params = placed(model.param_shapes(cfg), model.param_shardings(cfg, mesh))
    return jax.jit(program), (params, examples(cfg, mesh, sizes.photo, sizes.prompts, sizes.prompt_length))


def decoded(cfg, sizes, mesh):
    """Groups of samples beside their prompts, under a grammar."""
    cfg = cfg.unrolled()
    by_row, whole, prompts = NamedSharding(mesh, ROWS), NamedSharding(mesh, P()), sizes.prompts
    shapes = jax.eval_shape(lambda: model.init_cache(cfg, prompts, sizes.prompt_length))
    prefix = jax.tree.map(lambda x: struct(x.shape, x.dtype, kv_sharding(cfg, mesh)), shapes)
    start = Start(
        struct((prompts, cfg.vocab_size), jnp.float32, by_row), prefix,
        struct((prompts, sizes.prompt_length), bool, by_row), struct((prompts,), jnp.int32, by_row),
    )  # fmt: skip
    table = GrammarTable(
        struct((STATES, CLASSES), jnp.int16, whole), struct((STATES, CLASSES), jnp.uint8, whole),
        struct((cfg.vocab_size,), jnp.int32, whole), struct((), jnp.int32, whole), struct((), jnp.int32, whole),
    )  # fmt: skip

    def program(params, start, table, seeds, budgets):
        keys = jax.vmap(jax.random.key)(seeds)
        options = {"keys": keys, "budgets": budgets, "max_new_tokens": sizes.new_tokens}
        return decode(decoder(cfg, mesh), params, start, table, Sampling(), **options)

    params = placed(model.param_shapes(cfg), model.param_shardings(cfg, mesh))
    numbers = struct((prompts * sizes.group,), jnp.int32, by_row)
    return jax.jit(program), (params, start, table, numbers, numbers)


# name → (what builds it, which mesh, the rows and steps that a batch's logits would have)
PROGRAMS = {
    "sft": (sft, "train", lambda sizes: (sizes.batch, sizes.length)),
    "lora": (lora_sft, "train", lambda sizes: (sizes.batch, sizes.length)),
    "prefill": (prefilled, "decode", lambda sizes: (sizes.prompts, sizes.prompt_length)),
    "decode": (decoded, "decode", lambda sizes: (sizes.prompts * sizes.group, sizes.new_tokens)),
}


def compile_program(name, cfg, sizes, mesh):
    """The compiled program, for the devices of `mesh`."""
    with jax.set_mesh(mesh), nn.logical_axis_rules(config.logical_rules(cfg, mesh.shape["tensor"])):
        program, arguments = PROGRAMS[name][0](cfg, sizes, mesh)
        return program.lower(*arguments).compile()


def whole_logits(text: str, name: str, cfg, sizes, mesh) -> str | None:
    """The shape of a float32 array as large as one device's share of [rows, steps, vocabulary], if there is one.

    The head and the embedding, [vocabulary, hidden size] or a part of it, are none, though they may be as large.
    """
    (rows, steps), hidden = PROGRAMS[name][2](sizes), cfg.hidden_size
    share = rows // (mesh.shape["data"] * mesh.shape["fsdp"]) * steps
    for vocab in {cfg.vocab_size, cfg.vocab_size // mesh.shape["tensor"]}:
        for shape in set(re.findall(r"f32\[([\d,]+)\]", text)):
            lengths = [int(length) for length in shape.split(",")]
            weights = len(lengths) == 2 and math.prod(lengths) // vocab in (hidden, hidden // mesh.shape["fsdp"])
            if vocab in lengths and not weights and math.prod(lengths) >= share * vocab:
                return f"float32[{shape}]"
    return None


def collectives(text: str) -> str:
    names = "all-gather|all-reduce|reduce-scatter|all-to-all|collective-permute"
    # One operation can be printed many times, once in each fusion that overlaps with it; its channel is the same.
    operations = set(re.findall(rf" ({names})(?:-start)?\(.*?channel_id=(\d+)", text))
    found = collections.Counter(kind for kind, _ in operations)
    return ", ".join(f"{count} {name}" for name, count in sorted(found.items())) or "none"


def report(name, cfg, sizes, mesh, limit: float) -> tuple[str, str | None]:
    """The program's row of the table, and what is wrong with it."""
    where = f"| {name} | {' x '.join(map(str, mesh.devices.shape))} |"
    started = time.process_time()
    try:
        compiled = compile_program(name, cfg, sizes, mesh)
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        reason = " ".join(str(error).split())[:200]
        return f"{where} does not fit {'| ' * 6}|", f"{name} does not fit: {reason}"
    seconds = time.process_time() - started
    memory, text = compiled.memory_analysis(), compiled.as_text()
    sizes_in_bytes = (
        memory.argument_size_in_bytes, memory.temp_size_in_bytes,
        memory.output_size_in_bytes - memory.alias_size_in_bytes,
    )  # fmt: skip
    total = sum(sizes_in_bytes) / GIB
    columns = [f"{size / GIB:.2f}" for size in sizes_in_bytes] + [f"{total:.2f} of {limit}"]
    columns += [f"{compiled.cost_analysis()['flops'] / 1e12:.2f}", collectives(text), f"{seconds:.0f}"]
    problem = None
    if total > limit:
        problem = f"{name} needs {total:.1f} GiB per chip, there are {limit}"
    elif (shape := whole_logits(text, name, cfg, sizes, mesh)) is not None:
        problem = f"{name} holds {shape}: the logits of a whole batch"
    return f"{where} {' | '.join(columns)} |", problem


def devices_of(topology: str):
    """The chips of a pod that is not there. ValueError: no compiler for it, or no such pod."""
    if topology.split(":")[0] not in HBM:
        raise ValueError(f"--topology={topology}: the chip must be one of {', '.join(HBM)}, as in v5e:8x8")
    if importlib.util.find_spec("libtpu") is None:
        raise ValueError("libtpu, the TPU's compiler, is not installed: pip install '.[tpu]'")
    try:
        return topologies.get_topology_desc(platform="tpu", topology_name=topology).devices
    except jax.errors.JaxRuntimeError as error:
        raise ValueError(f"--topology={topology}: {str(error).splitlines()[0]}") from None


def mesh_of(flag: str, lengths: list[str], devices, topology: str) -> Mesh:
    """The mesh that a flag names, as in 1,16,4, over all devices."""
    if len(lengths) != len(AXES) or not all(length.isdecimal() and int(length) for length in lengths):
        raise ValueError(f"--{flag}={','.join(lengths)}: three numbers are needed, for {', '.join(AXES)}")
    shape = [int(length) for length in lengths]
    if math.prod(shape) != len(devices):
        raise ValueError(f"--{flag}={','.join(lengths)} is for {math.prod(shape)} chips, {topology} has {len(devices)}")
    return Mesh(np.array(devices).reshape(shape), AXES, axis_types=(AxisType.Auto,) * 3)


def check_sizes(programs: list[str], sizes: Sizes, meshes: dict[str, Mesh]) -> None:
    unknown = set(programs) - set(PROGRAMS)
    if unknown or not programs:
        raise ValueError(f"--programs={','.join(programs)}: choose from {', '.join(PROGRAMS)}")
    if sizes.photo % 28:
        raise ValueError(f"--photo={sizes.photo} must be a multiple of 28 pixels")
    for flag, mesh in (("batch", "train"), ("prompts", "decode")):
        ways = meshes[mesh].shape["data"] * meshes[mesh].shape["fsdp"]
        if getattr(sizes, flag) % ways:
            raise ValueError(f"--{flag}={getattr(sizes, flag)} must be a multiple of {ways}, data x fsdp of its mesh")


def title(preset: str, topology: str, sizes: Sizes) -> list[str]:
    return [
        f"# Qwen2.5-VL {preset} on {topology}, compiled ahead of time", "",
        f"`python launch/aot.py --preset={preset} --topology={topology}`; jax {jax.__version__}. Training: "
        f"{sizes.batch} examples of {sizes.length} tokens with a photo of {sizes.photo} px. Decoding: {sizes.prompts} "
        f"prompts of {sizes.prompt_length} tokens with a photo, {sizes.group} samples each, {sizes.new_tokens} tokens. "
        "Sizes are GiB per chip, operations per chip; the compiler counts the body of a loop once.", "", *HEAD,
    ]  # fmt: skip


def write(path: pathlib.Path, lines: list[str], rows: dict[str, str]) -> None:
    """The table with `rows`; rows of other programs under the same title are kept."""
    old = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    if old[: len(lines)] == lines:
        rows = {line.split(" | ")[0].removeprefix("| "): line for line in old[len(lines) :]} | rows
    path.parent.mkdir(parents=True, exist_ok=True)
    ordered = [rows[name] for name in PROGRAMS if name in rows]
    path.write_text("\n".join([*lines, *ordered]) + "\n", encoding="utf-8")


def main(argv):
    jax.config.update("jax_platforms", "cpu")  # the compiler is asked for by name; there is no TPU to find
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    sizes = Sizes(**{field.name: FLAGS[field.name].value for field in dataclasses.fields(Sizes)})
    try:
        if len(argv) > 1:
            raise ValueError(f"unexpected argument {argv[1]!r}")
        devices = devices_of(FLAGS.topology)
        meshes = {
            "train": mesh_of("train_mesh", FLAGS.train_mesh, devices, FLAGS.topology),
            "decode": mesh_of("decode_mesh", FLAGS.decode_mesh, devices, FLAGS.topology),
        }
        check_sizes(FLAGS.programs, sizes, meshes)
    except ValueError as error:
        sys.exit(f"aot: {error}")
    chip, cfg = FLAGS.topology.split(":")[0], config.preset(FLAGS.preset)
    results = pathlib.Path(__file__).parents[1] / "benchmarks" / "results"
    path = pathlib.Path(FLAGS.output) if FLAGS.output else results / f"aot-{FLAGS.preset}-{chip}.md"
    lines, rows, problems = title(FLAGS.preset, FLAGS.topology, sizes), {}, []
    print("\n".join(lines), flush=True)
    for name in FLAGS.programs:
        rows[name], problem = report(name, cfg, sizes, meshes[PROGRAMS[name][1]], HBM[chip])
        print(rows[name], flush=True)
        problems += [problem] if problem else []
        write(path, lines, rows)
    if problems:
        sys.exit("\n".join(f"aot: {problem}" for problem in problems))


if __name__ == "__main__":
    app.run(main)
