"""What negotiations and agreements are about, in words: the title as it stood when they began.

What an earlier release began, or a provider that nobody had asked, has none; then it is that of the description which
was read or signed, made plain, for its words are the provider's.
"""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from connector.exchange.contracts.document.described_data import NAME
from connector.exchange.contracts.document.draft import DATASET
from connector.exchange.contracts.model import NegotiationRow
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Tx

LONGEST: Final = 300


class _Said(msgspec.Struct, frozen=True):
    """The two forms that a description is kept in."""

    title: str = ""
    signed: str = msgspec.field(default="", name="dct:title")


def titles(tx: Tx, participant: str, agreements: Collection[str]) -> dict[str, str]:
    """By the agreements' ids; empty where nobody told."""
    listed, marks = _listed(agreements)
    rows = tx.all(
        "SELECT a.id, a.negotiation, n.title FROM agreement a JOIN negotiation n ON n.participant = a.participant"  # noqa: S608 marks
        f" AND n.id = a.negotiation WHERE a.participant = :participant AND a.id IN ({listed})",
        participant=participant,
        **marks,
    )
    kept = _kept(tx, participant, [row["negotiation"] for row in rows if not row["title"]])
    return {row["id"]: row["title"] or kept.get(row["negotiation"], "") for row in rows}


def named(tx: Tx, participant: str, cases: Collection[NegotiationRow]) -> list[NegotiationRow]:
    """The negotiations, those without a title with the one that was kept."""
    kept = _kept(tx, participant, [case.id for case in cases if not case.title])
    return [replace(case, title=case.title or kept.get(case.id, "")) for case in cases]


def _kept(tx: Tx, participant: str, negotiations: Collection[str]) -> Mapping[str, str]:
    if not negotiations:
        return {}
    listed, marks = _listed(negotiations)
    rows = tx.all(
        "SELECT u.negotiation, o.body FROM object_use u JOIN object o ON o.participant = u.participant"  # noqa: S608 marks
        " AND o.sha256 = u.sha256 WHERE u.participant = :participant AND u.name IN (:read, :signed)"
        f" AND u.negotiation IN ({listed})",
        participant=participant,
        read=NAME,
        signed=DATASET,
        **marks,
    )
    return {row["negotiation"]: found for row in rows if (found := _said(bytes(row["body"])))}


def _said(body: bytes) -> str:
    try:
        found = msgspec.json.decode(body, type=_Said)
    except msgspec.DecodeError:
        return ""
    return plain(found.title or found.signed, LONGEST)


def _listed(names: Collection[str]) -> tuple[str, dict[str, str]]:
    marks = {f"id{number}": name for number, name in enumerate(sorted(set(names)))}
    return ", ".join(f":{mark}" for mark in marks) or "NULL", marks
