"""Examples as rows of tokens: what a model reads, and with a weight what it must write.

    words      request → what will be done, and the plan: reading without a photo
    facts      photo, request → the facts that open the reasoning, no further
    edit       photo, request → reasoning and plan
    correct    weak plan and feedback → what will be done, and the plan: refining without photos
    refine     photo and weak result, its plan and feedback → reasoning and plan
    summarise  photo and edit, and what is measured of both → request, in the studio's plainest words
    change     photo → its facts; an edit → its facts and the measured change, no further
    critique   photo, request → plan, metrics; an edit and what is measured of it → scores
    scores     request → plan, metrics; what is measured of an edit → scores: judging without photos
    vague      edit, of examples with vague requests: what they want stands in the photo alone

The edit of a critique is the user's or the weak one; the judge's plan is the user's.
"""

import dataclasses
import functools
import re

from rtq.data.example import Example
from rtq.data.options import POCKET
from rtq.editor import Plan
from rtq.text import answers, prompts
from rtq.text.facts import CHANGES, FACTS, all_facts, changes_text, facts_text, moves_text, read_facts
from rtq.text.grammar import Options
from rtq.text.tokenizer import Tokenizer

TASKS = ("words", "facts", "edit", "correct", "refine", "summarise", "change", "critique", "scores", "vague")
VERDICT = 3.0  # weight of scores: few beside other tokens, and harder
# What reasoning calls otherwise than people do.
SAID = (("(a little |much )?more mono", "black and white"), ("more shadows", "brighter shadows"),
        ("less shadows", "darker shadows"), ("skin", "skin color"))  # fmt: skip
# What stands for facts where a step writes those it measures (`sft_step.measured`).
PLACES = facts_text(dict.fromkeys(FACTS, 0)), changes_text(dict.fromkeys(CHANGES, 0))


@dataclasses.dataclass(frozen=True)
class Row:
    """One training row.

    Attributes:
      tokens: ids, images as so many image tokens.
      weights: as many: 1 on what the model must write (`VERDICT` on what is harder), 0 on prompts and images.
      edits: plan of the second image, if there is one, on the spoiled photo.
      task: of `TASKS`.
      wanted: of a critique the judge's plan, where a step measures what it changes; else None.
      noise: steps by which that is off, one for each of `CHANGES`.
    """

    tokens: list[int]
    weights: list[float]
    edits: tuple[Plan, ...]
    task: str
    wanted: Plan | None = None
    noise: tuple[int, ...] = (0,) * len(CHANGES)


@dataclasses.dataclass(frozen=True)
class Writer:
    """How rows are written.

    Attributes:
      tokenizer: pocket's or a Hugging Face one.
      image_tokens: tokens of one image.
      options: what plans may hold, told to models that read instructions.
    """

    tokenizer: Tokenizer
    image_tokens: int
    options: Options = POCKET


def words_row(example: Example, writer: Writer, variant: int) -> Row:
    """Request → answer without what is seen; of a vague request nothing can be known that way."""
    prompt = prompts.render(writer.tokenizer, prompts.read(example.requests[variant], writer.options))
    return _row("words", (prompt, 0.0), (_blind_answer(example, writer), 1.0))


def facts_row(example: Example, writer: Writer, variant: int) -> Row:
    """The facts alone; `variant` 0, 1, 2: which of the three requests stands in the prompt."""
    prompt = _render(writer, prompts.edit(example.requests[variant], writer.options))
    return _row("facts", (prompt, 0.0), (writer.tokenizer.encode(f"<think>{example.metrics_reasoning}"), 1.0))


def edit_row(example: Example, writer: Writer, variant: int, task: str = "edit") -> Row:
    """Photo and request → answer."""
    prompt = edit_prompt(example, writer, variant)
    return _row(task, (prompt, 0.0), (_answer(example, writer), 1.0))


def edit_prompt(example: Example, writer: Writer, variant: int) -> list[int]:
    """The prompt of `edit_row` alone, for sampling."""
    return _render(writer, prompts.edit(example.requests[variant], writer.options))


def critique_prompt(example: Example, writer: Writer, variant: int) -> list[int]:
    """The prompt of `critique_row`'s metrics, for sampling."""
    return _render(writer, prompts.critique_metrics(example.requests[variant], writer.options))


def correct_row(example: Example, writer: Writer) -> Row:
    """Weak plan and feedback → answer without what is seen."""
    messages = prompts.correct(example.feedback, example.weak, writer.options)
    prompt = prompts.render(writer.tokenizer, messages)
    return _row("correct", (prompt, 0.0), (_blind_answer(example, writer), 1.0))


def refine_row(example: Example, writer: Writer) -> Row:
    """Photo, result of the weak plan, that plan and feedback → answer."""
    prompt = _render(writer, prompts.refine(example.feedback, example.weak, writer.options))
    return _row("refine", (prompt, 0.0), (_answer(example, writer), 1.0), edits=(example.weak,))


def summarise_row(example: Example, writer: Writer) -> Row:
    """Before and after, and what is measured of both → request."""
    change = "".join(PLACES) if measured_in_step(writer.tokenizer) else example.change
    prompt = _render(writer, prompts.summarise(example.metrics_reasoning + change))
    reply = prompts.reply(writer.tokenizer, answers.request_text(plainly(example)))
    return _row("summarise", (prompt, 0.0), (reply, 1.0), edits=(example.plan,))


