"""Who agreed to a contract, as either side signed it: for people who look at it. Reads only."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from connector.exchange.contracts import object_store
from connector.exchange.contracts.approval import AUTOMATIC
from connector.exchange.contracts.document import agent, draft
from connector.exchange.contracts.document.text import Agent, Party
from connector.exchange.contracts.model import Agreement
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Tx
from connector.verify.formats import people
from connector.verify.formats.people import Person

Side = Literal["provider", "consumer"]


class SignedApproval(NamedTuple):
    """Role and pseudonym are empty where a rule decided; `people` are all who agreed, where there are several."""

    role: str
    pseudonym: str
    people: tuple[Person, ...] = ()


class _Body(msgspec.Struct, frozen=True):
    role: str
    pseudonym: str | None = None
    people: object = None


def acted(tx: Tx, agreement: Agreement, side: Side) -> Agent | None:
    """Who acted for that side by a mandate, as its approval carries it; None where nobody did."""
    name = draft.APPROVAL[side]
    found = object_store.objects(tx, agreement.participant, agreement.negotiation, name).get(name)
    return None if found is None else _acted(found.body, side)


def all_acted(tx: Tx, agreements: Sequence[Agreement]) -> Mapping[tuple[str, Side], Agent]:
    """Who acted for which side of these agreements of one participant, by negotiation and side, in one statement."""
    if not agreements:
        return {}
    marks = {f"id{number}": one.negotiation for number, one in enumerate(agreements)}
    rows = tx.all(
        "SELECT u.negotiation, u.name, o.body FROM object_use u JOIN object o ON o.participant = u.participant"  # noqa: S608 marks
        " AND o.sha256 = u.sha256 WHERE u.participant = :participant AND u.name IN (:provider, :consumer)"
        f" AND u.negotiation IN ({', '.join(f':{mark}' for mark in marks)})",
        participant=agreements[0].participant,
        **draft.APPROVAL,
        **marks,
    )
    found = {}
    for row in rows:
        side: Side = "provider" if row["name"] == draft.APPROVAL["provider"] else "consumer"
        if (acting := _acted(bytes(row["body"]), side)) is not None:
            found[str(row["negotiation"]), side] = acting
    return found


def _acted(approval: bytes, side: Side) -> Agent | None:
    return agent.acted(Party("", ""), agent.carried(approval, side)).agent


def signed(tx: Tx, agreement: Agreement, side: Side) -> SignedApproval | None:
    """None before it is here, and for what cannot be read."""
    name = draft.APPROVAL[side]
    found = object_store.objects(tx, agreement.participant, agreement.negotiation, name).get(name)
    if found is None:
        return None
    try:
        said = msgspec.json.decode(found.body, type=_Body)
    except msgspec.MsgspecError:
        return None
    if said.role == AUTOMATIC:
        return SignedApproval("", "")
    together = tuple(one._replace(role=plain(one.role, 80)) for one in people.read(said.people) or ())
    return SignedApproval(plain(said.role, 80), plain(said.pseudonym or "", 20), together)
