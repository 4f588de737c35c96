"""Files of examples: array_record, each record the example's JSON, a line break, and its crop as PNG."""

import io
import os
import pathlib
from collections.abc import Iterable

import numpy as np

from rtq.data.example import Example


def encode(example: Example, crop: np.ndarray) -> bytes:
    """crop: uint8[S, S, 3]."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(crop).save(file, "PNG", compress_level=1)
    return example.to_json().encode() + b"\n" + file.getvalue()


def decode(record: bytes) -> tuple[Example, np.ndarray]:
    """What `encode` wrote."""
    from PIL import Image

    text, _, picture = record.partition(b"\n")
    return Example.from_json(text.decode()), np.asarray(Image.open(io.BytesIO(picture)))


def write(path: pathlib.Path, pairs: Iterable[tuple[Example, np.ndarray]]) -> None:
    """Writes a file, whole or not at all."""
    from array_record.python import array_record_module

    partial = path.with_suffix(".partial")
    writer = array_record_module.ArrayRecordWriter(str(partial), "group_size:1")
    for example, crop in pairs:
        writer.write(encode(example, crop))
    writer.close()
    os.replace(partial, path)


def paths(folder: str | pathlib.Path) -> list[str]:
    """The files of a build, in order.

    Raises:
      ValueError: there are none.
    """
    found = sorted(str(p) for p in pathlib.Path(folder).glob("examples-*.array_record"))
    if not found:
        raise ValueError(f"data: no examples-*.array_record in {folder}; make them with python -m rtq.data.studio")
    return found


def read(folder: str | pathlib.Path, count: int | None = None) -> list[tuple[Example, np.ndarray]]:
    """The first `count` (all if None) examples of a build with their crops."""
    import grain

    source = grain.sources.ArrayRecordDataSource(paths(folder))
    return [decode(source[i]) for i in range(min(len(source), len(source) if count is None else count))]
