"""The editor: what an edit is and what it does to pixels.

`SLIDERS` and `Plan` need no jax; `render`, `render_batch` and `fit` are imported on first use, so that commands that
only read plans start at once.
"""

from rtq.editor.plan import Crop, Local, Mask, Plan
from rtq.editor.sliders import SLIDERS, Slider

__all__ = ["SLIDERS", "Crop", "Local", "Mask", "Plan", "Slider", "fit", "render", "render_batch"]


def __getattr__(name: str):
    if name in ("render", "render_batch"):
        from rtq.editor import renderer

        return renderer.render if name == "render" else renderer.render_batch
    if name == "fit":
        from rtq.editor import fitting

        return fitting.fit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
