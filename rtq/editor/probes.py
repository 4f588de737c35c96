"""Probe pictures and statistics: how the effect of a slider is seen, by the names in the slider table.

The contract tests render every slider on its probe and demand that its statistic moves. A statistic is never a proxy
that other edits spoil: contrast, for one, is a slope at middle grey, not the spread of the luma, which falls with more
Contrast on many photos. numpy only.
"""

from collections.abc import Callable, Mapping

import numpy as np

HEIGHT, WIDTH = 48, 64  # not square, so that swapped axes show
WIDE = (24, 1024)  # of probes for detail that is fine relative to the photo, as Texture and grain cells are
_HUE_ANGLES = {"Red": 0, "Orange": 30, "Yellow": 60, "Green": 120, "Aqua": 180, "Blue": 240, "Purple": 270,
               "Magenta": 300}
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def luma(picture: np.ndarray) -> np.ndarray:
    """Encoded Rec. 709 luma of float32[..., 3]."""
    return picture @ _LUMA


def chroma_plane(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(α, β) = (R − (G+B)/2, √3/2 (G−B)) of float32[..., 3]."""
    red, green, blue = picture[..., 0], picture[..., 1], picture[..., 2]
    return red - 0.5 * (green + blue), np.sqrt(0.75).astype(np.float32) * (green - blue)


def chroma(picture: np.ndarray) -> np.ndarray:
    """Length of (α, β)."""
    return np.hypot(*chroma_plane(picture))


def color(hue: float, chroma: float, level: float) -> np.ndarray:
    """The encoded colour float32[3] of that hue (degrees in the chroma plane), chroma and luma."""
    alpha, beta = chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))
    rgb = np.array([2 / 3 * alpha, beta / np.sqrt(3) - alpha / 3, -beta / np.sqrt(3) - alpha / 3])
    return (rgb + (level - rgb @ _LUMA)).astype(np.float32)


def _flat(level, size=(HEIGHT, WIDTH)) -> np.ndarray:
    return np.broadcast_to(np.float32(level), (*size, 3)).copy()


def _grey(plane: np.ndarray, size=(HEIGHT, WIDTH)) -> np.ndarray:
    return np.repeat(np.broadcast_to(plane, size).astype(np.float32)[..., None], 3, -1)


def _waves(period: float, amplitude: float) -> np.ndarray:
    x, y = np.arange(WIDTH), np.arange(HEIGHT)[:, None]
    return _grey(0.5 + amplitude * np.sin(2 * np.pi * x / period + 0.3) * np.sin(2 * np.pi * y / period + 0.3))


def _fine() -> np.ndarray:
    return _grey(0.5 + 0.1 * np.sin(2 * np.pi * np.arange(WIDE[1]) / 12), WIDE)


def _color_stripes() -> np.ndarray:
    """Stripes in opposite colours and of unlike brightness: colour edges with the luma edges that guide filters."""
    light = (np.arange(WIDTH) // 3 % 2 == 1)[:, None]
    row = np.where(light, color(0, 0.15, 0.6), color(180, 0.15, 0.4))
    return np.broadcast_to(row, (HEIGHT, WIDTH, 3)).astype(np.float32)


def _haze() -> np.ndarray:
    """Dark forms that fade into a light veil towards the top, where the sky is."""
    x, y = np.arange(WIDTH), np.arange(HEIGHT)[:, None] / (HEIGHT - 1)
    forms = 0.55 + 0.08 * y * np.sign(np.sin(2 * np.pi * x / 16))
    return _grey(np.where(y < 0.2, 0.8, forms))


def _muted() -> np.ndarray:
    stripe = np.arange(WIDTH) * len(_HUE_ANGLES) // WIDTH
    row = np.stack([color(hue, 0.15, 0.5) for hue in _HUE_ANGLES.values()])[stripe]
    return np.broadcast_to(row, (HEIGHT, WIDTH, 3)).copy()


def _edge(step: float) -> np.ndarray:
    return _grey(np.where(np.arange(WIDTH) < WIDTH // 2, 0.5 - step / 2, 0.5 + step / 2))


def _noise() -> np.ndarray:
    return _grey(0.5 + 0.03 * np.random.default_rng(1).standard_normal((HEIGHT, WIDTH)))


def _color_noise() -> np.ndarray:
    noise = 0.05 * np.random.default_rng(2).standard_normal((HEIGHT, WIDTH, 3))
    return (0.5 + noise - (noise @ _LUMA)[..., None]).astype(np.float32)


PROBES: Mapping[str, Callable[[], np.ndarray]] = {
    "grey": lambda: _flat(0.5),
    "flat15": lambda: _flat(0.15),
    "flat30": lambda: _flat(0.30),
    "flat80": lambda: _flat(0.80),
    "bright": lambda: _flat(0.85),
    "ramp": lambda: _grey(np.linspace(0, 1, WIDTH)),
    "fine": _fine,
    "wide_grey": lambda: _flat(0.5, WIDE),
    "color_stripes": _color_stripes,
    "coarse": lambda: _waves(10, 0.15),
    "haze": _haze,
    "muted": _muted,
    "edge": lambda: _edge(0.30),
    "faint_edge": lambda: _edge(0.04),
    "noise": _noise,
    "color_noise": _color_noise,
    **{f"patch{name}": lambda hue=hue: _flat(color(hue, 0.4, 0.5)) for name, hue in _HUE_ANGLES.items()},
}


def _at(share: float) -> Callable[[np.ndarray], float]:
    """Luma at a share of the width, interpolated, averaged over the rows."""
    def statistic(picture: np.ndarray) -> float:
        columns = luma(picture).mean(0)
        return float(np.interp(share * (len(columns) - 1), np.arange(len(columns)), columns))
    return statistic


def _slope_mid(picture: np.ndarray) -> float:
    return (_at(0.6)(picture) - _at(0.4)(picture)) / 0.2


def _hue(picture: np.ndarray) -> float:
    alpha, beta = chroma_plane(picture)
    return float(np.degrees(np.arctan2(beta.sum(), alpha.sum())) % 360)


def _warmth(picture: np.ndarray) -> float:
    return float((picture[..., 0] - picture[..., 2]).mean())


def _greenness(picture: np.ndarray) -> float:
    return float((picture[..., 1] - 0.5 * (picture[..., 0] + picture[..., 2])).mean())


def _range(picture: np.ndarray) -> float:
    low, high = np.percentile(luma(picture), (5, 95))
    return float(high - low)


def _chroma_std(picture: np.ndarray) -> float:
    alpha, beta = chroma_plane(picture)
    return float(np.hypot(alpha.std(), beta.std()))


def _edge_gain(picture: np.ndarray) -> float:
    y = luma(picture)
    return float(y.max() - y.min())


def _edge_width(picture: np.ndarray) -> float:
    """Pixels of halo: area between the columns and the plateaus at the picture's sides, over the height of the step."""
    columns = luma(picture).mean(0)
    low, high, half = columns[0], columns[-1], len(columns) // 2
    area = np.abs(columns[:half] - low).sum() + np.abs(columns[half:] - high).sum()
    return float(area / max(abs(high - low), 1e-6))


def _corner(picture: np.ndarray) -> float:
    y = luma(picture)
    return float(y[[0, 0, -1, -1], [0, -1, 0, -1]].mean())


def _middle_slope(picture: np.ndarray) -> float:
    """Steepest fall of luma per pixel on the way from the centre to the side."""
    middle = luma(picture)[picture.shape[0] // 2]
    return float(np.abs(np.diff(middle)).max())


def _neighbour(picture: np.ndarray) -> float:
    """Correlation of luma with its right neighbour: the size of grains."""
    y = luma(picture) - luma(picture).mean()
    return float((y[:, 1:] * y[:, :-1]).mean() / max((y * y).mean(), 1e-12))


def _kurtosis(picture: np.ndarray) -> float:
    y = luma(picture) - luma(picture).mean()
    return float((y**4).mean() / max((y * y).mean() ** 2, 1e-24))


STATISTICS: Mapping[str, Callable[[np.ndarray], float]] = {
    "mean": lambda picture: float(picture.mean()),
    "luma": lambda picture: float(luma(picture).mean()),
    "std": lambda picture: float(luma(picture).std()),
    "range": _range,
    "slope_mid": _slope_mid,
    "warmth": _warmth,
    "greenness": _greenness,
    "chroma": lambda picture: float(chroma(picture).mean()),
    "chroma_std": _chroma_std,
    "hue": _hue,
    "edge_gain": _edge_gain,
    "edge_width": _edge_width,
    "corner": _corner,
    "middle_slope": _middle_slope,
    "neighbour": _neighbour,
    "kurtosis": _kurtosis,
    **{f"ramp{percent:02d}": _at(percent / 100) for percent in range(100)},
}


def change(statistic: str, before: float, after: float) -> float:
    """after − before; hues the short way round, in degrees."""
    difference = after - before
    return (difference + 180) % 360 - 180 if statistic == "hue" else difference
