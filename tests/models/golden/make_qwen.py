"""Writes qwen.npz from transformers' Qwen2.5-VL, so that the ordinary tests need no PyTorch.

    PYTHONPATH=.:tests/models python tests/models/golden/make_qwen.py      # needs the extra [parity]
"""

import pathlib

import numpy as np
import qwen_reference
import qwen_tiny
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

CASES = {
    # Windows cut off at the border, two photos in a row, left padding, tied head.
    "left": (qwen_tiny.CONFIG, [[(6, 4), (4, 10)], [(10, 6)]], "left"),
    # Untied head, right padding, one row without a photo.
    "right": (qwen_tiny.UNTIED, [[(2, 14)], []], "right"),
    "text": (qwen_tiny.UNTIED, [[], []], "left"),
}
PHOTOS = ((61, 90), (30, 41))


def main():
    out = {}
    for name, (cfg, grids, side) in CASES.items():
        data = qwen_tiny.batch(cfg, grids, side=side, seed=7)
        result = qwen_reference.run(qwen_reference.build(cfg, qwen_tiny.hf_tensors(cfg)), cfg, data)
        out |= {f"{name}/{key}": value for key, value in result.items()}
    for i, (height, width) in enumerate(PHOTOS):
        values = Qwen2VLImageProcessorPil()(images=[qwen_tiny.photo(height, width, i)], return_tensors="np")
        out[f"photo{i}/patches"] = values["pixel_values"][::3]
        out[f"photo{i}/grid"] = values["image_grid_thw"][0, 1:]
    np.savez_compressed(pathlib.Path(__file__).with_name("qwen.npz"), **out)


if __name__ == "__main__":
    main()
