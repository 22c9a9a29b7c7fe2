"""What the log keeps of negotiations: decisions, agreements and endings, by digest and without texts of persons.

The one exception is a confirmation: what a person states stands in its record alone, so that erasing that erases it.
"""

from collections.abc import Mapping

import msgspec

from connector.exchange.contracts import object_store, store
from connector.exchange.contracts.document import second_seal
from connector.exchange.contracts.document.sealing import digest
from connector.exchange.contracts.document.second_seal import SIDES, Judged, SecondKeys, Side
from connector.exchange.contracts.model import Agreement, EvidenceObject, NegotiationRow
from connector.foundation.storage.database import Tx
from connector.identity.audit import store as audit
from connector.identity.audit.store import Heads
from connector.verify.checks import second_seal as second_seals

AGREEMENT, DECISION, TERMINATION = "agreement", "decision", "termination"
CONFIRMATION = "confirmation"
_DOCUMENTS = {side: f"did-{side}.json" for side in SIDES}
_NAMED = (*_DOCUMENTS.values(), *second_seal.NAMES.values())
"""The objects that a record of an agreement names: DID documents and second seals."""


def record(
    tx: Tx,
    did: str,
    case: NegotiationRow,
    type_: str,
    body: dict[str, object],
    actor: str = "system",
    heads: Heads | None = None,
) -> None:
    """Appends an entry about this negotiation to the log of `did`, its participant; a person is a pseudonym. `heads`
    as in `audit.append`."""
    whole = {"negotiation": case.id, "counterparty": case.counterparty, "state": case.shown, **body}
    audit.append(tx, case.participant, type_, case.agreement, actor, whole, did=did, heads=heads)


def named(tx: Tx, case: NegotiationRow) -> dict[str, EvidenceObject]:
    """What the record of an agreement names of the objects of its negotiation."""
    return object_store.objects(tx, case.participant, case.id, *_NAMED)


def named_of(kept: Mapping[str, EvidenceObject]) -> dict[str, EvidenceObject]:
    """The same of all objects of the negotiation."""
    return {name: kept[name] for name in _NAMED if name in kept}


def of_agreement(
    agreement: Agreement, keys: SecondKeys, objects: Mapping[str, EvidenceObject], key_head: str | None
) -> tuple[dict[str, object], Judged]:
    """The agreement, both seals, both DID documents and our newest key event (spec/records.md 1.3), and what there is
    of second seals among the `objects`: what `keys` prove is named. A countersignature that the provider has not taken
    is not.
    """
    documents = {name: item.sha256 for name, item in objects.items()}
    consumer = None if agreement.state == "one-sided" else agreement.consumer_jws
    judged = second_seal.judged(objects, {"provider": agreement.provider_jws, "consumer": consumer}, keys)
    return {
        "agreement": agreement.digest,
        "providerJws": _hash(agreement.provider_jws),
        "consumerJws": _hash(consumer),
        **{second_seals.member(role): item.sha256 for role, item in judged.proven.items()},
        "providerDidDocument": documents.get(_DOCUMENTS["provider"]),
        "consumerDidDocument": documents.get(_DOCUMENTS["consumer"]),
        "keyHead": key_head,
        **({} if agreement.replaces is None else {"replaces": agreement.replaces}),
    }, judged


def sealed(tx: Tx, agreement: Agreement) -> dict[Side, str | None]:
    """The first seals as the newest record names them: without a countersignature that the provider did not take."""
    bodies = _bodies(tx, agreement)
    firsts: dict[Side, str | None] = {"provider": agreement.provider_jws, "consumer": agreement.consumer_jws}
    named = bodies[-1] if bodies else {}
    return {role: jws if named.get(f"{role}Jws") == _hash(jws) else None for role, jws in firsts.items()}


def seconds(tx: Tx, agreement: Agreement) -> dict[Side, str]:
    """The digests of the second seals that records name."""
    bodies = _bodies(tx, agreement)
    return {
        role: said for body in bodies for role in SIDES if isinstance(said := body.get(second_seals.member(role)), str)
    }


def further(tx: Tx, did: str, agreement: Agreement, keys: SecondKeys) -> bool:
    """Names second seals that can be judged by now, in a further record that says the rest again as it was.

    Nothing is written where a first seal came only after the first record: it has its time by the newest one, and
    would look younger. So would a second seal that a further record named: it is named again only while its key still
    counts. The caller holds the lock of the case. False if nothing is left to wait for.
    """
    bodies = _bodies(tx, agreement)
    if not bodies or any(bodies[0].get(name) != bodies[-1].get(name) for name in ("providerJws", "consumerJws")):
        return False
    known = seconds(tx, agreement)
    later = {role: jws for role, jws in sealed(tx, agreement).items() if second_seals.member(role) not in bodies[0]}
    judged = second_seal.judged(object_store.objects(tx, agreement.participant, agreement.negotiation), later, keys)
    again = {role: said for role, said in known.items() if role in later}
    if again.items() < {role: item.sha256 for role, item in judged.proven.items()}.items():
        more = {second_seals.member(role): item.sha256 for role, item in judged.proven.items()}
        audit.append(tx, agreement.participant, AGREEMENT, agreement.id, "system", {**bodies[-1], **more}, did=did)
    return judged.waits and not later.keys() <= known.keys()


def _bodies(tx: Tx, agreement: Agreement) -> list[Mapping[str, object]]:
    records = store.logged(tx, agreement.participant, agreement.id, AGREEMENT)
    return [msgspec.json.decode(one)["body"] for one in records]


def committed(tx: Tx, agreement: Agreement) -> bool:
    """Whether our log has a record of this agreement, which then names the provider's seal."""
    return bool(store.logged(tx, agreement.participant, agreement.id, AGREEMENT, limit=1))


def _hash(seal: str | None) -> str | None:
    return None if seal is None else digest(seal.encode("ascii"))
