"""Shapes of Qwen2.5-VL: one frozen dataclass, the published sizes, and Hugging Face's config.json both ways.

Source: Qwen2.5-VL technical report (arXiv 2502.13923) and the config.json files published with the weights.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that fixes the parameters' shapes and the arithmetic; hashable, so it can be a static argument."""

    # Decoder.
    vocab_size: int
    hidden_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    ffn_size: int
    mrope_section: tuple[int, int, int]
    tie_embeddings: bool
    # Vision tower.
    vision_depth: int = 32
    vision_hidden_size: int = 1280
    vision_num_heads: int = 16
    vision_ffn_size: int = 3420
    full_attention_blocks: tuple[int, ...] = (7, 15, 23, 31)
    window_size: int = 112  # pixels
    patch_size: int = 14  # pixels
    temporal_patch_size: int = 2  # a still image is repeated this often
    merge_size: int = 2  # patches per side of one image token
    tokens_per_second: int = 2  # only carried along for config.json: we read no video
    # Positions and norms.
    rope_theta: float = 1e6
    rms_norm_eps: float = 1e-6
    max_position_embeddings: int = 128000
    # Token ids.
    image_token_id: int = 151655
    video_token_id: int = 151656
    vision_start_token_id: int = 151652
    vision_end_token_id: int = 151653
    bos_token_id: int = 151643
    eos_token_id: int = 151645
    # Pixels of an image after the smart resize.
    min_pixels: int = 4 * 28 * 28
    max_pixels: int = 16384 * 28 * 28
    # How to compute; none of these changes what is stored in a checkpoint.
    dtype: str = "bfloat16"
    param_dtype: str = "bfloat16"
    remat: bool = False
    scan_layers: bool = True  # False: one parameter subtree per layer (`model.unstack`), which decoding wants
    attention_chunk: int = 1024  # queries per block of attention scores; a longer sequence is computed in blocks
    lora_alpha: float = 16.0

    def __post_init__(self):
        for name, whole, part in (
            ("hidden_size by num_heads", self.hidden_size, self.num_heads),
            ("num_heads by num_kv_heads", self.num_heads, self.num_kv_heads),
            ("vision_hidden_size by 4 x vision_num_heads", self.vision_hidden_size, 4 * self.vision_num_heads),
            ("window_size by patch_size x merge_size", self.window_size, self.patch_size * self.merge_size),
        ):
            if part <= 0 or whole % part:
                raise ValueError(f"{name} must divide evenly, got {whole} and {part}")
        if 2 * sum(self.mrope_section) != self.head_dim:
            raise ValueError(f"mrope_section {self.mrope_section} must sum to half of the head size {self.head_dim}")
        if not set(self.full_attention_blocks) <= set(range(self.vision_depth)):
            raise ValueError(f"full_attention_blocks {self.full_attention_blocks} must lie below {self.vision_depth}")

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_heads

    @property
    def vision_head_dim(self) -> int:
        return self.vision_hidden_size // self.vision_num_heads

    @property
    def patch_dim(self) -> int:
        """Values of one flattened patch: channels, time, rows, columns."""
        return 3 * self.temporal_patch_size * self.patch_size**2

    @property
    def patches_per_token(self) -> int:
        return self.merge_size**2

    def unrolled(self) -> "Config":
        """The same model with one parameter subtree per layer and no scan."""
        return dataclasses.replace(self, scan_layers=False)

    @property
    def image_factor(self) -> int:
        """Image sides are multiples of this many pixels."""
        return self.patch_size * self.merge_size


