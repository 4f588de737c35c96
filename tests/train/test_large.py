"""What the presets of accelerators do, in small: a Hugging Face folder with Qwen's tokenizer and instructions,
bfloat16, recomputed layers, low-rank factors, sharded over two devices."""

import dataclasses
import os
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest

from rtq.eval import policy
from rtq.models.qwen25vl import model, params
from rtq.text import large_vocabulary
from rtq.train import weights
from tests.train import train_tiny as tiny

ROOT = pathlib.Path(__file__).resolve().parents[2]
SMALL = (
    "--config.model.lora_rank=2", "--config.model.photo=56", "--config.data.count=64",
    "--config.data.validation_count=32", "--config.evaluation.batches=1", "--config.evaluation.samples=1",
    "--config.optimizer.warmup=1", "--config.optimizer.learning_rate=0.01", "--config.batch=4", "--config.micro=2",
    "--config.parallel.fsdp=2",
)  # fmt: skip
REINFORCED = ("--config.sampling.group=2", "--config.sampling.new_tokens=64", "--config.sampling.metrics_tokens=96",
              "--config.sampling.score_tokens=24", "--config.critique.group=2", "--config.rounds.policy_steps=1",
              "--config.rounds.reward_steps=1", "--config.rounds.margin=0.0")  # fmt: skip


def run(*arguments: str) -> None:
    environment = os.environ | {
        "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "JAX_COMPILATION_CACHE_DIR": jax.config.jax_compilation_cache_dir, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "rtq.main", *arguments], cwd=ROOT, env=environment, check=False,
                          capture_output=True, text=True, timeout=1500)  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]


def qwen(folder: pathlib.Path) -> pathlib.Path:
    """A tiny model with random weights under a vocabulary of Qwen's kind."""
    words = large_vocabulary.write(folder, regular=8_000)
    cfg = dataclasses.replace(
        tiny.CONFIG, vocab_size=words.size + 21, image_token_id=words.image_id, eos_token_id=words.eos_id,
        vision_start_token_id=words.vision_start_id, vision_end_token_id=words.vision_end_id, param_dtype="bfloat16",
        max_position_embeddings=4096,
    )  # fmt: skip
    params.save(folder, cfg, jax.jit(model.init, static_argnums=0)(cfg, jax.random.key(0)))
    return folder


@pytest.mark.slow
def test_from_supervision_to_alternation(tmp_path):
    """Both models are trained, saved with what they need to be loaded, and answer."""
    start = qwen(tmp_path / "qwen")
    data = f"--config.data.dir={tmp_path / 'data'}"
    run("--config=experiments/sft.py:7b", f"--workdir={tmp_path / 'sft'}", f"--config.policy.checkpoint={start}",
        "--config.steps=2", data, *SMALL)  # fmt: skip
    run("--config=experiments/reward.py:7b", f"--workdir={tmp_path / 'judge'}", f"--config.reward.checkpoint={start}",
        "--config.steps=2", data, *SMALL)  # fmt: skip
    run("--config=experiments/pgrt.py:7b", f"--workdir={tmp_path / 'pgrt'}", "--config.steps=2", data,
        f"--config.policy.checkpoint={tmp_path / 'sft' / 'policy'}",
        f"--config.reward.checkpoint={tmp_path / 'judge' / 'reward'}", *SMALL, *REINFORCED)  # fmt: skip
    assert (tmp_path / "pgrt" / "report" / "index.html").exists()
    for name in ("policy", "reward"):
        trained = tmp_path / "pgrt" / name
        assert (trained / weights.ADAPTER / "adapter_model.safetensors").exists()
        assert policy.load(trained).tokenizer.size > 8_000
    (plan,) = policy.load(tmp_path / "pgrt" / "policy")(np.zeros((1, 56, 56, 3), np.float32), ["warmer"])
    assert plan is not None
