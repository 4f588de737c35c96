"""For someone with Lightroom: a chart and presets to export it with, and then how far ours is from Lightroom's.

    python benchmarks/lightroom_chart.py OUT          writes OUT/chart.tif (16 bit) and OUT/presets/NAME.xmp
    python benchmarks/lightroom_chart.py OUT --read   compares OUT/exported/NAME.tif with our render, patch by patch

In between, in Lightroom: import chart.tif and the presets, apply each preset to a copy of the chart, and export it as a
16-bit sRGB TIFF under the preset's name into OUT/exported. Patches are large and flat, so that sharpening and the like
do not matter. Lightroom's rendering is Adobe's; nothing of it is needed to run rtq.
"""

import argparse
import pathlib
import sys
from collections.abc import Sequence

import numpy as np

from rtq import photos
from rtq.editor import Plan, render
from rtq.eval import metrics
from rtq.interop import xmp

PATCH, COLUMNS = 120, 8  # pixels of a patch, patches of a row
GREYS = (0.02, 0.05, 0.10, 0.18, 0.25, 0.35, 0.50, 0.60, 0.75, 0.82, 0.90, 0.95, 0.98, 1.00, 0.00, 0.42)
VALUES = {
    "Exposure": (-2, -1, 1, 2), "Contrast": (-100, -50, 50, 100), "Highlights": (-100, 100), "Shadows": (-100, 100),
    "Whites": (-100, 100), "Blacks": (-100, 100), "Temperature": (-100, -50, 20, 50, 100), "Tint": (-100, 100),
    "Vibrance": (-100, 100), "Saturation": (-100, 100),
}  # fmt: skip


def chart() -> np.ndarray:
    """uint16[H, W, 3]: two rows of greys, then four of colours: eight hues at two saturations and two brightnesses."""
    hues = np.arange(8) / 8
    rows = [np.repeat(np.array(GREYS)[:, None], 3, 1)]
    for value in (0.4, 0.8):
        for saturation in (0.3, 0.7):
            wheel = np.clip(np.abs((hues[:, None] + np.array([0, 4, 2])[None] / 6) % 1 * 6 - 3) - 1, 0, 1)
            rows.append(value * (1 - saturation + saturation * wheel))
    patches = np.concatenate(rows).reshape(-1, COLUMNS, 3)
    return np.rint(np.repeat(np.repeat(patches, PATCH, 0), PATCH, 1) * 65535).astype(np.uint16)


def plans() -> dict[str, Plan]:
    """Name of the preset → plan."""
    return {f"{name} {value:+d}": Plan({name: value}) for name, values in VALUES.items() for value in values}


def write(folder: pathlib.Path) -> None:
    """The chart and the presets."""
    (folder / "presets").mkdir(parents=True, exist_ok=True)
    (folder / "exported").mkdir(exist_ok=True)
    photos.write(folder / "chart.tif", photos.Photo(chart(), bits=16), overwrite=True)
    for name, plan in plans().items():
        preset, _ = xmp.write_preset(plan, f"rtq {name}", photo_kind="rendered")
        (folder / "presets" / f"{name}.xmp").write_bytes(preset)


def compare(folder: pathlib.Path) -> list[str]:
    """A line for each exported file: mean and largest ΔE2000 over patches, ours against it."""
    source, lines = chart(), []
    for name, plan in plans().items():
        path = folder / "exported" / f"{name}.tif"
        if path.is_file():
            ours, theirs = render(source, plan), photos.read(path).pixels
            if theirs.shape != ours.shape:
                raise ValueError(f"{path}: {theirs.shape[1]} × {theirs.shape[0]} pixels; export at full size")
            middle = slice(PATCH // 2, None, PATCH)
            pairs = [x[middle, middle].reshape(-1, 1, 1, 3) / np.iinfo(x.dtype).max for x in (ours, theirs)]
            far = [metrics.delta_e(a, b) for a, b in zip(*pairs, strict=True)]
            lines.append(f"{name}: ΔE2000 mean {np.mean(far):.2f}, largest {max(far):.2f} of {len(far)} patches")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--read", action="store_true")
    flags = parser.parse_args(arguments)
    if not flags.read:
        write(flags.out)
        print(f"{flags.out}: chart.tif and {len(plans())} presets; export into {flags.out / 'exported'}")
        return 0
    try:
        lines = compare(flags.out)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(lines) or f"{flags.out / 'exported'}: no NAME.tif of a preset there yet")
    return 0 if lines else 1


if __name__ == "__main__":
    sys.exit(main())
