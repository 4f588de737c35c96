"""What models are asked, as chat messages, and as token ids.

Messages are those of Hugging Face chat templates: `{"role", "content"}`, a user's content being a list of images
(placeholders) and texts. The system message also names its `task`; pocket's compact template writes that as one token
in place of the instruction, and marks turns with single tokens:

    <|bos|><|edit|> photo request <|reply|> answer <|eos|>
    <|bos|><|critique|> photo request <|reply|> plan, metrics <|eos|> edit, changes <|reply|> scores <|eos|>

In a critique everything up to the edit is one prefix, shared by all edits that are compared. The edit comes with what
is measured of it: each change beside that of the judge's own plan.
"""

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from rtq.editor import Plan
from rtq.editor.plan import MASK_NUMBERS, VERSION
from rtq.editor.sliders import LOCAL_SLIDERS, SLIDERS, Slider
from rtq.text.grammar import DIGITS, EVERYTHING, MASK_GRID, WORDS, Options
from rtq.text.tokenizer import Tokenizer

Messages = list[dict[str, Any]]
IMAGE = {"type": "image"}


def edit(request: str, options: Options = EVERYTHING) -> Messages:
    """One image: the photo. `options`: what the grammar allows the policy, told to it here."""
    return [_system("edit", f"{_EDIT} {_plan_help(options)} {_FORM}"), _user(IMAGE, _words(request))]


def read(request: str, options: Options = EVERYTHING) -> Messages:
    """`edit` without the photo: what the words alone ask for."""
    return [_system("edit", f"{_EDIT} {_plan_help(options)} {_FORM}"), _user(_words(request))]


def question(words: str) -> Messages:
    """One image, and free words about it; pocket, which knows tasks only, takes them for a request to edit."""
    return [_system("edit", "You look at photographs and answer briefly."), _user(IMAGE, _words(words))]


def refine(feedback: str, plan: Plan, options: Options = EVERYTHING) -> Messages:
    """Two images: the photo, and the result of `plan` on it that the feedback is about."""
    system = _system("refine", f"{_REFINE} {_plan_help(options)} {_FORM}")
    return [system, _user(IMAGE, IMAGE, _words(f"{plan.to_json()}\n{feedback}"))]


def correct(feedback: str, plan: Plan, options: Options = EVERYTHING) -> Messages:
    """`refine` without the photos: what plan and feedback alone say."""
    system = _system("refine", f"{_REFINE} {_plan_help(options)} {_FORM}")
    return [system, _user(_words(f"{plan.to_json()}\n{feedback}"))]


def summarise(measured: str) -> Messages:
    """Two images: before and after. measured: of both, facts before, facts after, changes, by `facts`."""
    return [_system("summarise", _SUMMARISE), _user(IMAGE, IMAGE, _measured(measured))]


def critique_metrics(request: str, options: Options = EVERYTHING) -> Messages:
    """One image: the photo. The reply says what the judge itself would do, and what matters in this case."""
    return [_system("critique", f"{_CRITIQUE} {_plan_help(options)}"), _user(IMAGE, _words(request))]


def critique_scores(request: str, metrics: str, measured: str = "", options: Options = EVERYTHING) -> Messages:
    """Two images: the photo, and the edit to be scored. `metrics` is the reply to `critique_metrics`; measured: of the
    edit, by `facts.moves_text`."""
    shown = (IMAGE, _measured(measured)) if measured else (IMAGE,)
    return [*critique_metrics(request, options), {"role": "assistant", "content": metrics}, _user(*shown)]


def render(tokenizer: Tokenizer, messages: Messages, image_tokens: Sequence[int] = ()) -> list[int]:
    """Token ids of the messages, ready for the model's reply.

    Args:
      image_tokens: how many tokens each image takes, in order.

    Raises:
      ValueError: not as many numbers as images.
    """
    clean = [_clean(tokenizer, message) for message in messages]
    if tokenizer.chat is None:
        text = "".join(map(_compact, clean))
    else:
        text = tokenizer.chat(clean, add_generation_prompt=True)
    ids = tokenizer.encode(text)
    images = ids.count(tokenizer.image_id)
    if images != len(image_tokens):
        raise ValueError(f"{len(image_tokens)} image sizes for a prompt of {images} images")
    sizes = iter(image_tokens)
    return [i for token in ids for i in [token] * (next(sizes) if token == tokenizer.image_id else 1)]


def reply(tokenizer: Tokenizer, text: str) -> list[int]:
    """Token ids of a reply, the end included: what a model should write after `render`."""
    return [*tokenizer.encode(text), tokenizer.eos_id]


def scores_turn(tokenizer: Tokenizer, image_tokens: int, measured: str = "") -> list[int]:
    """What stands between the end of the metrics' reply and the scores' reply: the turn that shows the edit.

    `render(critique_metrics(r), [a]) + reply(m) + scores_turn(b, s)` is `render(critique_scores(r, m, s), [a, b])`.
    """
    before = render(tokenizer, critique_metrics(""), [1]) + reply(tokenizer, "<metrics>")
    whole = render(tokenizer, critique_scores("", "<metrics>", measured), [1, image_tokens])
    if whole[: len(before)] != before:
        raise ValueError("the chat template changes earlier turns; critiques need one that only appends")
    return whole[len(before) :]


