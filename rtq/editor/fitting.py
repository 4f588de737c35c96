"""`fit`: the plan that turns one photo into another, by Gauss–Newton steps through the renderer.

Both photos are sampled on a small grid of pixels (not averaged: an edit of a mean is not the mean of edits). A
Levenberg–Marquardt search over the core sliders, from several starts, is followed by one over a wider set if that pays;
then sliders whose removal costs little are set to neutral, the rest refitted and rounded to their steps.
"""

import dataclasses
import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from rtq.editor import compilation, develop, renderer
from rtq.editor.plan import Plan
from rtq.editor.plan_arrays import PlanArrays, snap, to_arrays
from rtq.editor.sliders import BY_NAME, HUES, INDEX

CORE = ("Temperature", "Tint", "Exposure", "Contrast", "Highlights", "Shadows", "Whites", "Blacks", "Clarity", "Dehaze",
        "Vibrance", "Saturation", "VignetteAmount", "Fade")
ZONES = ("Shadow", "Midtone", "Highlight")
WIDE = (*CORE, "ParametricShadows", "ParametricDarks", "ParametricLights", "ParametricHighlights",
        *(f"{kind}{hue}" for kind in ("Hue", "Saturation", "Luminance") for hue in HUES),
        *(f"{zone}{what}" for zone in ZONES for what in ("Saturation", "Hue")))
GRIDS = ((64, 96), (96, 64), (80, 80))  # rows, columns sampled; the one nearest in shape is taken
CHECK_SIDE = 512  # long side at which a plan is judged
_FINE = ("texture", "grain")  # groups that the few sampled pixels do not show
_CLIPPED = 1.5 / 255  # this near to 0 or 1, `after` only bounds the rendered value
_BEYOND = 0.1  # what a rendered value beyond 0 to 1 counts, to either side
_WIDER_PAYS = 0.97  # the wide set is kept if it lowers the error to less than this share


@dataclasses.dataclass(frozen=True)
class Fit:
    """A plan and what it leaves.

    Attributes:
      plan: sliders on their steps; sparse.
      l1: mean absolute difference of the clipped result to `after`, 0–1, at a long side of at most 512 px.
      l1_before: the same for the untouched photo.
      unexplained: one line for each kind of remaining difference, empty when little remains.
    """

    plan: Plan
    l1: float
    l1_before: float
    unexplained: tuple[str, ...]


def fit(before, after, *, names: Sequence[str] | None = None, start: Plan | None = None) -> Plan:
    """The plan that best turns `before` into `after`: see `fit_report`."""
    return fit_report(before, after, names=names, start=start).plan


def fit_report(before, after, *, names: Sequence[str] | None = None, start: Plan | None = None) -> Fit:
    """Recovers a plan from a pair.

    Args:
      before, after: uint8, uint16 or float32 [H, W, 3], encoded, aligned, of the same size.
      names: the sliders to choose from; None: the core set, then a wider one if it pays.
      start: a first guess; None: neutral and a few guesses from statistics.

    Raises:
      ValueError: sizes differ, the pictures do not show the same thing, or a name cannot be fitted.
    """
    before, after = _unit(before, "before"), _unit(after, "after")
    if before.shape != after.shape:
        raise ValueError(f"fit: before is {before.shape[1]}×{before.shape[0]}, after {after.shape[1]}×"
                         f"{after.shape[0]}; both must have the same size")
    _check_aligned(before, after)
    x, y = _sampled(before), _sampled(after)
    if names is not None:
        for name in names:
            if name not in BY_NAME or BY_NAME[name].scale == "pixel" or BY_NAME[name].group in _FINE:
                raise ValueError(f"fit: {name} cannot be fitted; allowed: sliders of scale point or frame, but for "
                                 "Texture and grain")
        values = _search(x, y, tuple(names), start)
    else:
        values = _search(x, y, CORE, start)
        wide = _search(x, y, WIDE, Plan(values))
        if _distance(x, y, WIDE, wide) < _WIDER_PAYS * _distance(x, y, WIDE, values):
            values = wide
    plan = Plan(values)
    return _judge(before, after, plan)