def plainly(example: Example) -> str:
    """"much less saturation, more warmth": the wish in the words of the reasoning, but as people say it.

    One way to say it: of the studio's thousands of ways a model this small writes the likeliest beginning and loses
    what it was to say.
    """
    text = _done(example).strip().rstrip(".")
    for pattern, words in SAID:
        text = re.sub(pattern, words, text)
    return text


def change_row(example: Example, writer: Writer, edit: Plan | None, weak: bool) -> Row:
    """A critique without request, metrics and scores: what is seen, and what changed.

    edit: is shown instead of the user's or the weak edit where a step measures what changed.
    """
    t = writer.tokenizer
    if edit is None or not measured_in_step(t):
        edit = example.weak if weak else example.plan
    return _row(
        "change", (_render(writer, prompts.critique_metrics("")), 0.0),
        (prompts.reply(t, f"<think>{example.metrics_reasoning}</think>"), 1.0),
        (prompts.scores_turn(t, writer.image_tokens), 0.0), (t.encode(f"<think>{_change(example, t, weak)}"), 1.0),
        edits=(edit,))  # fmt: skip


def critique_row(example: Example, writer: Writer, variant: int, weak: bool) -> Row:
    """Photo and request → plan and metrics; then the user's or the weak edit → scores."""
    t = writer.tokenizer
    in_step = measured_in_step(t)
    metrics = answers.metrics_text(*zip(*example.metrics, strict=True), example.plan, example.reasoning)
    should, change = (dict.fromkeys(CHANGES, 0) if in_step else read_facts(text)[1]
                      for text in (example.change, example.weak_change if weak else example.change))  # fmt: skip
    turn = prompts.scores_turn(t, writer.image_tokens, moves_text(should, change))
    scores = answers.scores_text(example.weak_scores if weak else example.scores, texts=prompts.score_texts(t))
    row = _row(
        "critique", (critique_prompt(example, writer, variant), 0.0), (prompts.reply(t, metrics), 1.0), (turn, 0.0),
        (prompts.reply(t, scores), VERDICT), edits=(example.weak if weak else example.plan,))  # fmt: skip
    return dataclasses.replace(row, wanted=example.plan if in_step else None)


def scores_row(example: Example, writer: Writer, variant: int, weak: bool) -> Row:
    """A critique without photos: what is measured is given, what it is worth follows from the words."""
    t = writer.tokenizer
    row = critique_row(example, writer, variant, weak)
    hidden, facts = {t.vision_start_id, t.image_id, t.vision_end_id}, _fact_ids(t)
    kept = [(i, 0.0 if i in facts else w) for i, w in zip(row.tokens, row.weights, strict=True) if i not in hidden]
    tokens, weights = (list(column) for column in zip(*kept, strict=True))
    return dataclasses.replace(row, tokens=tokens, weights=weights, task="scores")


@functools.cache
def measured_in_step(tokenizer: Tokenizer) -> bool:
    """Whether facts are single tokens, so that steps can write what they measure into rows."""
    return len(tokenizer.encode(facts_text({"luma": 0}))) == 1


@functools.cache
def _fact_ids(tokenizer: Tokenizer) -> frozenset[int]:
    """Tokens that are facts; none where facts are not single tokens."""
    if not measured_in_step(tokenizer):
        return frozenset()
    return frozenset(tokenizer.encode("".join(all_facts())))


def _change(example: Example, tokenizer: Tokenizer, weak: bool) -> str:
    """Facts of an edit, and what changed."""
    if measured_in_step(tokenizer):
        return "".join(PLACES)
    return example.weak_change if weak else example.change


def row_of(task: str, example: Example, writer: Writer, variant: int, weak: bool, edit: Plan | None = None) -> Row:
    """The row of an example for a task of `TASKS`; edit: as in `change_row`."""
    make = {
        "words": lambda: words_row(example, writer, variant),
        "facts": lambda: facts_row(example, writer, variant), "edit": lambda: edit_row(example, writer, variant),
        "correct": lambda: correct_row(example, writer), "refine": lambda: refine_row(example, writer),
        "summarise": lambda: summarise_row(example, writer),
        "change": lambda: change_row(example, writer, edit, weak),
        "critique": lambda: critique_row(example, writer, variant, weak),
        "scores": lambda: scores_row(example, writer, variant, weak),
        "vague": lambda: edit_row(example, writer, variant, "vague"),
    }  # fmt: skip
    if task not in make:
        raise ValueError(f"task: {task!r} is unknown; allowed: {', '.join(TASKS)}")
    return make[task]()


def _render(writer: Writer, messages: prompts.Messages) -> list[int]:
    images = sum(part["type"] == "image" for m in messages if m["role"] == "user" for part in m["content"])
    return prompts.render(writer.tokenizer, messages, [writer.image_tokens] * images)


def _answer(example: Example, writer: Writer) -> list[int]:
    return prompts.reply(writer.tokenizer, answers.answer_text(example.plan, example.reasoning))


def _blind_answer(example: Example, writer: Writer) -> list[int]:
    """What will be done, and the plan."""
    return prompts.reply(writer.tokenizer, answers.answer_text(example.plan, " " + _done(example)))


def _done(example: Example) -> str:
    """The end of the reasoning: "a little more warmth, less haze in the sky."."""
    return example.reasoning.strip().split(". ")[-1].rpartition("] ")[2]


def _row(task: str, *parts: tuple[list[int], float], edits: tuple[Plan, ...] = ()) -> Row:
    tokens = [i for ids, _ in parts for i in ids]
    return Row(tokens, [float(weight) for ids, weight in parts for _ in ids], edits, task)
