"""Examples as a person looks at them: before, the user's edit, the weak edit, and the words."""

import pathlib
import textwrap

import numpy as np

from rtq.data import records, rendering


def grid(folder: str | pathlib.Path, count: int) -> None:
    """Prints the first `count` examples of a build and writes FOLDER/show.png."""
    from PIL import Image, ImageDraw

    pairs = records.read(folder, count)
    crops = np.stack([crop for _, crop in pairs]).astype(np.float32) / 255
    before = rendering.render(crops, [e.spoil for e, _ in pairs])
    after = rendering.render(before, [e.plan for e, _ in pairs])
    weak = rendering.render(before, [e.weak for e, _ in pairs])
    side = crops.shape[1]
    sheet = Image.new("RGB", (side * 4 + 700, side * len(pairs)), "white")
    pen = ImageDraw.Draw(sheet)
    for i, (example, _) in enumerate(pairs):
        for column, picture in enumerate((crops[i], before[i], after[i], weak[i])):
            sheet.paste(Image.fromarray(np.rint(picture * 255).astype(np.uint8)), (column * side, i * side))
        words = "\n".join(lines(example))
        print(words + "\n")
        wrapped = "\n".join(textwrap.shorten(line, 115) for line in words.split("\n"))
        pen.multiline_text((side * 4 + 8, i * side + 2), wrapped, "black", spacing=0)
    sheet.save(pathlib.Path(folder) / "show.png")


def lines(example) -> list[str]:
    """An example in words."""
    return [
        f"{example.kind} {example.attributes} ({example.key})", *example.requests, f"think: {example.reasoning}",
        f"plan: {example.plan.to_json()}", f"weak: {example.weak.to_json()}",
        f"metrics: {'; '.join(f'{n} {p}%' for n, p in example.metrics)}",
        f"scores: {example.scores} {example.change}", f"weak scores: {example.weak_scores} {example.weak_change}",
        f"feedback: {example.feedback}",
    ]  # fmt: skip
