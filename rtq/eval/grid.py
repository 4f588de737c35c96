"""Sample grids while training: before, after, reference, and the words, as one picture."""

import dataclasses
import textwrap
from collections.abc import Sequence

import numpy as np

from rtq.editor import Plan
from rtq.eval.report import plan_items

GAP, LINE, SIZE = 8, 17, 13  # pixels
PLAIN = str.maketrans({"−": "-", "→": ">", "Δ": "d"})  # what Pillow's own font lacks
INK, SOFT, PAPER = (29, 28, 26), (102, 98, 91), (251, 250, 247)


@dataclasses.dataclass(frozen=True)
class Sample:
    """One row. Photos: uint8 or float32 (0–1) [H, W, 3]; reference: the user's edit. plan: None if unreadable."""

    before: np.ndarray
    after: np.ndarray
    reference: np.ndarray | None
    request: str
    plan: Plan | None
    critique: str = ""


def draw(samples: Sequence[Sample], side: int = 168, words: int = 360) -> np.ndarray:
    """One row per sample: three photos of `side` pixels, then request, plan and critique in `words` pixels.

    Returns:
      uint8[rows, 3·side + words + gaps, 3] for TensorBoard or a PNG file.
    """
    from PIL import Image, ImageDraw, ImageFont

    if not samples:
        raise ValueError("no samples to draw")
    top = GAP + LINE
    sheet = Image.new("RGB", (3 * side + words + 5 * GAP, top + len(samples) * (side + GAP)), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(SIZE)
    for column, title in enumerate(("before", "after", "user's edit", "request, plan, critique")):
        pen.text((GAP + column * (side + GAP), 5), title, SOFT, font)
    characters = max(8, int(words / pen.textlength("n" * 20, font) * 20 * 1.06))
    for row, sample in enumerate(samples):
        y = top + row * (side + GAP)
        for column, photo in enumerate((sample.before, sample.after, sample.reference)):
            if photo is not None:
                sheet.paste(_thumbnail(photo, side), (GAP + column * (side + GAP), y))
        plan = "no readable plan" if sample.plan is None else ", ".join(plan_items(sample.plan)) or "nothing"
        lines = [(line, color) for text, color in ((f"“{sample.request}”", INK), (plan, SOFT), (sample.critique, INK))
                 for line in textwrap.wrap(text, characters)]
        fitting = side // LINE
        if len(lines) > fitting:
            lines = [*lines[:fitting - 1], ("…", SOFT)]
        for number, (line, color) in enumerate(lines):
            pen.text((3 * side + 4 * GAP, y + number * LINE), line.translate(PLAIN), color, font)
    return np.asarray(sheet)


def _thumbnail(photo: np.ndarray, side: int):
    """A square of the photo's middle."""
    from PIL import Image, ImageOps

    if photo.dtype != np.uint8:
        photo = np.rint(np.clip(photo, 0, 1) * 255).astype(np.uint8)
    return ImageOps.fit(Image.fromarray(photo), (side, side), Image.Resampling.LANCZOS)