PRESETS = {
    "3b": Config(
        vocab_size=151936, hidden_size=2048, num_layers=36, num_heads=16, num_kv_heads=2, ffn_size=11008,
        mrope_section=(16, 24, 24), tie_embeddings=True,
    ),
    "7b": Config(
        vocab_size=152064, hidden_size=3584, num_layers=28, num_heads=28, num_kv_heads=4, ffn_size=18944,
        mrope_section=(16, 24, 24), tie_embeddings=False,
    ),
    "32b": Config(
        vocab_size=152064, hidden_size=5120, num_layers=64, num_heads=40, num_kv_heads=8, ffn_size=27648,
        mrope_section=(16, 24, 24), tie_embeddings=False, vision_ffn_size=3456,
    ),
    "72b": Config(
        vocab_size=152064, hidden_size=8192, num_layers=80, num_heads=64, num_kv_heads=8, ffn_size=29568,
        mrope_section=(16, 24, 24), tie_embeddings=False, vision_ffn_size=3456,
    ),
    # At most 25 image tokens (140 x 140), of all but long strips. Token ids are those of the pocket tokenizer.
    "pocket": Config(
        vocab_size=2048, hidden_size=256, num_layers=4, num_heads=4, num_kv_heads=2, ffn_size=768,
        mrope_section=(8, 12, 12), tie_embeddings=True,
        vision_depth=4, vision_hidden_size=128, vision_num_heads=4, vision_ffn_size=256,
        full_attention_blocks=(1, 3), window_size=84, max_pixels=140 * 140, max_position_embeddings=4096,
        bos_token_id=0, eos_token_id=1, vision_start_token_id=2, vision_end_token_id=3,
        image_token_id=4, video_token_id=5, dtype="float32", param_dtype="float32",
    ),
}  # fmt: skip
# One layer of each kind: says only that everything runs.
PRESETS["smoke"] = dataclasses.replace(
    PRESETS["pocket"], hidden_size=64, num_layers=1, num_heads=2, num_kv_heads=1, ffn_size=128, mrope_section=(4, 6, 6),
    vision_depth=2, vision_hidden_size=64, vision_num_heads=2, vision_ffn_size=128, full_attention_blocks=(1,),
)  # fmt: skip


def preset(name: str, **changes: Any) -> Config:
    """The published size `name` with `changes` applied."""
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; choose from {', '.join(PRESETS)}")
    return dataclasses.replace(PRESETS[name], **changes)


# Our field → the key in config.json: of the decoder, of the vision tower, and of the whole.
_TEXT = {
    "vocab_size": "vocab_size", "hidden_size": "hidden_size", "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads", "num_kv_heads": "num_key_value_heads", "ffn_size": "intermediate_size",
    "rms_norm_eps": "rms_norm_eps", "max_position_embeddings": "max_position_embeddings",
    "bos_token_id": "bos_token_id", "eos_token_id": "eos_token_id",
}  # fmt: skip
_VISION = {
    "vision_depth": "depth", "vision_hidden_size": "hidden_size", "vision_num_heads": "num_heads",
    "vision_ffn_size": "intermediate_size", "window_size": "window_size", "patch_size": "patch_size",
    "temporal_patch_size": "temporal_patch_size", "merge_size": "spatial_merge_size",
    "tokens_per_second": "tokens_per_second",
}  # fmt: skip
_WHOLE = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")


def from_hf(hf: Mapping[str, Any], **changes: Any) -> Config:
    """`Config` from the dict of a config.json, in the flat layout of the published weights or the nested newer one.

    Keys that are missing keep the defaults of the published weights; a model that is not this architecture is
    refused. `changes` sets fields that config.json does not know (dtype, remat, pixels, …).
    """
    if hf.get("model_type") != "qwen2_5_vl":
        raise ValueError(f"config.json: model_type is {hf.get('model_type')!r}, only 'qwen2_5_vl' is supported")
    text, vision = hf.get("text_config", hf), hf["vision_config"]
    rope = text.get("rope_parameters") or text.get("rope_scaling") or {}
    if rope.get("rope_type", rope.get("type", "default")) not in ("default", "mrope"):
        raise ValueError(f"config.json: rope type {rope.get('rope_type', rope.get('type'))!r} is not supported")
    if text.get("use_sliding_window"):
        raise ValueError("config.json: use_sliding_window is not supported")
    fields = {ours: text[theirs] for ours, theirs in _TEXT.items() if text.get(theirs) is not None}
    fields |= {ours: vision[theirs] for ours, theirs in _VISION.items() if theirs in vision}
    fields |= {name: hf[name] for name in _WHOLE if name in hf}
    fields["mrope_section"] = tuple(rope.get("mrope_section", (16, 24, 24)))
    fields["rope_theta"] = float(rope.get("rope_theta", text.get("rope_theta", 1e6)))
    fields["full_attention_blocks"] = tuple(vision.get("fullatt_block_indexes", (7, 15, 23, 31)))
    fields["tie_embeddings"] = bool(hf.get("tie_word_embeddings") or text.get("tie_word_embeddings", False))
    if isinstance(fields.get("eos_token_id"), list):
        fields["eos_token_id"] = fields["eos_token_id"][0]
    if vision.get("out_hidden_size", fields["hidden_size"]) != fields["hidden_size"]:
        raise ValueError(
            f"config.json: vision out_hidden_size {vision['out_hidden_size']} differs from hidden_size "
            f"{fields['hidden_size']}"
        )
    return Config(**(fields | changes))


