"""A byte-level tokenizer of Qwen2.5's size and special tokens made locally, for proofs and benchmarks.

The published vocabulary is not in the package. This one has its shape: 256 bytes, merges learned from text, single
digits, CamelCase pieces, runs of punctuation, several scripts; and the same special tokens at the same ids.
"""

import itertools
import json
import pathlib

from rtq.editor.plan import MASK_KINDS
from rtq.editor.sliders import SLIDERS
from rtq.text import prose
from rtq.text.grammar import WORDS
from rtq.text.tokenizer import Tokenizer, byte_characters, load

REGULAR = 151_643  # ids of text; special tokens follow
SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
PRE_SPLIT = (  # Qwen2.5's
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for part in m['content'] %}{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write(folder: str | pathlib.Path, regular: int = REGULAR) -> Tokenizer:
    """Writes it to a folder as Hugging Face folders have it, and loads it from there.

    regular: ids of text, at least 6,000; fewer than Qwen's for tests in which its size is of no account.
    """
    import tokenizers  # compiled libraries, seconds to import
    import transformers
    from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

    pre = pre_tokenizers.Sequence([
        pre_tokenizers.Split(tokenizers.Regex(PRE_SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    learner = tokenizers.Tokenizer(models.BPE())
    learner.normalizer, learner.pre_tokenizer = normalizers.NFC(), pre
    learner.train_from_iterator(_text(), trainers.BpeTrainer(
        vocab_size=6000, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))  # fmt: skip
    base = learner.get_vocab()
    vocabulary = sorted(base, key=base.get)
    vocabulary += itertools.islice((t for t in _filler() if t not in base), regular - len(vocabulary))
    learner.model = models.BPE({t: i for i, t in enumerate(vocabulary)}, _merges(learner), ignore_merges=True)
    learner.decoder = decoders.ByteLevel()
    learner.add_special_tokens([tokenizers.AddedToken(s, normalized=False, special=True) for s in SPECIAL])
    hf = transformers.PreTrainedTokenizerFast(
        tokenizer_object=learner, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=CHAT_TEMPLATE)
    hf.save_pretrained(folder)
    return load(pathlib.Path(folder))


def _merges(learner) -> list[tuple[str, str]]:
    return [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]


def _text():
    yield from itertools.islice(prose.sentences(), 20_000)
    entries = [f'"{row.name}":{value}' for row in SLIDERS for value in (-50, 7, 100)]
    for i in range(0, 4000):
        chosen = ",".join(entries[(i * 7 + k * 13) % len(entries)] for k in range(4))
        yield f'<think></think><answer>{{"v":1,{chosen}}}</answer>'
        yield f',"local":[{{"mask":[{{"{MASK_KINDS[i % len(MASK_KINDS)]}":[500,0,500,50]}}],{chosen}}}]}}</answer>'
        yield f"<metrics>{chosen} (40%);</metrics><scores>7,8,10</scores><request></request>"


def _filler():
    """Distinct tokens in endless supply: punctuation runs, other scripts, then syllables joined to words."""
    characters = byte_characters()

    def token(text: str) -> str:
        return "".join(characters[b] for b in text.encode())

    marks = "{}[]()<>/\\\"':;,.-+=*&^%$#@!?|~`_"
    texts = [*WORDS] + [a + b for a in marks for b in marks]
    texts += [a + b + c for a in '{}[],":<>/()' for b in marks for c in marks]
    texts += [" " * n for n in range(2, 80)] + ["\n" * n for n in range(2, 20)] + ["-" * n for n in range(4, 80)]
    texts += [chr(c) for c in itertools.chain(range(0xA0, 0x600), range(0x4E00, 0x7E00), range(0xAC00, 0xB800))]
    texts += [chr(c) + chr(c + 7) for c in range(0x4E00, 0x6E00)]
    syllables = [a + b for a in "bcdfghjklmnprstvwz" for b in ("a", "e", "i", "o", "u", "an", "er", "in", "on")]
    pairs = (a + b for a in syllables for b in syllables)
    words = (form for word in pairs for form in (word, " " + word, " " + word.capitalize(), word.capitalize()))
    triples = (" " + a + b + c for a in syllables for b in syllables for c in syllables)
    seen = set()
    for text in itertools.chain(texts, words, triples):
        if (name := token(text)) not in seen:
            seen.add(name)
            yield name
