"""Examples as rows of tokens: what a model reads, and with a weight what it must write.

    words      request → what will be done, and the plan: reading without a photo
    facts      photo, request → the facts that open the reasoning, no further
    edit       photo, request → reasoning and plan
    refine     photo and weak result, its plan and feedback → reasoning and plan
    summarise  photo and edit → request
    change     photo → its facts; an edit → its facts and the measured change, no further
    critique   photo, request → what should change, metrics; an edit → its facts, changes and their errors, scores
    scores     request, facts → what should change, metrics; facts, changes → errors, scores: judging without a photo

The edit of a critique is the user's or the weak one; what should change is what the user's does, and errors are how far
the edit is from that.
"""

import dataclasses
import functools

from rtq.data.example import Example
from rtq.data.options import POCKET
from rtq.editor import Plan
from rtq.text import answers, prompts
from rtq.text.facts import CHANGES, FACTS, MAX_CHANGE, all_facts, changes_text, facts_text, read_facts
from rtq.text.grammar import Options
from rtq.text.tokenizer import Tokenizer

TASKS = ("words", "facts", "edit", "refine", "summarise", "change", "critique", "scores")
VERDICT = 3.0  # weight of what should change, of changes and of scores: few beside other tokens, and harder
# What stands for facts where a step writes those it measures (`sft_step.measured`).
PLACES = facts_text(dict.fromkeys(FACTS, 0)), changes_text(dict.fromkeys(CHANGES, 0))
# How these weigh in a critique, in the order in which they stand there: the photo's facts, what should change, the
# edit's facts, and of each change what it should be, what it is, and its error; with photos, and where facts and
# changes are given.
SEEING = (1.0,) * len(FACTS) + (VERDICT,) * len(CHANGES) + (1.0,) * len(FACTS) + (VERDICT,) * 3 * len(CHANGES)
GIVEN = (0.0,) * len(FACTS) + (VERDICT,) * len(CHANGES) + (0.0,) * len(FACTS) + (VERDICT, 0.0, VERDICT) * len(CHANGES)
IMAGES = {"words": 0, "facts": 1, "edit": 1, "refine": 2, "summarise": 2, "change": 2, "critique": 2,
          "scores": 0}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Row:
    """One training row.

    Attributes:
      tokens: ids, images as so many image tokens.
      weights: as many: 1 on what the model must write (`VERDICT` on what is harder), 0 on prompts and images.
      edits: plan of the second image, if there is one, on the spoiled photo.
      task: of `TASKS`.
      wanted: of a critique the user's plan, whose changes are wanted; else None.
      noise: steps by which a model that goes on from what it should want is misled, one for each of `CHANGES`.
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
    answer = answers.answer_text(example.plan, " " + example.reasoning.strip().split(". ")[-1].rpartition("] ")[2])
    return _row("words", (prompt, 0.0), (prompts.reply(writer.tokenizer, answer), 1.0))


def facts_row(example: Example, writer: Writer, variant: int) -> Row:
    """The facts alone; `variant` 0, 1, 2: which of the three requests stands in the prompt."""
    prompt = _render(writer, prompts.edit(example.requests[variant], writer.options))
    return _row("facts", (prompt, 0.0), (writer.tokenizer.encode(f"<think>{example.metrics_reasoning}"), 1.0))


def edit_row(example: Example, writer: Writer, variant: int) -> Row:
    """Photo and request → answer."""
    prompt = edit_prompt(example, writer, variant)
    return _row("edit", (prompt, 0.0), (_answer(example, writer), 1.0))


def edit_prompt(example: Example, writer: Writer, variant: int) -> list[int]:
    """The prompt of `edit_row` alone, for sampling."""
    return _render(writer, prompts.edit(example.requests[variant], writer.options))


def critique_prompt(example: Example, writer: Writer, variant: int) -> list[int]:
    """The prompt of `critique_row`'s metrics, for sampling."""
    return _render(writer, prompts.critique_metrics(example.requests[variant]))


def refine_row(example: Example, writer: Writer) -> Row:
    """Photo, result of the weak plan, that plan and feedback → answer."""
    prompt = _render(writer, prompts.refine(example.feedback, example.weak, writer.options))
    return _row("refine", (prompt, 0.0), (_answer(example, writer), 1.0), edits=(example.weak,))