def to_hf(cfg: Config) -> dict[str, Any]:
    """The dict of a config.json that transformers 5 reads back as the same model."""
    text = {theirs: getattr(cfg, ours) for ours, theirs in _TEXT.items()}
    text |= {
        "model_type": "qwen2_5_vl_text",
        "hidden_act": "silu",
        "tie_word_embeddings": cfg.tie_embeddings,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": cfg.rope_theta,
            "mrope_section": list(cfg.mrope_section),
        },
    }
    vision = {theirs: getattr(cfg, ours) for ours, theirs in _VISION.items()}
    vision |= {
        "model_type": "qwen2_5_vl_vision",
        "hidden_act": "silu",
        "in_channels": 3,
        "out_hidden_size": cfg.hidden_size,
        "fullatt_block_indexes": list(cfg.full_attention_blocks),
    }
    return {
        "model_type": "qwen2_5_vl",
        "architectures": ["Qwen2_5_VLForConditionalGeneration"],
        "dtype": cfg.param_dtype,
        "tie_word_embeddings": cfg.tie_embeddings,
        "text_config": text,
        "vision_config": vision,
    } | {name: getattr(cfg, name) for name in _WHOLE}


def pixels(preprocessor: Mapping[str, Any]) -> dict[str, int]:
    """The limits of an image, as fields of `Config`, from the dict of a preprocessor_config.json, old or new layout."""
    size = preprocessor.get("size") or {}
    found = {
        "min_pixels": preprocessor.get("min_pixels") or size.get("shortest_edge"),
        "max_pixels": preprocessor.get("max_pixels") or size.get("longest_edge"),
    }
    return {name: value for name, value in found.items() if value}


def preprocessor(cfg: Config) -> dict[str, Any]:
    """The dict of a preprocessor_config.json that `pixels` and transformers 5 read."""
    names = ("min_pixels", "max_pixels", "patch_size", "temporal_patch_size", "merge_size")
    return {"image_processor_type": "Qwen2VLImageProcessor"} | {name: getattr(cfg, name) for name in names}


# Parameter and activation axes → mesh axes. `logical_rules` drops what the tensor axis does not divide.
LOGICAL_RULES = (
    ("batch", ("data", "fsdp")),  # prompts, samples, rows of images
    ("embed", "fsdp"),
    ("vision_embed", "fsdp"),
    ("vocab", "tensor"),
    ("heads", "tensor"),
    ("kv_heads", "tensor"),
    ("mlp", "tensor"),
    ("vision_heads", "tensor"),
    ("vision_mlp", "tensor"),
    ("layers", None),
    ("length", None),
    ("features", None),  # of activations: the residual stream is whole on every device
    ("patch", None),
    ("merged", "tensor"),
)


def logical_rules(cfg: Config, tensor: int) -> tuple[tuple[str, Any], ...]:
    """`LOGICAL_RULES` for a mesh whose tensor axis has size `tensor`; an axis it does not divide stays whole."""
    sizes = {
        "vocab": cfg.vocab_size,
        "heads": cfg.num_heads,
        "kv_heads": cfg.num_kv_heads,
        "mlp": cfg.ffn_size,
        "vision_heads": cfg.vision_num_heads,
        "vision_mlp": cfg.vision_ffn_size,
        "merged": cfg.vision_hidden_size * cfg.patches_per_token,
    }
    return tuple((name, None if sizes.get(name, tensor) % tensor else axis) for name, axis in LOGICAL_RULES)
