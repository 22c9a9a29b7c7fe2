"""What an operator can set or call is documented, and the documentation is what the product itself says."""

import re
from pathlib import Path

import pytest

from connector.foundation.settings.load import SECTIONS, Secret, Setting, documented, load
from tests.testkit.places import ROOT

DOCS = ROOT / "connector/docs"
SETTINGS = list(documented())


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_a_setting_is_documented_and_has_a_working_default(setting: Setting, tmp_path: Path) -> None:
    assert re.fullmatch(r"\S.{8,}\.", setting.text)
    assert load(tmp_path, {}).origins[setting.key] == "default"


def test_every_section_says_what_it_is_for() -> None:
    assert all(section.__doc__ for section in SECTIONS.values())


def test_every_secret_can_come_from_a_file() -> None:
    """A secret in the environment shows in process listings and container descriptions."""
    keys = {setting.key for setting in SETTINGS}
    secrets = {setting.key for setting in SETTINGS if isinstance(setting.default, Secret)}
    assert secrets
    assert {f"{key}_file" for key in secrets} <= keys


def test_a_fresh_folder_needs_no_file_at_all(tmp_path: Path) -> None:
    load(tmp_path, {})
    assert list(tmp_path.iterdir()) == []


def test_every_page_is_found_and_every_link_leads_somewhere() -> None:
    """The handbook's index names each page; no link in it, or in a page, points into the void."""
    pages = sorted(DOCS.rglob("*.md"))
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    for page in pages:
        assert page.name == "README.md" or f"({page.relative_to(DOCS).as_posix()})" in index, page.name


def test_bug_decisions_were_listed_twice_and_by_titles_of_before() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\* \[(.*)\]\((decisions/.*\.md)\)$", index, re.MULTILINE)
    pages = sorted((DOCS / "decisions").glob("*.md"))
    titles = [page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for page in pages]
    assert sorted(listed) == sorted(zip(titles, (f"decisions/{page.name}" for page in pages), strict=True))


@pytest.mark.parametrize("page", sorted((DOCS / "decisions").glob("*.md")), ids=lambda page: page.stem)
def test_a_decision_says_what_why_and_until_when(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    parts = ["**Decision.**", "**Why.**", "**What we rejected.**", "**When to look again.**"]
    places = [text.find(part) for part in parts]
    assert places == sorted(places)
    assert min(places) > 0
    assert text.startswith(f"# {page.name[:4]} ")


def test_decisions_that_the_code_names_exist() -> None:
    numbers = {page.name[:4] for page in (DOCS / "decisions").glob("*.md")}
    for source in (DOCS.parent).rglob("*.py"):
        named = re.findall(r"decision (\d{4})", source.read_text(encoding="utf-8"))
        assert set(named) <= numbers, source.name
