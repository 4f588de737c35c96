"""Proof that whatever a model's weights are, sampled answers parse, lie in range and end within their budgets.

    python benchmarks/grammar_on_device.py [SAMPLES] [--out FILE]

`benchmarks/grammar.py` samples the tables in numpy; here models with random weights (other ones in each batch) sample
at temperature 2 through `rtq.decode.generate`, under the table that lies on the device: with the pocket tokenizer,
laid out by token, and with a byte-level vocabulary of Qwen2.5-VL's size, made locally, laid out by class. Of four
samples of a prompt two start at the beginning, one behind an empty reasoning, and one inside a local adjustment, so
that there are long plans too; budgets are random, every fourth is the smallest possible. Every text is read with
`rtq.text.answers`, and its numbers are held against the slider table once more, without the parser.
"""

import argparse
import collections
import dataclasses
import datetime
import functools
import json
import os
import pathlib
import re
import tempfile
import time

import jax
import jax.numpy as jnp
import numpy as np

from rtq.decode import sampling
from rtq.decode.generate import Prompts, generate
from rtq.decode.loop import Model, Samples
from rtq.editor.plan import slider_range
from rtq.editor.sliders import BY_NAME
from rtq.models.qwen25vl import config, model
from rtq.text import answers, grammar, large_vocabulary
from rtq.text.grammar_table import FORBIDDEN, GrammarTable, compile_table
from rtq.text.tokenizer import Tokenizer, load

TEMPERATURE = 2.0
REGIONS = ("sky", "person", "plant", "water", "ground", "building")
REQUESTS = ("make it warmer", "the sky is too bright, bring the clouds back", "matt film look", "more contrast, please")
LOCAL = '<think></think><answer>{"v":1,"local":[{"mask":[{"'
BEGINNINGS = ("", "", "<think></think><answer>", LOCAL)  # of the samples of a prompt, in turn
KEYS = ("ended in time", "parsed", "in range", "canonical", "states right", "with sliders", "with locals")


@dataclasses.dataclass(frozen=True)
class Case:
    """A tokenizer with a model of its vocabulary; how many tokens an answer may have, and how many samples a batch."""

    name: str
    tokenizer: Tokenizer
    vocab_size: int
    longest: int
    group: int


def tiny(case: Case) -> config.Config:
    """One layer of 32 features; the head is its own, so that a token is no favourite to follow itself."""
    return config.preset(
        "pocket", vocab_size=case.vocab_size, hidden_size=32, num_layers=1, num_heads=4, num_kv_heads=2, ffn_size=64,
        mrope_section=(1, 1, 2), tie_embeddings=False, vision_depth=1, vision_hidden_size=16, vision_num_heads=1,
        vision_ffn_size=16, full_attention_blocks=(0,), scan_layers=False,
    )  # fmt: skip


@functools.partial(jax.jit, static_argnums=0)
def random_weights(cfg: config.Config, key: jax.Array) -> model.Params:
    """Fresh parameters, the head enlarged until logits have a standard deviation of about 3."""
    params = model.init(cfg, key)
    params["language"]["head"] *= 3 / (0.02 * cfg.hidden_size**0.5)
    return params


def prompts(cfg: config.Config, case: Case, params: model.Params) -> Prompts:
    """The requests as token ids, padded on the left."""
    rows = [case.tokenizer.encode(request) for request in REQUESTS]
    tokens = np.zeros((len(rows), max(map(len, rows))), np.int32)
    for line, row in zip(tokens, rows, strict=True):
        line[len(line) - len(row) :] = row
    valid = np.arange(tokens.shape[1])[None] >= tokens.shape[1] - np.array([[len(row)] for row in rows])
    positions = np.broadcast_to(np.maximum(valid.cumsum(1) - 1, 0), (3, *valid.shape))
    return Prompts(model.embed(cfg, params, jnp.asarray(tokens)), positions, valid, valid.sum(1))


def state_after(table: GrammarTable, ids: list[int]) -> int:
    state = table.start_state
    for token in ids:
        if table.need[state, table.token_class[token]] == FORBIDDEN:
            raise ValueError(f"token {token} of a beginning is not in the grammar")
        state = int(table.next_state[state, table.token_class[token]])
    return state


def in_range(text: str) -> bool:
    """Every number of the plan in an answer's text, held against the slider table and the masks' grid."""
    plan = json.loads(re.fullmatch(r"<think>.*</think><answer>(.*)</answer>", text, re.DOTALL)[1])
    places = plan.pop("local", [])
    masks = [mask for place in places for mask in place.pop("mask")]
    sliders = [(item, False) for item in plan.items() if item[0] != "v"]
    sliders += [(item, True) for place in places for item in place.items()]
    steps = [(value, slider_range(BY_NAME[name], local)) for (name, value), local in sliders]
    if plan["v"] != 1 or len(places) > 3 or len(masks) != len(places) or not all(map(mask_in_range, masks)):
        return False
    return all(lo <= value <= hi and abs(value / step - round(value / step)) < 1e-6 for value, (lo, hi, step) in steps)


def mask_in_range(mask: dict) -> bool:
    ((kind, numbers),) = ((key, value) for key, value in mask.items() if key != "invert")
    if kind == "region":
        return numbers in REGIONS
    grid = grammar.MASK_GRID[kind]
    return len(numbers) == len(grid) and all(n in allowed for n, allowed in zip(numbers, grid, strict=True))


