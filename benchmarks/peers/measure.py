"""One measurement in this process: `python -m peers.measure PEER ROW` prints one line of JSON.

Two calls to warm up (they compile), then timed calls; memory is the resident high-water mark during the timed calls
above the level before them, after freed memory has been handed back to the system.
"""

import ctypes
import gc
import json
import pathlib
import resource
import sys
import time

import numpy as np

CALLS, WARM = 7, 2
ENOUGH = 25.0  # seconds of timed calls after which no further one begins (three at least)


def job(peer: str, row: str):
    """(photo, function to time) of one peer; imports only that peer."""
    what, size = row.split("_")
    if peer.startswith("ours"):
        from peers import ours
        if what in ("batch", "batchgradient"):
            batch = ours.batch_photos()
            return batch, ours.batch_work(batch, what == "batchgradient")
        return (ours.gradient_work if what == "gradient" else ours.work)(size)
    if peer in ("torch", "torch.compile"):
        from peers import torch_chain
        return (torch_chain.gradient_work if what == "gradient" else torch_chain.work)(size, peer == "torch.compile")
    if peer == "OpenCV":
        from peers import opencv_chain
        return opencv_chain.work(size)
    if peer == "Pillow":
        from peers import pillow_chain
        return pillow_chain.work(size)
    if peer == "kornia":
        from peers import kornia_chain
        return kornia_chain.work(size)
    raise ValueError(f"no peer {peer!r}")


def _status(key: str) -> float:
    """MiB of a line of /proc/self/status."""
    text = pathlib.Path("/proc/self/status").read_text()
    return int(text.split(key + ":")[1].split()[0]) / 1024


def measure(photo: np.ndarray, function) -> dict:
    """Milliseconds of each call, extra MiB, and how far the edit moves the photo (8-bit levels, mean)."""
    start = time.perf_counter()
    out = function()
    first = time.perf_counter() - start
    for _ in range(WARM - 1):
        out = function()
    moved = None
    if isinstance(out, np.ndarray):
        moved = float(np.mean([np.abs(a.astype(np.int16) - b).mean() for a, b in zip(out, photo, strict=True)]))
    del out
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    level = _status("VmRSS")
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
    times = []
    while len(times) < CALLS and (len(times) < 3 or sum(times) < ENOUGH * 1e3):
        start = time.perf_counter()
        function()
        times.append((time.perf_counter() - start) * 1e3)
    return {"ms": times, "extra_mib": _status("VmHWM") - level, "first_s": first, "moved": moved}


def main(peer: str, row: str) -> dict:
    """The measurement, or why there is none."""
    available = int(pathlib.Path("/proc/meminfo").read_text().split("MemAvailable:")[1].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (available, available))  # a refusal instead of a machine without memory
    try:
        return measure(*job(peer, row))
    except ImportError as error:
        return {"cannot": f"not installed: {error.name}"}
    except (MemoryError, RuntimeError) as error:
        return {"cannot": str(error).strip().splitlines()[-1][:160]}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
