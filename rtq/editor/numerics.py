"""Elementary functions that are fast on CPUs, exact enough for 16 bits, and safe to differentiate.

`jnp.power` is slow on XLA:CPU; the polynomials below vectorise. In float64 (used to check gradients) the library
functions are taken. Errors in float32, measured over 40 octaves (tests/editor/test_numerics.py): log2 1.1e-6
absolute (its last bit at 20), exp2 3e-7 relative.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

# log2(1 + f) / f on [-1/3, 1/3] and (2^r − 1) / r on [-1/2, 1/2], fitted at Chebyshev nodes by
# benchmarks/polynomials.py.
_LOG2 = (
    1.4426948, -0.721346541, 0.480965514, -0.360789563,
    0.285581913, -0.236786641, 0.246862822, -0.22222056)
_EXP2 = (0.693147188, 0.240223489, 0.055503571, 0.00966637369, 0.00133908674)
# ((1 − e)^(−7/12) − 1) / e and ((1 − e)^(−3/5) − 1) / e where `_guess` leaves e, weighted for the relative error.
_SERIES_12 = (0.583343864, 0.461841068, 0.396804377, 0.353830881, 0.342594634, 0.352195824, 0.224463449)
_SERIES_5 = (0.599998236, 0.479917822, 0.416390523, 0.385275266, 0.334168449)
# The float32 1.5·2^23: added, it rounds to a whole number, found in the last bits. Conversions saturate, slowly.
_ROUND_BITS = 0x4B400000
_TWO_THIRDS_BITS = 0x3F2AAAAB  # the float32 2/3, so that mantissas fall into [2/3, 4/3)


@jax.custom_jvp
def maximum(a, b):
    """max(a, b), shapes broadcast; where both are equal the gradient is that of `a`.

    `jnp.maximum` shares it between both there, by a division for every pixel in reverse mode.
    """
    return jnp.maximum(a, b)


@maximum.defjvp
def _maximum_jvp(primals, tangents):
    (a, b), (da, db) = primals, tangents
    return maximum(a, b), jnp.where(a >= b, da, db)


@jax.custom_jvp
def minimum(a, b):
    """min(a, b), shapes broadcast; where both are equal the gradient is that of `a`."""
    return jnp.minimum(a, b)


@minimum.defjvp
def _minimum_jvp(primals, tangents):
    (a, b), (da, db) = primals, tangents
    return minimum(a, b), jnp.where(a <= b, da, db)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def clip(x, lo: float, hi: float):
    """x in [lo, hi], which are constants; at the ends the gradient is that of `x`."""
    return jnp.clip(x, lo, hi)


@clip.defjvp
def _clip_jvp(lo, hi, primals, tangents):
    (x,), (dx,) = primals, tangents
    return clip(x, lo, hi), jnp.where((x >= lo) & (x <= hi), dx, jnp.zeros_like(dx))


def horner(coefficients, x):
    """Σ c_k x^k, coefficients ascending."""
    y = jnp.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        y = y * x + c
    return y


@jax.custom_jvp
def log2(x):
    """log2 of positive normal numbers, any shape."""
    if x.dtype != jnp.float32:
        return jnp.log2(x)
    bits = lax.bitcast_convert_type(x, jnp.int32)
    exponent = (bits - _TWO_THIRDS_BITS) >> 23
    f = lax.bitcast_convert_type(bits - (exponent << 23), jnp.float32) - 1.0
    return exponent.astype(jnp.float32) + f * horner(_LOG2, f)


@log2.defjvp
def _log2_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return log2(x), dx * (1.4426950408889634 / x)


@jax.custom_jvp
def exp2(x):
    """2^x for |x| ≤ 126 (clamped there), any shape."""
    if x.dtype != jnp.float32:
        return jnp.exp2(x)
    x = jnp.clip(x, -126.0, 126.0)
    whole = lax.bitcast_convert_type(x + 1.5 * 2.0**23, jnp.int32) - _ROUND_BITS
    rest = x - whole.astype(jnp.float32)
    bits = lax.bitcast_convert_type(1.0 + rest * horner(_EXP2, rest), jnp.int32)  # exactly 1 at 0
    return lax.bitcast_convert_type(bits + (whole << 23), jnp.float32)


@exp2.defjvp
def _exp2_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    y = exp2(x)
    return y, dx * (0.6931471805599453 * y)


@jax.custom_jvp
def smoothstep(lo, hi, x):
    """0 below lo, 1 above hi, 3t² − 2t³ between. Shapes broadcast; lo < hi."""
    t = jnp.clip((x - lo) * (1.0 / (hi - lo)), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@smoothstep.defjvp
def _smoothstep_jvp(primals, tangents):
    (lo, hi, x), (dlo, dhi, dx) = primals, tangents
    per = 1.0 / (hi - lo)
    t = jnp.clip((x - lo) * per, 0.0, 1.0)  # the slope is 0 at both ends, so nothing has to be cut off
    return smoothstep(lo, hi, x), 6.0 * t * (1.0 - t) * (dx - (1.0 - t) * dlo - t * dhi) * per


def _guess(x, n: int, moved: float):
    """About x^(−1/n) for positive normal float32, from the bits; `moved` makes it err to both sides, by 3% at most."""
    one = 0x3F8000 - moved * (1 << 15)  # bits of 1 without the last 8, so that 2^23 can be added
    bits = (lax.bitcast_convert_type(x, jnp.int32) >> 8).astype(jnp.float32)
    moved_bits = (one * (1 + 1 / n) + 2.0**23) - bits * (1 / n)
    return lax.bitcast_convert_type(lax.bitcast_convert_type(moved_bits, jnp.int32) << 8, jnp.float32)


def _corrected(power, e, series):
    """power·(1 − e)^−p, for the p of the series."""
    return power + power * (e * horner(series, e))


def _power_5_12(x):
    """x^(1/2.4) for positive normal x, any shape: x·y^7·(1 − e)^(−7/12) with y about x^(−1/12), e = 1 − x·y^12."""
    if x.dtype != jnp.float32:
        return x ** (1 / 2.4)
    y = _guess(x, 12, 0.046)
    y2 = y * y
    y5 = y2 * y2 * y
    power = x * (y5 * y2)
    return _corrected(power, 1 - power * y5, _SERIES_12)


def _power_12_5(x):
    """x^2.4 for positive normal x, any shape: (x·y)³·(1 − e)^(−3/5) with y about x^(−1/5), e = 1 − x·y^5."""
    if x.dtype != jnp.float32:
        return x**2.4
    y = _guess(x, 5, 0.0485)
    xy, y2 = x * y, y * y
    return _corrected(xy * xy * xy, 1 - xy * (y2 * y2), _SERIES_5)


@jax.custom_jvp
def encode(linear):
    """Linear light → extended sRGB (IEC 61966-2-1, odd-symmetric, unclipped), any shape."""
    magnitude = jnp.abs(linear)
    curved = 1.055 * _power_5_12(jnp.maximum(magnitude, 0.003)) - 0.055
    return jnp.where(magnitude <= 0.0031308, linear * 12.92, jnp.copysign(curved, linear))


@encode.defjvp
def _encode_jvp(primals, tangents):
    (linear,), (tangent,) = primals, tangents
    encoded, magnitude = encode(linear), jnp.abs(linear)
    slope = (jnp.abs(encoded) + 0.055) * (1 / 2.4) / jnp.maximum(magnitude, 0.003)
    return encoded, tangent * jnp.where(magnitude <= 0.0031308, 12.92, slope)


@jax.custom_jvp
def decode(encoded):
    """Extended sRGB → linear light, any shape; `encode` inverts it within 1.1e-6 on [0, 1]."""
    magnitude = jnp.abs(encoded)
    curved = _power_12_5((jnp.maximum(magnitude, 0.04) + 0.055) * (1 / 1.055))
    return jnp.where(magnitude <= 0.04045, encoded * (1 / 12.92), jnp.copysign(curved, encoded))


@decode.defjvp
def _decode_jvp(primals, tangents):
    (encoded,), (tangent,) = primals, tangents
    linear, magnitude = decode(encoded), jnp.abs(encoded)
    slope = 2.4 * jnp.abs(linear) / (magnitude + 0.055)
    return linear, tangent * jnp.where(magnitude <= 0.04045, 1 / 12.92, slope)


def luma(planes):
    """Rec. 709 weighted sum of three planes (of linear light: relative luminance Y)."""
    red, green, blue = planes
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