def judge(case: Case, table: GrammarTable, begun: list[int], row: Samples, budget: int, count) -> None:
    """Adds to `count` what holds of one sample, a row of `Samples` whose text starts with the tokens `begun`."""
    ids, states = row.tokens[row.mask].tolist(), row.states[row.mask].tolist()
    count["ended in time"] += bool(row.finished and ids[-1] == case.tokenizer.eos_id and len(ids) <= budget)
    count["states right"] += table.accepts(begun + ids) and states[-1] == state_after(table, begun + ids[:-1])
    count["tokens"] += len(ids)
    text = case.tokenizer.decode_answer(begun + ids)
    answer = answers.parse_answer(text)
    if isinstance(answer, answers.Answer):
        count["parsed"] += 1
        count["in range"] += in_range(text)
        count["canonical"] += text.endswith(f"<answer>{answer.plan.to_json()}</answer>")
        count["with sliders"] += bool(answer.plan.sliders)
        count["with locals"] += bool(answer.plan.locals)


def prove(case: Case, table: GrammarTable, samples: int) -> collections.Counter:
    """Counts over `samples` samples, and the CPU seconds that sampling them took, compilation included."""
    cfg, rng, count = tiny(case), np.random.default_rng(0), collections.Counter()
    run = Model(*(functools.partial(f, cfg) for f in (model.embed, model.forward, model.logits, model.init_cache)))
    arrays = table.next_state, table.need, table.token_class, table.start_state, table.eos_id
    on_device = sampling.grammar_table(*arrays, vocab_size=case.vocab_size)
    count["table bytes"] = sum(x.nbytes for x in on_device if x is not None)
    begun = [case.tokenizer.encode(BEGINNINGS[g % len(BEGINNINGS)]) for g in range(case.group)] * len(REQUESTS)
    starts = np.array([state_after(table, ids) for ids in begun])
    shortest = table.need[starts].min(1).astype(int) + 1
    options = {"group": case.group, "max_new_tokens": case.longest, "grammar": jnp.asarray(starts, jnp.int32)}
    options["seeds"] = jnp.arange(len(REQUESTS))

    @jax.jit
    def sample(params, key, budgets, table):
        whole, how = prompts(cfg, case, params), sampling.Sampling(TEMPERATURE)
        return generate(run, params, whole, table, how, key=key, budgets=budgets, **options)

    done = 0
    while done < samples:
        # A batch takes as long as its longest budget; so the longest differs from batch to batch.
        longest = max(shortest.max() + 1, round(case.longest * (done + len(begun)) / samples))
        budgets = rng.integers(shortest, min(longest, case.longest) + 1)
        budgets[rng.random(len(budgets)) < 0.25] = 0
        budgets = np.maximum(budgets, shortest).astype(np.int32)
        key = jax.random.key(done)
        params = random_weights(cfg, key)
        started = time.process_time()
        out = jax.tree.map(np.asarray, sample(params, key, budgets, on_device))
        count["seconds"] += time.process_time() - started
        for i in range(min(len(begun), samples - done)):
            judge(case, table, begun[i], jax.tree.map(lambda x, i=i: x[i], out), budgets[i], count)
        done += len(begun)
    return count


def pocket(longest: int = 256, group: int = 125) -> Case:
    return Case("pocket", load(), 2048, longest, group)


def large(longest: int = 128, group: int = 125) -> Case:
    with tempfile.TemporaryDirectory() as folder:
        return Case("byte-level, large", large_vocabulary.write(folder), 152_064, longest, group)


def compiled(case: Case) -> tuple[GrammarTable, float]:
    """The table of answers with all sliders and three local adjustments, and the CPU seconds of its build."""
    started = time.process_time()
    regex = grammar.answer_regex(grammar.Options(regions=REGIONS))
    table = compile_table(regex, case.tokenizer, case.vocab_size)
    return table, time.process_time() - started


def machine() -> str:
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return f"{name}, {os.cpu_count()} cores; jax {jax.__version__}, numpy {np.__version__}; {datetime.date.today()}"


def report(samples: int) -> str:
    tables = ["| vocabulary | ids | model's | states | classes | MB on device | laid out | build, CPU s |"]
    tables += ["|---|---|---|---|---|---|---|---|"]
    proofs = [f"| vocabulary | samples | {' | '.join(KEYS)} | tokens a sample | longest budget | sampling, CPU s |"]
    proofs += ["|---" * (5 + len(KEYS)) + "|"]
    for case in (pocket(), large()):
        table, seconds = compiled(case)
        states, classes = table.need.shape
        count = prove(case, table, samples)
        how = "by token" if states * case.vocab_size <= sampling.DENSE_LIMIT else "by class"
        tables.append(
            f"| {case.name} | {case.tokenizer.size} | {case.vocab_size} | {states} | {classes} "
            f"| {count['table bytes'] / 1e6:.1f} | {how} | {seconds:.2f} |"
        )
        numbers = " | ".join(str(count[key]) for key in KEYS)
        proofs.append(
            f"| {case.name} | {samples} | {numbers} | {count['tokens'] / samples:.0f} | {case.longest} "
            f"| {count['seconds']:.0f} |"
        )
    return "\n".join([
        "# Grammar on the device: samples from random weights", "", f"{machine()}.", "",
        f"Command: `python benchmarks/grammar_on_device.py {samples}`. Models of one layer with random weights, others "
        f"in each batch of {len(REQUESTS)} prompts, through `rtq.decode.generate` at temperature {TEMPERATURE:g}; "
        "answers with up to three local adjustments of five mask kinds.", "", *tables, "", *proofs, "",
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", nargs="?", type=int, default=10_000)
    parser.add_argument("--out", type=pathlib.Path, help="also write the report to this file")
    arguments = parser.parse_args()
    text = report(arguments.samples)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
