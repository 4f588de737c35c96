"""Compilation ahead of time: the sharded programs on eight simulated devices, the checks, and what is said of errors.

The TPU's compiler is no dependency of the tests; benchmarks/results/aot-*.md hold what it said.
"""

import dataclasses
import importlib.util
import pathlib
import subprocess
import sys

import jax
import pytest
from absl.testing import flagsaver
from jax import numpy as jnp

from rtq.models.qwen25vl import config, model

PATH = pathlib.Path(__file__).parents[2] / "launch" / "aot.py"
spec = importlib.util.spec_from_file_location("aot", PATH)
aot = importlib.util.module_from_spec(spec)
sys.modules["aot"] = aot
spec.loader.exec_module(aot)

# The vocabulary and its half are no other axis' length. Weights are larger than batches, so that shares can be seen.
CFG = config.preset(
    "pocket", vocab_size=3334, hidden_size=64, num_layers=2, num_heads=4, num_kv_heads=2, ffn_size=96,
    mrope_section=(2, 3, 3), tie_embeddings=False, vision_depth=2, vision_hidden_size=32, vision_num_heads=2,
    vision_ffn_size=48, full_attention_blocks=(1,), dtype="bfloat16", param_dtype="bfloat16",
)  # fmt: skip
SIZES = aot.Sizes(batch=8, length=320, prompts=8, prompt_length=80, group=2, new_tokens=24, photo=56, rank=4)


def cpu_mesh(flag="train_mesh"):
    return aot.mesh_of(flag, ["2", "2", "2"], jax.devices(), "cpu:8")


def nbytes(tree):
    return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(tree))


@pytest.mark.parametrize("name", aot.PROGRAMS)
def test_programs_compile_sharded(name):
    """Each device holds its share of the arguments; no program holds the logits of a whole batch."""
    mesh = cpu_mesh()
    compiled = aot.compile_program(name, CFG, SIZES, mesh)
    text, memory = compiled.as_text(), compiled.memory_analysis()
    assert aot.whole_logits(text, name, CFG, SIZES, mesh) is None
    assert aot.collectives(text) != "none"
    arguments = aot.PROGRAMS[name][0](CFG, SIZES, mesh)[1]
    # Weights lie in four parts (fsdp x tensor), in two copies; the rest is small or lies in four parts, too.
    grammar = nbytes(arguments[2]) if name == "decode" else 0  # whole on every device
    assert memory.argument_size_in_bytes - grammar < 0.3 * nbytes(arguments)
    if name in ("sft", "lora"):  # parameters and moments are donated: only the loss comes out beside them
        assert memory.output_size_in_bytes - memory.alias_size_in_bytes < 2000


def test_whole_logits_are_found(monkeypatch):
    """A loss without chunks is caught."""

    def whole(cfg, params, hidden, targets):
        scores = jax.nn.log_softmax(model.logits(cfg, params, hidden))
        return jnp.take_along_axis(scores, targets[..., None], -1)[..., 0], None

    monkeypatch.setattr(aot.model, "token_logprobs", whole)
    # Its value alone, without an update: quicker to compile.
    monkeypatch.setattr(aot, "train_step", lambda optimizer, value, trainable, state, *rest: value(trainable, *rest))
    mesh, sizes = cpu_mesh(), dataclasses.replace(SIZES, length=SIZES.length + 1)  # the last token predicts nothing
    text = aot.compile_program("lora", CFG, sizes, mesh).as_text()
    found = aot.whole_logits(text, "lora", CFG, SIZES, mesh)
    assert found is not None
    assert "1667" in found or "3334" in found


@pytest.mark.parametrize(("shape", "found"), [
    ("2,128,3334", False), ("2,320,3334", True), ("640,1667", True), ("3,2,128,1667", True), ("640,1668", False),
    ("3334,800", False), ("800,1667", False), ("3334,801", True),
])  # fmt: skip
def test_what_is_whole_logits(shape, found):
    """Chunks and weights are not; here the head is larger than a batch's logits."""
    cfg, mesh = dataclasses.replace(CFG, hidden_size=1600, mrope_section=(100, 50, 50)), cpu_mesh()
    text = f"x = f32[{shape}]{{1,0}} add()"
    assert aot.whole_logits(text, "sft", cfg, SIZES, mesh) == (f"float32[{shape}]" if found else None)
    assert aot.whole_logits(text.replace("f32", "bf16"), "sft", cfg, SIZES, mesh) is None


