"""How long `rtq edit` takes on 12 megapixels, start to finish: with an empty compilation cache, then with a warm one.

    python benchmarks/edit.py

The embedded weights, a JPEG of 4000 × 3000 in and out. Prints seconds of whole commands; kept in results/edit.md.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from peers import photos as sources

from rtq import photos
from rtq.eval import report

REQUESTS = ("warmer, but keep the sky", "a little brighter and less saturated", "fix this")
WARM = 3  # runs of each request after the first


def seconds(photo: pathlib.Path, request: str, out: pathlib.Path, cache: pathlib.Path) -> float:
    """Of one command, from its start to its end."""
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    rtq = pathlib.Path(sys.executable).with_name("rtq")
    command = [rtq, "edit", str(photo), request, "-o", str(out), "--overwrite"]
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        photo, out = folder / "photo.jpg", folder / "out.jpg"
        photos.write(photo, photos.Photo(sources.photo("12mp")))
        print(f"`rtq edit` on {photo.stat().st_size / 1e6:.1f} MB of JPEG, 12 MP; {report.describe_hardware()}\n")
        print("| request | cold, s | warm, s: median (best) of", WARM, "|\n|---|---|---|")
        for request in REQUESTS:
            cache = folder / request.replace(" ", "-")
            cold = seconds(photo, request, out, cache)
            warm = [seconds(photo, request, out, cache) for _ in range(WARM)]
            print(f'| "{request}" | {cold:.1f} | {statistics.median(warm):.1f} ({min(warm):.1f}) |', flush=True)


if __name__ == "__main__":
    main()
