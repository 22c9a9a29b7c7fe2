"""Offers on datasets: made from a template of rules, checked against what the data are (spec/metadata-record.md 1.3).

A licence and a rule may not contradict each other: with an open licence nothing is restricted, without one not
everything is allowed.
"""

from collections.abc import Mapping, Sequence, Set
from typing import Any

import msgspec

from connector.data.catalogue import describe, store
from connector.data.catalogue.audience import Roster
from connector.data.catalogue.model import Countersignature, Dataset, Offer, Visibility
from connector.data.catalogue.templates import templates
from connector.foundation.errors import Mistake
from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import Tx
from connector.identity.audit import store as audit
from connector.identity.participants.model import Participant
from connector.kernel.policy.conflict.model import Objection
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.names import HANSE

_TOLD = 5
"""Objections that are told at once."""
_STRICTEST = ("required", "preferred", "none")
OPEN_RULE = "open-attribution"
"""Of open data whose licence asks to name the source, where no other rule was named."""


def falls_under(rule: str, access: object) -> str:
    """The template that a publication or change counts under: the named one, else that of open data; empty: none."""
    return rule or (OPEN_RULE if access == "open" else "")


class OfferWish(msgspec.Struct, frozen=True, kw_only=True):
    """A further offer on a dataset."""

    rule: str
    slots: dict[str, str] = {}
    visibility: Visibility = "members"
    countersignature: Countersignature = "preferred"


class Contradictory(Mistake):
    """A rule that contradicts itself or what the data are; `reasons` name each clause in German and English."""

    def __init__(self, found: list[Objection]) -> None:
        super().__init__("policy.contradiction", pointer=found[0].pointer or "/", fault=found[0].fault)
        self.reasons = {lang: [one.reasons[lang] for one in found[:_TOLD]] for lang in found[0].reasons}


class Offers:
    """`roster` says whom a rule may name."""

    def __init__(self, engine: PolicyEngine, roster: Roster) -> None:
        self._engine, self._roster = engine, roster

    def make(self, tx: Tx, participant: Participant, dataset: Dataset, wish: OfferWish) -> Offer:
        """A published offer; raises Mistake for an unknown rule or slot, or a contradiction."""
        slots = _with_licence(dataset, wish)
        policy: dict[str, Any] = templates.fill(wish.rule, slots)
        self._check(dataset, policy, tx.now, self._roster.held(tx.now, participant.did))
        offer = Offer(
            id=f"{dataset.id}/offers/{new_uuid()}",
            dataset=dataset.id,
            policy=policy,
            digest=self._engine.digest(policy),
            visibility=wish.visibility,
            countersignature=wish.countersignature,
            template={"id": wish.rule, "slots": slots},
            state="published",
            created_at=tx.now,
        )
        store.insert_offer(tx, participant.id, offer)
        body = {"dataset": dataset.id, "offer": offer.id, "policy": offer.digest, "version": dataset.version}
        audit.append(tx, participant.id, "publication", None, "steward", body, did=participant.did)
        return offer

    def recheck(self, tx: Tx, dataset: Dataset) -> None:
        """The standing offers beside what the dataset says now; raises Mistake."""
        for one in store.offers_on(tx, tx.scope, dataset.id):
            self._check(dataset, one.policy, one.created_at)

    def update(self, tx: Tx, participant: Participant, offer: Offer) -> None:
        """Who sees it, and whether its contract needs the second signature."""
        store.update_offer(tx, participant.id, offer)
        body: dict[str, object] = {
            "dataset": offer.dataset,
            "offer": offer.id,
            "visibility": offer.visibility,
            "countersignature": offer.countersignature,
        }
        audit.append(tx, participant.id, "publication", None, "steward", body, did=participant.did)

    def _check(self, dataset: Dataset, policy: dict[str, Any], now: int, held: Mapping[str, Set[str]] = {}) -> None:
        unrestricted = dataset.document.get("open_data") is True or describe.is_open(dataset.record)
        if found := self._engine.contradictions(policy, open_data=unrestricted, now=now, held=held):
            raise Contradictory(found)
        licence = "" if unrestricted else describe.closed_licence(dataset.record)
        if licence and not self._engine.contradictions(policy, open_data=True, now=now):
            raise Mistake("catalogue.rule-open", licence=licence)
        if not describe.agrees(dataset.record, named := _licence(policy)):
            raise Mistake(
                "catalogue.rule-licence", rule=describe.code(named), licence=describe.code(dataset.record.licence)
            )

    @staticmethod
    def strictest(offers: Sequence[Offer]) -> Offer | None:
        """The one that asks for most: of its settings a new one takes what is not said."""
        return min(offers, key=lambda one: _STRICTEST.index(one.countersignature), default=None)


def _with_licence(dataset: Dataset, wish: OfferWish) -> dict[str, str]:
    """The slots; a rule that names a licence names that of the dataset unless it was told another."""
    asked = "licence" in templates.template(wish.rule).slots and "licence" not in wish.slots
    said = describe.credit_licence(dataset.record) if asked else ""
    return {**wish.slots, "licence": said} if said else wish.slots


def _licence(policy: Mapping[str, Any]) -> str:
    """The licence that a rule of ours names, as its credit line asks; empty if it names none."""
    duties = (duty for rule in policy.get("permission", ()) for duty in rule.get("duty", ()))
    clauses = (clause for duty in duties for clause in duty.get("constraint", ()))
    return next((clause["rightOperand"] for clause in clauses if clause.get("leftOperand") == f"{HANSE}licence"), "")
