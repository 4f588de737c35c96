"""Runs RawTherapee on a generated photo; as a script, writes the goldens for machines without it.

    python tests/interop/rawtherapee_run.py
"""

import os
import pathlib
import shutil
import subprocess
import tempfile

import numpy as np
import tifffile

from rtq.editor.plan import Plan
from rtq.interop import lut, rawtherapee

GOLDEN = pathlib.Path(__file__).with_name("golden") / "rawtherapee.npz"
SIZE = (72, 48)  # width, height
PLANS = {
    "look": '{"v":1,"Temperature":20,"Exposure":0.35,"Contrast":30,"Whites":20,"Vibrance":20,"Saturation":15,'
            '"HueOrange":-10,"LuminanceBlue":-20,"ShadowHue":220,"ShadowSaturation":40,"CalibrationRedHue":10,"Fade":20,'
            '"curves":{"rgb":[[0,0],[64,50],[255,255]],"blue":[[0,10],[255,245]]}}',
    "exposure": '{"v":1,"Exposure":1.0}',
    "mono": '{"v":1,"BlackAndWhite":1,"GrayRed":10,"ParametricDarks":-20,"crop":{"left":250,"top":250,"rotate":90}}',
}


def photo() -> np.ndarray:
    """uint16[48, 72, 3]: gradients, waves, noise and saturated patches."""
    x, y = np.meshgrid(np.linspace(0, 1, SIZE[0]), np.linspace(0, 1, SIZE[1]))
    waves = np.stack([x, y, 0.5 + 0.4 * np.sin(9 * x) * np.cos(7 * y)], -1)
    rng = np.random.Generator(np.random.PCG64(7))
    waves[:16, :36] = waves[:16, :36].mean(-1, keepdims=True)
    waves[32:, 36:] = np.kron(rng.random((4, 9, 3)), np.ones((4, 4, 1)))
    return np.rint(65535 * np.clip(waves + 0.02 * rng.standard_normal(waves.shape), 0, 1)).astype(np.uint16)


def run(plan: Plan, folder: pathlib.Path) -> np.ndarray:
    """RawTherapee's uint16 rendering of `photo()` with the profile we write."""
    source, profile, target = folder / "in.tif", folder / "plan.pp3", folder / "out.tif"
    tifffile.imwrite(source, photo(), photometric="rgb")
    lut.write_hald(folder / "hald.tif", plan)
    profile.write_text(rawtherapee.profile(plan, folder / "hald.tif", SIZE)[0])
    command = ["rawtherapee-cli", "-a", "-q", "-o", target, "-t", "-b16", "-Y", "-p", profile, "-c", source]
    subprocess.run(command, env=os.environ | {"HOME": str(folder)}, check=True, capture_output=True, timeout=120)
    return tifffile.imread(target)


def available() -> bool:
    """True where RawTherapee's command line is installed."""
    return shutil.which("rawtherapee-cli") is not None


def main():
    """Writes the goldens."""
    out = {}
    for name, text in PLANS.items():
        with tempfile.TemporaryDirectory() as folder:
            out[name] = run(Plan.from_json(text), pathlib.Path(folder))
    GOLDEN.parent.mkdir(exist_ok=True)
    np.savez_compressed(GOLDEN, **out)
    print(f"{GOLDEN}: {GOLDEN.stat().st_size} bytes")


if __name__ == "__main__":
    main()
