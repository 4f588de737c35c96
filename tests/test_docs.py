"""Documents that are derived from the code say what the code says."""

import pathlib
import re

from rtq.editor.sliders import SLIDERS, table_markdown

ROOT = pathlib.Path(__file__).parents[1]


def test_the_slider_table_in_the_documentation_is_current():
    assert (ROOT / "docs" / "sliders.md").read_text(encoding="utf-8").strip() == table_markdown().strip()


def test_the_readme_counts_the_sliders_right():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {int(n) for n in re.findall(r"(\d+) global sliders", readme)} == {len(SLIDERS)}


def test_local_links_of_the_documents_exist():
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name} → {target}"
