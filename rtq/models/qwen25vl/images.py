"""The host's side of images, in numpy: resize, normalise, cut into patches, and lay out rows of fixed shape.

Equal to transformers' Qwen2VLImageProcessor (tested), without torchvision. Pillow is imported only to resize.
A *grid* is (rows, columns) of patches of one photo, both multiples of `merge_size`.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rtq.models.qwen25vl.config import Config
from rtq.models.qwen25vl.vision import Blocks, VisionIndex

# Mean and standard deviation of CLIP's training images, sRGB 0–1.
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)

Grid = tuple[int, int]


def smart_resize(height: int, width: int, *, factor: int, min_pixels: int, max_pixels: int) -> tuple[int, int]:
    """The nearest size (pixels) with sides divisible by `factor` and between min_pixels and max_pixels in all.

    A side is never below `factor`, so a long strip may have more.
    """
    if min(height, width) < 1 or max(height, width) > 200 * min(height, width):
        raise ValueError(f"an image of {height}x{width} pixels: sides must be positive and differ at most 200 times")
    rows, columns = round(height / factor) * factor, round(width / factor) * factor
    if rows * columns > max_pixels:
        shrink = math.sqrt(height * width / max_pixels)
        rows = max(factor, math.floor(height / shrink / factor) * factor)
        columns = max(factor, math.floor(width / shrink / factor) * factor)
    elif rows * columns < min_pixels:
        grow = math.sqrt(min_pixels / (height * width))
        rows = math.ceil(height * grow / factor) * factor
        columns = math.ceil(width * grow / factor) * factor
    return rows, columns


def image_size(height: int, width: int, cfg: Config) -> tuple[int, int]:
    """The size in pixels at which the model sees a photo of height x width."""
    limits = {"min_pixels": cfg.min_pixels, "max_pixels": cfg.max_pixels}
    return smart_resize(height, width, factor=cfg.image_factor, **limits)


def resize(photo: np.ndarray, cfg: Config) -> np.ndarray:
    """uint8[H, W, 3] sRGB → uint8[h, w, 3] at the model's size, bicubic."""
    from PIL import Image

    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
        raise ValueError(f"a photo must be uint8[H, W, 3], got {photo.dtype}{list(photo.shape)}")
    rows, columns = image_size(*photo.shape[:2], cfg)
    return np.asarray(Image.fromarray(photo).resize((columns, rows), Image.Resampling.BICUBIC))


