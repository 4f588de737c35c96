"""Models at the start of a run and at its end: Hugging Face folders, or fresh from a preset."""

import json
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import multihost_utils

from rtq.eval.policy import SETTINGS, check_ids, folder_of
from rtq.models.qwen25vl import config, lora, model
from rtq.models.qwen25vl import params as files
from rtq.text import tokenizer as tokenizers

# What travels with the weights from the folder of the tokenizer.
COMPANIONS = (
    "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "special_tokens_map.json",
    "added_tokens.json", "chat_template.json", "chat_template.jinja", "generation_config.json",
)  # fmt: skip
ADAPTER = "adapter"  # folder in that of the weights


def config_of(options: Any, checkpoint: str) -> config.Config:
    """The shapes of the weights `checkpoint` (as in `eval.policy.folder_of`), or of the preset where it is "".

    options: preset, dtype, param_dtype, remat, lora_alpha.
    """
    changes = {"dtype": options.dtype, "param_dtype": options.param_dtype, "remat": options.remat,
               "lora_alpha": options.lora_alpha}  # fmt: skip
    if checkpoint:
        return files.read_config(folder_of(checkpoint), **changes)
    return config.preset(options.preset, **changes)


def words_from(options: Any, checkpoint: str) -> str:
    """Where the tokenizer of a run is: "pocket", or the folder options.tokenizer; "" there is that of the weights."""
    if not (options.tokenizer or checkpoint):
        raise ValueError("model.tokenizer is empty and there is no checkpoint to take one from")
    return options.tokenizer or str(folder_of(checkpoint))


def tokenizer_of(options: Any, checkpoint: str, cfg: config.Config) -> tokenizers.Tokenizer:
    """The tokenizer of a run, which must be that of the weights, whose shapes are `cfg`."""
    source = words_from(options, checkpoint)
    found = tokenizers.load(source)
    check_ids(cfg, found, f"{checkpoint or options.preset} with model.tokenizer={source}")
    return found


def start(
    cfg: config.Config, checkpoint: str, key: jax.Array, *, rank: int = 0, target: str = lora.DECODER,
    shardings: Any = None,
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """(function, arguments) that give the parameters inside one compiled program: `lift.create(lambda *a: …)`.

    checkpoint: as in `config_of`; "" for fresh ones. rank: of low-rank factors under "lora"; 0 for none.
    target: which linear layers have them, a regex on their paths.
    shardings: where loaded ones go; None is the default device.
    """

    def with_factors(params, key):
        return {**params, "lora": lora.init(params, key, rank=rank, target=target)} if rank else params

    keys = jax.random.split(key)
    if checkpoint:
        return with_factors, (files.load(folder_of(checkpoint), cfg, shardings), keys[1])
    return lambda keys: with_factors(model.init(cfg, keys[0]), keys[1]), (keys,)


def store(source: str | pathlib.Path, target: str | pathlib.Path) -> None:
    """A folder that `save` wrote, again in bfloat16, half the size: as weights are kept that come with the package."""
    photo = json.loads((pathlib.Path(source) / SETTINGS).read_text(encoding="utf-8"))["photo"]
    cfg = files.read_config(source, param_dtype="float32")
    params = jax.tree.map(lambda x: x.astype(jnp.bfloat16), files.load(source, cfg))
    save(target, files.read_config(source, param_dtype="bfloat16"), params, photo=photo, source=str(source))


def _gathered(x: Any) -> Any:
    """All of an array of which each host may hold a part."""
    apart = isinstance(x, jax.Array) and not x.is_fully_addressable
    return multihost_utils.process_allgather(x, tiled=True) if apart else x


def save(folder: str | pathlib.Path, cfg: config.Config, params: Any, *, photo: int, source: str = "pocket") -> None:
    """A Hugging Face folder, whole or not at all; one that is there is replaced. Low-rank factors are merged in and,
    since the weights' type may round much of them away, also kept as they are in `ADAPTER`, as PEFT has them.

    params: without an axis of devices; on several hosts all call. photo: pixels of the square that the model saw, for
    those who load it (`eval.policy`). source: where the tokenizer's files are copied from (`words_from`).
    """
    folder = pathlib.Path(folder)
    if jax.process_count() > 1:
        params = jax.tree.map(_gathered, params)
    if jax.process_index() > 0:
        return
    factors = params.get("lora")
    if factors is not None:
        plain = {name: part for name, part in params.items() if name != "lora"}
        params = lora.merge(cfg, plain, factors)
    new, old = folder.with_name(folder.name + ".saving"), folder.with_name(folder.name + ".replaced")
    for path in (new, old):
        shutil.rmtree(path, ignore_errors=True)
    files.save(new, cfg, params)
    if factors is not None:
        lora.save(new / ADAPTER, cfg, factors)
    (new / SETTINGS).write_text(json.dumps({"photo": photo}) + "\n", encoding="utf-8")
    for name in COMPANIONS if source != "pocket" else ():
        if (pathlib.Path(source) / name).is_file():
            shutil.copy2(pathlib.Path(source) / name, new / name)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
