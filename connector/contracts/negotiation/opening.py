"""A negotiation as it begins, whoever began it; nothing is saved here."""

from typing import Any

from connector.contracts.model import NegotiationRow
from connector.contracts.partner import Partner
from connector.ids import new_id
from connector.protocol.negotiation import Negotiation
from connector.storage.database import Tx


def opened(
    tx: Tx, slug: str, partner: Partner, state: Negotiation, dataset: str, policy: dict[str, Any], *,
    purpose: str | None = None, action: str | None = None, address: str = "", proposed: bool = False, title: str = "",
) -> NegotiationRow:  # fmt: skip
    """The case; `address` is the peer's callback, else its base as its version document says."""
    return NegotiationRow(
        participant=slug, id=new_id(), counterparty=partner.did, address=(address or partner.base).rstrip("/"),
        kernel=state, version=1, dataset=dataset, offer=str(policy["@id"]), policy=policy, purpose=purpose,
        action=action, agreement=None, reason=None, created_at=tx.now, changed_at=tx.now, proposed=proposed,
        title=title,
    )  # fmt: skip
