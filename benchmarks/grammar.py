"""Sizes, build times and the proof of the grammar: `python benchmarks/grammar.py [SAMPLES] [--out FILE]`.

For the pocket tokenizer and for a byte-level vocabulary of Qwen2.5-VL's size, made locally: compiles every grammar,
then samples answers at temperature 2 from random logits under the table, with budgets from the shortest possible to 256
tokens, every second one from behind an empty reasoning so that plans are long, and reads each with `rtq.text.answers`:
every one must parse into a plan that is in range and written canonically, and must have ended within its budget.
"""

import argparse
import collections
import os
import pathlib
import platform
import tempfile
import time

import numpy as np

from rtq.text import answers, grammar, large_vocabulary
from rtq.text.grammar_table import GrammarTable, compile_table, sample_randomly
from rtq.text.tokenizer import Tokenizer, load

REGIONS = ("sky", "person", "plant", "water", "ground", "building")
BATCH = 1000
LONGEST = 256


def compiled(name: str, regex: str, tokenizer: Tokenizer, vocab_size: int) -> tuple[GrammarTable, str]:
    """The table and its line of the report, with the CPU time of the best of three builds."""
    seconds = []
    for _ in range(3):
        start = time.process_time()
        table = compile_table(regex, tokenizer, vocab_size)
        seconds.append(time.process_time() - start)
    states, classes = table.need.shape
    megabytes = (table.need.nbytes + table.next_state.nbytes + table.token_class.nbytes) / 1e6
    return table, f"| {name} | {states} | {classes} | {megabytes:.1f} | {min(seconds):.2f} | {table.shortest} |"


def prove(table: GrammarTable, tokenizer: Tokenizer, samples: int) -> str:
    """One line: how many of the samples parse, are canonical and ended in time."""
    rng = np.random.default_rng(0)
    count = collections.Counter()
    sliders = lengths = 0
    for start in range(0, samples, BATCH):
        budgets = rng.integers(table.shortest, LONGEST + 1, min(BATCH, samples - start))
        prefix = tokenizer.encode("<think></think><answer>") if start // BATCH % 2 else []
        for ids, budget in zip(sample_randomly(table, budgets, rng, prefix=prefix), budgets, strict=True):
            count["ended"] += ids[-1] == tokenizer.eos_id and len(ids) <= budget + len(prefix)
            text = tokenizer.decode_answer(ids)
            answer = answers.parse_answer(text)
            if isinstance(answer, answers.Answer):
                count["parsed"] += 1
                count["canonical"] += f"<answer>{answer.plan.to_json()}</answer>" in text
                count["with locals"] += bool(answer.plan.locals)
                sliders += len(answer.plan.sliders)
            lengths += len(ids)
    parts = [f"{count[key]} {key}" for key in ("ended", "parsed", "canonical", "with locals")]
    means = f"{sliders / samples:.1f} global sliders and {lengths / samples:.0f} tokens a sample"
    return f"{samples} samples: {', '.join(parts)}; {means}"


def report(samples: int) -> str:
    lines = [
        "# Grammar: sizes, build times, proof", "",
        f"`python benchmarks/grammar.py {samples}` on {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, numpy {np.__version__}.",
    ]  # fmt: skip
    grammars = {
        "answer, 3 locals × 5 mask kinds": grammar.answer_regex(grammar.Options(regions=REGIONS)),
        "answer, 3 locals × 4 mask kinds": grammar.answer_regex(),
        "answer, global sliders only": grammar.answer_regex(grammar.Options(max_locals=0)),
        "critique, plan and metrics": grammar.metrics_regex(),
        "critique, three scores": grammar.scores_regex(3),
        "request": grammar.request_regex(),
    }
    with tempfile.TemporaryDirectory() as folder:
        cases = {"pocket": (load(), 2048), "byte-level, large": (large_vocabulary.write(folder), 152_064)}
    for title, (tokenizer, vocab_size) in cases.items():
        lines += ["", f"## {title}: {tokenizer.size} ids, model vocabulary {vocab_size}", ""]
        lines += ["| grammar | states | classes | MB | build, CPU s | shortest, tokens |", "|---|---|---|---|---|---|"]
        proofs = []
        for name, regex in grammars.items():
            table, line = compiled(name, regex, tokenizer, vocab_size)
            lines.append(line)
            if name.startswith("answer") and "4" not in name:
                proofs.append(f"- {name}: {prove(table, tokenizer, samples)}.")
        lines += ["", "Sampled at temperature 2 from random logits, budgets up to 256 tokens:", "", *proofs]
    return "\n".join(lines) + "\n"


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
