"""The two parties of a contract have one name each, wherever people read of them.

The signed contract text calls them Datengeber and Datennehmer, in English provider and consumer; so does everything
else, or a reader of the verifier's report would look for two more parties than there are.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from connector.foundation.language import catalogue
from connector.verify import words
from tests.testkit.places import ROOT

GERMAN = re.compile(r"anbieter|abnehmer|lieferant|auftraggeber der daten", re.IGNORECASE)
ENGLISH = re.compile(r"\b(?:supplier|vendor|buyer|customer)s?\b", re.IGNORECASE)


def places() -> Iterator[Path]:
    """Every file with sentences for people."""
    yield from sorted((ROOT / "connector").rglob("language/*/*.toml"))
    yield from sorted((ROOT / "connector/exchange/contracts/document/templates").iterdir())
    yield from sorted((ROOT / "policies").glob("*.toml"))
    yield from sorted((ROOT / "vocab").glob("*.ttl"))
    yield ROOT / "README.md"


def second_names(told: str) -> list[str]:
    return [found.group() for pattern in (GERMAN, ENGLISH) for found in pattern.finditer(told)]


def test_nobody_is_called_by_a_second_name() -> None:
    found = {path.relative_to(ROOT).as_posix(): second_names(path.read_text(encoding="utf-8")) for path in places()}
    assert {name: words for name, words in found.items() if words} == {}
    assert len(found) > 20


def test_the_contract_and_the_verifier_agree() -> None:
    """>> the parties in the signed text << the same words in the verifier's names of its checks."""
    for lang in ("de", "en"):
        contract = catalogue(lang)
        for side in ("provider", "consumer"):
            party = contract[f"contract.text.{side}"].removeprefix("Data ").lower()
            assert party in words.say("check", f"{side}-seal", lang).lower()
            assert party in contract[f"cli.agreements.evidence.{side}"].lower()
            assert contract[f"cli.trace.role.{side}"].lower() in (party, f"data {party}")
