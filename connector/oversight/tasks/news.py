"""What entries of the log say came to an end: pure. What somebody did herself is no news to her."""

from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec.structs import replace

from connector.oversight.tasks.model import News, Outcome

TRANSFERS: dict[str, Outcome] = {
    "policy": "refused",
    "duty": "refused",
    "expired": "ended",
    "ended": "ended",
    "replaced": "ended",
    "agreement": "ended",
}
"""What a delivery's end means by the code of its reason; by any other code it failed."""


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a record's body; everything else in it is passed over."""

    by: str = ""
    code: str = ""
    counterparty: str = ""
    partner: str = ""
    did: str = ""
    event: str = ""
    negotiation: str = ""
    notice: str | None = None
    permit: bool | None = None
    space: str = ""
    origin_side: str = msgspec.field(default="", name="from")
    transfer: str = ""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the log as news are read from it."""

    type: str
    agreement: str | None = None
    actor: str = ""
    body: Body = Body()


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the log: `at` in milliseconds."""

    id: int
    at: int
    said: Written


def told(entries: Iterable[Entry], myself: str) -> list[News]:
    """The newest first, one for each thing: the same end told twice, or twenty refusals of one delivery, are one."""
    found: dict[tuple[str, str], News] = {}
    for entry in sorted(entries, key=lambda one: -one.id):
        one = None if myself and entry.said.actor == myself else _of(entry)
        if one is None:
            continue
        known = found.get((one.noun, one.subject))
        found[one.noun, one.subject] = one if known is None else _again(known)
    return sorted(found.values(), key=lambda one: (-one.at, -one.entry))


def _again(one: News) -> News:
    return replace(one, count=one.count + 1) if one.noun in ("transfer", "log", "space") else one


def _of(entry: Entry) -> News | None:
    said, body = entry.said, entry.said.body
    match said.type:
        case "termination":
            return _ended(entry)
        case "transfer" if body.event in ("terminated", "refused"):
            return _news(entry, TRANSFERS.get(body.code, "failed"), "transfer", body.transfer)
        case "decision" if body.permit is False:
            noun: Literal["transfer", "negotiation"] = "transfer" if body.transfer else "negotiation"
            return _news(entry, "refused", noun, body.transfer or body.negotiation, code="policy")
        case "alarm" if body.space:
            return _news(entry, "alarm", "space", body.space)
        case "alarm":
            return _news(entry, "alarm", "log", f"{body.event} {body.partner or body.did} {said.agreement or ''}")
        case _:
            return None


def _ended(entry: Entry) -> News | None:
    said, body = entry.said, entry.said.body
    match body.event:
        case "":
            outcome: Outcome = "ended" if said.agreement else "refused"
            return _news(entry, outcome, "negotiation", body.negotiation)
        case "ended" | "replaced":
            return _news(entry, "ended" if body.event == "ended" else "replaced", "agreement", said.agreement or "")
        case "stated" if body.origin_side != "us" and body.notice is not None:
            return _news(entry, "notice", "agreement", said.agreement or "")
        case _:
            return None


def _news(
    entry: Entry,
    outcome: Outcome,
    noun: Literal["agreement", "negotiation", "transfer", "log", "space"],
    subject: str,
    code: str = "",
) -> News | None:
    """None for a record that names nothing: there is nothing to be looked at."""
    body = entry.said.body
    if not subject.strip():
        return None
    by: Literal["", "us", "peer"] = "us" if body.by == "us" else "peer" if body.by == "peer" else ""
    return News(
        outcome=outcome,
        noun=noun,
        subject=subject,
        entry=entry.id,
        at=entry.at,
        agreement=entry.said.agreement or "",
        partner=body.counterparty or body.partner or body.did,
        by=by,
        code=code or body.code or body.event,
    )
