"""Trains the pocket tokenizer: `python -m rtq.text.train_tokenizer [FILE]` (default: the file in rtq/assets/pocket).

Of its 2,048 ids the first are special tokens, tags and facts, then the 256 bytes, then pieces of plan JSON that are
known beforehand (`,"Name":` and numbers; kept whole by the pre-split and looked up whole), then merges learned from
`prose`. The same file comes out every time.
"""

import json
import pathlib
import sys

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from rtq.editor.plan import MASK_NUMBERS, VERSION
from rtq.editor.sliders import SLIDERS
from rtq.text import prose
from rtq.text.tokenizer import POCKET, POCKET_SPECIAL

SIZE = 2048
PRE_SPLIT = "|".join((
    r'\{"v":1',
    r',?"[A-Za-z]+":[\[{]*',  # a key with what opens its value
    r'"[\p{L} _-]+"',  # a string value
    r"[\]}]+(?:,\{)?",  # closers
    r"-?\d\.(?=\d)",  # the whole part of a decimal number
    r"-?(?:1000|\d{1,3})",
    r" ?\p{L}+(?:'\p{L}+)?",
    r" ?[^\s\p{L}\p{N}]+",
    r"\s+",
))  # fmt: skip


def plan_pieces() -> list[str]:
    """Pieces of plan JSON that are one token each."""
    keys = [f',"{row.name}":' for row in SLIDERS]
    masks = [f'"{kind}":[' for kind in MASK_NUMBERS]
    frame = [f'{{"v":{VERSION}', ',"local":[{', '"mask":[{', '"region":', ',"invert":', ',"amount":', "true"]
    closers = ["]}]", "}]", "}]}", "},{", "]}"]
    numbers = [*range(-100, 101), *range(105, 361, 5), *range(400, 1001, 50)]
    one_digit = {str(n) for n in range(10)}  # bytes already
    wholes = [f"{sign}{n}." for n in range(6) for sign in ("", "-")]
    return keys + masks + frame + closers + [s for n in numbers if (s := str(n)) not in one_digit] + ["05", *wholes]


def train() -> str:
    """The text of tokenizer.json."""
    pieces = plan_pieces()
    pre = pre_tokenizers.Sequence([
        pre_tokenizers.Split(tokenizers.Regex(PRE_SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    learner = tokenizers.Tokenizer(models.BPE())
    learner.pre_tokenizer = pre
    learner.train_from_iterator(prose.sentences(), trainers.BpeTrainer(
        vocab_size=SIZE - len(POCKET_SPECIAL) - len(pieces), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))  # fmt: skip
    model = json.loads(learner.to_str())["model"]
    learned = sorted(model["vocab"], key=model["vocab"].get)
    vocabulary = [*POCKET_SPECIAL, *learned[:256], *pieces, *learned[256:]]
    if len(set(vocabulary)) != SIZE:
        raise ValueError(f"{len(set(vocabulary))} different tokens; {SIZE} are needed")
    whole = tokenizers.Tokenizer(models.BPE(
        {token: i for i, token in enumerate(vocabulary)}, [tuple(m) for m in model["merges"]], ignore_merges=True))
    whole.pre_tokenizer = pre
    whole.decoder = decoders.ByteLevel()
    whole.add_special_tokens([tokenizers.AddedToken(s, normalized=False, special=True) for s in POCKET_SPECIAL])
    return whole.to_str(pretty=True) + "\n"


def main() -> None:
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else POCKET
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(train(), encoding="utf-8")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
