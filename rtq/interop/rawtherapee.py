"""RawTherapee: a processing profile (.pp3) that applies a plan through a HaldCLUT, and what else has a counterpart.

All per-pixel sliders, exposure included, go into one 16-bit HaldCLUT of level 12; everything else in RawTherapee is
set to do nothing. `ClampOOG=false` matters: RawTherapee would clip colours between its steps. Meant for rendered
photos (JPEG, TIFF); a raw photo is developed by RawTherapee first and will look different.

Measured against `render` with RawTherapee 5.9, in units of 1/255: ordinary edits p99.9 0.11–0.31, max 0.3–1.4. Colour
sliders at their ends bend more than 144 nodes a side can follow: Vibrance and Saturation +100 p99.9 1.3, max 2.0; red
and blue of black-and-white at ±100 p99.9 1.2, max 5.3.
"""

import math
import os

from rtq.editor.crop import box, turned
from rtq.editor.plan import Crop, Plan
from rtq.interop import lut
from rtq.interop.baking import baked
from rtq.interop.report import Notes, Report

_NEUTRAL = """\
[Version]
AppVersion=5.9
Version=349

[Exposure]
Auto=false
Clip=0
Compensation=0
Brightness=0
Contrast=0
Saturation=0
Black=0
HighlightCompr=0
ShadowCompr=0
HistogramMatching=false
ClampOOG=false

[HLRecovery]
Enabled=false

[White Balance]
Enabled=false

[Sharpening]
Enabled=false

[Color Management]
InputProfile=(cameraICC)
WorkingProfile=ProPhoto
OutputProfile=RTv4_sRGB
OutputProfileIntent=Relative

[RAW]
CA=false
"""


def profile(plan: Plan, hald_path: str | os.PathLike | None, size: tuple[int, int] | None = None) -> tuple[str, Report]:
    """The text of a .pp3.

    Args:
      plan: the edit.
      hald_path: absolute path of the plan's HaldCLUT; None when `lut.is_neutral(plan)`.
      size: (width, height) of the upright photo in pixels, needed for a crop; or None.
    """
    notes = Notes()
    sections = [_NEUTRAL]
    if hald_path is not None:
        if not os.path.isabs(hald_path):
            raise ValueError(f"pp3: {hald_path}: RawTherapee needs the absolute path of a HaldCLUT")
        try:
            os.fspath(hald_path).encode()
        except UnicodeEncodeError:
            raise ValueError(f"pp3: {os.fspath(hald_path)!r}: not UTF-8, as paths in a .pp3 must be") from None
        sections.append(f"[Film Simulation]\nEnabled=true\nClutFilename={os.fspath(hald_path)}\nStrength=100\n")
    point_like = Plan({name: value for name, value in plan.sliders.items() if not name.startswith("Vignette")},
                      (), plan.curves, None, plan.amount)
    lut.note_sliders(point_like, notes)
    sections += _vignette(plan, notes)
    sections += _crop(plan.crop, size, notes)
    for i in range(len(plan.locals)):
        notes.dropped(f"local[{i}]", "RawTherapee's local editing has other masks")
    return "\n".join(sections), notes.report()


def _vignette(plan: Plan, notes: Notes) -> list[str]:
    """Our vignette as [PCVignette]. Strength and feather are chosen by measurement so that the corner agrees on middle
    grey and the fall-off about does (mean difference 3/255 at ±60); roundness by name only."""
    amount = baked(plan, Notes()).sliders.get("VignetteAmount", 0)
    if not amount:
        return []
    feather = plan.sliders.get("VignetteFeather", 50)
    roundness = min(max(50 + plan.sliders.get("VignetteRoundness", 0) // 2, 0), 100)
    notes.approximated("VignetteAmount", f"{amount:+d}; RawTherapee's own vignette of the same strength at the corner, "
                       "another fall-off, without midpoint and highlights")
    return [f"[PCVignette]\nEnabled=true\nStrength={-2.2 * amount / 100:.3f}\nFeather={max(feather // 2, 1)}\n"
            f"Roundness={roundness}\n"]


def _crop(crop: Crop | None, size: tuple[int, int] | None, notes: Notes) -> list[str]:
    """The crop; RawTherapee turns first by quarters, then straightens about the centre, then cuts in that frame."""
    if crop is None:
        return []
    if size is None:
        notes.dropped("crop", "needs the photo's size")
        return []
    width, height = size
    x, y, wide, tall = box(crop, height, width)
    cos, sin = math.cos(math.radians(crop.angle)), math.sin(math.radians(crop.angle))
    for _ in range(crop.rotate // 90 % 4):
        x, y, width, height, wide, tall = height - y, x, height, width, tall, wide
    dx, dy = turned(x - width / 2, y - height / 2, cos, sin)
    x, y = width / 2 + dx, height / 2 + dy
    left, top = round(x - wide / 2), round(y - tall / 2)
    sections = [f"[Coarse Transformation]\nRotate={crop.rotate}\nHorizontalFlip=false\nVerticalFlip=false\n"]
    if crop.angle:
        sections.append(f"[Rotation]\nDegree={crop.angle:g}\n")
        sections.append("[Common Properties for Transformations]\nAutoFill=false\n")
        notes.approximated("crop", "straightened by RawTherapee, to the pixel and with its own interpolation")
    else:
        notes.exact("crop", f"{left} {top} {round(wide)} × {round(tall)} pixels")
    sections.append(f"[Crop]\nEnabled=true\nX={left}\nY={top}\nW={round(wide)}\nH={round(tall)}\nFixedRatio=false\n")
    return sections
