"""Strips: rows of a photo small enough for the cache, run from several threads.

One large buffer per operation would cost more in page faults than the arithmetic; strips bound the memory as well. A
strip sees what the whole photo sees: absolute coordinates, guides made once, and rows of padding for pixel filters.
"""

import collections
import concurrent.futures
import functools
import os

import jax
import jax.numpy as jnp
import numpy as np

from rtq.editor import compilation, detail, develop, guides, masks
from rtq.editor.compilation import once_backward, spread, stage
from rtq.editor.sliders import BY_NAME

STRIP_PIXELS = 1 << 18  # per strip on CPU, one strip per core at a time
CHUNK_PIXELS = 1 << 17  # worked on at once within a strip on CPU: few steps, planes that a core's caches hold in turn
GRADIENT_CHUNK = 1 << 15  # the same with reverse mode, which keeps many more planes
SMALLEST_STRIP = 1 << 15  # pixels
DEVICE_PIXELS = 1 << 25  # per strip on an accelerator


def row_weights(program, size, factors, start: int, count: int):
    """Weights that read the guide grids at rows start … start + count: for the tone base and for texture.

    Args:
      size: (H, W) of the photo.
      factors: photo pixels per sample of the copy and of the tone copy.

    Returns:
      (float32[count, Gh], float32[count, Th]); [count, 1] where not in use.
    """
    height = size[0]
    first, second = factors
    base = band = np.ones((count, 1), np.float32)
    if program.groups & {"light", "clarity"}:
        tall, wide = (guides.ceil_div(guides.ceil_div(n, first), second // first) for n in size)
        grid = guides.grid_shape(tall, wide)[0]
        base = guides.spreading(height / second * grid / tall, grid, start, count, height)
    if "texture" in program.groups:
        band = guides.spreading(height / first, guides.ceil_div(height, first), start, count, height, linear=True)
    return base, band


def guide_planes(program, base, band, base_weights, band_weights):
    """Guide maps at the rows of a strip.

    Args:
      base: float[2, Gh, W], band: float[Th, W], or windows of their rows.
      base_weights, band_weights: float[h, Gh], float[h, Th].

    Returns:
      (a, b, band), float[h, W] each; None where not in use.
    """
    spread = functools.partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    slope = offset = texture = None
    if program.groups & {"light", "clarity"}:
        slope, offset = spread(base_weights, base[0]), spread(base_weights, base[1])
    if "texture" in program.groups:
        texture = spread(band_weights, band)
    return jax.lax.optimization_barrier((slope, offset, texture))


def to_float(x):
    """Integers → float32 spanning 0–1; floats unchanged."""
    if jnp.issubdtype(x.dtype, jnp.integer):
        return x.astype(jnp.float32) * (1.0 / jnp.iinfo(x.dtype).max)
    return x


def _planes(pixels):
    """[…, 3] of any dtype → three float planes."""
    return [to_float(pixels[..., c]) for c in range(3)]


def to_pixels(planes, dtype):
    """Three float planes → […, 3] of a dtype; integers clipped and rounded."""
    if not jnp.issubdtype(dtype, jnp.integer):
        return jnp.stack(planes, -1)
    top, bits = jnp.iinfo(dtype).max, functools.partial(jax.lax.bitcast_convert_type, new_dtype=jnp.uint32)
    # Adding 2^23 rounds and leaves the whole number in the last bits; a conversion would saturate, slowly.
    planes = [bits(jnp.clip(x, 0.0, 1.0) * top + 2.0**23).astype(dtype) for x in planes]
    return jnp.moveaxis(jax.lax.optimization_barrier(jnp.stack(planes)), 0, -1)


def _in_row_blocks(function, height: int, rows: int):
    """function(first row) → [rows, W, …], for equal blocks of rows one after the other; → [height, W, …] each."""
    out = jax.lax.map(lambda i: function(i * rows), jnp.arange(height // rows))
    return jax.tree.map(lambda x: x.reshape(height, *x.shape[2:]), out)


def block_rows(height: int, width: int, pixels: int) -> int:
    """Rows of a block: a divisor of `height` with about so many pixels."""
    most = max(1, min(height, pixels // width))
    return next(rows for rows in range(most, 0, -1) if height % rows == 0)


def spread_values(values: dict, names, shape) -> dict:
    """Sliders `names` as maps, for the sake of their gradients; step 1 makes a matrix of its sliders first."""
    return values | {name: spread(values[name], shape) for name in names if BY_NAME[name].group not in develop.LINEAR}


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _spread_rows(weights, window, most: int):
    """weights [h, K] × window [K, W] → [h, W] as multiply-adds that fuse with their use.

    Constant in `weights`, of which `most` in a row differ from 0, side by side: only these rows are read, as the whole
    window would not fit into the fastest cache. The gradient is a matrix product: sums over rows are slow one by one.
    """
    most = min(most, window.shape[0])
    first = jnp.minimum(jnp.argmax(weights != 0, 1), window.shape[0] - most)
    used = jnp.take_along_axis(weights, first[:, None] + jnp.arange(most)[None], 1, mode="promise_in_bounds")
    first, used = stage((first, used))
    return sum(used[:, k, None] * window.at[first + k].get(mode="promise_in_bounds") for k in range(most))


@_spread_rows.defjvp
def _spread_rows_jvp(most, primals, tangents):
    (weights, window), (_, tangent) = primals, tangents
    return _spread_rows(weights, window, most), jnp.matmul(weights, tangent, precision=jax.lax.Precision.HIGHEST)


def point_planes(pixels, arrays, guide, weights, rows, size, named, program, differentiate=()):
    """Everything before sharpening, on one strip, in blocks of rows one after the other on one thread.

    Args:
      pixels: [h + 2·pad, W, 3] of any dtype.
      arrays: one plan.
      guide: `Guides` with windows of the rows this strip reads.
      weights: (float[h + 2·taps, Gh'], float[h + 2·taps, Th']) for these windows.
      rows: float[h + 2·taps, 1], as in `masks.View`.
      size: float[2], height and width of the photo.
      named: float[K, h + 2·taps, W].
      differentiate: sliders whose gradient will be asked for; blocks are recomputed then in reverse mode.

    Returns:
      (three planes [h + 2·taps, W], slider values and view of the h rows without padding).
    """
    width, noise, taps = pixels.shape[1], program.noise_pad, program.taps
    tall = rows.shape[0]
    inner = pixels[noise:pixels.shape[0] - noise]
    source = tuple(_planes(inner)) if program.local_sliders else ()
    view = masks.View(rows, ((jnp.arange(width, dtype=jnp.float32) + 0.5) / width)[None], size, source, named)
    values = develop.slider_values(arrays, program, view)
    curves, airlight = develop.curves_at_amount(arrays), [guide.airlight[c] for c in range(3)]
    photo = jnp.stack(detail.reduce_noise(_planes(pixels), values, program.scale), -1) if noise else inner
    count = block_rows(tall, width, GRADIENT_CHUNK if differentiate else CHUNK_PIXELS)

    def block(first):
        part = functools.partial(jax.lax.dynamic_slice_in_dim, start_index=first, slice_size=count)
        local = {name: part(x) if x.ndim else x for name, x in values.items()}
        local = spread_values(local, differentiate, (count, width))
        base_weights, band_weights = (part(w) for w in weights)
        slope = offset = band = None
        if program.groups & {"light", "clarity"}:
            slope, offset = (once_backward(_spread_rows(base_weights, window, 4)) for window in guide.base)
        if "texture" in program.groups:
            band = once_backward(_spread_rows(band_weights, guide.band, 2))
        planes = stage(_planes(part(photo)))
        return develop.point_stages(planes, local, program, curves, (slope, offset, band), airlight)

    planes = _in_row_blocks(jax.checkpoint(block) if differentiate else block, tall, count)
    return planes, *develop.inner_rows(values, view, taps)


@compilation.jit(static_argnames=("program",), side_by_side=True)
def _render_strip(pixels, arrays, guide, weights, rows, size, named, program):
    """One strip [h + 2·pad, W, 3] → [h, W, 3] of the same dtype."""
    planes, values, view = point_planes(pixels, arrays, guide, weights, rows, size, named, program)
    taps, height = program.taps, rows.shape[0] - 2 * program.taps
    count = block_rows(height, pixels.shape[1], CHUNK_PIXELS)

    def finish(first):
        part = functools.partial(jax.lax.dynamic_slice_in_dim, start_index=first)
        local = {name: part(x, slice_size=count) if x.ndim else x for name, x in values.items()}
        here = view._replace(rows=part(view.rows, slice_size=count))
        padded = [part(x, slice_size=count + 2 * taps) for x in planes]
        return to_pixels(develop.finish(padded, local, program, here, arrays.crop), pixels.dtype)

    return _in_row_blocks(finish, height, count)


@compilation.jit(static_argnames=("factor",))
def _shrink(pixels, factor):
    unit = 1.0 / jnp.iinfo(pixels.dtype).max if jnp.issubdtype(pixels.dtype, jnp.integer) else 1.0
    return guides.shrink(pixels, factor) * unit


def _shrink_in_strips(x, factor: int):
    """`guides.shrink` of a numpy array [H, W, …] in strips: a copy of the whole would cost more than the sums."""
    tall = 4 * _strip_rows(*x.shape[:2]) // factor * factor or factor
    return jnp.concatenate(run(lambda y: _shrink(x[y:y + tall], factor), range(0, x.shape[0], tall)))


@compilation.jit(static_argnames=("program", "factors", "size"))
def make_guides(arrays, copy, tone_copy, program, factors, size):
    """`develop.make_guides` on the copies of a photo of any dtype."""
    return develop.make_guides(arrays, program, copy, tone_copy, factors, size)


def prepare(photo, named, program):
    """Copies for the guides: ((copy, maps), (tone copy, maps)) with pixels 0–1, and the factors."""
    factors = guides.factors(*photo.shape[:2])
    if not program.groups & {"light", "clarity", "texture", "dehaze"}:
        tiny = (jnp.zeros((1, 1, 3)), jnp.zeros((1, 1, named.shape[0])))
        return (tiny, tiny), factors
    first, second = factors
    pairs = []
    for x in (photo, np.moveaxis(named, 0, -1)):
        if first > 1:
            copy = _shrink_in_strips(x, first)
            pairs.append((copy, _shrink(copy, second // first)))
        else:  # a whole float copy only where it is read
            copy = _shrink(x, 1) if "texture" in program.groups else jnp.zeros((1, 1, x.shape[2]))
            pairs.append((copy, _shrink(x, second)))
    return tuple(zip(*pairs, strict=True)), factors


def _strip_rows(height: int, width: int) -> int:
    if jax.default_backend() == "cpu":  # small photos: still several strips for every core
        pixels = min(STRIP_PIXELS, max(SMALLEST_STRIP, height * width // 8))
    else:
        pixels = DEVICE_PIXELS
    return min(height, max(16, pixels // width))


def _divisible(rows: int, taps: int, block: int, height: int) -> int:
    """About `rows`, so that rows + 2·taps and rows both fall into whole blocks of at least half of `block` rows."""
    if rows >= height or block == 1:
        return min(rows, height)

    def fits(n):
        return any(n % b == 0 for b in range(block, block // 2, -1))

    return next((n for n in range(rows, rows // 2, -1) if fits(n) and fits(n + 2 * taps)), rows)


class Strips:
    """The strips of one photo: where they lie and what each needs beside its pixels."""

    def __init__(self, photo, named, program, factors, *, overlap: bool = True, chunk: int | None = None):
        chunk = chunk or CHUNK_PIXELS
        self.photo, self.named, self.program = photo, named if named.shape[0] else None, program
        height, width = photo.shape[:2]
        self.size = np.array([height, width], np.float32)
        taps = program.taps
        self.rows = _divisible(_strip_rows(height, width), taps, max(1, chunk // width), height)
        self.weights = row_weights(program, (height, width), factors, -taps, height + 2 * taps)
        self.windows = [self._window(w) for w in self.weights]
        count = guides.ceil_div(height, self.rows)
        # Overlapping, the last strip is moved up to full height, so that one program serves all.
        last = height - self.rows if overlap else height
        self.starts = [min(i * self.rows, last) for i in range(count)]

    def _window(self, weights) -> int:
        """Grid rows that the widest strip reads."""
        tall = self.rows + 2 * self.program.taps
        if weights.shape[1] == 1:
            return 1
        return min(weights.shape[1], int(tall * weights.shape[1] / self.size[0]) + 6)

    def rows_at(self, start: int) -> int:
        """Rows of the strip that begins at `start`."""
        return min(self.rows, int(self.size[0]) - start)

    def windows_at(self, start: int) -> list[tuple[int, int]]:
        """(first, count) of the grid rows that a strip reads: tone base, texture."""
        stop = start + self.rows_at(start) + 2 * self.program.taps
        firsts = [int(np.flatnonzero(weights[start:stop].any(0))[0]) for weights in self.weights]
        return [(min(first, weights.shape[1] - window), window)
                for first, weights, window in zip(firsts, self.weights, self.windows, strict=True)]

    def inputs(self, start: int, guide: guides.Guides):
        """Arguments of a strip program: pixels, guide windows, weights, row positions, size, masks."""
        program, height = self.program, int(self.size[0])
        taps, pad, count = program.taps, program.pad, self.rows_at(start)
        (g0, gn), (t0, tn) = windows = self.windows_at(start)
        spread = tuple(np.ascontiguousarray(weights[start:start + count + 2 * taps, first:first + window])
                       for weights, (first, window) in zip(self.weights, windows, strict=True))
        guide = guides.Guides(guide.airlight, guide.base[:, g0:g0 + gn], guide.band[t0:t0 + tn])
        inner = np.clip(np.arange(start - taps, start + count + taps), 0, height - 1)
        rows = ((inner.astype(np.float32) + 0.5) / height)[:, None]
        return (_take(self.photo, start - pad, count + 2 * pad), guide, spread, rows, self.size,
                np.zeros((0, 1, 1), np.float32) if self.named is None else self.named[:, inner])


def _take(photo, start: int, count: int):
    """Rows start … start + count, absent ones repeating the edge; a view where all are present."""
    if start >= 0 and start + count <= photo.shape[0]:
        return photo[start:start + count]
    return photo[np.clip(np.arange(start, start + count), 0, photo.shape[0] - 1)]


@functools.cache
def _helpers(process: int):
    """Threads beside the calling one, kept: starting them anew costs up to a millisecond per photo."""
    return concurrent.futures.ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), "strips")


def run(function, items):
    """Calls `function` on every item, from one thread per core on CPU; results in order."""
    helpers = min(len(items), os.cpu_count() or 1) - 1 if jax.default_backend() == "cpu" else 0
    results, left = [None] * len(items), collections.deque(enumerate(items))

    def work():
        while True:
            try:
                i, item = left.popleft()
            except IndexError:
                return
            results[i] = function(item)

    pending = [_helpers(os.getpid()).submit(work) for _ in range(helpers)]
    work()
    for future in pending:
        future.result()
    return results


def render(photo, arrays, program, named):
    """A photo [H, W, 3] (uint8, uint16, float32) in strips → numpy array of the same shape and dtype. No crop."""
    arrays = jax.device_put(arrays)
    if jax.default_backend() == "cpu":
        photo = np.asarray(photo)
    copies, factors = prepare(photo, named, program)
    guide = make_guides(arrays, *copies, program, factors, photo.shape[:2])
    if jax.default_backend() == "cpu":
        guide = guides.Guides(*(np.asarray(x) for x in guide))
    plan = Strips(photo, named, program, factors)
    out = np.empty(photo.shape, photo.dtype)

    def one(start):
        pixels, guide_part, *rest = plan.inputs(start, guide)
        out[start:start + plan.rows] = _render_strip(pixels, arrays, guide_part, *rest, program)

    run(one, plan.starts)
    return out