@pytest.fixture
def run_main(monkeypatch, tmp_path):
    """main() with this machine's simulated devices in place of a pod's and a tiny model in place of a preset."""
    preset = config.preset
    monkeypatch.setattr(aot, "devices_of", lambda topology: jax.devices())
    monkeypatch.setattr(aot.config, "preset", lambda name: CFG if name == "7b" else preset(name))
    monkeypatch.setattr(aot, "SETTINGS", {})

    def run(*flags):
        meshes = ("--train_mesh=2,2,2", "--decode_mesh=2,2,2")
        numbers = [f"--{name}={value}" for name, value in vars(SIZES).items()]
        with flagsaver.flagsaver():
            aot.FLAGS(["aot", *meshes, *numbers, f"--output={tmp_path / 'out.md'}", *flags])
            aot.main(["aot"])
        return (tmp_path / "out.md").read_text(encoding="utf-8").splitlines()

    return run


def test_table(run_main, monkeypatch):
    """Programs compiled in two runs share a table, in the order of PROGRAMS; one that does not fit ends with 1."""
    assert run_main("--programs=prefill")[-1].startswith("| prefill | 2 x 2 x 2 |")
    lines = run_main("--programs=decode")
    assert [line.split()[1] for line in lines[-2:]] == ["prefill", "decode"]
    assert all(line.count("|") == lines[-3].count("|") for line in lines[-2:])
    monkeypatch.setitem(aot.HBM, "v5e", 1e-4)
    with pytest.raises(SystemExit, match=r"aot: decode needs 0.0 GiB per chip, there are 0.0001"):
        run_main("--programs=decode")


def test_compiler_out_of_memory(monkeypatch):
    """The compiler's refusal is a row of the table; any other error of it is not swallowed."""

    def fail(*_):
        raise jax.errors.JaxRuntimeError(message)

    monkeypatch.setattr(aot, "compile_program", fail)
    message = "RESOURCE_EXHAUSTED: Ran out of memory in memory space hbm.\nUsed 20.1G of 15.75G"
    row, problem = aot.report("sft", CFG, SIZES, cpu_mesh(), 16)
    assert row.startswith("| sft | 2 x 2 x 2 | does not fit |")
    assert row.count("|") == aot.HEAD[1].count("|")
    assert problem.endswith("Ran out of memory in memory space hbm. Used 20.1G of 15.75G")
    message = "INTERNAL: something else"
    with pytest.raises(jax.errors.JaxRuntimeError, match="something else"):
        aot.report("sft", CFG, SIZES, cpu_mesh(), 16)


def test_unknown_chip_is_one_line():
    command = [sys.executable, str(PATH), "--topology=v9:8x8"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PATH.parents[1])
    assert done.returncode == 1
    assert done.stdout == ""
    expected = "aot: --topology=v9:8x8: the chip must be one of v5e, v5p, v6e, as in v5e:8x8"
    assert done.stderr.strip().splitlines() == [expected]


def test_missing_compiler(monkeypatch):
    monkeypatch.setattr(aot.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"libtpu, the TPU's compiler, is not installed: pip install '\.\[tpu\]'"):
        aot.devices_of("v5e:8x8")


def test_unknown_shape_of_a_pod(monkeypatch):
    def refuse(**_):
        raise jax.errors.JaxRuntimeError('INVALID_ARGUMENT: layout "v5e:3x7" is not divisible\nand a stack')

    monkeypatch.setattr(aot.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(aot.topologies, "get_topology_desc", refuse)
    with pytest.raises(ValueError, match=r"--topology=v5e:3x7: INVALID_ARGUMENT.* not divisible$"):
        aot.devices_of("v5e:3x7")


@pytest.mark.parametrize(("lengths", "message"), [
    ("2,2", "three numbers"), ("2,x,2", "three numbers"), ("0,2,2", "three numbers"),
    ("2,2,4", "is for 16 chips, v5e:2x4 has 8"),
])  # fmt: skip
def test_bad_meshes(lengths, message):
    with pytest.raises(ValueError, match=f"--train_mesh={lengths}.*{message}"):
        aot.mesh_of("train_mesh", lengths.split(","), jax.devices(), "v5e:2x4")


@pytest.mark.parametrize(("programs", "change", "message"), [
    (["sft", "infer"], {}, "--programs=sft,infer: choose from sft, lora, prefill, decode"), ([], {}, "--programs="),
    (["sft"], {"photo": 450}, "--photo=450 must be a multiple of 28"),
    (["sft"], {"batch": 6}, "--batch=6 must be a multiple of 4"),
    (["sft"], {"prompts": 1}, "--prompts=1 must be a multiple of 4"),
])  # fmt: skip
def test_bad_sizes(programs, change, message):
    sizes = dataclasses.replace(SIZES, **change)
    with pytest.raises(ValueError, match=message):
        aot.check_sizes(programs, sizes, {"train": cpu_mesh(), "decode": cpu_mesh()})
