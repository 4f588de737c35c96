"""Small drawn scenes as photo files, and a build of the studio from them."""

import functools
import pathlib
import tempfile

import numpy as np
from PIL import Image

from rtq.data import photos, rows, studio
from rtq.text import tokenizer

SIZE = 56
KINDS = {"one": 0.4, "compound": 0.3, "described": 0.1, "vague": 0.2}


def scene(number: int) -> np.ndarray:
    """uint8[96, 128, 3]: sky, ground, a disc and some texture, different for each number."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[0:96, 0:128] / 96
    sky, ground, disc = rng.uniform(0.1, 0.9, (3, 3))
    out = np.where((y < rng.uniform(0.3, 0.7))[..., None], sky * (1 - 0.4 * y[..., None]), ground)
    inside = (x - rng.uniform(0.3, 1)) ** 2 + (y - 0.5) ** 2 < rng.uniform(0.02, 0.1)
    out = np.where(inside[..., None], disc, out) + rng.normal(0, 0.05, (96, 128, 1))
    return (np.clip(out, 0, 1) * 255).astype(np.uint8)


def write_scenes(folder: pathlib.Path, count: int) -> str:
    """A folder of `count` scenes."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.fromarray(scene(i)).save(folder / f"scene{i:02d}.png")
    return str(folder)


@functools.cache
def build(count: int = 40, split: str = "train") -> str:
    """A folder with a build of `count` examples, made once per session of tests."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rtq-data-"))
    found = photos.sources(write_scenes(folder / "photos", 12))
    studio.build(found, folder / "out", count=count, seed=0, split=split, size=SIZE, kinds=KINDS)
    return str(folder / "out")


def writer() -> rows.Writer:
    """Pocket's tokenizer; four tokens an image."""
    return rows.Writer(tokenizer.load(), 4)
