"""Training curves as inline SVG: rows of metrics.jsonl → small multiples."""

import html
import json
import math
import pathlib
import re
from collections.abc import Mapping

import numpy as np

POINTS = 240  # a curve is thinned to so many, by means
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 340, 170, 46, 10, 10, 24

Series = tuple[np.ndarray, np.ndarray]  # steps, values


def read(path: str | pathlib.Path) -> dict[str, Series]:
    """metrics.jsonl ({"step": 3, "loss": 0.1, …}) → name → (steps, values) without gaps or a cut last line."""
    found: dict[str, list[tuple[float, float]]] = {}
    lines = pathlib.Path(path).read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines[:-1], 1):
        try:
            row = json.loads(line)
            step = row.pop("step")
        except (json.JSONDecodeError, KeyError):
            raise ValueError(f"{path}, line {number}: expected a JSON object with a step") from None
        for name, value in row.items():
            if isinstance(value, (int, float)) and math.isfinite(value):
                found.setdefault(name, []).append((step, value))
    return {name: tuple(np.array(points, np.float64).T) for name, points in found.items()}


def thinned(series: Series, points: int = POINTS) -> Series:
    """Means of neighbours, at most so many points; the last point stays as it is."""
    steps, values = series
    if len(steps) <= points:
        return series
    parts = np.array_split(np.arange(len(steps) - 1), points - 1)
    return (np.array([*(steps[p].mean() for p in parts), steps[-1]]),
            np.array([*(values[p].mean() for p in parts), values[-1]]))


def smoothed(values: np.ndarray, span: int) -> np.ndarray:
    """Mean over a window of `span`, cut off at the ends."""
    total, index = np.concatenate([[0], np.cumsum(values)]), np.arange(len(values))
    low, high = np.maximum(index - span // 2, 0), np.minimum(index + span // 2 + 1, len(values))
    return (total[high] - total[low]) / (high - low)


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers inside [low, high]."""
    if high <= low:
        return [low]
    raw = (high - low) / count
    step = 10 ** math.floor(math.log10(raw))
    step *= next(m for m in (1, 2, 2.5, 5, 10) if step * m >= 0.8 * raw)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def number(value: float) -> str:
    """A number as a person reads it: three significant digits, whole to 9,999, then thousands as k; true minus."""
    size = abs(value)
    if size == 0:
        text = "0"
    elif size < 1e-3 or size >= 999_500:
        text = re.sub("e([+-])0*", r"e\1", f"{value:.2g}")
    elif size >= 9999.5:
        text = f"{value / 1000:.3g}k"
    else:
        text = f"{value:.0f}" if size >= 999.5 else f"{value:.3g}"
    return text.replace("e+", "e").replace("-", "−")


def chart(title: str, series: Mapping[str, Series], hint: str = "") -> str:
    """One figure: a line per series (raw faint, smoothed strong), axes, legend with last values; needs no script."""
    thin = {name: thinned(points) for name, points in series.items()}
    values = np.concatenate([v for _, v in thin.values()])
    steps = np.concatenate([s for s, _ in series.values()])
    low, high = float(values.min()), float(values.max())
    pad = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    low, high = low - pad, high + pad
    first, last = float(steps.min()), max(float(steps.max()), float(steps.min()) + 1)

    def up(y):
        return HEIGHT - BOTTOM - (y - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    lines, legend = [], []
    for i, (name, (x, y)) in enumerate(thin.items()):
        across = LEFT + (x - first) / (last - first) * (WIDTH - LEFT - RIGHT)
        color = f"s{i % 6}"
        if len(x) == 1:
            lines.append(f'<circle class="{color}" cx="{across[0]:.1f}" cy="{up(y[0]):.1f}" r="3.5"/>')
        else:
            soft = smoothed(y, max(3, len(y) // 15))
            lines.append(f'<path class="raw {color}" d="{_path(across, up(y))}"/>'
                         f'<path class="{color}" d="{_path(across, up(soft))}"/>')
        ends = number(float(series[name][1][-1]))
        legend.append(f'<span class="key {color}">{html.escape(name)} <b>{ends}</b></span>')
    data = [[[float(f"{a:.6g}") for a in x], [float(f"{b:.4g}") for b in y]] for x, y in thin.values()]
    label = ", ".join(f"{name or title} ends at {number(float(v[-1]))}" for name, (_, v) in series.items())
    data = html.escape(json.dumps(data))
    return (f'<figure class="chart" data-series="{data}" data-span="{first:g},{last:g}">'
            f'<figcaption><strong>{html.escape(title)}</strong>{_hint(hint)}</figcaption>'
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(label)}">'
            f'{_axes(first, last, low, high)}{"".join(lines)}'
            f'<line class="cursor" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/></svg>'
            f'<p class="legend">{"".join(legend)}</p></figure>')


def _hint(hint: str) -> str:
    return f"<small>{html.escape(hint)}</small>" if hint else ""


def _path(x: np.ndarray, y: np.ndarray) -> str:
    return "M" + "L".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _axes(first: float, last: float, low: float, high: float) -> str:
    parts = []
    for value in ticks(low, high, 3):
        y = HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{number(value)}</text>')
    for value in ticks(first, last, 4):
        x = LEFT + (value - first) / (last - first) * (WIDTH - LEFT - RIGHT)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 7}" text-anchor="middle">{number(value)}</text>')
    return "".join(parts)
