"""Qwen2.5-VL in Flax linen; `model` holds the functions that other packages call."""
