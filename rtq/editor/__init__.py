"""The editor: what an edit is and what it does to pixels.

`SLIDERS` and `Plan` need no jax; `render`, `render_batch`, `fit` and `fit_report` are imported on first use, so that
commands that only read plans start at once.
"""

from rtq.editor.plan import Crop, Local, Mask, Plan
from rtq.editor.sliders import SLIDERS, Slider

__all__ = ["SLIDERS", "Crop", "Local", "Mask", "Plan", "Slider", "fit", "fit_report", "render", "render_batch"]


def __getattr__(name: str):
    if name in ("render", "render_batch"):
        from rtq.editor import renderer

        return renderer.render if name == "render" else renderer.render_batch
    if name in ("fit", "fit_report"):
        from rtq.editor import fitting

        return fitting.fit if name == "fit" else fitting.fit_report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
