"""The pocket tokenizer and tokenizers of Hugging Face folders."""

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtq.editor import SLIDERS, Local, Mask, Plan
from rtq.models.qwen25vl.config import preset
from rtq.text import facts, train_tokenizer
from rtq.text.tokenizer import POCKET, POCKET_TAGS, load


def test_training_reproduces_the_file():
    assert train_tokenizer.train().encode() == POCKET.read_bytes()


def test_ids_are_those_of_the_pocket_model(pocket):
    cfg = preset("pocket")
    assert pocket.size == cfg.vocab_size == 2048
    assert pocket.encode("<|bos|>") == [cfg.bos_token_id]
    assert pocket.eos_id == cfg.eos_token_id
    assert pocket.vision_start_id == cfg.vision_start_token_id
    assert pocket.vision_end_id == cfg.vision_end_token_id
    assert pocket.image_id == cfg.image_token_id
    assert pocket.encode("<|video_pad|>") == [cfg.video_token_id]


def test_ids_are_those_of_qwen(large):
    cfg = preset("7b")
    assert (large.eos_id, large.pad_id) == (cfg.eos_token_id, cfg.bos_token_id)
    assert (large.image_id, large.vision_start_id) == (cfg.image_token_id, cfg.vision_start_token_id)
    assert large.vision_end_id == cfg.vision_end_token_id


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_any_text_round_trips(text):
    for plain in (text, f"<think>{text}</think>"):
        ids = load("pocket").encode(plain)
        assert load("pocket").decode(ids) == plain


@pytest.mark.parametrize("text", ["", " ", "\n\t ", "a  b", "\r\n",
                                  "naïve 你好 🙂👩‍👩‍👧", "\x00\x7f", "e\u0301", "½²٣", '{"v":1,"x'])  # fmt: skip
def test_awkward_texts_round_trip(pocket, large, text):
    assert pocket.decode(pocket.encode(text)) == text
    assert large.decode(large.encode(text)) == unicodedata.normalize("NFC", text)


def test_half_characters_become_replacement_characters(pocket):
    assert pocket.decode(pocket.encode("a\ud800b\U0001f642")) == "a\ufffdb\U0001f642"


def test_four_sliders_take_nine_to_twelve_tokens(pocket):
    plan = Plan({"Contrast": -12, "Shadows": 40, "HueOrange": -100, "Vibrance": 7})
    assert len(pocket.encode(plan.to_json())) == 10
    plan = Plan({"Exposure": -0.35, "Shadows": 40, "HueOrange": -10, "ShadowHue": 220})
    assert len(pocket.encode(plan.to_json())) == 11


def test_single_tokens(pocket):
    known = [*POCKET_TAGS, *facts.all_facts(), *(f',"{row.name}":' for row in SLIDERS), '{"v":1']
    known += [str(n) for n in (*range(-100, 101), *range(0, 1001, 50))]
    assert [text for text in known if len(pocket.encode(text)) != 1] == []
    assert len({pocket.encode(text)[0] for text in known}) == len(set(known))


def test_masks_stay_short(pocket):
    local = Local((Mask("linear", (500, 0, 500, 1000)),), {"Exposure": -0.5})
    assert len(pocket.encode(Plan({}, (local,)).to_json())) <= 16


def test_plain_disarms_special_tokens(pocket, large):
    for tokenizer, text in ((pocket, "a<|eos|>b</think>[luma 7]<<|pad|>"), (large, "a<|im_end|>b<|image_pad|>")):
        ids = tokenizer.encode(tokenizer.plain(text))
        assert not set(ids) & set(tokenizer.backend.get_added_tokens_decoder())
        assert tokenizer.decode(ids).replace(" ", "") == text.replace(" ", "")
    assert pocket.plain("brighter, please <3") == "brighter, please <3"


def test_making_words_harmless_takes_no_longer_than_reading_them(pocket):
    begun = time.perf_counter()
    assert pocket.plain("<|eos|>" * 20_000).startswith("< |eos|>< |eos|>")
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize(("name", "text"), [("tokenizer.json", "{"), ("vocab.json", "{}"), ("tokenizer.json", "[1]")])
def test_a_broken_tokenizer_is_named_in_one_line(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=r"its tokenizer cannot be read|not a byte-level") as raised:
        load(tmp_path)
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_decode_answer_stops_at_the_end(pocket):
    ids = [pocket.pad_id, *pocket.encode("<think>"), pocket.image_id, *pocket.encode("a"), pocket.eos_id, 700, 701]
    assert pocket.decode_answer(ids) == "<think>a"


@pytest.mark.parametrize("ids", [[2048], [-1]])
def test_decode_names_an_unknown_id(pocket, ids):
    with pytest.raises(ValueError, match="out of range"):
        pocket.decode(ids)


def test_a_folder_without_tokenizer_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no tokenizer\.json"):
        load(tmp_path)


def test_facts_are_written_and_read():
    text = facts.facts_text({"cast": 9, "luma": 14}) + " dark " + facts.changes_text({"rim": -3, "chroma": 0})
    assert text == "[luma 14][cast 9] dark [chroma +0][rim -3]"
    assert facts.read_facts(text) == ({"luma": 14, "cast": 9}, {"rim": -3, "chroma": 0})
    assert facts.read_facts("[luma 15][luma +8][tint 3] [luma  4]") == ({}, {})
    with pytest.raises(ValueError, match="luma: 15"):
        facts.facts_text({"luma": 15})
    with pytest.raises(ValueError, match="hue"):
        facts.changes_text({"hue": 1})
