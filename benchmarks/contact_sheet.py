"""The documentation's pictures: `python benchmarks/contact_sheet.py` writes docs/sliders.jpg and docs/coffee.jpg.

docs/sliders.jpg shows every slider at both ends on a real photo, docs/coffee.jpg the README's plan, before and after.

The photos are scikit-image's astronaut (NASA, public domain) and coffee (Rachel Michetti, CC0); sliders of single hues
are shown on four photos at once: scikit-image's motorcycle, scikit-learn's china and flower (CC BY), and the flower
with its channels swapped, for purple and magenta. Modifiers are shown with the companions of the slider table; black
and white mixers, grading hues and the like do nothing alone.
"""

import pathlib

import numpy as np
from PIL import Image, ImageDraw
from skimage import data
from sklearn.datasets import load_sample_image

from rtq.editor import SLIDERS, Plan, render, render_batch

THUMB = 132
PAIRS_PER_ROW = 7
HUES = ("Red", "Orange", "Yellow", "Green", "Aqua", "Blue", "Purple", "Magenta")
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


def squares() -> tuple[np.ndarray, np.ndarray]:
    """float32[THUMB, THUMB, 3] each: a portrait, and four photos that have every hue between them."""
    half = THUMB // 2
    portrait = Image.fromarray(data.astronaut()).crop((60, 0, 400, 340))
    flower, china = (Image.fromarray(load_sample_image(name)) for name in ("flower.jpg", "china.jpg"))
    flower = flower.crop((150, 0, 570, 420))
    parts = (flower, Image.fromarray(np.asarray(flower)[..., [1, 2, 0]]), china.crop((40, 0, 460, 420)),
             Image.fromarray(data.stereo_motorcycle()[0]).crop((60, 60, 500, 500)))  # fmt: skip
    small = [np.asarray(part.resize((half, half), Image.Resampling.LANCZOS), np.float32) / 255 for part in parts]
    whole = np.asarray(portrait.resize((THUMB, THUMB), Image.Resampling.LANCZOS), np.float32) / 255
    return whole, np.concatenate([np.concatenate(small[:2], 1), np.concatenate(small[2:], 1)], 0)


def sheet() -> Image.Image:
    """Every slider at both ends."""
    portrait, colorful = squares()
    cells = plans()
    rendered = []
    for i in range(0, len(cells), 26):
        part = [plan for _, plan in cells[i:i + 26]]
        part += [Plan()] * (26 - len(part))
        # Pixel sliders (sharpening, noise) are shown as on the thumbnail itself.
        photos = [colorful if any(hue in name for hue in HUES) else portrait for name, _ in cells[i:i + 26]]
        photos += [portrait] * (26 - len(photos))
        rendered += list(np.asarray(render_batch(np.stack(photos), part)))
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
