"""The documentation's pictures: `python benchmarks/contact_sheet.py` writes docs/sliders.jpg and docs/coffee.jpg.

docs/sliders.jpg shows every slider at both ends on a real photo, docs/coffee.jpg the README's plan, before and after.

The photos are scikit-image's astronaut (NASA, public domain) and coffee (Rachel Michetti, CC0). Modifiers are shown
with the companions of the slider table; black and white mixers, grading hues and the like do nothing alone.
"""

import pathlib

import numpy as np
from PIL import Image, ImageDraw
from skimage import data

from rtq.editor import SLIDERS, Plan, render, render_batch

THUMB = 132
PAIRS_PER_ROW = 7
DOCS = pathlib.Path(__file__).parents[1] / "docs"
README_PLAN = Plan.from_json(
    '{"v":1,"Temperature":-25,"Exposure":0.4,"Contrast":15,"Highlights":-40,"Shadows":35,"Vibrance":25,"Sharpness":40,'
    '"VignetteAmount":-25,"local":[{"mask":[{"radial":[465,520,330,420,0,60],"invert":true}],"Exposure":-0.6}]}')


def plans() -> list[tuple[str, Plan]]:
    """(caption, plan) for both ends of every slider."""
    out = []
    for row in SLIDERS:
        for value in (row.lo, row.hi):
            out.append((f"{row.name} {value:g}", Plan(dict(row.companions) | {row.name: value})))
    return out


def sheet() -> Image.Image:
    """Every slider at both ends."""
    photo = np.asarray(Image.fromarray(data.astronaut()).crop((60, 0, 400, 340)).resize((THUMB, THUMB), Image.LANCZOS))
    photo = photo.astype(np.float32) / 255
    cells = plans()
    rendered = []
    for i in range(0, len(cells), 26):
        part = [plan for _, plan in cells[i:i + 26]]
        part += [Plan()] * (26 - len(part))
        # Pixel sliders (sharpening, noise) are shown as on the thumbnail itself.
        rendered += list(np.asarray(render_batch(np.stack([photo] * 26), part)))
    columns = PAIRS_PER_ROW * 2
    rows = -(-len(cells) // columns)
    picture = Image.new("RGB", (columns * (THUMB + 4), rows * (THUMB + 16)), "white")
    draw = ImageDraw.Draw(picture)
    for i, (caption, _) in enumerate(cells):
        x, y = i % columns * (THUMB + 4) + 2, i // columns * (THUMB + 16)
        pixels = np.round(np.clip(rendered[i], 0, 1) * 255).astype(np.uint8)
        picture.paste(Image.fromarray(pixels), (x, y + 13))
        draw.text((x, y + 1), caption, fill="black")
    return picture


def before_after() -> Image.Image:
    """The README's plan on the coffee photo, side by side."""
    photo = data.coffee()
    return Image.fromarray(np.concatenate([photo, np.full((photo.shape[0], 8, 3), 255, np.uint8),
                                           render(photo, README_PLAN)], axis=1))


if __name__ == "__main__":
    before_after().save(DOCS / "coffee.jpg", quality=88)
    sheet().save(DOCS / "sliders.jpg", quality=80)
    print(f"{len(SLIDERS)} sliders; {README_PLAN.to_json()}")
