"""Countersignatures that come after the verification, and what a person confirms (spec/contracts.md 3.5, 3.6).

As provider: FINALIZED is withheld while a required one is missing, a late one is taken until the deadline, and of the
two that meet in one moment exactly one wins, because both change the negotiation under its lock. As consumer: a person
orders the late one. A confirmation is never a seal.
"""

from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from connector.exchange.contracts import object_store, store
from connector.exchange.contracts.agreement import log_records
from connector.exchange.contracts.agreement.agreements import Agreements
from connector.exchange.contracts.agreement.log_records import CONFIRMATION, DECISION
from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.document import automatic_seal, draft, second_seal
from connector.exchange.contracts.model import Agreement, EvidenceObject, NegotiationRow
from connector.exchange.contracts.negotiation import who_agreed
from connector.exchange.contracts.negotiation.send import NegotiationSender, process
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake, PeerError, Unknown
from connector.foundation.language.reasons import because, plain
from connector.foundation.storage import outbox
from connector.foundation.storage.database import Tx
from connector.foundation.storage.work import Errand, answered, ask
from connector.identity.participants.lifecycle import require_not_deleting
from connector.kernel.protocol import negotiation as kernel
from connector.kernel.protocol.negotiation import State
from connector.kernel.protocol.process import Role

AT_ONCE, LATE, HAND_IN = "countersign", "countersign-late", "hand-in"
"""Errands of the consumer: make the countersignature that the negotiation waits for, make a late one, hand it in."""
SHORTEST = 16
"""Hex digits of the digest of what was read that a person has to name at least."""
STATEMENT = 500
MOST_INVALID = 20
"""Records of countersignatures that do not hold, per agreement; a peer could send them without end."""
MOST_CONFIRMATIONS = 50


class Settled(PeerError):
    """A countersignature that this agreement takes no more, or not yet: 409."""

    status = 409


class Confirmation(msgspec.Struct, frozen=True, kw_only=True):
    """What a person stated about an agreement; evidence, and no seal."""

    role: str
    pseudonym: str
    statement: str
    at: str


class CountersignatureState(msgspec.Struct, frozen=True, kw_only=True):
    """What there is besides seals: the provider's demand, the verification message, confirmations of our side.

    `until` is an RFC 3339 time. `waits` is true where our countersignature waits for a person, `second_invalid` where
    the partner sent a second seal that does not hold.
    """

    countersignature: Literal["required", "preferred", "none"]
    until: str | None
    verified: bool
    confirmations: tuple[Confirmation, ...]
    waits: bool
    second_invalid: bool = False


