"""What was done under an agreement, as our own people vouch for it, and which duties stand how.

No peer can reach this: a duty is done for us when we say so, by a receipt in hand (spec/policy.md 2.4). A
deed is never changed or taken back, and each is an entry in the log with the digest of its evidence.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from connector.exchange.contracts.agreement.agreements import Agreements
from connector.exchange.contracts.model import Agreement
from connector.exchange.transfer.decision import decision_store
from connector.exchange.transfer.decision.decision_store import MOST_DEEDS, Entry
from connector.exchange.transfer.decision.decisions import TransferDecisions
from connector.exchange.transfer.decision.state_of_world import StatesOfWorld
from connector.exchange.transfer.enforcement import Enforcement
from connector.exchange.transfer.send import DEED
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake
from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import Tx
from connector.identity.audit import store as audit
from connector.identity.participants.service import Participants
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.evaluation.decision import Node, TimeClass
from connector.kernel.policy.odrl import values
from connector.kernel.policy.odrl.model import Atom, Duty, Policy
from connector.kernel.policy.odrl.names import ACTIONS, HANSE, expand
from connector.kernel.policy.odrl.operands import REGISTRY
from connector.kernel.policy.odrl.state_of_world import DutyState
from connector.kernel.policy.odrl.values import Span, Type

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST = 500
_MOST_VALUES = 20
_READ = {
    Type.INSTANT: values.instant,
    Type.DURATION: values.duration,
    Type.INTEGER: values.integer,
    Type.DECIMAL: values.decimal,
}


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody reports. `action` may be a bare name; `rule` points to the duty if several have that action.

    `at` is a day or an instant as text (empty: now); of a day the end counts. `values` are parameters by operand, as
    text. `evidence` is the SHA-256 of a receipt in lower-case hex.
    """

    action: str
    rule: str = ""
    at: str = ""
    values: dict[str, str] = {}
    evidence: str = ""


class DutyNow(msgspec.Struct, frozen=True, kw_only=True):
    """A duty and how it stands now. `rule` points to it; `due_at` (ms) is None where no deadline is known.

    `blocks`: whether it stands in the way of access until it is done. `owed`: whether we are the ones to do it.
    """

    rule: str
    kind: Literal["duty", "obligation", "consequence", "remedy"]
    action: str
    time: TimeClass
    state: DutyState
    active: bool
    due_at: int | None
    owed: bool
    blocks: bool


class Duties:
    """The duties under agreements of all participants, in either role."""

    def __init__(
        self,
        participants: Participants,
        agreements: Agreements,
        engine: PolicyEngine,
        states: StatesOfWorld,
        decisions: TransferDecisions,
        enforcement: Enforcement,
    ) -> None:
        self._participants, self._agreements, self._engine = participants, agreements, engine
        self._worlds, self._decisions, self._enforcement = states, decisions, enforcement

    def standing(self, tx: Tx, slug: str, name: str) -> list[DutyNow]:
        """How each duty of the agreement stands now, in the order of the document; raises Unknown."""
        agreement = self._agreements.named(tx, slug, name)
        decision = self._decisions.duties(tx, agreement)
        me = agreement.own_did
        consumer = self._worlds.consumer(agreement)
        return [_standing(node, _owes(node, me, consumer), decision.suspended) for node in _duties(decision.tree)]

    def entries(self, tx: Tx, slug: str, name: str) -> list[Entry]:
        """What was done so far, in order."""
        return decision_store.entries(tx, slug, self._agreements.named(tx, slug, name).id)

    def done(self, tx: Tx, slug: str, name: str, told: Done, actor: str) -> Entry:
        """Books it and judges anew what runs under the agreement; Mistake for what no duty of it asks for."""
        agreement = self._agreements.named(tx, slug, name)
        if not agreement.concluded:  # what was to be deleted at its end is deleted after it
            raise Mistake("duties.not-in-force", state=agreement.state)
        told_before = [deed for deed in decision_store.entries(tx, slug, agreement.id) if deed.actor != "system"]
        if len(told_before) >= MOST_DEEDS:
            raise Mistake("duties.many", limit=MOST_DEEDS)
        deed = self._read(tx, agreement, told, actor)
        decision_store.insert_deed(tx, slug, agreement.id, deed)
        body = {
            "event": "done",
            "deed": deed.id,
            "action": deed.action,
            "rule": deed.rule,
            "at": rfc3339(deed.at),
            "evidence": deed.evidence,
        }
        did = self._participants.held(slug).participant.did
        audit.append(tx, slug, DEED, agreement.id, actor, body, did=did)
        if agreement.role == "provider":
            self._enforcement.review(tx, slug, agreement.id)
        return deed

    def _read(self, tx: Tx, agreement: Agreement, told: Done, actor: str) -> Entry:
        document = agreement.policy
        asked = _asked(self._engine.policy(document))
        action = _action(told.action)
        rules = [pointer for pointer, iri in asked if iri == action]
        if not rules:
            known = ", ".join(sorted({_short(iri) for _, iri in asked}))
            raise Mistake("duties.action", action=told.action[:80], known=known or "-")
        if told.rule and told.rule not in rules:
            raise Mistake("duties.rule", rule=told.rule[:200], known=", ".join(rules))
        if told.evidence and _SHA256.fullmatch(told.evidence) is None:
            raise Mistake("duties.evidence")
        return Entry(
            id=new_uuid(),
            action=action,
            rule=told.rule,
            party=self._worlds.consumer(agreement),
            at=_when(told.at, self._engine.signed_at(document), tx.now),
            facts=_typed(told.values),
            evidence=told.evidence,
            actor=actor,
            created_at=tx.now,
        )