def score_texts(tokenizer: Tokenizer) -> tuple[str, ...]:
    """How scores 0 to 10 are written so that each is one token: digits, else (where 10 is two tokens) words.

    Raises:
      ValueError: neither are single tokens.
    """
    for texts in (DIGITS, WORDS):
        if all(len(tokenizer.encode(text)) == 1 for text in texts):
            return texts
    raise ValueError("the tokenizer has single tokens neither for 0 to 10 nor for zero to ten")


def score_ids(tokenizer: Tokenizer) -> list[int]:
    """The eleven token ids of `score_texts`."""
    return [tokenizer.encode(text)[0] for text in score_texts(tokenizer)]


def _system(task: str, content: str) -> dict[str, Any]:
    return {"role": "system", "task": task, "content": content}


def _user(*parts: Mapping[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": [dict(part) for part in parts]}


def _words(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _measured(text: str) -> dict[str, Any]:
    return {**_words(text), "measured": True}


def _clean(tokenizer: Tokenizer, message: dict[str, Any]) -> dict[str, Any]:
    """The message with the user's words made harmless; what is measured is no person's words."""
    if message["role"] != "user":
        return message

    def part(p):
        if p["type"] != "text":
            return p
        return _words(p["text"] if "measured" in p else tokenizer.plain(p["text"]))

    return {**message, "content": [part(p) for p in message["content"]]}


def _compact(message: Mapping[str, Any]) -> str:
    if message["role"] == "system":
        return f"<|bos|><|{message['task']}|>"
    if message["role"] == "assistant":
        return message["content"] + "<|eos|>"
    image = "<|vision_start|><|image_pad|><|vision_end|>"
    return "".join(image if p["type"] == "image" else p["text"] for p in message["content"]) + "<|reply|>"


def _ranges(rows: Sequence[Slider], names: Sequence[str], local: bool) -> str:
    """Sliders in table order with their ranges: "Tint (-100 to 100); Exposure (-5 to 5 in steps of 0.05); …"."""

    def allowed(row: Slider) -> str:
        lo, hi = row.local if local else (row.lo, row.hi)
        return f"{lo:g} to {hi:g}" + ("" if row.step == 1 else f" in steps of {row.step:g}")

    runs = itertools.groupby((row for row in rows if row.name in names), allowed)
    return "; ".join(f"{', '.join(row.name for row in run)} ({words})" for words, run in runs)


def _mask_help(kind: str) -> str:
    """`"luminance":[lo,hi,feather] (0 to 100 in steps of 10, …)`, from the masks' grid."""
    parts = []
    for (name, _, _), grid in zip(MASK_NUMBERS[kind], MASK_GRID[kind], strict=True):
        parts.append(f"{name} {grid[0]} to {grid[-1]} by {grid[1] - grid[0]}")
    return f'{{"{kind}":[{",".join(name for name, _, _ in MASK_NUMBERS[kind])}]}} ({", ".join(parts)})'


@functools.lru_cache(maxsize=8)
def _plan_help(options: Options) -> str:
    """How a plan is written and what it may hold."""
    sliders = _ranges(SLIDERS, options.sliders, local=False)
    text = f'A plan is compact JSON, {{"v":{VERSION},"Contrast":10}}. Sliders, those that change, in order: {sliders}.'
    masks = [_mask_help(kind) for kind in options.kinds]
    if options.regions:
        masks.append(f'{{"region":name}} (one of {", ".join(options.regions)})')
    if not (masks and options.max_locals and options.local_sliders):
        return text
    return (
        f'{text} Then up to {options.max_locals} local adjustments, "local":[{{"mask":[MASK],"Exposure":-0.5}}], where '
        f"MASK is one of {'; '.join(masks)}; places are thousandths of width and height; their sliders: "
        f"{_ranges(LOCAL_SLIDERS, options.local_sliders, local=True)}."
    )


_FORM = (
    "First reason briefly about what you see and what is asked. Write exactly: "
    "<think>reasoning</think><answer>plan</answer>"
)
_EDIT = "You retouch photos. You see a photo and a request; answer with a plan that fulfils it."
_REFINE = (
    "You retouch photos. You see a photo, the result of a plan on it, that plan, and feedback; answer with a new whole "
    "plan for the first photo."
)
_SUMMARISE = (
    "You see a photo before and after retouching, and what is measured of both. Write the request that a person would "
    "have made, exactly: <request>words</request>"
)
_CRITIQUE = (
    "You judge retouching. You see a photo and a request. First write the plan with which you would fulfil it, and "
    "what matters in this case, one to five metrics with weights that sum to 100: <think>what you see and would do"
    "</think><answer>plan</answer><metrics>name (40%);name (60%)</metrics>. Then you see an edit, and measured of it, "
    "three numbers each, what your plan changes, what the edit changes, and the difference. Score it from 0 to 10 on "
    "each metric in turn: <think>why</think><scores>7,8</scores>"
)
