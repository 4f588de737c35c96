"""Sampling answers: prefill once per prompt, decode its group beside it, under a grammar that lives on the device."""
