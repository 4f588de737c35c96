"""Where training photos come from, and on which side of the split each stands."""

import dataclasses
import functools
import hashlib
import importlib
import pathlib
import warnings
from collections.abc import Callable, Sequence

import numpy as np

from rtq.photos import SUFFIXES, PhotoError, PhotoWarning, read

LONG_SIDE = 1024
SPLITS = ("train", "validation", "test")
SHARES = (0.8, 0.1, 0.1)
# Colour photographs that the two packages bundle; their other pictures are drawings, textures, text or microscopy.
SKIMAGE = ("astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "motorcycle_left.png", "rocket.jpg")
SKLEARN = ("china.jpg", "flower.jpg")


@dataclasses.dataclass(frozen=True)
class Source:
    """One photo.

    Attributes:
      key: stable name, by which photos are split.
      load: gives uint8[H, W, 3] sRGB, long side at most `LONG_SIDE`.
    """

    key: str
    load: Callable[[], np.ndarray]


def sources(folder: str | None) -> list[Source]:
    """Every photo file of a folder and its subfolders; None: the photographs that scikit-image and scikit-learn bundle.

    Raises:
      ValueError: one line: no such folder, no photo in it, or a bundled photo is missing.
    """
    if folder is None:
        return _bundled()
    root = pathlib.Path(folder)
    if not root.is_dir():
        raise ValueError(f"photos: {root} is not a folder")
    paths = sorted(p for p in root.rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES)
    if not paths:
        raise ValueError(f"photos: no photo in {root}; looked for {', '.join(sorted(SUFFIXES))}")
    return [_source(path.relative_to(root).as_posix(), path) for path in paths]


def _source(key: str, path: pathlib.Path) -> Source:
    return Source(key, functools.cache(functools.partial(_load, path)))


def _bundled() -> list[Source]:
    found = []
    for package, names, where in (("skimage", SKIMAGE, "data"), ("sklearn", SKLEARN, "datasets/images")):
        try:
            module = importlib.import_module(package)
        except ImportError as error:
            raise ValueError(f"photos: no {package} ({error}); give a folder of photos instead") from error
        folder = pathlib.Path(module.__file__).parent / where
        for name in names:
            if not (folder / name).is_file():
                raise ValueError(f"photos: {folder / name} is missing; give a folder of photos instead")
            found.append(_source(f"{package}/{name}", folder / name))
    return found


def _load(path: pathlib.Path) -> np.ndarray:
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PhotoWarning)
        pixels = read(path).pixels
    if pixels.dtype != np.uint8:
        scale = 1.0 if pixels.dtype == np.float32 else 1 / np.iinfo(pixels.dtype).max
        pixels = np.rint(np.clip(pixels.astype(np.float32) * scale, 0, 1) * 255).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.BICUBIC)
    return np.asarray(image)


def readable(found: Sequence[Source]) -> tuple[list[Source], list[str]]:
    """(the photos that can be read, one line for each of the others). Reads all of them."""
    good, bad = [], []
    for source in found:
        try:
            source.load()
            good.append(source)
        except PhotoError as error:
            bad.append(str(error))
    return good, bad


def split_of(key: str, seed: int) -> str:
    """The side of a photo: a hash of its key and the seed, 80% train, 10% validation, 10% test."""
    digest = hashlib.sha256(f"{seed}/{key}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    return SPLITS[0] if place < SHARES[0] else SPLITS[1] if place < SHARES[0] + SHARES[1] else SPLITS[2]


def split(found: Sequence[Source], seed: int) -> dict[str, list[Source]]:
    """Split → photos, by `split_of`; of three photos or more each side gets at least one.

    Raises:
      ValueError: fewer than three photos.
    """
    if len(found) < len(SPLITS):
        raise ValueError(f"photos: {len(found)} of them; at least {len(SPLITS)} are needed, one for each of "
                         f"{', '.join(SPLITS)}")  # fmt: skip
    sides: dict[str, list[Source]] = {name: [] for name in SPLITS}
    for source in found:
        sides[split_of(source.key, seed)].append(source)
    for name in SPLITS:
        if not sides[name]:
            largest = max(sides.values(), key=len)
            sides[name].append(largest.pop(0))
    return sides
