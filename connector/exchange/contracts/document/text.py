"""The contract in plain language: the German HTML is what both parties sign, English is a marked translation.

Self-contained (no script, no outside resource), readable by people and screen readers, fit for print. The same facts
give the same bytes; what was signed is kept and never rendered again (spec/contracts.md 1.4).
"""

from collections.abc import Sequence
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
from markupsafe import escape
from msgspec.structs import replace

from connector.exchange.contracts.document.frame import Frames
from connector.foundation.language import catalogue, local_end, local_time, say

if TYPE_CHECKING:
    from jinja2 import Template

Badge = Literal["enforced", "monitored", "contractual"]
Clause = tuple[str, Badge]

_PREFIX = "contract.text."
_FRAMES = Frames()


class Agent(msgspec.Struct, frozen=True):
    """Who acts for a party, by which mandate: `contract` refers to the processing contract, `until` is in milliseconds,
    `mandate` the SHA-256 (hex) by which it is named."""

    name: str
    did: str
    contract: str
    until: int
    mandate: str


class Party(msgspec.Struct, frozen=True):
    """A party by its name and DID, and who acts for it, if the contract says so."""

    name: str
    did: str
    agent: Agent | None = None


class ContractFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the text is made from. Times in milliseconds; `purpose` is a label in the language of the text.

    `dataset_sha256` is the hash of the bytes of a file; None means a live source, whose description alone is pinned by
    `description_sha256`.
    """

    agreement: str
    provider: Party
    consumer: Party
    dataset: str
    dataset_title: str
    description_sha256: str
    dataset_sha256: str | None
    purpose: str | None
    concluded_at: int
    expires_at: int | None


def render(facts: ContractFacts, clauses: Sequence[Clause], lang: str) -> str:
    """The contract as one HTML document; `clauses` are (sentence in `lang`, badge)."""
    values = (facts.agreement, _concluded(facts.concluded_at, lang), _expiry(facts.expires_at, lang))
    same = replace(facts, agreement="", concluded_at=0, expires_at=None)
    said = tuple(clauses)
    return _FRAMES.written((same, said, lang), partial(_written, same, said, lang), values, _spelt)


def _written(
    facts: ContractFacts, clauses: Sequence[Clause], lang: str, agreement: str, concluded: str, expires: str
) -> str:
    """The whole: what `facts` says of the last three is not looked at."""
    return _template().render(
        facts=replace(facts, agreement=agreement),
        clauses=clauses,
        lang=lang,
        t=_labels(lang),
        version=_version(facts, lang),
        concluded=concluded,
        expires=expires,
        purpose=facts.purpose or say(f"{_PREFIX}purpose-none", lang),
        acts=_acts(facts.provider, lang),
    )


def _acts(party: Party, lang: str) -> str:
    """Who acts for the provider, in one sentence; empty where it acts itself."""
    agent = party.agent
    if agent is None:
        return ""
    return say(
        f"{_PREFIX}acts",
        lang,
        party=party.name,
        name=agent.name,
        did=agent.did,
        until=local_end(agent.until, lang),
        contract=agent.contract,
        mandate=agent.mandate,
    )


def _spelt(value: str) -> str:
    """As the template writes every value."""
    return str(escape(value))


def _version(facts: ContractFacts, lang: str) -> str:
    kind = "version-live" if facts.dataset_sha256 is None else "version-file"
    return say(f"{_PREFIX}{kind}", lang)


@lru_cache(maxsize=64)  # both sides' texts name the same few instants again and again
def _concluded(at: int, lang: str) -> str:
    return local_time(at, lang)


@lru_cache(maxsize=64)
def _expiry(at: int | None, lang: str) -> str:
    """The first instant at which nothing is permitted any more, said as the clause that sets it says it."""
    return say(f"{_PREFIX}expires-never", lang) if at is None else local_end(at, lang)


@cache
def _labels(lang: str) -> dict[str, str]:
    texts = {key.removeprefix(_PREFIX): text for key, text in catalogue(lang).items() if key.startswith(_PREFIX)}
    return {name.replace("-", "_"): text for name, text in texts.items()}


@cache
def _template() -> "Template":
    """Loaded with the first contract: an idle server writes none."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    return environment.get_template("contract.html")
