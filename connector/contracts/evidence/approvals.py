"""Who agreed to a contract, as either side signed it: for people who look at it. Reads only."""

from typing import Literal, NamedTuple

import msgspec

from connector.contracts import store
from connector.contracts.approval import AUTOMATIC
from connector.contracts.document import agent, draft
from connector.contracts.document.text import Agent, Party
from connector.contracts.model import Agreement
from connector.language.reasons import plain
from connector.storage.database import Tx


class SignedApproval(NamedTuple):
    """Both empty where a rule decided."""

    role: str
    pseudonym: str


class _Body(msgspec.Struct, frozen=True):
    role: str
    pseudonym: str | None = None


def acted(tx: Tx, agreement: Agreement, side: Literal["provider", "consumer"]) -> Agent | None:
    """Who acted for that side by a mandate, as its approval carries it; None where nobody did."""
    name = draft.APPROVAL[side]
    found = store.objects(tx, agreement.participant, agreement.negotiation, name).get(name)
    carried = None if found is None else agent.carried(found.body, side)
    return agent.acted(Party("", ""), carried).agent


def signed(tx: Tx, agreement: Agreement, side: Literal["provider", "consumer"]) -> SignedApproval | None:
    """None before it is here, and for what cannot be read."""
    name = draft.APPROVAL[side]
    found = store.objects(tx, agreement.participant, agreement.negotiation, name).get(name)
    if found is None:
        return None
    try:
        said = msgspec.json.decode(found.body, type=_Body)
    except msgspec.MsgspecError:
        return None
    if said.role == AUTOMATIC:
        return SignedApproval("", "")
    return SignedApproval(plain(said.role, 80), plain(said.pseudonym or "", 20))