def _unit(photo, what: str) -> np.ndarray:
    photo = np.asarray(photo)
    if photo.ndim != 3 or photo.shape[2] != 3 or str(photo.dtype) not in renderer.DTYPES or 0 in photo.shape:
        raise ValueError(f"fit: {what} is {photo.dtype}{list(photo.shape)}; needed: {', '.join(renderer.DTYPES)} "
                         "[height, width, 3]")
    return photo.astype(np.float32) / np.iinfo(photo.dtype).max if photo.dtype.kind == "u" else photo


def _decimated(photo: np.ndarray, rows: int, columns: int) -> np.ndarray:
    y = ((np.arange(rows) + 0.5) * photo.shape[0] / rows).astype(int)
    x = ((np.arange(columns) + 0.5) * photo.shape[1] / columns).astype(int)
    return photo[y[:, None], x[None]]


def _sampled(photo: np.ndarray) -> np.ndarray:
    shape = min(GRIDS, key=lambda g: abs(np.log(g[0] / g[1] * photo.shape[1] / photo.shape[0])))
    return np.ascontiguousarray(_decimated(photo, *shape))


def _check_aligned(before: np.ndarray, after: np.ndarray) -> None:
    """Edges must lie at the same places: correlation of edge strength on a small mean copy."""
    edges = []
    for photo in (before, after):
        factor = max(1, max(photo.shape[:2]) // 128)
        rows, columns = photo.shape[0] // factor * factor, photo.shape[1] // factor * factor
        grey = photo[:rows, :columns].mean(-1).reshape(rows // factor, factor, columns // factor, factor).mean((1, 3))
        if min(grey.shape) < 8:
            return
        grey = np.argsort(np.argsort(grey.ravel())).reshape(grey.shape) / grey.size  # ranks: tone curves do not matter
        edges.append(np.concatenate([np.abs(np.diff(grey, axis=0)).ravel(), np.abs(np.diff(grey, axis=1)).ravel()]))
    spread = [e.std() for e in edges]
    if min(spread) < 1e-3:
        return
    match = float(np.corrcoef(*edges)[0, 1])
    if match < 0.3:
        raise ValueError(f"fit: the pictures do not match (edges correlate by {match:.2f}, 0.3 is needed); "
                         "are they two versions of the same photo, uncropped?")


# Search variables: slider/100 (Exposure: EV/2), hue and saturation of a grading zone as a point in the plane.

def _start_vector(names: tuple[str, ...], values: dict) -> np.ndarray:
    out = np.zeros(len(names), np.float32)
    for i, name in enumerate(names):
        row = BY_NAME[name]
        if _partner(name, names):
            angle = np.radians(values.get(name.replace("Saturation", "Hue"), 0))
            radius = max(values.get(name.replace("Hue", "Saturation"), 0) / 100, 1e-3)
            out[i] = radius * (np.sin(angle) if row.circular else np.cos(angle))
        else:
            out[i] = (values.get(name, row.neutral) - row.neutral) * row.factor * (0.5 if name == "Exposure" else 1)
    return out


def _partner(name: str, names: tuple[str, ...]) -> str | None:
    """The other half of a grading zone's (saturation, hue), if both are searched."""
    row = BY_NAME[name]
    if row.group != "grading":
        return None
    other = name.replace("Saturation", "Hue") if name.endswith("Saturation") else name.replace("Hue", "Saturation")
    return other if other in names and other != name else None


def _slider_vector(vector, names: tuple[str, ...]):
    """Search variables [P] → slider values [P] in a person's units; differentiable, clipped to the allowed range."""
    out = []
    for i, name in enumerate(names):
        row = BY_NAME[name]
        other = _partner(name, names)
        if other:
            x, y = (vector[names.index(other)], vector[i]) if row.circular else (vector[i], vector[names.index(other)])
            x = jnp.where(jnp.abs(x) + jnp.abs(y) < 1e-6, 1e-6, x)  # no angle at the origin
            value = jnp.degrees(jnp.arctan2(y, x)) % 360 if row.circular else 100 * jnp.sqrt(x * x + y * y + 1e-12)
        else:
            value = row.neutral + vector[i] / (row.factor * (0.5 if name == "Exposure" else 1))
        out.append(value if row.circular else jnp.clip(value, row.lo, row.hi))
    return jnp.stack(out)


def _program(names: tuple[str, ...]) -> develop.Program:
    return develop.program({BY_NAME[name].group for name in names}, (), (), 0.0, names, 1.0)


def _residual(vector, x, y, arrays: PlanArrays, names):
    """Rendered minus wanted, [N]; where `y` is clipped only the side that shows counts.

    Around what is clipped a JPEG file is a little darker than white, which says nothing about how far beyond it the
    rendered value is.
    """
    sliders = arrays.sliders.at[jnp.array([INDEX[n] for n in names])].set(_slider_vector(vector, names))
    out = renderer.whole(x, arrays._replace(sliders=sliders), jnp.zeros((0, *x.shape[:2])), _program(names))
    inside = jnp.clip(out, 0.0, 1.0)
    difference = inside + _BEYOND * (out - inside) - y
    difference = jnp.where(y <= _CLIPPED, jnp.maximum(difference, 0.0), difference)
    difference = jnp.where(y >= 1 - _CLIPPED, jnp.minimum(difference, 0.0), difference)
    return difference.reshape(-1)


@compilation.jit(static_argnames=("names",))
def _linearise(vector, x, y, arrays, names):
    """Half the mean squared residual, its gradient [P] and Gauss–Newton matrix [P, P]; Huber weights at .1."""
    residual = functools.partial(_residual, x=x, y=y, arrays=arrays, names=names)
    value, push = jax.linearize(residual, vector)
    jacobian = jax.vmap(push)(jnp.eye(len(names)))  # [P, N]
    weight = 1 / jnp.maximum(jnp.abs(value) * 10, 1.0)
    count = value.size
    high = functools.partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    gradient = high(jacobian, weight * value) / count
    return jnp.sum(_huber(value)) / count, gradient, high(jacobian * weight[None], jacobian.T) / count


def _huber(value):
    size = jnp.abs(value)
    return jnp.where(size < 0.1, 0.5 * value * value, 0.1 * (size - 0.05))


@compilation.jit(static_argnames=("names",))
def _loss(vector, x, y, arrays, names):
    value = _residual(vector, x, y, arrays, names)
    return jnp.sum(_huber(value)) / value.size


_GOOD = 2e-5  # half the mean squared residual at which no other start is tried
_RIDGE = 2e-6  # keeps sliders that explain nothing at neutral


def _minimise(x, y, names, vector, free, steps: int):
    """Levenberg–Marquardt with a ridge over the `free` variables (bool[P])."""
    arrays = to_arrays(Plan())
    damping = 1e-3
    loss, gradient, hessian = (np.asarray(a, np.float64) for a in _linearise(vector, x, y, arrays, names))
    loss = loss + 0.5 * _RIDGE * vector @ vector
    for _ in range(steps):
        g = (gradient + _RIDGE * vector)[free]
        h = (hessian + _RIDGE * np.eye(len(vector)))[np.ix_(free, free)]
        for _ in range(6):
            step = np.zeros(len(vector), np.float32)
            step[free] = -np.linalg.solve(h + damping * np.diag(np.diag(h) + 1e-6), g)
            trial = np.clip(vector + np.clip(step, -0.5, 0.5), -2.5, 2.5).astype(np.float32)
            trial_loss = float(_loss(trial, x, y, arrays, names)) + 0.5 * _RIDGE * trial @ trial
            if trial_loss < loss:
                break
            damping *= 6
        else:
            return vector, loss, hessian
        gain, vector, damping = 1 - trial_loss / max(loss, 1e-12), trial, max(damping / 8, 1e-7)
        loss, gradient, hessian = (np.asarray(a, np.float64) for a in _linearise(vector, x, y, arrays, names))
        loss = loss + 0.5 * _RIDGE * vector @ vector
        if gain < 1e-3 or loss < 1e-7:
            break
    return vector, loss, hessian


def _search(x, y, names: tuple[str, ...], start: Plan | None) -> dict[str, float]:
    """Multi-start search, then pruning; slider values on their steps."""
    starts = [start.sliders] if start is not None else [{}]
    if start is None and "Exposure" in names:
        ratio = np.log2(max(float(np.median(y)), 0.02) / max(float(np.median(x)), 0.02)) * 2.2
        starts.append({"Exposure": float(np.clip(ratio, -4, 4))})
    everything = np.ones(len(names), bool)
    runs = []
    for values in starts:
        runs.append(_minimise(x, y, names, _start_vector(names, values), everything, 12))
        if runs[-1][1] < _GOOD:
            break
    vector, loss, hessian = min(runs, key=lambda run: run[1])
    vector = _pruned(x, y, names, vector, loss, hessian)
    return _rounded(vector, names)


def _pruned(x, y, names, vector, loss, hessian):
    """Sets variables to neutral while the loss is predicted to rise little (optimal brain surgeon), and refits."""
    free = np.ones(len(names), bool)
    allowed = loss * 1.04 + 2e-7
    while free.any():
        inverse = np.linalg.pinv((hessian + _RIDGE * np.eye(len(names)))[np.ix_(free, free)])
        saliency = np.full(len(names), np.inf)
        saliency[free] = 0.5 * vector[free] ** 2 / np.maximum(np.diag(inverse), 1e-12)
        candidates = np.argsort(saliency)[:max(1, int(free.sum()) // 3)]
        candidates = [i for i in candidates if saliency[i] < allowed - loss]
        if not candidates:
            break
        fewer, trial = free.copy(), vector.copy()
        fewer[candidates] = False
        trial[candidates] = 0
        trial, trial_loss, trial_hessian = _minimise(x, y, names, trial, fewer, 3)
        if trial_loss > allowed:
            if len(candidates) == 1:
                break
            fewer, trial = free.copy(), vector.copy()
            fewer[candidates[0]] = False
            trial[candidates[0]] = 0
            trial, trial_loss, trial_hessian = _minimise(x, y, names, trial, fewer, 3)
            if trial_loss > allowed:
                break
        free, vector, loss, hessian = fewer, trial, trial_loss, trial_hessian
    return vector


def _rounded(vector, names) -> dict[str, float]:
    values = np.asarray(_slider_vector(jnp.asarray(vector), names))
    return {name: snap(name, value) for name, value in zip(names, values, strict=True)}


def _distance(x, y, names, values: dict) -> float:
    return float(_loss(_start_vector(names, values), x, y, to_arrays(Plan()), names))


def _judge(before, after, plan: Plan) -> Fit:
    """Renders the plan on a ≤ 512-px sample and says what it leaves."""
    factor = max(1, -(-max(before.shape[:2]) // CHECK_SIDE))
    x, y = before[::factor, ::factor], after[::factor, ::factor]
    rendered = np.clip(renderer.render(np.ascontiguousarray(x), plan, scale=1 / factor), 0, 1)
    y = np.clip(y, 0, 1)
    left = np.abs(rendered - y)
    lines = []
    l1 = float(left.mean())
    if l1 > 0.004:
        lines.append(f"{l1 / max(float(np.abs(np.clip(x, 0, 1) - y).mean()), 1e-6):.0%} of the difference remains")
        tiles = _decimated(left, 64, 64).mean(-1).reshape(4, 16, 4, 16).mean((1, 3))
        if tiles.max() > 2.5 * tiles.mean():
            row, column = np.unravel_index(tiles.argmax(), tiles.shape)
            lines.append(f"it is concentrated in row {row + 1}, column {column + 1} of 4 × 4: a local adjustment?")
        level = y.mean(-1)
        for name, zone in (("shadows", level < 0.25), ("highlights", level > 0.75)):
            if zone.mean() > 0.02 and left[zone].mean() > 2 * l1:
                lines.append(f"the {name} differ most")
    return Fit(plan, l1, float(np.abs(np.clip(x, 0, 1) - y).mean()), tuple(lines))