class LateCountersignatures:
    """Of all participants; every method names the participant and runs inside one transaction."""

    def __init__(self, agreements: Agreements, sender: NegotiationSender) -> None:
        self._agreements, self._sender = agreements, sender

    # As provider

    def arriving(
        self, tx: Tx, slug: str, agreement_id: str, did: str, seal: str
    ) -> tuple[NegotiationRow, Agreement] | None:
        """What a late countersignature is to be checked against; None if it is here already.

        Raises Unknown for whoever is not the consumer of that agreement, Settled if it comes too late.
        """
        case, agreement = self._provided(tx, slug, agreement_id, did)
        return None if self._here(tx, case, agreement, seal) else (case, agreement)

    def arrived(
        self, tx: Tx, slug: str, agreement_id: str, did: str, seal: str, objects: tuple[EvidenceObject, ...]
    ) -> None:
        """The late countersignature holds: book it, and finalize what waited for it. Raises as `arriving`.

        It was checked outside of a transaction: meanwhile the participant may have begun to be deleted.
        """
        require_not_deleting(tx, slug)
        case, agreement = self._provided(tx, slug, agreement_id, did)
        if self._here(tx, case, agreement, seal):
            return
        self._take(tx, case, agreement, objects)
        if agreement.state == "one-sided":
            self._agreements.completed(tx, case, agreement, seal)
            return
        self._sender.finalize(tx, case, replace(agreement, consumer_jws=seal))

    def invalid(self, tx: Tx, slug: str, case: NegotiationRow, fault: str) -> None:
        """It does not hold: recorded, and as if it had not come."""
        require_not_deleting(tx, slug)
        noted = store.logged(tx, slug, case.agreement or "", DECISION)
        if sum(b'"countersignature":"invalid"' in one for one in noted) < MOST_INVALID:
            self._sender.record(tx, case, DECISION, {"countersignature": "invalid", "fault": fault})

    def deadline(self, tx: Tx, slug: str, case_id: str) -> None:
        """The timer of a required countersignature: end what still waits for it."""
        case = store.case(tx, slug, case_id, lock=True)
        if case is None or case.agreement is None or case.kernel.role is not Role.PROVIDER:
            return
        agreement = store.agreement(tx, slug, case.agreement)
        waits = agreement is not None and agreement.state == "signed" and agreement.consumer_jws is None
        if waits and not kernel.terminating(case.kernel):
            reason = because("contracts.countersignature-missing")
            self._sender.terminate(tx, case, "countersignature-missing", reason)

    # As consumer

    def order(self, tx: Tx, slug: str, agreement_id: str, by: Approval, read: str) -> Agreement:
        """A person countersigns: at once where the negotiation waits for that, else late. Repeated, it changes nothing.

        `read` begins the digest of what was read (`automatic_seal.digest`): just that is sealed, whatever else may lie
        here when it is. Raises Mistake if there is nothing to sign, and while others have to decide.
        """
        agreement = self._agreements.get(tx, slug, agreement_id)
        case = store.case(tx, slug, agreement.negotiation, lock=True)
        agreement = self._agreements.get(tx, slug, agreement_id)
        if case is None or agreement.role != Role.CONSUMER or agreement.provider_jws is None:
            raise Mistake("contracts.nothing-to-countersign")
        now = rests(case.kernel, State.AGREED)
        if not (now or self.lacks(case, agreement)):
            raise Mistake("contracts.nothing-to-countersign")
        self._sender.approvals.require_agreed(tx, slug, case.id)
        lies_here = self.unread(tx, agreement)
        if len(read) < SHORTEST or not lies_here.startswith(read.lower()):
            raise Mistake("contracts.other-text-read")
        if self._under_way(tx, case):
            return agreement
        terms = self._agreements.deal(case.policy)
        if not self._sender.may_seal(tx, case, terms):
            return agreement
        held = self._sender.approvals.of_process(tx, slug, case.id)
        said = who_agreed.ordered(by.said_by(tx.actor), tx.now, held, case, terms)
        case = store.save_case(tx, replace(case, approval=said))
        answered(tx, slug, case.id)
        self._sender.errand(tx, case, AT_ONCE if now else LATE, person=by.pseudonym, read=lies_here)
        return agreement

    def unread(self, tx: Tx, agreement: Agreement) -> str:
        """The digest of all that a person has to read before it is sealed; raises Unknown before that is here."""
        return automatic_seal.digest(self._agreements.sealed(tx, agreement))

    def lacks(self, case: NegotiationRow, agreement: Agreement) -> bool:
        """Whether the provider has no countersignature of ours that it took, as far as we know, and may still take."""
        if agreement.state == "one-sided":
            return True
        return agreement.state == "signed" and rests(case.kernel, State.VERIFIED)

    def made(
        self, tx: Tx, case: NegotiationRow, seal: str, approval: EvidenceObject, second: EvidenceObject | None = None
    ) -> None:
        """The late one is signed. It is kept before it leaves: signed anew after a crash it would be another one.

        So is its second seal; in the place of an earlier one it comes once the provider has taken the first.
        """
        for item in (approval,) if second is None else (approval, second):
            object_store.keep_object(
                tx, case.participant, case.id, case.counterparty, _named(item, f"late:{item.sha256}")
            )
        if second is None:
            self._sender.errand(tx, case, HAND_IN, seal=seal, approval=approval.sha256)
        else:
            self._sender.errand(tx, case, HAND_IN, seal=seal, approval=approval.sha256, second=second.sha256)

    def not_made(self, tx: Tx, case: NegotiationRow, fault: str) -> None:
        self._sender.record(tx, case, DECISION, {"countersignature": "not-made", "fault": fault})
        ask(tx, case.participant, case.id, "countersign-failed", fault=fault)

    def accepted(
        self,
        tx: Tx,
        slug: str,
        case_id: str,
        seal: str,
        approval: str,
        documents: tuple[EvidenceObject, ...],
        second: str = "",
    ) -> None:
        """The provider took it; what comes of a negotiation that waited for it the provider's FINALIZED says."""
        case = store.case(tx, slug, case_id, lock=True)
        if case is None or case.agreement is None:
            return
        agreement = self._agreements.get(tx, slug, case.agreement)
        kept = object_store.known_object(tx, slug, approval)
        missed = agreement.state == "ended"  # while this was on its way
        if kept is None or not (missed or agreement.state in ("signed", "one-sided")):
            return
        if log_records.sealed(tx, agreement)["consumer"] is not None:  # two records that name two are no evidence
            return
        answered(tx, slug, case.id)
        self._take(tx, case, agreement, (_named(kept, draft.APPROVAL["consumer"]), *documents))
        object_store.drop_use(tx, slug, case.id, second_seal.NAMES["consumer"])  # that of an earlier one
        ours = object_store.known_object(tx, slug, second) if second else None
        if ours is not None:
            self._take(tx, case, agreement, (_named(ours, second_seal.NAMES["consumer"]),))
        if missed or agreement.state == "one-sided":
            self._agreements.completed(tx, case, agreement, seal)
        else:
            self._agreements.countersigned(tx, agreement, seal)

    def declined(self, tx: Tx, case: NegotiationRow, status: int, code: str) -> None:
        """The provider did not take it (0: we may not call it): recorded, and a person is asked."""
        said = plain(code, 100)
        self._sender.record(tx, case, DECISION, {"countersignature": "refused", "status": status, "code": said})
        ask(tx, case.participant, case.id, "countersign-refused", status=str(status), code=said)

    # As either

    def second_invalid(self, tx: Tx, case: NegotiationRow, of: second_seal.Side, fault: str) -> None:
        """The partner's second seal does not hold: recorded, and it delays nothing. Without a fault nothing happens."""
        if not fault:
            return
        store.case(tx, case.participant, case.id, lock=True)
        if second_seal.refuse(tx, case, of):
            self._sender.record(tx, case, DECISION, {"secondSeal": "invalid", "of": of, "fault": fault})

    def confirm(self, tx: Tx, slug: str, agreement: Agreement, by: Approval, statement: str) -> Confirmation:
        """Records what a person states about a concluded agreement; changes nothing about its seals."""
        said = plain(statement, STATEMENT + 1)
        if not said or len(said) > STATEMENT:
            raise Mistake("contracts.statement", limit=STATEMENT)
        if agreement.state == "terminated":
            raise Mistake("contracts.never-concluded")
        case = store.case(tx, slug, agreement.negotiation, lock=True)
        if case is None:
            raise Unknown("contracts.unknown", id=agreement.negotiation)
        if len(self.confirmations(tx, agreement)) >= MOST_CONFIRMATIONS:
            raise Mistake("contracts.confirmations", limit=MOST_CONFIRMATIONS)
        person = by.said_by(tx.actor)
        body: dict[str, object] = {"role": person.role, "statement": said, "text": self._text_hash(tx, agreement)}
        self._sender.record(tx, case, CONFIRMATION, body, actor=person.pseudonym)
        return Confirmation(role=person.role, pseudonym=person.pseudonym, statement=said, at=rfc3339(tx.now))

    def confirmations(self, tx: Tx, agreement: Agreement) -> tuple[Confirmation, ...]:
        """Those that are not erased, in their order."""
        return tuple(_confirmation(one) for one in store.logged(tx, agreement.participant, agreement.id, CONFIRMATION))

    def standing(self, tx: Tx, agreement: Agreement) -> CountersignatureState:
        case = store.case(tx, agreement.participant, agreement.negotiation)
        demand = self._agreements.demand(tx, agreement)
        return CountersignatureState(
            countersignature=demand.setting,
            until=None if demand.until is None else rfc3339(demand.until),
            verified=case is not None and case.kernel.state in (State.VERIFIED, State.FINALIZED),
            confirmations=self.confirmations(tx, agreement),
            waits=case is not None
            and case.kernel.role is Role.CONSUMER
            and rests(case.kernel, State.AGREED)
            and self._text_hash(tx, agreement) is not None,
            second_invalid=second_seal.invalid(tx, agreement),
        )

    def _provided(self, tx: Tx, slug: str, agreement_id: str, did: str) -> tuple[NegotiationRow, Agreement]:
        """The agreement is read under the lock of its negotiation, so that nothing changes it in between."""
        agreement = self._agreements.get(tx, slug, agreement_id, did)
        case = store.case(tx, slug, agreement.negotiation, lock=True)
        if case is None or case.kernel.role is not Role.PROVIDER:
            raise Unknown("contracts.no-agreement", id=agreement_id[:200])
        return case, self._agreements.get(tx, slug, agreement_id, did)

    def _here(self, tx: Tx, case: NegotiationRow, agreement: Agreement, seal: str) -> bool:
        """True: this very one is booked. Raises Settled if it can no longer be, or not yet."""
        if agreement.consumer_jws is not None:
            if agreement.consumer_jws == seal:
                return True
            raise Settled("contracts.countersigned-otherwise")
        if agreement.state == "signed" and rests(case.kernel, State.AGREED):
            raise Settled("contracts.countersignature-early")
        until = self._agreements.demand(tx, agreement).until
        waits = agreement.state == "signed" and rests(case.kernel, State.VERIFIED)
        if not (waits or agreement.state == "one-sided") or (until is not None and tx.now >= until):
            raise Settled("contracts.countersignature-late")
        return False

    def _take(self, tx: Tx, case: NegotiationRow, agreement: Agreement, objects: tuple[EvidenceObject, ...]) -> None:
        """The DID documents as they are now: keys may have changed since the verification.

        The provider's stays once a record names its seal: a key withdrawn since then is in no later one.
        """
        sealed = log_records.committed(tx, agreement)
        for item in objects:
            if not sealed or item.name != "did-provider.json":
                object_store.take_object(tx, case.participant, case.id, case.counterparty, item)

    def _under_way(self, tx: Tx, case: NegotiationRow) -> bool:
        """Whether a person has ordered it; what is tried without one does not keep anybody from it."""
        stream = process(case).stream
        if any(outbox.waits(tx, case.participant, f"{work}:{stream}") for work in (LATE, HAND_IN)):
            return True
        tried = outbox.open_bodies(tx, case.participant, f"{AT_ONCE}:{stream}")
        return any("person" in msgspec.json.decode(body, type=Errand).facts for body in tried)

    def _text_hash(self, tx: Tx, agreement: Agreement) -> str | None:
        return object_store.used(tx, agreement.participant, agreement.negotiation, draft.TEXT)


def rests(n: kernel.Negotiation, state: State) -> bool:
    """In that state, and nothing of ours is on its way."""
    return n.state is state and n.pending is None


def _named(item: EvidenceObject, name: str) -> EvidenceObject:
    return replace(item, name=name)


def _confirmation(record: bytes) -> Confirmation:
    value: dict[str, Any] = msgspec.json.decode(record)
    body = value["body"]
    return Confirmation(role=body["role"], pseudonym=value["actor"], statement=body["statement"], at=value["at"])
