"""Fits the Planckian locus of rtq/editor/color.py: `pip install colour-science && python benchmarks/planck.py`.

CIE 1960 (u, v) of Planck radiators, CIE 1931 2° observer, 1 nm, as polynomials in the mired difference to 5000 K; and
the unit normal of the locus (towards green). Prints coefficients and the largest error over 20–500 mired.
"""

import colour
import numpy as np

REFERENCE = 200.0
HALF = 300.0  # mired per unit of the polynomial's variable
DEGREE = 9


def locus(mired: np.ndarray) -> np.ndarray:
    """uv of Planck radiators, float64[N, 2]."""
    cmfs = colour.MSDS_CMFS["CIE 1931 2 Degree Standard Observer"]
    wavelengths = cmfs.wavelengths * 1e-9
    radiance = 1 / (wavelengths[:, None] ** 5 * np.expm1(1.438776877e-2 / wavelengths[:, None] * mired * 1e-6))
    x, y, z = cmfs.values.T @ (radiance / radiance.sum(0))
    return np.stack([4 * x, 6 * y], -1) / (x + 15 * y + 3 * z)[:, None]


if __name__ == "__main__":
    nodes = 260 + 240 * np.cos(np.pi * (np.arange(2000) + 0.5) / 2000)
    d = (nodes - REFERENCE) / HALF
    uv, ahead = locus(nodes), locus(nodes + 0.01)
    tangent = (ahead - uv) / np.linalg.norm(ahead - uv, axis=1, keepdims=True)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], -1)
    normal *= np.sign(normal[:, 1:])  # towards larger v: green
    powers = d[:, None] ** np.arange(1, DEGREE + 1)
    for name, values, start in (("u", uv[:, 0], locus(np.array([REFERENCE]))[0, 0]),
                                ("v", uv[:, 1], locus(np.array([REFERENCE]))[0, 1]),
                                ("normal_u", normal[:, 0], None), ("normal_v", normal[:, 1], None)):
        if start is None:
            start = np.interp(REFERENCE, nodes[::-1], values[::-1])
        c = np.linalg.lstsq(powers, values - start, rcond=None)[0]
        error = abs(powers @ c + start - values).max()
        print(f"{name}: {start:.9g}, ({', '.join(f'{k:.8g}' for k in c)})  # error {error:.1e}")
