"""Masks of local adjustments: where in the photo a local adjustment acts, `float[H, W]` in [0, 1]."""

from typing import NamedTuple

import jax.numpy as jnp

from rtq.editor.color import chroma_plane
from rtq.editor.numerics import luma, smoothstep
from rtq.editor.plan import MASK_KINDS, OPERATIONS


class View(NamedTuple):
    """The part of the photo at hand, in absolute coordinates.

    Attributes:
      rows: float[h, 1], vertical centre of each row as a share of the upright, uncropped height; likewise
      cols: float[1, W].
      size: float[2], height and width of the whole photo in pixels of this rendering.
      source: three encoded planes of the input photo, which range masks read.
      named: float[K, h, W], the given region and bitmap masks.
    """

    rows: jnp.ndarray
    cols: jnp.ndarray
    size: jnp.ndarray
    source: tuple
    named: jnp.ndarray


def _linear(n, view):
    """0 at (x0, y0), 1 at (x1, y1), smooth between, constant across; measured in pixels."""
    height, width = view.size[0], view.size[1]
    x0, y0, x1, y1 = n[0] * width * 1e-3, n[1] * height * 1e-3, n[2] * width * 1e-3, n[3] * height * 1e-3
    dx, dy = x1 - x0, y1 - y0
    along = ((view.cols * width - x0) * dx + (view.rows * height - y0) * dy) / jnp.maximum(dx * dx + dy * dy, 1e-6)
    return smoothstep(0.0, 1.0, along)


def _radial(n, view):
    """1 inside an ellipse turned by an angle, falling to 0 at its edge over the feathered part."""
    height, width = view.size[0], view.size[1]
    dx, dy = (view.cols - n[0] * 1e-3) * width, (view.rows - n[1] * 1e-3) * height
    angle = n[4] * (jnp.pi / 180)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    u = (dx * cos + dy * sin) / jnp.maximum(n[2] * 1e-3 * width, 1e-3)
    w = (dy * cos - dx * sin) / jnp.maximum(n[3] * 1e-3 * height, 1e-3)
    radius = jnp.sqrt(u * u + w * w + 1e-12)
    return 1 - smoothstep(1 - jnp.maximum(n[5] * 1e-2, 0.01), 1.0, radius)


def _luminance(n, view):
    """1 where the encoded luma of the input lies between lo and hi percent; feathered outside; open ends at 0, 100."""
    y = luma(view.source)
    feather = jnp.maximum(n[2], 0.5) * 1e-2
    rises = jnp.where(n[0] <= 0, 1.0, smoothstep(n[0] * 1e-2 - feather, n[0] * 1e-2, y))
    falls = jnp.where(n[1] >= 100, 1.0, 1 - smoothstep(n[1] * 1e-2, n[1] * 1e-2 + feather, y))
    return rises * falls


def _color(n, view):
    """1 near a colour of the input: distance in the chroma plane, brightness counting a third."""
    target = [n[i] * (1 / 255) for i in range(3)]
    alpha, beta = chroma_plane(view.source)
    alpha0, beta0 = chroma_plane(target)
    d_alpha, d_beta, d_luma = alpha - alpha0, beta - beta0, (luma(view.source) - luma(target)) * (1 / 3)
    distance = jnp.sqrt(d_alpha * d_alpha + d_beta * d_beta + d_luma * d_luma + 1e-12)
    reach = n[3] * (0.6 / 100)
    return 1 - smoothstep(0.4 * reach, reach, distance)


_NUMERIC = {"linear": _linear, "radial": _radial, "luminance": _luminance, "color": _color}


def _component(kind, numbers, name, view):
    """One component. `kind` and `name` are Python ints (a program for these masks) or traced (any masks)."""
    shape = (view.rows.shape[0], view.cols.shape[1])
    if isinstance(kind, int):
        word = MASK_KINDS[kind]
        return jnp.broadcast_to(_NUMERIC[word](numbers, view), shape) if word in _NUMERIC else view.named[name]
    out = jnp.zeros(shape, view.rows.dtype)
    for code, word in enumerate(MASK_KINDS):
        if word in _NUMERIC:
            out = jnp.where(kind == code, _NUMERIC[word](numbers, view), out)
    for k in range(view.named.shape[0]):
        out = jnp.where(name == k, view.named[k], out)
    return out


def compose(kinds, ops, inverts, names, numbers, view):
    """The mask of one local adjustment: components joined in order.

    Args:
      kinds, ops, inverts, names: C values each, Python ints or traced; kind −1 is absent.
      numbers: float[C, N].
      view: `View`.

    Returns:
      float[h, W] in [0, 1].
    """
    mask = None
    for j, kind in enumerate(kinds):
        if isinstance(kind, int) and kind < 0:
            break
        part = _component(kind, numbers[j], names[j], view)
        part = _if(inverts[j], 1 - part, part)
        if mask is None:
            mask = part
            continue
        joined = _if(ops[j] == OPERATIONS.index("subtract"), mask * (1 - part), mask * part)
        joined = _if(ops[j] == OPERATIONS.index("add"), mask + part - mask * part, joined)
        mask = joined if isinstance(kind, int) else jnp.where(kind >= 0, joined, mask)
    return mask


def _if(condition, yes, no):
    if isinstance(condition, (bool, int)):
        return yes if condition else no
    return jnp.where(condition, yes, no)