def to_patches(pixels, cfg: Config, xp=jnp):
    """float32[..., H, W, 3] sRGB 0–1 at the model's size → normalised patches float32[..., N, patch_dim].

    xp is `jax.numpy` (differentiable, on the device) or `numpy`. Patches come in blocks of merge_size², each of
    which becomes one image token; values of a patch are ordered (channel, time, row, column).
    """
    *lead, height, width, _ = pixels.shape
    if height % cfg.image_factor or width % cfg.image_factor:
        raise ValueError(f"image sides must be multiples of {cfg.image_factor}, got {height}x{width}")
    m, p = cfg.merge_size, cfg.patch_size
    mean, std = (x.reshape((1,) * (len(lead) + 2) + (3,)) for x in (MEAN, STD))
    x = (pixels - mean) / std
    x = x.reshape(*lead, height // (m * p), m, p, width // (m * p), m, p, 3)
    n = len(lead)  # … rows, m, p, columns, m, p, channel → … rows, columns, m, m, channel, p, p
    x = x.transpose(*range(n), *(n + i for i in (0, 3, 1, 4, 6, 2, 5)))
    x = xp.stack([x] * cfg.temporal_patch_size, axis=n + 5)
    return x.reshape(*lead, height * width // p**2, cfg.patch_dim)


def process(photo: np.ndarray, cfg: Config) -> tuple[np.ndarray, Grid]:
    """uint8[H, W, 3] sRGB of any size → patches float32[N, patch_dim] and the grid."""
    small = resize(photo, cfg)
    # Like the reference: scaled in float64, then float32.
    pixels = (small.astype(np.float64) * (1 / 255)).astype(np.float32)
    return to_patches(pixels, cfg, np), (small.shape[0] // cfg.patch_size, small.shape[1] // cfg.patch_size)


def _merge_order(grid: Grid, merge: int) -> np.ndarray:
    """int[N, 2]: row and column of each patch, in the order of `to_patches`."""
    rows, columns = grid
    place = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1)
    return place.reshape(rows // merge, merge, columns // merge, merge, 2).swapaxes(1, 2).reshape(-1, 2)


class Layout(NamedTuple):
    """The fixed shape of a row of patches: a bucket that many inputs share, so that they share one program."""

    patches: int
    windows: int
    photos: int
    photo_patches: int

    def union(self, other: "Layout") -> "Layout":
        """The smallest layout that holds both."""
        return Layout(*map(max, self, other))


def layout_of(rows: Sequence[Sequence[Grid]], cfg: Config) -> Layout:
    """The smallest layout that holds these rows of grids."""
    side = cfg.window_size // cfg.patch_size
    layout = Layout(cfg.patches_per_token, 1, 1, cfg.patches_per_token)
    for grids in rows:
        sizes = [h * w for h, w in grids]
        windows = sum(math.ceil(h / side) * math.ceil(w / side) for h, w in grids)
        layout = layout.union(Layout(sum(sizes), windows, len(grids), max(sizes, default=0)))
    return layout


def _partition(groups: list[np.ndarray], count: int, length: int, patches: int) -> tuple[np.ndarray, np.ndarray]:
    """Lists of patch numbers → members int32[count, length] and slot int32[patches]."""
    members = np.full((count, length), patches, np.int32)
    slot = np.full(patches, count * length, np.int32)
    for i, group in enumerate(groups):
        members[i, : len(group)] = group
        slot[group] = i * length + np.arange(len(group))
    return members, slot


def index_of(rows: Sequence[Sequence[Grid]], cfg: Config, layout: Layout | None = None) -> VisionIndex:
    """The index tables of rows of photos, `rows[r]` being the grids of the photos in row r, one after the other.

    Rows are padded to `layout` (default: the smallest); a row that does not fit raises a ValueError. When all rows
    are alike, pass one row: tables with one row hold for any number of rows of patches.
    """
    need = layout_of(rows, cfg)
    layout = need if layout is None else layout
    if layout.union(need) != layout:
        raise ValueError(f"photos need {need}, which does not fit into {layout}")
    side = cfg.window_size // cfg.patch_size
    out = []
    for grids in rows:
        positions = np.zeros((layout.patches, 2), np.int32)
        windows, photos, start = [], [], 0
        for grid in grids:
            place = _merge_order(grid, cfg.merge_size)
            number = start + np.arange(len(place))
            positions[number] = place
            photos.append(number)
            window = place[:, 0] // side * math.ceil(grid[1] / side) + place[:, 1] // side
            windows += [number[window == i] for i in range(window.max() + 1)]
            start += len(place)
        windows = _partition(windows, layout.windows, side**2, layout.patches)
        photos = _partition(photos, layout.photos, layout.photo_patches, layout.patches)
        out.append(VisionIndex(positions, Blocks(*windows), Blocks(*photos)))
    return jax.tree.map(lambda *x: np.stack(x), *out)


def pack(
    rows: Sequence[Sequence[tuple[np.ndarray, Grid]]], cfg: Config, layout: Layout | None = None
) -> tuple[np.ndarray, VisionIndex]:
    """Rows of photos, each (patches, grid) as `process` gives them → float32[R, N, patch_dim] and the index."""
    index = index_of([[grid for _, grid in row] for row in rows], cfg, layout)
    patches = np.zeros((len(rows), index.positions.shape[1], cfg.patch_dim), np.float32)
    for r, row in enumerate(rows):
        if row:
            together = np.concatenate([x for x, _ in row])
            patches[r, : len(together)] = together
    return patches, index
