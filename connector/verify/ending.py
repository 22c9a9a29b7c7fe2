"""A signed statement that ends an agreement, if the bundle has one: whose it is and what it says (contracts.md 14).

`termination-{role}.json` is sealed by that party in `termination-{role}.jws`. The statement names the agreement by its
digest, so one about another contract does not fit here, and the log names both, so none can be slipped in later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from connector.verify import contract, jcs, revocation
from connector.verify.archive import ROTATED
from connector.verify.contract import Given, Role, Signed
from connector.verify.examination import need
from connector.verify.faults import Fault
from connector.verify.records import TERMINATION, Erased, Line, Logged

_FORM = frozenset({"v", "kind", "agreement", "by", "reason", "notice", "at"})


@dataclass(frozen=True, slots=True)
class Ending:
    """When a party ended it, and from when on that counts (RFC 3339, as it says itself)."""

    at: str
    effective: str

    @property
    def facts(self) -> Mapping[str, object]:
        return {"at": self.at, "effective": self.effective}


def names(role: Role) -> tuple[str, str]:
    """The statement and its seal in a bundle."""
    return f"termination-{role}.json", f"termination-{role}.jws"


def check(role: Role, given: Given, lines: Sequence[Line] | None, size: int | None) -> Ending:
    """The statement is by that party, about this agreement, and in the log.

    `size` of the state that has the trusted time: it proves when the statement was there if it holds its record. The
    key events in a bundle are the exporter's, so only its own key can be seen to be withdrawn.
    """
    agreement = need(given.agreement, "agreement")
    statement, token = (given.members[name] for name in names(role))
    seal = contract.read_seal(token)
    found = contract.addressed(names(role)[0], agreement.did(role), given.members, "application/json")
    whole = Signed("agreement.json", agreement.iri, "application/json")
    contract.check_references(seal, [found] if len(seal.pars) == 1 else [whole, found], given.members)
    contract.check_owner(seal, agreement.did(role), _document(role, given), given)
    ending = _read(statement, role, sha256(given.members["agreement.json"]).hexdigest())
    known = need(lines, "records")
    record = _logged(sha256(statement).hexdigest(), sha256(token).hexdigest(), known)
    if contract.exporter_of(given) == seal.did:
        seen = record is not None and size is not None and record.index < size
        revocation.check_key(seal, known, given.at if seen else None)
    return ending


def document_name(role: Role) -> str:
    """Only where that party's keys have changed since the agreement: its DID document when it ended it."""
    return f"did-termination-{role}.json"


def _document(role: Role, given: Given) -> Mapping[str, object]:
    did = need(given.agreement, "agreement").did(role)
    for name in (document_name(role), ROTATED):
        later = given.members.get(name)
        if later is not None and (name != ROTATED or contract.exporter_of(given) == did):
            return contract.parse_document(later, did)
    return need(given.documents, "documents")[did]


def _read(statement: bytes, role: Role, agreement: str) -> Ending:
    try:
        value = jcs.decode(statement)
    except jcs.NotCanonical as fault:
        raise Fault("termination-form") from fault
    match value:
        case {"v": 1, "kind": "termination", "by": str(by), "at": str(at), "agreement": str(about), "notice": notice}:
            if not isinstance(value, dict) or value.keys() != _FORM or by != role:
                raise Fault("termination-form")
            if about != agreement:
                raise Fault("termination-foreign")
            return Ending(at, at if notice is None else str(notice))
        case _:
            raise Fault("termination-form")


def _logged(statement: str, seal: str, lines: Sequence[Line]) -> Logged | None:
    """The termination record that names both digests; None if it was erased, so that nobody can tell."""
    records = [line for line in lines if line.type == TERMINATION]
    for line in records:
        if isinstance(line, Logged) and {statement, seal} <= set(_texts(line.body)):
            return line
    if not any(isinstance(line, Erased) for line in records):
        raise Fault("termination-unlogged")
    return None


def _texts(body: Mapping[str, object]) -> list[str]:
    return [value for value in body.values() if isinstance(value, str)]
