"""The hand-made labels: form and counts of the file, and how texts are joined to it."""

import json

import pytest

from rtq.eval import human_requests


@pytest.fixture(scope="module")
def human():
    return human_requests.load()


@pytest.fixture
def small(tmp_path):
    """Three labelled requests, one vague, and a data folder that has them among others."""
    texts = {
        "ma5kreq": {"1_A": "Make it Brighter!", "2_B": "fix this", "9_E": "never labelled"},
        "gier": {"a_b#1": "less blue, more contrast", "a_b#2": "brighter sky"},
    }
    for source, rows in texts.items():
        path = tmp_path / human_requests.FILES[source]
        path.parent.mkdir()
        path.write_text("".join(json.dumps({"id": k, "instruction": v}) + "\n" for k, v in rows.items()))
    labelled = {"ma5kreq": {k: v for k, v in texts["ma5kreq"].items() if k != "9_E"}, "gier": texts["gier"]}
    return tmp_path, {
        "labels": {
            "ma5kreq": {"1_A": {"brightness": 1}},
            "gier": {"a_b#1": {"warmth": 1, "contrast": 1}, "a_b#2": {"sky:brightness": 1}},
        },
        "vague": {"ma5kreq": ["2_B"], "gier": []},
        "digest": {source: human_requests.digest(rows) for source, rows in labelled.items()},
    }


def test_form(human):
    assert set(human) == {"rules", "drawn", "digest", "labels", "vague", "left_out"}
    assert set(human["labels"]) == set(human["vague"]) == set(human["digest"]) == set(human_requests.FILES)
    assert len(human["rules"]) > 10
    assert all(isinstance(count, int) for count in human["left_out"].values())
    for source, labels in human["labels"].items():
        vague = human["vague"][source]
        assert len(set(vague)) == len(vague)
        assert not set(vague) & set(labels)
        for name, signs in labels.items():
            assert set(signs) <= human_requests.ALLOWED, name
            assert set(signs.values()) in ({-1}, {1}, {-1, 1}), name


def test_counts(human):
    counts = {source: len(labels) for source, labels in human["labels"].items()}
    assert sum(counts.values()) >= 450
    assert min(counts.values()) >= 0.4 * sum(counts.values())
    assert sum(map(len, human["vague"].values())) >= 50
    left = sum(human["left_out"].values())
    assert left + sum(counts.values()) <= sum(human["drawn"][source] for source in counts)


def test_no_name_twice_in_the_file():
    def pairs(items):
        names = [name for name, _ in items]
        assert len(set(names)) == len(names)
        return dict(items)

    json.loads(human_requests.PATH.read_text(encoding="utf-8"), object_pairs_hook=pairs)


def test_join(small):
    folder, human = small
    requests = human_requests.join(folder, human)
    assert [request.id for request in requests] == ["1_A", "2_B", "a_b#1", "a_b#2"]
    assert requests[0] == ("ma5kreq", "1_A", "Make it Brighter!", {"brightness": 1})
    assert requests[1].signs == {}


def test_digest_ignores_spelling_not_words():
    same = human_requests.digest({"a": "Brighter,  please", "b": "x"})
    assert same == human_requests.digest({"b": "X.", "a": "brighter please"})
    assert same != human_requests.digest({"a": "darker please", "b": "x"})


def test_bad_folders(small, tmp_path):
    folder, human = small
    with pytest.raises(ValueError, match=r"no file .*absent"):
        human_requests.join(tmp_path / "absent", human)
    with pytest.raises(ValueError, match="labelled ids are missing, the first is"):
        human_requests.join(folder)
    path = folder / human_requests.FILES["gier"]
    rows = path.read_text()
    path.write_text(rows.replace("less blue", "more blue"))
    with pytest.raises(ValueError, match="other texts"):
        human_requests.join(folder, human)
    for bad in ("no json\n", '{"id": "a_b#1"}\n', "3\n"):
        path.write_text(bad + rows)
        with pytest.raises(ValueError, match="line 1: expected"):
            human_requests.join(folder, human)
