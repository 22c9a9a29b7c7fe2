"""The specification lies in the repository: each section has a source, and each pointer leads to a section."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "connector/docs/spec"
PAGES = sorted(SPEC.glob("*.md"))
HEADING = re.compile(r"^(#{2,3}) (\S+) \S.*$", re.MULTILINE)
NUMBER = r"[0-9]+(?:\.[0-9]+)?"
NUMBERS = rf"{NUMBER}(?:(?:,| and| to)\s+{NUMBER})*(?![\w-]|\.[0-9])"
POINTER = re.compile(rf"(?:(?<![/\w-])spec/|\]\()([a-z-]+)\.md[`)]?\s+({NUMBERS})")
OUTSIDE = re.compile(
    rf"(?<![/\w-])(?!spec/)(?:[\w.-]+/)*[a-z-]+\.md`?\s+{NUMBER}|\b(?:dataspace-protocol|data-plane-signaling)\s[0-9]"
)
KINDS = {".py", ".md", ".toml", ".sql"}
PLACES = ("connector", "tests", "policies", "vocab", "certs", "compose")


def sections(text: str) -> Iterator[tuple[str, str]]:
    """Number and text of every section of a page, in order."""
    found = list(HEADING.finditer(text))
    for heading, following in zip(found, [*found[1:], None], strict=True):
        yield heading[2], text[heading.end() : len(text) if following is None else following.start()]


KNOWN = {page.name: {number for number, _ in sections(page.read_text(encoding="utf-8"))} for page in PAGES}


def sources() -> list[Path]:
    """Every text that may point at the specification, but this one."""
    found = [path for place in PLACES for path in (ROOT / place).rglob("*") if path.suffix in KINDS]
    found += [path for path in ROOT.glob("*") if path.suffix in KINDS]
    return sorted(path for path in found if path != Path(__file__))


def lost(text: str) -> list[str]:
    """Pointers at sections that are not there."""
    if ".md" not in text:
        return []
    found = [(match[1], number) for match in POINTER.finditer(text) for number in re.findall(NUMBER, match[2])]
    return [f"{page}.md {number}" for page, number in found if number not in KNOWN.get(f"{page}.md", ())]


def outside(text: str) -> list[str]:
    """Pointers at numbered pages that are no part of the specification."""
    if not any(word in text for word in (".md", "dataspace-protocol", "data-plane-signaling")):
        return []  # most texts: the pattern would be tried at each of their letters
    return [match[0] for match in OUTSIDE.finditer(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sections_are_numbered_one_after_the_other(page: Path) -> None:
    """## 1, ### 1.1, ### 1.2, ## 2 … and nothing without a number."""
    whole, part = 0, 0
    for level, number in re.findall(r"^(#{2,}) (\S+)", page.read_text(encoding="utf-8"), re.MULTILINE):
        whole, part = (whole + 1, 0) if level == "##" else (whole, part + 1)
        assert number == (f"{whole}" if level == "##" else f"{whole}.{part}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_section_names_its_source(page: Path) -> None:
    """One line each; a section that has parts leaves it to them."""
    for number, text in sections(page.read_text(encoding="utf-8")):
        has_parts = f"{number}.1" in KNOWN[page.name]
        assert len(re.findall(r"^Source: \S", text, re.MULTILINE)) == (0 if has_parts else 1), number


def test_decisions_that_the_specification_names_exist() -> None:
    numbers = {page.name[:4] for page in (ROOT / "connector/docs/decisions").glob("*.md")}
    named = {number for page in PAGES for number in re.findall(r"\b00[0-9]{2}\b", page.read_text(encoding="utf-8"))}
    assert named <= numbers


def test_every_pointer_leads_to_a_section() -> None:
    found = {path.relative_to(ROOT).as_posix(): lost(path.read_text(encoding="utf-8")) for path in sources()}
    assert {path: pointers for path, pointers in found.items() if pointers} == {}


def test_no_pointer_leads_out_of_the_repository() -> None:
    """A reader of the code has the pages that it names."""
    found = {path.relative_to(ROOT).as_posix(): outside(path.read_text(encoding="utf-8")) for path in sources()}
    assert {path: pointers for path, pointers in found.items() if pointers} == {}


def test_a_pointer_into_the_void_is_noticed() -> None:
    """The patterns find what they look for, over the end of a line and in lists too."""
    assert lost("spec/contracts.md\n99.1, `spec/policy.md` 1.1 and 98, [trust.md](trust.md) 97") == [
        "contracts.md 99.1",
        "policy.md 98",
        "trust.md 97",
    ]
    assert outside(
        "(rules.md 3), `rules.md` 3.1, dataspace-protocol 1.5; spec/policy.md 1, [policy.md](policy.md) 1"
    ) == [
        "rules.md 3",
        "rules.md` 3.1",
        "dataspace-protocol 1",
    ]
