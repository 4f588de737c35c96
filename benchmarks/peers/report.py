"""Results → Markdown, with the machine they come from."""

import datetime
import importlib.metadata
import os
import pathlib
import platform
import shlex
import sys

import numpy as np

PACKAGES = ("jax", "jaxlib", "numpy", "torch", "kornia", "opencv-python-headless", "pillow", "scikit-image")
MEGAPIXELS = {"12mp": 12.0, "1024": 1024 * 1024 / 1e6, "50mp": 6144 * 8192 / 1e6, "32": 32 * 448 * 448 / 1e6}
TITLES = {"forward_12mp": "12 MP forward", "forward_1024": "1024² forward",
          "gradient_12mp": "12 MP, value + gradient of the twelve amounts",
          "batch_32": "32 photos at 448² with 32 plans, superset program, forward",
          "batchgradient_32": "32 photos at 448² with 32 plans, superset program, value + gradient of the twelve "
                                "amounts (photo by photo)",
          "forward_50mp": "50 MP forward"}


def machine() -> dict:
    """Processor, cores, memory, Python, library versions, date."""
    cpu = [line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
           if line.startswith("model name")]
    kib = int(pathlib.Path("/proc/meminfo").read_text().split("MemTotal:")[1].split()[0])
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {"cpu": cpu[0] if cpu else platform.processor(), "cores": os.cpu_count(), "ram_gib": round(kib / 2 ** 20, 1),
            "python": platform.python_version(), "date": datetime.date.today().isoformat(), "versions": versions}


def _machine_line(m: dict) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in m["versions"].items())
    return f"{m['cpu']}, {m['cores']} cores, {m['ram_gib']} GiB; Python {m['python']}, {versions}; {m['date']}."


def brief(result: dict) -> str:
    """One result on one line."""
    if "cannot" in result:
        return result["cannot"]
    return f"{np.median(result['ms']):.1f} ms, {result['extra_mib']:.0f} MiB"


def table(header: tuple[str, ...], rows: list[tuple]) -> str:
    """A Markdown table; the first column is text, the others numbers."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" + "---:|" * (len(header) - 1)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]) + "\n"


def _row_table(row: str, peers: dict) -> str:
    size, out = MEGAPIXELS[row.split("_")[1]], []
    ours = peers["ours"]
    for peer, result in peers.items():
        if "cannot" in result:
            out.append((peer, f"not run: {result['cannot']}", *[""] * 6))
            continue
        median, best = float(np.median(result["ms"])), min(result["ms"])
        ratio = "" if "cannot" in ours else f"{median / float(np.median(ours['ms'])):.2f}"
        best_ratio = "" if "cannot" in ours else f"{best / min(ours['ms']):.2f}"
        moved = "" if result["moved"] is None or not row.startswith("forward") else f"{result['moved']:.1f}"
        out.append((peer, f"{median:.1f}", f"{best:.1f}", f"{size / median * 1e3:.1f}", f"{result['extra_mib']:.0f}",
                    f"{ratio} ({best_ratio})", moved, len(result["ms"])))
    header = ("", "ms, median", "best", "MP/s", "extra MiB", "time ÷ ours: median (best)", "edit, levels", "calls")
    return f"## {TITLES[row]}\n\n{table(header, out)}"


def _fit_table(found: dict) -> str:
    if "cannot" in found:
        return f"Not run: {found['cannot']}\n"
    parts = []
    for start, methods in found.items():
        rows = [(m["method"], *(f"{m['l1'][key]:.4f}" for key in ("mean", "worst")),
                 *("" if m["s"] is None else f"{m['s'][key]:.2f}" for key in ("mean", "worst")),
                 "" if m["calls"] is None else f"{m['calls']['mean']:.0f}") for m in methods]
        parts.append(f"Start: {start}.\n\n" + table(("", "L1, mean", "worst", "s, mean", "worst", "renders"), rows))
    return "\n".join(parts)


def _compile_table(found: dict) -> str:
    if any("cannot" in times for times in found.values()):
        return f"Not run: {found}\n"
    rows = [(name, f"{seconds:.2f}", f"{found['again'][name]:.2f}") for name, seconds in found["cold"].items()]
    return table(("groups", "cold, s", "with the disk cache, s"), rows)


def editor(found: dict) -> str:
    """The main table."""
    parts = ["# The editor beside its peers\n", _machine_line(found["machine"]) + "\n",
             _METHOD.format(command=shlex.join(["python", "benchmarks/editor.py", *sys.argv[1:]]))]
    if "bandwidth" in found:
        copies = found["bandwidth"].get("copy_ms", {})
        parts.append("## Floor: one copy of 12 MP of RGB\n\n" + table(("", "ms"), [
            (name, f"{ms:.2f}") for name, ms in copies.items()]))
    parts += [_row_table(row, peers) for row, peers in found["rows"].items()]
    if "compile" in found:
        parts.append("## First render with a new set of groups, beyond the second\n\n"
                     + _compile_table(found["compile"]))
    if "fit" in found:
        parts.append("## Sliders from a pair: `fit` against FastSearch on this editor\n\n" + _FIT
                     + _fit_table(found["fit"]))
    return "\n".join(parts)


_METHOD = """\
Command: `{command}`. The same twelve adjustments, uint8 in and out; ours with its own formulas, torch
with twelve formulas of the usual kind, OpenCV and Pillow with 8-bit tables and a vignette mask made beforehand, kornia
with the seven adjustments it has. Every process: two calls to warm up, then up to seven timed ones; peers in turn,
fresh processes in every round. Extra MiB: resident high-water mark during the timed calls above the level before them.
All run with `GLIBC_TUNABLES=glibc.malloc.hugetlb=1` and `OMP_WAIT_POLICY=PASSIVE`, except "default malloc". "Edit,
levels": mean change of the photo, to show that work is done. Editors that pip cannot install (IEA's, MonetGPT's,
RawTherapee, darktable) are not run.
"""

_FIT = """\
Five photos at 512 px, four of fourteen sliders moved; compilation left out. FastSearch (arXiv 2606.08016) calls this
editor, compiled, on all cores. L1 of the 8-bit results, 0–1; seconds are medians of three.

