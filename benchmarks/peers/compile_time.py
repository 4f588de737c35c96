"""Seconds that the first render with a new set of groups takes beyond a later one. Prints one line of JSON.

The cache directory comes from the environment (JAX_COMPILATION_CACHE_DIR): empty, or filled by an earlier process.
"""

import json
import time

from peers import ours, photos
from rtq import editor

PLANS = {"the twelve": ours.PLAN,
         "white balance, HSL, grading": editor.Plan({"Temperature": 10, "HueBlue": 10, "SaturationGreen": -20,
                                                     "ShadowHue": 220, "ShadowSaturation": 20}),
         "curves, clarity, texture, dehaze, grain": editor.Plan(
             {"ParametricDarks": 10, "Clarity": 20, "Texture": 20, "Dehaze": 10, "GrainAmount": 20},
             curves={"rgb": ((0, 10), (128, 140), (255, 250))})}


def seconds(photo, plan) -> float:
    """First call minus second call."""
    marks = [time.perf_counter()]
    for _ in range(2):
        editor.render(photo, plan)
        marks.append(time.perf_counter())
    return (marks[1] - marks[0]) - (marks[2] - marks[1])


if __name__ == "__main__":
    picture = photos.photo("12mp")
    editor.render(picture, editor.Plan({"Exposure": 0.1}))  # start of jax itself is no compile time
    print(json.dumps({name: seconds(picture, plan) for name, plan in PLANS.items()}))
