"""What the pocket policy may write, and the programs that render such plans at the least cost."""

from rtq.editor import Plan, develop
from rtq.editor.plan import MASK_KINDS, OPERATIONS
from rtq.editor.renderer import groups_of
from rtq.editor.sliders import BY_NAME
from rtq.text.grammar import Options

COMMON = ("Temperature", "Tint", "Exposure", "Contrast", "Highlights", "Shadows", "Whites", "Blacks", "Vibrance",
          "Saturation")  # fmt: skip
SPECIAL = (
    "Texture", "Clarity", "Dehaze", "SaturationRed", "SaturationOrange", "SaturationYellow", "SaturationGreen",
    "SaturationBlue", "BlackAndWhite", "ShadowHue", "ShadowSaturation", "HighlightHue", "HighlightSaturation",
    "GlobalHue", "GlobalSaturation", "Sharpness", "NoiseReduction", "VignetteAmount", "Fade", "GrainAmount",
)  # fmt: skip
LOCAL = ("Temperature", "Exposure", "Contrast", "Saturation", "Clarity", "Sharpness")

POCKET = Options(
    sliders=COMMON + SPECIAL, local_sliders=LOCAL, max_locals=1, kinds=("linear", "radial", "luminance", "color")
)

_COMMON_GROUPS = frozenset(BY_NAME[name].group for name in COMMON)
_ALL_GROUPS = frozenset(BY_NAME[name].group for name in COMMON + SPECIAL)


def program_for(plan: Plan) -> develop.Program:
    """One of a handful of programs that renders this plan: common or all groups, without a mask or with one kind."""
    names = set().union(*(local.sliders for local in plan.locals)) if plan.locals else set()
    groups = _COMMON_GROUPS if groups_of(plan) <= _COMMON_GROUPS else _ALL_GROUPS
    masks = tuple(
        (tuple(MASK_KINDS.index(m.kind) for m in local.mask), tuple(OPERATIONS.index(m.op) for m in local.mask),
         tuple(m.invert for m in local.mask), (-1,) * len(local.mask))
        for local in plan.locals)  # fmt: skip
    return develop.program(groups, LOCAL if names else (), masks, 1.0, (), 1.0)
