"""Who agreed to a contract, as either side signed it: for people who look at it. Reads only."""

from typing import Literal, NamedTuple

import msgspec

from connector.contracts import store
from connector.contracts.approval import AUTOMATIC
from connector.contracts.document import draft
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
