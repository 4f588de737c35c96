"""The safetensors file format, tensor by tensor: an 8-byte length, a JSON header, then raw little-endian data.

Read as memory maps, so that a device's shard of a tensor touches only its own bytes; written one tensor after the
other. Source: https://github.com/huggingface/safetensors (format section of the README).
"""

import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import ml_dtypes
import numpy as np

DTYPES = {"BF16": np.dtype(ml_dtypes.bfloat16), "F16": np.dtype("<f2"), "F32": np.dtype("<f4")}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


def open_file(path: pathlib.Path) -> dict[str, np.ndarray]:
    """{name: read-only memory-mapped array} of one file."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        size = path.stat().st_size
        if not 2 <= length <= size - 8:
            raise ValueError(f"{path}: not a safetensors file, or cut short")
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError):
            raise ValueError(f"{path}: not a safetensors file: its header is no JSON") from None
    if not isinstance(header, dict):
        raise ValueError(f"{path}: not a safetensors file: its header is no object")
    header.pop("__metadata__", None)
    data = np.memmap(path, np.uint8, "r", 8 + length) if size > 8 + length else np.zeros(0, np.uint8)
    out = {}
    for name, entry in header.items():
        kind, shape, (start, stop) = _entry(entry, f"{path}: {name}")
        if kind not in DTYPES:
            raise ValueError(f"{path}: {name} has dtype {kind}; allowed are {', '.join(DTYPES)}")
        dtype = DTYPES[kind]
        if stop > len(data) or stop - start != dtype.itemsize * int(np.prod(shape, dtype=np.int64)):
            raise ValueError(f"{path}: {name} is cut short")
        out[name] = data[start:stop].view(dtype).reshape(shape)
    return out


def _entry(entry: Any, where: str) -> tuple[str, list[int], list[int]]:
    """(dtype, shape, where it starts and ends) of one tensor in a header."""
    if isinstance(entry, dict) and isinstance(entry.get("dtype"), str):
        shape, place = entry.get("shape"), entry.get("data_offsets")
        numbers = [*shape, *place] if isinstance(shape, list) and isinstance(place, list) else [-1]
        if all(type(x) is int and x >= 0 for x in numbers) and len(place) == 2 and place[0] <= place[1]:
            return entry["dtype"], shape, place
    raise ValueError(f"{where}: the header says nothing that can be read of it")


def open_folder(folder: str | pathlib.Path) -> dict[str, np.ndarray]:
    """{name: memory-mapped array} of all *.safetensors files in a folder."""
    files = sorted(pathlib.Path(folder).glob("*.safetensors"))
    if not files:
        raise ValueError(f"{folder}: no *.safetensors file there")
    out: dict[str, np.ndarray] = {}
    for path in files:
        for name, array in open_file(path).items():
            if name in out:
                raise ValueError(f"{path}: {name} is also in another file of this folder")
            out[name] = array
    return out


def write_file(
    path: pathlib.Path, shapes: Mapping[str, tuple[tuple[int, ...], np.dtype]], read: Callable[[str], np.ndarray]
) -> None:
    """Write the tensors of `shapes` (shape, dtype), asking `read(name)` for one at a time; `path` appears when done."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, (shape, dtype) in shapes.items():
        size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        header[name] = {"dtype": _NAMES[dtype], "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, (shape, dtype) in shapes.items():
            array = np.ascontiguousarray(read(name))
            if array.shape != shape or array.dtype != dtype:
                raise ValueError(f"{name}: {array.dtype}{list(array.shape)} where {dtype}{list(shape)} was announced")
            file.write(array.reshape(-1).view(np.uint8).data)
    partial.rename(path)
