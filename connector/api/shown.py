"""An agreement as the management surface shows it, in lists and alone: partner, subject, state, times, evidence."""

from collections.abc import Sequence
from typing import Any

from connector.api.members import Members
from connector.clock import rfc3339
from connector.contracts.agreement import termination_store
from connector.contracts.model import Agreement
from connector.contracts.negotiation.late_countersignature import CountersignatureState
from connector.contracts.negotiation.service import Contracts
from connector.storage.database import Tx
from connector.trust.members.trust_list import Anchor


class Agreements:
    """Shows them with the names that the trust list has for partners now."""

    def __init__(self, contracts: Contracts, anchor: Anchor) -> None:
        self._contracts, self._members = contracts, Members(anchor)

    def all(self, tx: Tx, slug: str) -> list[dict[str, Any]]:
        return self._shown(tx, slug, self._contracts.agreements.all(tx, slug))

    def one(self, tx: Tx, slug: str, agreement: Agreement) -> dict[str, Any]:
        return self._shown(tx, slug, [agreement])[0]

    def _shown(self, tx: Tx, slug: str, found: Sequence[Agreement]) -> list[dict[str, Any]]:
        titles = self._contracts.titles(tx, slug, [one.id for one in found])
        return [self._row(tx, one, titles.get(one.id, "")) for one in found]

    def _row(self, tx: Tx, agreement: Agreement, title: str) -> dict[str, Any]:
        standing = self._contracts.countersigning.standing(tx, agreement)
        return {
            **_shown(agreement, standing), "partner": self._members.name(agreement.counterparty), "title": title,
            "created_at": agreement.created_at, "ended_at": agreement.ended_at, "notice": _notice(tx, agreement),
        }  # fmt: skip


def _notice(tx: Tx, agreement: Agreement) -> dict[str, object] | None:
    """The stated end that comes first while the agreement is in force: whose, and from when on (RFC 3339)."""
    stated = termination_store.terminations(tx, agreement.participant, agreement.id) if agreement.in_force else []
    return {"by": stated[0].side, "effective": rfc3339(stated[0].effective)} if stated else None


def _shown(agreement: Agreement, standing: CountersignatureState) -> dict[str, Any]:
    """With what there is of evidence: which side sealed, who verified, what somebody confirmed.

    `countersignature` is the setting that both seals name, `until` its deadline, `waits` that a person has to read.
    """
    return {
        "agreement": agreement.id, "dataset": agreement.dataset, "state": agreement.state, "role": agreement.role,
        "counterparty": agreement.counterparty, "digest": agreement.digest, "expires_at": agreement.expires_at,
        "signed": {"provider": agreement.provider_jws is not None, "consumer": agreement.consumer_jws is not None},
        "negotiation": agreement.negotiation, "countersignature": standing.countersignature, "until": standing.until,
        "verified": standing.verified, "confirmations": standing.confirmations, "waits": standing.waits,
        "second_invalid": standing.second_invalid,
    }  # fmt: skip
