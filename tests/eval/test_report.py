"""The report, first as text, then in a real headless Chromium: sliding, switching, dark, phone, keyboard."""

import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from scenes import PHOTOS, edit

from rtq.editor import Local, Mask, Plan
from rtq.eval import curves, report

PHOTO = PHOTOS["coffee"]
PLAN = Plan({"Exposure": 0.35, "Tint": -5}, (Local((Mask("linear", (0, 0, 0, 900)),), {"Shadows": 20}),))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    rows = [{"step": i, "policy/reward": 0.5 + i / 1000, "policy/kl": None if i % 7 else i * 1e-7, "loss": 1 / (i + 1)}
            for i in range(700)]
    path = folder / "metrics.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"step": 700, "lo', encoding="utf-8")
    edits = {"edit": edit(PHOTO, "brightness", 1), "user's edit": edit(PHOTO, "warmth", 1)}
    pictures = [report.Picture(PHOTO, edits, "warmer <b>& brighter</b>", PLAN, "warm (60%): 7", {"O": 7.25}),
                report.Picture((PHOTO[:, :40] * 255).astype(np.uint8), {"edit": (PHOTO[:, :40] * 200).astype(np.uint8)},
                               "darker")]
    table = report.Table("Rewards", ["reward", "O", "ΔE"], [["rule", 5.5, 7.0], ["PGRT", 6.25, 6.0]], "three seeds")
    config = {"task": "pgrt", "model": {"name": "pocket"}}
    full = report.Report("A run", "What happened.", {"O": "5 → 6"}, pictures, [table], {"pgrt": path}, config, "abc123",
                         "2 cores", "python")
    return report.write(folder / "report", full)


def test_self_contained_and_escaped(page):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=[\"']?(?![\"']|data:|#)", text)
    assert "http" not in text
    assert "warmer &lt;b&gt;&amp; brighter&lt;/b&gt;" in text
    assert text.count("data:image/jpeg;base64,") == 5
    assert "<td>6.25</td><td>6</td>" in text
    assert "Exposure +0.35" in text
    assert "linear mask: Shadows +20" in text
    assert "model.name" in text
    assert "pgrt: 3 curves" in text
    assert list(page.parent.iterdir()) == [page]  # nothing half-written is left


def test_bad_input_in_one_line(tmp_path):
    with pytest.raises(ValueError, match="a row of 1 cells under 2 columns"):
        report.write(tmp_path, report.Report("x", tables=[report.Table("t", ["a", "b"], [["c"]])]))
    with pytest.raises(ValueError, match="'edit' has another shape"):
        report.write(tmp_path, report.Report("x", pictures=[report.Picture(PHOTO, {"edit": PHOTO[1:]}, "")]))
    (tmp_path / "bad.jsonl").write_text("{}\n")
    with pytest.raises(ValueError, match="line 1: expected a JSON object with a step"):
        curves.read(tmp_path / "bad.jsonl")
    assert not (tmp_path / "index.html").exists()


def test_an_empty_report_is_a_page(tmp_path):
    assert "<h1>Nothing</h1>" in report.write(tmp_path, report.Report("Nothing")).read_text()


def test_curves():
    x = np.arange(1000.0)
    steps, values = curves.thinned((x, 2 * x), 100)
    assert len(steps) == len(values) == 100
    np.testing.assert_allclose(values, 2 * steps)
    assert steps[-1] == 999
    np.testing.assert_allclose(curves.smoothed(np.ones(9), 5), 1)
    assert curves.smoothed(np.array([0.0, 0, 3, 0, 0]), 3).tolist() == [0, 1, 1, 1, 0]
    assert curves.ticks(-0.02, 1.01, 4) == [0, 0.25, 0.5, 0.75, 1]
    assert [curves.number(v) for v in (0, -1.5, 0.000002, 0.00099999, 3e9)] == ["0", "−1.5", "2e−6", "0.001", "3e9"]
    assert [curves.number(v) for v in (999.4, 999.6, 1000, -2500, 9999)] == ["999", "1000", "1000", "−2500", "9999"]
    assert [curves.number(v) for v in (9999.6, 12345, 999_499, 999_999)] == ["10k", "12.3k", "999k", "1e6"]
    assert "<circle" in curves.chart("one", {"": (np.array([5.0]), np.array([0.0]))})


def test_hardware():
    assert "cpu" in report.describe_hardware()


def test_revision(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "HERE", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert report.git_revision() == "unknown"
    if shutil.which("git") is None:
        pytest.skip("needs git")

    def git(*words):
        settings = ("user.name=a", "user.email=a@b", "commit.gpgsign=false")
        subprocess.run(["git", "-C", str(tmp_path), *(x for s in settings for x in ("-c", s)), *words], check=True,
                       capture_output=True)

    git("init")
    (tmp_path / "code").write_text("one")
    git("add", "code")
    git("commit", "-m", "code")
    clean = report.git_revision()
    assert re.fullmatch(r"[0-9a-f]{12}", clean)
    (tmp_path / "code").write_text("two")
    assert report.git_revision() == f"{clean} + changes"


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None and not os.environ.get("RTQ_REQUIRE_CHROMIUM"):
        pytest.skip("needs Chromium (Debian: chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def opened(browser, page, **how):
    tab = browser.new_context(**how).new_page()
    problems = []
    tab.on("console", lambda message: problems.append(message.text))
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("request", lambda request: problems.append(request.url) if request.url.startswith("http") else None)
    tab.goto(page.as_uri())
    return tab, problems


def test_in_a_browser(browser, page):
    tab, problems = opened(browser, page, viewport={"width": 1200, "height": 900})
    compare, slider = tab.locator(".compare").first, tab.locator(".compare input").first

    def share():
        return compare.evaluate("x => getComputedStyle(x.querySelector('.before')).clipPath")

    assert "50%" in share()
    box = compare.bounding_box()
    tab.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + 20)
    assert 77 <= float(slider.input_value()) <= 83
    slider.focus()
    for _ in range(5):
        tab.keyboard.press("ArrowLeft")
    assert 72 <= float(slider.input_value()) <= 78
    tab.keyboard.press("Home")
    assert slider.input_value() == "0"
    assert "100%" in share()

    tab.get_by_role("button", name="user's edit").click()
    assert tab.locator(".compare").first.locator("img.after:visible").get_attribute("alt") == "user's edit"
    assert tab.locator(".tag.right").first.text_content() == "user's edit"

    tab.locator("#health .chart svg").first.hover()
    assert " at " in tab.locator("#health .chart .key b").first.text_content()
    assert tab.locator("img").evaluate_all("images => images.every(image => image.complete && image.naturalWidth > 0)")
    tall = tab.locator(".compare").nth(1).bounding_box()
    assert tall["width"] / tall["height"] == pytest.approx(40 / 96, rel=0.02)
    assert problems == []


def test_dark_and_phone(browser, page):
    def paper(**how):
        tab, problems = opened(browser, page, **how)
        wide = tab.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert problems == []
        return tab.evaluate("getComputedStyle(document.body).backgroundColor"), wide

    light, wide = paper(viewport={"width": 375, "height": 700}, is_mobile=True, color_scheme="light")
    dark, _ = paper(color_scheme="dark")
    assert wide <= 0
    assert sum(map(int, re.findall(r"\d+", light))) > 600
    assert sum(map(int, re.findall(r"\d+", dark))) < 120
