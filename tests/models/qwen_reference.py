"""transformers' Qwen2.5-VL as the reference (PyTorch, float32), for the parity tests and the golden maker only."""

import numpy as np
import torch
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from rtq.models.qwen25vl.config import Config, to_hf


def build(cfg: Config, tensors: dict[str, np.ndarray]):
    """The reference model with these weights (published names)."""
    module = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(**to_hf(cfg))).eval().float()
    state = {}
    for name, array in tensors.items():
        for old, new in (("visual.", "model.visual."), ("model.", "model.language_model.")):
            if name.startswith(old):
                name = new + name.removeprefix(old)
                break
        state[name] = torch.from_numpy(array)
    missing, unexpected = module.load_state_dict(state, strict=False)
    assert not unexpected, unexpected
    assert set(missing) <= ({"lm_head.weight"} if cfg.tie_embeddings else set()), missing
    return module


def run(module, cfg: Config, data) -> dict[str, np.ndarray]:
    """features [tokens of all photos, D], hidden, logits, positions and delta of a batch; zeros at padding."""
    tokens, valid = torch.from_numpy(data.tokens).long(), torch.from_numpy(data.valid)
    kind = (tokens == cfg.image_token_id).int()
    grid = torch.tensor([[1, h, w] for row in data.grids for h, w in row])
    inputs = {"input_ids": tokens, "attention_mask": valid.long(), "mm_token_type_ids": kind}
    out = {}
    with torch.no_grad():
        if len(grid):
            pixels = torch.from_numpy(np.concatenate([p for row in data.patches for p in row]))
            inputs |= {"pixel_values": pixels, "image_grid_thw": grid}
            out["features"] = torch.cat(module.model.get_image_features(pixels, grid).pooler_output).numpy()
        positions, delta = module.model.get_rope_index(
            tokens, kind, image_grid_thw=grid if len(grid) else None, attention_mask=valid.long()
        )
        hidden = module.model(**inputs, position_ids=positions).last_hidden_state
        logits = module.lm_head(hidden)
    keep = data.valid[..., None]
    out |= {"hidden": hidden.numpy() * keep, "logits": logits.numpy() * keep}
    return out | {"positions": positions.numpy().astype(np.int32), "delta": delta.numpy()[:, 0].astype(np.int32)}
