"""The command that runs experiments: a whole small run, and one clear line for everything that is wrong."""

import importlib
import os
import pathlib
import socket
import subprocess
import sys

import jax
import pytest

from rtq.models.qwen25vl import params
from rtq.train import writer

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXPERIMENTS = sorted(path.stem for path in (ROOT / "experiments").glob("*.py") if path.stem != "common")
ENVIRONMENT = {
    "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "JAX_COMPILATION_CACHE_DIR": jax.config.jax_compilation_cache_dir,
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
}  # fmt: skip


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "rtq.main", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | ENVIRONMENT, capture_output=True, text=True, timeout=900, check=False
    )


WRONG = {
    "unknown key": (["--config.optimizer.clipp=1"], "no key 'clipp': --config.optimizer.clipp=1; 'clip' is one"),
    "unknown group": (["--config.optimiser.clip=1"], "no key 'optimiser'"),
    "no group": (["--config.steps.x=3"], "no key 'x': --config.steps.x=3"),
    "wrong type": (["--config.steps=many"], "--config.steps needs a whole number, not 'many'"),
    "no number": (["--config.optimizer.clip=much"], "--config.optimizer.clip needs a number, not 'much'"),
    "neither true nor false": (["--config.model.remat=maybe"], "--config.model.remat needs true or false, not 'maybe'"),
    "a whole group": (["--config.data=photos"], "--config.data needs a key of this group"),
    "unknown preset": (["--config=experiments/sft.py:huge"], "main: there is no preset 'huge'; choose from pocket,"),
    "no such file": (["--config=experiments/nothing.py"], "experiments/nothing.py"),
    "unknown flag": (["--workdri=x"], "Unknown command line flag 'workdri'"),
    "a file as folder": ([f"--workdir={__file__}"], "test_main.py: a file; name a folder"),
    "stray word": (["now"], "unexpected argument 'now'"),
    "unknown task": (["--config.task=dance"], "task 'dance' is not one of sft"),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG)
def test_wrong_flags_are_one_line(tmp_path, arguments, words):
    done = run("--config=experiments/sft.py:smoke", f"--workdir={tmp_path / 'run'}", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("rtq.main: ")
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_run_from_photos_to_weights(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "error.txt").write_text("of an earlier run")
    done = run("--config=experiments/sft.py:smoke", f"--workdir={folder}", "--config.optimizer.learning_rate=2e-3")
    assert done.returncode == 0, done.stderr
    assert not (folder / "error.txt").exists()
    assert "step 6/6 · loss" in done.stderr
    rows = writer.read(folder / "metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(1, 7))
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert 0 < rows[-1]["validation/loss"] < 20
    assert '"learning_rate": 0.002' in (folder / "config.json").read_text()
    assert (folder / "samples.jsonl").read_text().count("\n") == 2
    cfg = params.read_config(folder / "policy")
    assert params.load(folder / "policy", cfg)["language"]["embedding"].shape == (cfg.vocab_size, cfg.hidden_size)
    again = run("--config=experiments/sft.py:smoke", f"--workdir={folder}", "--config.steps=7",
                "--config.data.dir=" + str(folder / "data"), "--config.tasks.edit=0")  # fmt: skip
    assert again.returncode == 1
    assert "rtq.main: goes on with other settings than before: " in again.stderr
    assert "steps 6 → 7" in again.stderr
    assert again.stderr.splitlines()[-1].startswith("rtq.main: tasks are {'edit': 0.0}; shares are needed")
    assert (folder / "error.txt").is_file()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_has_every_preset(name):
    module = importlib.import_module(f"experiments.{name}")
    for preset in ("pocket", "smoke", "3b", "7b"):
        config = module.get_config(preset)
        assert config.task
        assert name == "evaluate" or config.steps > 0
    assert module.get_config().to_dict() == module.get_config("pocket").to_dict()
    assert f"experiments/{name}.py" in module.__doc__
    with pytest.raises(ValueError, match="choose from pocket, smoke, 3b, 7b"):
        module.get_config("huge")


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [
    ("grpo", "--config.scorer.learned=0", "--config.scorer.rule=1", "--config.loss.refresh=1"),
    ("grpo", "--config.scorer.learned=0.5", "--config.scorer.critic=0.4", "--config.scorer.form=0.1"),
    ("reward",), ("sft", "--config.tasks={'words':0.3,'refine':0.3,'summarise':0.2,'correct':0.1,'vague':0.1}"),
    ("pocket",),
])  # fmt: skip
def test_every_way_to_train_runs_to_its_report(tmp_path, arguments):
    name, *others = arguments
    done = run(f"--config=experiments/{name}.py:smoke", f"--workdir={tmp_path}", *others)
    assert done.returncode == 0, done.stderr[-4000:]
    where = tmp_path / "pgrt" if name == "pocket" else tmp_path
    assert (where / "report" / "index.html").is_file()
    trained = {"reward": ["reward"], "pocket": ["policy", "reward"]}.get(name, ["policy"])
    assert all((where / each / "model.safetensors").is_file() for each in trained)
    assert all("step" in row for row in writer.read(where / "metrics.jsonl"))


@pytest.mark.slow  # two processes compile at once: minutes
@pytest.mark.parametrize("mode", ["pmap", "mesh"])
def test_two_hosts_run_pgrt_to_its_report(tmp_path, mode):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sizes = ["--config.parallel.data=-1", "--config.parallel.fsdp=2"] if mode == "mesh" else []
    command = [sys.executable, "-m", "rtq.main", "--config=experiments/pgrt.py:smoke", f"--workdir={tmp_path}",
               f"--config.parallel.mode={mode}", *sizes]  # fmt: skip
    common = os.environ | ENVIRONMENT | {"JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}", "JAX_NUM_PROCESSES": "2"}
    hosts = [
        subprocess.Popen(command, cwd=ROOT, env=common | {"JAX_PROCESS_ID": str(i)}, stderr=subprocess.PIPE, text=True)
        for i in range(2)
    ]  # fmt: skip
    try:
        texts = [host.communicate(timeout=1500)[1] for host in hosts]
    finally:
        for host in hosts:
            host.kill()
    assert [host.returncode for host in hosts] == [0, 0], texts
    assert "validation/readable" in writer.read(tmp_path / "metrics.jsonl")[-1]
    assert (tmp_path / "report" / "index.html").is_file()
    for name in ("policy", "reward"):
        cfg = params.read_config(tmp_path / name)
        assert params.load(tmp_path / name, cfg)["language"]["embedding"].shape == (cfg.vocab_size, cfg.hidden_size)
