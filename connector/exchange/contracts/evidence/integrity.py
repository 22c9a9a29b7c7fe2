"""Whether the contracts that a database holds still prove themselves: every digest, every seal, whose keys they are.

Asked of a copy or of a database that came back from one (decision 0051). What depends on the present moment
(membership, certificates that ended since) is `hanse verify`'s to judge, on a bundle.
"""

from collections.abc import Iterator
from hashlib import sha256

from connector.exchange.contracts import object_store, store
from connector.exchange.contracts.agreement import log_records, termination_store
from connector.exchange.contracts.document import draft
from connector.exchange.contracts.model import Agreement
from connector.foundation.storage.database import Tx
from connector.verify.checks import contract
from connector.verify.checks.contract import ROLES, Role
from connector.verify.formats import algorithms, jades, key_binding
from connector.verify.formats.faults import Fault

PAGE = 200


def examined(tx: Tx, participant: str) -> Iterator[tuple[str, str | None]]:
    """Each concluded agreement of the participant, with what does not hold (None: all does)."""
    last = ""
    while rows := tx.all(
        "SELECT id FROM agreement WHERE participant = :participant AND id > :last ORDER BY id LIMIT :limit",
        participant=participant,
        last=last,
        limit=PAGE,
    ):
        for row in rows:
            last = str(row["id"])
            found = store.agreement(tx, participant, last)
            if found is not None and found.concluded and found.provider_jws is not None:
                yield last, _problem(tx, found)


def _problem(tx: Tx, agreement: Agreement) -> str | None:
    try:
        _examine(tx, agreement)
    except Fault as problem:
        return problem.code
    return None


def _examine(tx: Tx, agreement: Agreement) -> None:
    objects = object_store.objects(tx, agreement.participant, agreement.negotiation)
    members = {name: item.body for name, item in objects.items()}
    for name, item in objects.items():
        if sha256(item.body).hexdigest() != item.sha256:
            raise Fault("member-changed", name=name)
    if sha256(agreement.document).hexdigest() != agreement.digest:
        raise Fault("member-changed", name="agreement.json")
    seals = {"provider": agreement.provider_jws, "consumer": log_records.sealed(tx, agreement)["consumer"]}
    members |= {"agreement.json": agreement.document}
    members |= {f"{role}.jws": jws.encode("ascii") for role, jws in seals.items() if jws is not None}
    for role in ROLES:
        if seals[role] is not None:
            _seal(role, members)
    for side in ROLES:
        stated = termination_store.ending(tx, agreement.participant, agreement.id, side)
        if stated is None:
            continue
        if sha256(stated.statement).hexdigest() != stated.sha256:
            raise Fault("member-changed", name=f"termination-{side}.json")
        jades.check_signature(contract.read_seal(stated.jws.encode("ascii")))


def _seal(role: Role, members: dict[str, bytes]) -> None:
    wanted = {draft.TEXT, draft.PROFILE, draft.DATASET, draft.APPROVAL[role], f"did-{role}.json"}
    for name in sorted(wanted - members.keys()):
        raise Fault("member-changed", name=name)
    said = contract.parse_agreement(members["agreement.json"])
    seal, did = contract.read_seal(members[f"{role}.jws"]), said.did(role)
    contract.check_references(seal, contract.signed_by(role, said, members), members)
    jades.check_signature(seal)
    document = contract.parse_document(members[f"did-{role}.json"], did)
    if not algorithms.same_key(seal.chain[0].public_key(), key_binding.seal_key(document, seal.kid, did)):
        raise Fault("seal-key", did=did)
