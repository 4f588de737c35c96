"""Peers of the editor, each measured in a process of its own by `benchmarks/editor.py`."""
