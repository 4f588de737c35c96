"""White balance between our relative sliders and Camera Raw's absolute Kelvin and tint of a raw photo.

Our Temperature t states the light's colour relative to 200 mired (5000 K): M(t) = 200 − 2.4 t + 0.006 t². A raw photo
has an as-shot light of its own; the same shift in mired is applied to it, which keeps the strength of the change.
"""

import math

KELVIN = (2000, 50000)
TINT = (-150, 150)


def mired_shift(temperature: float) -> float:
    """The slider's shift in mired: negative (bluer light assumed, so a warmer photo) for positive values."""
    return -2.4 * temperature + 0.006 * temperature**2


def tint_shift(tint: float) -> float:
    """The slider's shift in units of Camera Raw's tint."""
    return 0.8 * tint + (0.0061 if tint > 0 else 0.0079) * tint * abs(tint)


def to_absolute(temperature: float, tint: float, as_shot: tuple[float, float]) -> tuple[float, float]:
    """(Kelvin, Camera Raw tint) for slider values on a photo with as-shot (Kelvin, tint); not clamped, not rounded."""
    mired = 1e6 / as_shot[0] + mired_shift(temperature)
    return (1e6 / mired if mired > 0 else math.inf), as_shot[1] + tint_shift(tint)


def to_relative(kelvin: float, tint: float, as_shot: tuple[float, float]) -> tuple[float, float]:
    """Slider values (not rounded, not clamped) that lead from the as-shot light to (Kelvin, Camera Raw tint)."""
    shift = 1e6 / kelvin - 1e6 / as_shot[0]
    inside = 2.4**2 + 4 * 0.006 * shift
    temperature = (2.4 - math.sqrt(inside)) / 0.012 if inside > 0 else 200.0
    difference = tint - as_shot[1]
    bend = 0.0061 if difference > 0 else 0.0079
    size = (-0.8 + math.sqrt(0.64 + 4 * bend * abs(difference))) / (2 * bend)
    return temperature, math.copysign(size, difference)


def _planck_uv(kelvin: float) -> tuple[float, float]:
    """CIE 1960 (u, v) of a black body, 1000–15000 K (Krystek 1985; the polynomial is usable to 50000 K)."""
    t = kelvin
    u = (0.860117757 + 1.54118254e-4 * t + 1.28641212e-7 * t * t) / (1 + 8.42420235e-4 * t + 7.08145163e-7 * t * t)
    v = (0.317398726 + 4.22806245e-5 * t + 4.20481691e-8 * t * t) / (1 - 2.89741816e-5 * t + 1.61456053e-7 * t * t)
    return u, v


def kelvin_and_tint(x: float, y: float) -> tuple[float, float]:
    """Correlated colour temperature and Camera Raw's tint of a light of chromaticity CIE xy.

    Tint is 3000 × the distance from the Planck locus in CIE 1960 uv, positive for greener lights, whose photos then get
    more magenta: daylight has about +10, Camera Raw's own preset "Daylight" as well.
    """
    u, v = 4 * x / (-2 * x + 12 * y + 3), 6 * y / (-2 * x + 12 * y + 3)

    def distance(mired):
        pu, pv = _planck_uv(1e6 / mired)
        return math.hypot(u - pu, v - pv)

    low, high = 1e6 / KELVIN[1], 1e6 / KELVIN[0]
    best = min((low + (high - low) * i / 200 for i in range(201)), key=distance)
    step = (high - low) / 200
    for _ in range(40):  # the distance has one minimum near `best`
        step *= 0.7
        best = min((min(max(best + d, low), high) for d in (-step, 0.0, step)), key=distance)
    pv = _planck_uv(1e6 / best)[1]
    return 1e6 / best, 3000 * math.copysign(distance(best), v - pv)


def as_shot(multipliers, xyz_to_camera) -> tuple[float, float]:
    """As-shot (Kelvin, tint) from a raw file's own data.

    Args:
      multipliers: the camera's white-balance multipliers of red, green, blue (any common factor).
      xyz_to_camera: float[3, 3], CIE XYZ → camera colours, as raw files and LibRaw give it. One matrix for all light,
        where Camera Raw blends two: expect differences of some per cent in Kelvin.

    Raises:
      ValueError: a multiplier that is not positive or a matrix without inverse.
    """
    import numpy as np

    multipliers, matrix = np.asarray(multipliers, np.float64)[:3], np.asarray(xyz_to_camera, np.float64)[:3]
    if not (np.all(np.isfinite(multipliers)) and np.all(multipliers > 0)) or abs(np.linalg.det(matrix)) < 1e-9:
        raise ValueError("white balance: the photo has no usable camera multipliers or colour matrix")
    xyz = np.linalg.solve(matrix, 1 / multipliers)
    total = float(xyz.sum())
    return kelvin_and_tint(float(xyz[0]) / total, float(xyz[1]) / total)
