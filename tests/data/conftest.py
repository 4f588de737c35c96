"""Small counts, so that a build takes seconds."""

import pytest

from rtq.data import studio


@pytest.fixture(autouse=True, scope="session")
def _small_studio():
    patch = pytest.MonkeyPatch()
    patch.setattr(studio, "SHARD", 16)
    patch.setattr(studio, "CHUNK", 32)
    patch.setattr(studio, "PILOTS", 48)
    yield
    patch.undo()