"""


def device(found: dict, computer: dict) -> str:
    """The table of an accelerator."""
    if "cannot" in found:
        return f"# The editor on an accelerator\n\nNot run: {found['cannot']}\n"
    rows = [(name, f"{r['median']:.2f}", f"{r['best']:.2f}", f"{r['first_s']:.1f}")
            for name, r in found["rows"].items()]
    a = found["agreement"]
    return (f"# The editor on an accelerator\n\n{found['device']}; host {_machine_line(computer)}\n\n"
            f"Command: `python benchmarks/editor.py --device`; 20 calls after three.\n\n"
            + table(("", "ms, median", "best", "first call, s"), rows)
            + f"\nAgreement with the CPU, {a['plans']} random plans of eight sliders at {a['side']}²: largest "
            f"difference {a['max']:.2e} ({a['max_clipped']:.2e} of what is shown, 0–1), mean {a['mean']:.1e}; "
            f"the bar 1/65535 is {1 / 65535:.2e}, {a['above_1_65535']:.2%} of values lie above it.\n")


def pairs(found, computer: dict) -> str:
    """PSNR of `fit` per pair."""
    if isinstance(found, dict):
        return f"# `fit` on pairs by people\n\nNot run: {found['cannot']}\n"
    done = [r for r in found if "cannot" not in r]
    if not done:
        return f"# `fit` on pairs by people\n\nNo pair could be fitted: {found[:1]}\n"
    levels = [r["fit_db"] for r in done]
    rows = [(r["id"], f"{r['untouched_db']:.1f}", f"{r['fit_db']:.1f}", r["sliders"], f"{r['s']:.1f}") for r in done]
    rows += [(r["id"], f"not fitted: {r['cannot']}", "", "", "") for r in found if "cannot" in r]
    return (f"# `fit` on pairs by people\n\n{_machine_line(computer)}\n\nCommand: `python benchmarks/editor.py --pairs "
            f"DIR`. {len(done)} of {len(found)} pairs; PSNR of the fitted plan's 8-bit result: "
            f"median {np.median(levels):.2f} dB, mean {np.mean(levels):.2f}, least {min(levels):.2f}.\n\n"
            + table(("pair", "untouched, dB", "fitted, dB", "sliders", "s"), rows))
