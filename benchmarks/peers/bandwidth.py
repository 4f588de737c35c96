"""Copying 12 MP of RGB: the floor of anything that reads and writes a photo once. Prints one line of JSON."""

import concurrent.futures
import json
import os
import time

import numpy as np


def copy_ms(dtype, threads: int) -> float:
    """Median milliseconds of 11 copies of [3000, 4000, 3], cut into one piece per thread."""
    source = np.ones((3000, 4000, 3), dtype)
    target = np.zeros_like(source)
    pieces = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    times = []
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for _ in range(13):
            start = time.perf_counter()
            list(pool.map(lambda pair: np.copyto(*pair), pieces))
            times.append((time.perf_counter() - start) * 1e3)
    return float(np.median(times[2:]))


if __name__ == "__main__":
    cores = os.cpu_count() or 1
    rows = {f"{np.dtype(kind).name}, {n} thread{'s' * (n > 1)}": copy_ms(kind, n)
            for kind in (np.uint8, np.float32) for n in sorted({1, cores})}
    print(json.dumps({"copy_ms": rows}))
