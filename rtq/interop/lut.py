"""Colour lookup tables: what a plan does to each colour, without its place in the photo.

A table holds every slider that acts per pixel. Highlights and Shadows go in as they act on a flat field (in a photo
they read their surroundings); sliders with a radius, masks, vignette, grain and crop cannot go in.
"""

import io
import os
import pathlib

import numpy as np
import tifffile

from rtq.editor.guides import NOT_FLAT
from rtq.editor.plan import Plan
from rtq.editor.renderer import render_flat
from rtq.editor.sliders import BY_NAME
from rtq.files import replace
from rtq.interop.report import Notes, Report

MAX_SIZE = 256
# Between these values a table of 144 nodes a side (HaldCLUT level 12) is nowhere more than 1.25 of 255 off; beyond them
# colours near the edge of the gamut are off by up to 6 (measured over random colours, see the tests).
FOLLOWED = {
    "Temperature": (-5, 100), "Tint": (-10, 70), "Exposure": (-5, 3), "CalibrationRedSaturation": (-100, 10),
    "CalibrationGreenSaturation": (-100, 10), "CalibrationBlueSaturation": (-100, 10), "GrayRed": (-95, 95),
    "GrayOrange": (-40, 40), "GrayYellow": (-60, 60), "GrayBlue": (-80, 80), "GrayPurple": (-60, 60),
    "GrayMagenta": (-60, 60), "Vibrance": (-100, 70), "Saturation": (-100, 70),
}  # fmt: skip
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
    """Notes sliders, at the values that the plan's amount makes of them, and curves."""
    for name, value in plan.sliders.items():
        row = BY_NAME[name]
        if row.driver:
            value = min(max(row.neutral + plan.amount / 100 * (value - row.neutral), row.lo), row.hi)
        if row.group in NOT_FLAT:
            notes.dropped(name, f"{value:+g}; depends on the surroundings or place of a pixel, a table does not")
        elif row.scale != "point":
            notes.approximated(name, f"{value:+g}; as on a flat field, without its large-radius guide")
        elif not is_followed(name, value):
            notes.approximated(name, f"{value:+g}; strongest colours bend more than a table's nodes follow")
        else:
            notes.exact(name, value)
    for name, points in plan.curves.items():
        notes.exact(f"curves.{name}", points)


def is_followed(name: str, value: float) -> bool:
    """Whether a table follows a slider of scale point at this value to 1.25 of 255 everywhere."""
    lo, hi = FOLLOWED.get(name, (-np.inf, np.inf))
    return lo <= value <= hi


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
    """Writes the HaldCLUT as a 16-bit TIFF (deflate), whole or not at all."""
    path, file = _free(path, overwrite), io.BytesIO()
    tifffile.imwrite(file, hald(plan, level), photometric="rgb", compression="zlib", predictor=True, rowsperstrip=64)
    replace(path, file.getvalue())
    return carried(plan)


def write_cube(path: str | os.PathLike, plan: Plan, *, size: int = 65, overwrite: bool = False) -> Report:
    """Writes a .cube file, whole or not at all."""
    replace(_free(path, overwrite), cube(plan, size).encode("ascii"))
    return carried(plan)


def _free(path: str | os.PathLike, overwrite: bool) -> pathlib.Path:
    path = pathlib.Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path}: exists already; choose another name or allow overwriting")
    return path
