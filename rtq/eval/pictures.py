"""Photos for measuring: squares from a folder, as models see them, rendered with plans."""

import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from rtq.editor import Plan
from rtq.photos import SUFFIXES, read

CHUNK = 16  # photos rendered at once


def squares(folder: str | pathlib.Path, side: int) -> tuple[list[str], np.ndarray]:
    """Every photo below a folder, by path, squashed to a square (antialiased).

    Returns:
      (paths relative to the folder, float32[N, side, side, 3] encoded sRGB 0–1).

    Raises:
      ValueError: there is no photo; `PhotoError` for one that cannot be read.
    """
    from PIL import Image

    folder = pathlib.Path(folder)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise ValueError(f"{folder}: no photos ({', '.join(sorted(SUFFIXES))})")
    out = np.empty((len(paths), side, side, 3), np.float32)
    for i, path in enumerate(paths):
        pixels = read(path).pixels
        scale = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
        eight = np.rint(np.clip(pixels.astype(np.float32) / scale, 0, 1) * 255).astype(np.uint8)
        out[i] = np.asarray(Image.fromarray(eight).resize((side, side), Image.Resampling.LANCZOS), np.float32) / 255
    return [str(path.relative_to(folder)) for path in paths], out


def halved(photos: np.ndarray) -> np.ndarray:
    """float32[N, 2S, 2S, 3] → float32[N, S, S, 3]: what the model sees of photos measured at twice its resolution."""
    n, height, width, _ = photos.shape
    if height % 2 or width % 2:
        raise ValueError(f"photos of {height} × {width}; even sides are needed")
    return photos.reshape(n, height // 2, 2, width // 2, 2, 3).mean((2, 4))


def quantised(photos: np.ndarray) -> np.ndarray:
    """Clipped to 0–1 and rounded to 8 bits, as a file would keep it; float32."""
    return np.rint(np.clip(photos, 0, 1) * 255).astype(np.float32) / 255


def rendered(photos: np.ndarray, plans: Sequence[Plan]) -> np.ndarray:
    """float32[N, H, W, 3] with a plan each → edits of the same shape, clipped to 0–1; crops are not applied."""
    if len(photos) != len(plans):
        raise ValueError(f"{len(photos)} photos with {len(plans)} plans; one each is needed")
    out = np.empty_like(photos, np.float32)
    for k, edit in each_rendered(photos, range(len(plans)), plans):
        out[k] = edit
    return out


def each_rendered(photos: np.ndarray, index: Sequence[int], plans: Sequence[Plan]) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (k, photo `index[k]` with plan k: float32[H, W, 3] clipped to 0–1), in an order of its own.

    Plans whose masks are of the same kinds share one compiled program with all the groups that any of them uses.
    """
    from rtq.editor import render_batch, renderer

    index, alike = np.asarray(index), {}
    for k, plan in enumerate(plans):
        alike.setdefault(renderer.program_of(plan).masks, []).append(k)
    for masks, members in alike.items():
        program = _program([plans[k] for k in members], masks)
        for start in range(0, len(members), CHUNK):
            some = members[start:start + CHUNK]
            full = np.resize(some, CHUNK)  # one shape, one compilation
            edits = np.asarray(render_batch(photos[index[full]], [plans[k] for k in full], program=program))
            for k, edit in zip(some, edits, strict=False):
                yield k, np.clip(edit, 0, 1)


def _program(plans: Sequence[Plan], masks: tuple):
    """One program that renders all these plans: the groups that any of them uses."""
    from rtq.editor import develop, renderer

    groups = frozenset().union(*(renderer.groups_of(plan) for plan in plans))
    local = dict.fromkeys(name for plan in plans for part in plan.locals for name in part.sliders)
    whole = develop.superset()
    return whole._replace(groups=groups, local_sliders=tuple(local), masks=masks,
                          taps=whole.taps if "sharpen" in groups else 0,
                          noise_pad=whole.noise_pad if "noise" in groups else 0)
