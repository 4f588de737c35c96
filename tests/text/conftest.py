"""Tokenizers that the tests of rtq/text share."""

import pytest

from rtq.text import large_vocabulary
from rtq.text.tokenizer import load


@pytest.fixture(scope="session")
def pocket():
    return load("pocket")


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    return large_vocabulary.write(tmp_path_factory.mktemp("large"))