def _asked(policy: Policy) -> list[tuple[str, str]]:
    """(pointer, action) of every duty, and of what is forbidden: that it was done may be known too."""
    duties = [*policy.obligations]
    for rule in policy.permissions + policy.prohibitions:
        duties += rule.duties + rule.remedies
    found = [(rule.pointer, rule.action.iri) for rule in policy.prohibitions]
    return [(duty.pointer, duty.action.iri) for each in duties for duty in _with_consequences(each)] + found


def _with_consequences(duty: Duty) -> Iterator[Duty]:
    yield duty
    for consequence in duty.consequences:
        yield from _with_consequences(consequence)


def _action(name: str) -> str:
    """The IRI of an action by its bare name, ODRL's before ours; anything else stays as it is."""
    iri = expand(name)
    return HANSE + name if iri not in ACTIONS and HANSE + name in ACTIONS else iri


def _short(iri: str) -> str:
    return iri.rpartition("#")[2] if "#" in iri else iri.rpartition("/")[2]


def _when(text: str, signed_at: int, now: int) -> int:
    """Between signing and now; of a day its end, so that nothing counts as earlier than it may have been."""
    if not text:
        return now
    span = values.instant(text)
    at = -1 if span is None else min(span.end - 1, now) if span.start <= now else -1
    if at < signed_at:
        raise Mistake("duties.when", at=text[:40])
    return at


def _typed(told: Mapping[str, str]) -> dict[str, int | list[str]]:
    """Parameters as values; Mistake for one that is none, or that its type cannot read."""
    if len(told) > _MOST_VALUES:
        raise Mistake("duties.value", operand="-", value=str(len(told)))
    return {iri: _value(iri, text) for name, text in told.items() for iri in (_operand(name),)}


def _operand(name: str) -> str:
    iri = expand(name)
    return HANSE + name if iri not in REGISTRY and HANSE + name in REGISTRY else iri


def _value(iri: str, text: str) -> int | list[str]:
    operand = REGISTRY.get(iri)
    if operand is None or operand.in_duty != "parameter" or len(text) > _LONGEST or not text.isprintable():
        raise Mistake("duties.value", operand=iri[:120], value=text[:80])
    read = _READ.get(operand.type)
    if read is None:
        return [text]
    span: Span | None = read(text)
    if span is None:
        raise Mistake("duties.value", operand=iri[:120], value=text[:80])
    return span.start


def _duties(node: Node) -> Iterator[Node]:
    if node.kind in ("duty", "obligation", "consequence", "remedy") and isinstance(node.item, Duty):
        yield node
    for child in node.children:
        yield from _duties(child)


def _owes(node: Node, me: str, consumer: str) -> bool:
    """Whoever is named at the duty, else the consumer."""
    named = [party for party in node.item.parties if isinstance(party, str)] if isinstance(node.item, Duty) else []
    return me in (named or [consumer])


def _standing(node: Node, owed: bool, suspended: tuple[str, ...]) -> DutyNow:
    assert isinstance(node.item, Duty)
    assert node.kind in ("duty", "obligation", "consequence", "remedy")
    return DutyNow(
        rule=node.pointer,
        kind=node.kind,
        action=node.item.action.iri,
        time=node.time,
        state=node.deontic,
        active=_active(node),
        due_at=node.due_at,
        owed=owed,
        blocks=node.pointer in suspended or (node.kind == "duty" and node.time == "before" and node.state == "no"),
    )


def _active(node: Node) -> bool:
    """Whether its conditions hold, an unknown one counting as met."""
    conditions = [c for c in node.children if not (isinstance(c.item, Atom) and c.item.role != "condition")]
    return all(child.state != "no" for child in conditions if child.kind in ("constraint", "logic", "odd"))
