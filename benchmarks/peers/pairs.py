"""`fit` on pairs of photos by people: `python -m peers.pairs DIR` prints one line of JSON per pair.

DIR holds pairs.jsonl (one object per line: id, before, after, the paths relative to DIR). Photos are not kept.
"""

import json
import pathlib
import sys
import time

import numpy as np
from PIL import Image

from rtq import editor


def psnr(a, b) -> float:
    """Decibels between uint8 pictures; 99 where they are equal."""
    error = np.mean((a.astype(np.float64) - b) ** 2) / 255 ** 2
    return float(min(99.0, -10 * np.log10(max(error, 1e-12))))


def main(folder: pathlib.Path) -> None:
    """Fits every pair: PSNR of the untouched photo and of the fitted plan."""
    for line in (folder / "pairs.jsonl").read_text().splitlines():
        row = json.loads(line)
        before, after = (np.asarray(Image.open(folder / row[key]).convert("RGB")) for key in ("before", "after"))
        start = time.perf_counter()
        try:
            plan = editor.fit(before, after)
        except ValueError as error:
            print(json.dumps({"id": row["id"], "cannot": str(error)}), flush=True)
            continue
        print(json.dumps({"id": row["id"], "untouched_db": psnr(before, after), "sliders": len(plan.sliders),
                          "fit_db": psnr(editor.render(before, plan), after),
                          "s": time.perf_counter() - start}), flush=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
