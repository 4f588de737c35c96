"""Fits the polynomials of rtq/editor/numerics.py: `python benchmarks/polynomials.py` prints them and their errors."""

import numpy as np


def fit(function, half_width: float, degree: int, relative: bool) -> tuple[np.ndarray, float]:
    """Weighted least squares at 4,000 Chebyshev nodes on [-half_width, half_width]."""
    x = np.cos(np.pi * (np.arange(4000) + 0.5) / 4000) * half_width
    y = function(x)
    weight = 1 / np.abs(y) if relative else np.ones_like(y)
    powers = x[:, None] ** np.arange(degree + 1)
    coefficients = np.linalg.lstsq(powers * weight[:, None], y * weight, rcond=None)[0]
    return coefficients, float(np.abs((powers @ coefficients - y) * weight).max())


if __name__ == "__main__":
    for name, function, half_width, degree, relative in (
            ("_LOG2", lambda f: np.log2(1 + f) / f, 1 / 3, 7, False),
            ("_EXP2", lambda r: (np.exp2(r) - 1) / r, 1 / 2, 4, False)):
        coefficients, error = fit(function, half_width, degree, relative)
        print(f"{name} = ({', '.join(f'{c:.9g}' for c in coefficients)})  # error {error:.1e}")
