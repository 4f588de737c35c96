"""The examples of supervised stages: which are made, and which task reads which."""

import pytest

from experiments import sft as experiment
from rtq.data import drafts, records, studio
from rtq.train import sft
from tests.data.data_photos import SIZE, write_scenes, writer


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(configuration, folders) with examples of vague requests in a folder of their own."""
    patch = pytest.MonkeyPatch()
    patch.setattr(studio, "PILOTS", 24)
    patch.setattr(studio, "CHUNK", 16)
    patch.setattr(drafts, "KINDS", {"one": 0.6, "vague": 0.4})
    folder = tmp_path_factory.mktemp("feed")
    config = experiment.get_config("smoke")
    config.data.photos, config.model.photo = write_scenes(folder / "photos", 6), SIZE
    config.data.count, config.data.validation_count, config.data.vague_count = 12, 6, 10
    config.tasks = {"edit": 0.5, "words": 0.2, "vague": 0.3}
    yield config, sft.make_examples(config, folder, vague=True)
    patch.undo()


def test_vague_requests_have_a_folder_of_their_own(made):
    config, folders = made
    found = {name: [example for example, _ in records.read(folder)] for name, folder in folders.items()}
    assert {name: len(some) for name, some in found.items()} == {"train": 12, "validation": 6, "vague": 10}
    assert {example.kind for example in found["vague"]} == {"vague"}
    assert {example.kind for example in found["train"]} == {"one", "vague"}
    keys = {name: {example.key for example in some} for name, some in found.items()}
    assert not (keys["train"] | keys["vague"]) & keys["validation"]
    assert "vague" not in sft.make_examples(config, folders["train"].parent.parent)


def test_each_task_reads_its_kinds(made):
    config, folders = made
    feed = sft.Feed(folders, config, writer())
    batches = dict(feed(step) for step in range(20))
    assert set(batches) == {"edit", "words", "vague"}
    assert batches["vague"].tokens.shape == (config.batch, config.lengths.vague)
    config = config.copy_and_resolve_references()
    config.data.kinds = "one"
    assert {task: sft.kinds_of(config, task) for task in batches} == {
        "edit": ("one",), "words": ("one",), "vague": ("vague",)}  # fmt: skip
    assert sft.kinds_of(made[0], "words") == tuple(kind for kind in drafts.KINDS if kind != "vague")
