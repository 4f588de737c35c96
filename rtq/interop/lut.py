"""Colour lookup tables: what a plan does to each colour, without its place in the photo.

A table holds every slider that acts per pixel. Highlights and Shadows go in as they act on a flat field (in a photo
they read their surroundings); sliders with a radius, masks, vignette, grain and crop cannot go in.
"""

import os
import pathlib

import numpy as np
import tifffile

from rtq.editor.guides import NOT_FLAT
from rtq.editor.plan import Plan
from rtq.editor.renderer import render_flat
from rtq.editor.sliders import BY_NAME
from rtq.interop.report import Notes, Report

MAX_SIZE = 256
_CHUNK = 1 << 15  # colours at a time: fits the cache, and one compiled program serves tables of every size


def carried(plan: Plan) -> Report:
    """What a table of this plan holds."""
    notes = Notes()
    note_sliders(plan, notes)
    for i in range(len(plan.locals)):
        notes.dropped(f"local[{i}]", "a table knows no place in the photo")
    if plan.crop is not None:
        notes.dropped("crop", "a table knows no place in the photo")
    return notes.report()


def note_sliders(plan: Plan, notes: Notes) -> None:
    """Notes sliders and curves."""
    for name, value in plan.sliders.items():
        row = BY_NAME[name]
        if row.group in NOT_FLAT:
            notes.dropped(name, f"{value:+g}; depends on the surroundings or place of a pixel, a table does not")
        elif row.scale != "point":
            notes.approximated(name, f"{value:+g}; as on a flat field, without its large-radius guide")
        else:
            notes.exact(name, value)
    for name, points in plan.curves.items():
        notes.exact(f"curves.{name}", points)


def is_neutral(plan: Plan) -> bool:
    """True when the plan's table is the identity."""
    return not plan.curves and all(BY_NAME[name].group in NOT_FLAT for name in plan.sliders)


def table(plan: Plan, size: int) -> np.ndarray:
    """The plan's colours at the nodes of a cube.

    Returns:
      float32[size, size, size, 3], indexed [blue, green, red], encoded sRGB, not clipped.

    Raises:
      ValueError: a size outside 2–256.
    """
    if not 2 <= size <= MAX_SIZE:
        raise ValueError(f"LUT: size {size}; allowed: 2 to {MAX_SIZE}")
    steps = np.linspace(0, 1, size, dtype=np.float32)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    nodes = np.stack([red, green, blue], -1).reshape(-1, 3)
    padded = np.concatenate([nodes, np.zeros((-len(nodes) % _CHUNK, 3), np.float32)])
    chunks = [np.asarray(render_flat(part, plan)) for part in np.split(padded, len(padded) // _CHUNK)]
    return np.concatenate(chunks)[:len(nodes)].reshape(size, size, size, 3)


def hald(plan: Plan, level: int = 12) -> np.ndarray:
    """The plan as a HaldCLUT image: uint16[level³, level³, 3], level² nodes a side, red fastest.

    Raises:
      ValueError: a level outside 2–16.
    """
    if not 2 <= level <= 16:
        raise ValueError(f"HaldCLUT: level {level}; allowed: 2 to 16")
    colors = np.clip(table(plan, level**2), 0, 1).reshape(level**3, level**3, 3)
    return np.rint(colors * 65535).astype(np.uint16)


def cube(plan: Plan, size: int = 65, title: str = "rtq") -> str:
    """The plan as text of a .cube file (3D, red fastest, domain 0–1; values beyond are written as they are).

    Raises:
      ValueError: a size outside 2–256, or a title with a quotation mark or a line break.
    """
    if '"' in title or not title.isprintable():
        raise ValueError("LUT: the title must be printable and hold no quotation mark")
    rows = table(plan, size).reshape(-1, 3)
    body = "\n".join(" ".join(f"{v:.6f}" for v in row) for row in (rows + 0.0).tolist())
    return f'TITLE "{title}"\nLUT_3D_SIZE {size}\nDOMAIN_MIN 0 0 0\nDOMAIN_MAX 1 1 1\n{body}\n'


def write_hald(path: str | os.PathLike, plan: Plan, *, level: int = 12, overwrite: bool = False) -> Report:
    """Writes the HaldCLUT as a 16-bit TIFF (deflate)."""
    path = _free(path, overwrite)
    tifffile.imwrite(path, hald(plan, level), photometric="rgb", compression="zlib", predictor=True,
                     rowsperstrip=64)
    return carried(plan)


def write_cube(path: str | os.PathLike, plan: Plan, *, size: int = 65, overwrite: bool = False) -> Report:
    """Writes a .cube file."""
    path = _free(path, overwrite)
    path.write_text(cube(plan, size), encoding="ascii")
    return carried(plan)


def _free(path: str | os.PathLike, overwrite: bool) -> pathlib.Path:
    path = pathlib.Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path}: exists already; choose another name or allow overwriting")
    return path