def summarise_row(example: Example, writer: Writer, variant: int) -> Row:
    """Before and after → request."""
    text = answers.request_text(example.requests[variant])
    prompt = _render(writer, prompts.summarise())
    return _row("summarise", (prompt, 0.0), (prompts.reply(writer.tokenizer, text), 1.0), edits=(example.plan,))


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
    """Photo and request → what should change and metrics; then the user's or the weak edit → errors and scores."""
    row = _critique_row(example, writer, variant, weak)
    return _weighed(row, writer.tokenizer, SEEING)


def scores_row(example: Example, writer: Writer, variant: int, weak: bool) -> Row:
    """A critique without photos: facts and changes are given, what they are worth follows from the words."""
    t = writer.tokenizer
    row = _critique_row(example, writer, variant, weak)
    hidden = {t.vision_start_id, t.image_id, t.vision_end_id}
    kept = [pair for pair in zip(row.tokens, row.weights, strict=True) if pair[0] not in hidden]
    tokens, weights = (list(column) for column in zip(*kept, strict=True))
    return _weighed(dataclasses.replace(row, tokens=tokens, weights=weights, task="scores"), t, GIVEN)


def _critique_row(example: Example, writer: Writer, variant: int, weak: bool) -> Row:
    t = writer.tokenizer
    wanted, judged = _moves(example, t, weak)
    metrics = answers.metrics_text(*zip(*example.metrics, strict=True), example.metrics_reasoning + wanted)
    values = example.weak_scores if weak else example.scores
    scores = answers.scores_text(values, judged, prompts.score_texts(t))
    row = _row(
        "critique", (critique_prompt(example, writer, variant), 0.0),
        (prompts.reply(t, metrics), 1.0), (prompts.scores_turn(t, writer.image_tokens), 0.0),
        (prompts.reply(t, scores), VERDICT), edits=(example.weak if weak else example.plan,))  # fmt: skip
    return dataclasses.replace(row, wanted=example.plan)


def _weighed(row: Row, tokenizer: Tokenizer, weights: tuple[float, ...]) -> Row:
    """The row with its facts weighed in their order; as it is where facts are not single tokens."""
    fact_ids, following = _fact_ids(tokenizer), iter(weights)
    return dataclasses.replace(
        row, weights=[next(following) if i in fact_ids else w for i, w in zip(row.tokens, row.weights, strict=True)]
    )


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


def _moves(example: Example, tokenizer: Tokenizer, weak: bool) -> tuple[str, str]:
    """What should change; facts of an edit, and of each change what it should be, what it is, and the error: the
    difference. Side by side, since a small model subtracts neighbours sooner than it looks numbers up."""
    in_step = measured_in_step(tokenizer)
    texts = ["".join(PLACES)] * 2 if in_step else [_change(example, tokenizer, which) for which in (False, weak)]
    (_, wanted), (levels, sizes) = map(read_facts, texts)
    errors = {name: max(-MAX_CHANGE, min(MAX_CHANGE, size - wanted[name])) for name, size in sizes.items()}
    sums = [changes_text({name: value}) for name in sizes for value in (wanted[name], sizes[name], errors[name])]
    return changes_text(wanted), facts_text(levels) + "".join(sums)


def row_of(task: str, example: Example, writer: Writer, variant: int, weak: bool, edit: Plan | None = None) -> Row:
    """The row of an example for a task of `TASKS`; edit: as in `change_row`."""
    make = {
        "words": lambda: words_row(example, writer, variant),
        "facts": lambda: facts_row(example, writer, variant), "edit": lambda: edit_row(example, writer, variant),
        "refine": lambda: refine_row(example, writer), "summarise": lambda: summarise_row(example, writer, variant),
        "change": lambda: change_row(example, writer, edit, weak),
        "critique": lambda: critique_row(example, writer, variant, weak),
        "scores": lambda: scores_row(example, writer, variant, weak),
    }  # fmt: skip
    if task not in make:
        raise ValueError(f"task: {task!r} is unknown; allowed: {', '.join(TASKS)}")
    return make[task]()


def _render(writer: Writer, messages: prompts.Messages) -> list[int]:
    images = sum(part["type"] == "image" for m in messages if m["role"] == "user" for part in m["content"])
    return prompts.render(writer.tokenizer, messages, [writer.image_tokens] * images)


def _answer(example: Example, writer: Writer) -> list[int]:
    return prompts.reply(writer.tokenizer, answers.answer_text(example.plan, example.reasoning))


def _row(task: str, *parts: tuple[list[int], float], edits: tuple[Plan, ...] = ()) -> Row:
    tokens = [i for ids, _ in parts for i in ids]
    return Row(tokens, [float(weight) for ids, weight in parts for _ in ids], edits, task)
