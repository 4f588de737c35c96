"""Where tokens stand: M-RoPE positions and the places of image features, in numpy on the host."""

from collections.abc import Sequence

import numpy as np

from rtq.models.qwen25vl.config import Config
from rtq.models.qwen25vl.images import Grid


def feature_index(tokens: np.ndarray, cfg: Config) -> np.ndarray:
    """int32[B, T]: the how-manieth image token of its row stands here, -1 where another token stands."""
    image = np.asarray(tokens) == cfg.image_token_id
    return np.where(image, np.cumsum(image, axis=1) - 1, -1).astype(np.int32)


def mrope_positions(
    tokens: np.ndarray, grids: Sequence[Sequence[Grid]], cfg: Config, valid: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """positions int32[3, B, T] (time, row, column) and delta int32[B], as the reference's get_rope_index.

    Words advance all three together; the tokens of a photo share one time and are counted by row and column; the next
    word follows after the photo's longer side. grids[b]: the photos of row b in order. valid bool[B, T]: False for
    padding, on either side or inside, which stands at 0 and counts for nothing. The token number n of a row
    (padding not counted) that follows this sequence stands at n + delta.
    """
    tokens = np.asarray(tokens)
    valid = np.ones(tokens.shape, bool) if valid is None else np.asarray(valid, bool)
    positions, delta = np.zeros((3, *tokens.shape), np.int32), np.zeros(len(tokens), np.int32)
    for b, row in enumerate(tokens):
        image = row[valid[b]] == cfg.image_token_id
        parts, place, start = [], 0, 0
        for rows, columns in grids[b]:
            shape = rows // cfg.merge_size, columns // cfg.merge_size
            size = shape[0] * shape[1]
            found = np.flatnonzero(image[place:])
            words = int(found[0]) if len(found) else len(image) - place
            photo = image[place + words : place + words + size]
            if len(photo) < size or not photo.all():
                raise ValueError(f"row {b}: a photo of {shape[0]}x{shape[1]} tokens needs {size} image tokens in a row")
            parts.append(np.broadcast_to(start + np.arange(words), (3, words)))
            start += words
            parts.append(start + np.stack([np.zeros(size, int), *np.indices(shape).reshape(2, -1)]))
            start += max(shape)
            place += words + size
        if image[place:].any():
            need = int(image[:place].sum())
            raise ValueError(f"row {b}: {int(image.sum())} image tokens, but its photos need {need}")
        parts.append(np.broadcast_to(start + np.arange(len(image) - place), (3, len(image) - place)))
        placed = np.concatenate(parts, axis=1)
        positions[:, b, valid[b]] = placed
        delta[b] = placed.max(initial=-1) + 1 - len(image)
    return positions, delta
