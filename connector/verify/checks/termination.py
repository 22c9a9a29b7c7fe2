"""A signed statement that ends an agreement, if there is one: whose it is and what it says (spec/contracts.md 6.1).

`termination-{role}.json` is sealed by that party in `termination-{role}.jws`. The statement names the agreement by its
digest, so one about another contract does not fit here, and the log names both, so none can be slipped in later, nor an
older one shown where a newer one counts. Its times lie between the contract and the log state that contains it; what a
party states itself its own log has at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from connector.verify.checks import contract, revocation
from connector.verify.checks.archive import ROTATED
from connector.verify.checks.contract import Given, Role, Signed
from connector.verify.checks.examination import need
from connector.verify.checks.records import AGREEMENT, TERMINATION, Erased, Line, Logged
from connector.verify.checks.seal_times import State
from connector.verify.checks.trusted_time import SKEW_S, exact, written
from connector.verify.formats import jcs, key_binding
from connector.verify.formats.faults import Doubt, Fault
from connector.verify.formats.jades import Seal

_FORM = frozenset({"v", "kind", "agreement", "by", "reason", "notice", "at"})


MOST_SENTENCES = 4
"""Of the reason, in each language."""
LONGEST_S = 20 * 366 * 86_400
"""The longest notice that is believed to be meant."""


@dataclass(frozen=True, slots=True)
class Termination:
    """When a party says that it ended it, and from when on that counts (seconds): never before the log had it."""

    at: int
    effective: int
    logged: int | None = None
    """When its record says that it was booked."""
    seen: int | None = None
    """When others saw a state that holds its record."""

    @property
    def facts(self) -> Mapping[str, object]:
        return {"at": written(self.at), "effective": written(self.effective)}


def names(role: Role) -> tuple[str, str]:
    """The statement and its seal in a bundle."""
    return f"termination-{role}.json", f"termination-{role}.jws"


def check(role: Role, given: Given, lines: Sequence[Line] | None, states: Sequence[State]) -> Termination:
    """The statement is by that party, about this agreement, the newest of that party in the log, and of its time.

    `states` of the log, first the one with the trusted time: each proves when the statement was there if it holds its
    record. The key events in a bundle are the exporter's, so only its own key can be seen to be withdrawn. Doubt
    `termination-absent` where only the log knows that this party ended it, `termination-early` where it is dated before
    what bounds it, `termination-withdrawn` where its key was withdrawn by then: a thief makes no contract wrong.
    """
    agreement = need(given.agreement, "agreement")
    if names(role)[0] not in given.members:
        raise Doubt("termination-absent", seq=stated(role, lines or ())[-1].seq)
    statement, token = (given.members[name] for name in names(role))
    seal = contract.read_seal(token)
    did = _by(seal, role, given)
    found = contract.addressed(names(role)[0], did, given.members, "application/json")
    whole = Signed("agreement.json", agreement.iri, "application/json")
    contract.check_references(seal, [found] if len(seal.pars) == 1 else [whole, found], given.members)
    struck = _check_owner(seal, did, role, given)
    at, notice = _read(statement, role, sha256(given.members["agreement.json"]).hexdigest())
    known = need(lines, "records")
    record = _logged(role, sha256(statement).hexdigest(), sha256(token).hexdigest(), known)
    seen = _seen(record, states)
    logged = None if record is None else exact(record.record["at"])
    first = record is not None and bool(states) and record.index < states[0][0]
    witnessed = None if given.at is None or not first else given.at + SKEW_S
    known_by = [one for one in (logged, witnessed) if one is not None]
    _check_times(at, notice, seal.iat, known_by, given)
    _check_withdrawn(seal, role, given, known, seen, struck)
    _check_early(at, role, record, states, given)
    return Termination(at, max(at if notice is None else notice, logged or 0), logged, seen)


def _seen(record: Logged | None, states: Sequence[State]) -> int | None:
    """When others saw it first (seconds): the earliest time of a state that holds its record."""
    known = [moment for size, moment in states if moment is not None and record is not None and record.index < size]
    return min((moment.seconds for moment in known), default=None)


def _check_owner(seal: Seal, did: str, role: Role, given: Given) -> int | None:
    """That party's seal; since when its certificate is struck off as stolen (seconds), None if it is not."""
    member = None if given.trust_list is None else given.trust_list.members.get(did)
    period = None if member is None else member.seal_certificates.get(key_binding.fingerprint(seal.chain[0]))
    struck = None if period is None or not period.struck else period.end
    try:
        contract.check_owner(seal, did, _document(role, did, given), given)
    except Fault as fault:
        over = struck is not None and struck <= seal.iat  # not one that had not begun yet
        if fault.code != "certificate-period" or isinstance(fault, Doubt) or not over:
            raise
    return struck


def _check_withdrawn(
    seal: Seal, role: Role, given: Given, lines: Sequence[Line], seen: int | None, struck: int | None
) -> None:
    """Others saw it before its key was withdrawn, as far as is known here: by its own log, its certificate's authority
    and the list. Else it may be a thief's, which says nothing against the contract: Doubt `termination-withdrawn`."""
    own = contract.exporting(given).role == role
    since = revocation.lost(seal, role, given.members, given.anchors, lines if own else ())
    times = [one for one in (since, struck) if one is not None]
    if times and (seen is None or min(times) <= max(seen, seal.iat)):
        raise Doubt("termination-withdrawn", kid=seal.kid, since=written(min(times)))
    if own:
        revocation.check_events(lines)


def stated(role: Role, lines: Sequence[Line]) -> Sequence[Logged]:
    """The records of what that party stated, in the order of the log; what is said of nobody may be anybody's."""
    records = [line for line in lines if isinstance(line, Logged) and line.type == TERMINATION]
    other = [one for one in contract.ROLES if one != role]
    return [line for line in records if "statement" in line.body and line.body.get("by") not in other]


def _check_times(at: int, notice: int | None, sealed: int, known_by: Sequence[int], given: Given) -> None:
    """It was made when it was sealed, after the contract, and before what already knows of it (`known_by`)."""
    begin = contract.read_seal(given.members["provider.jws"]).iat
    if not begin - 2 * SKEW_S <= at or not abs(at - sealed) <= SKEW_S or any(at > one + SKEW_S for one in known_by):
        known = min((sealed, *known_by))
        raise Fault("termination-time", at=written(at), begin=written(begin), known=written(known))
    if notice is not None and not at - SKEW_S <= notice <= at + LONGEST_S:
        raise Fault("termination-notice", at=written(at), notice=written(notice))


def _check_early(at: int, role: Role, record: Logged | None, states: Sequence[State], given: Given) -> None:
    """Not dated before that party's own seal, where the contract began with it; nor, in its own log, before its record,
    or before a state was seen that did not hold it yet. The other's may have been on its way for days."""
    begun = next((line for line in given.lines or () if isinstance(line, Logged) and line.type == AGREEMENT), None)
    seal = given.members.get(f"{role}.jws")
    bounds = []
    if seal is not None and begun is not None and begun.body.get(f"{role}Jws") == sha256(seal).hexdigest():
        bounds.append(contract.read_seal(seal).iat)
    if record is not None and contract.exporting(given).role == role:
        bounds += [moment.seconds for size, moment in states if moment is not None and size <= record.index]
        bounds += [logged for logged in [exact(record.record["at"])] if logged is not None]
    if bounds and at < max(bounds) - SKEW_S:
        raise Doubt("termination-early", at=written(at), since=written(max(bounds)))


def document_name(role: Role) -> str:
    """Only where that party's keys have changed since the agreement: its DID document when it ended it."""
    return f"did-termination-{role}.json"


def _by(seal: Seal, role: Role, given: Given) -> str:
    """That party, or whoever had taken its place when it sealed; the party itself where it is neither.

    Fault `place-taken` where another had the signer's place by then.
    """
    found, party = contract.standing(seal.did, given), need(given.agreement, "agreement").did(role)
    if found is None or found.role != role or seal.iat + SKEW_S < found.names[-1][1]:
        return party
    if taken := found.taken(seal.iat):
        raise Fault("place-taken", **taken)
    return seal.did


def _document(role: Role, did: str, given: Given) -> Mapping[str, object]:
    for name in (document_name(role), ROTATED):
        later = given.members.get(name)
        if later is not None and (name != ROTATED or contract.exporter_of(given) == did):
            return contract.parse_document(later, did)
    documents = need(given.documents, "documents")
    if did not in documents:
        raise Fault("document-foreign", did=did)
    return documents[did]


def _read(statement: bytes, role: Role, agreement: str) -> tuple[int, int | None]:
    """When it was stated, and the notice; both in the one spelling that we write."""
    try:
        value = jcs.decode(statement)
    except jcs.NotCanonical as fault:
        raise Fault("termination-form") from fault
    match value:
        case {"v": 1, "kind": "termination", "by": str(by), "at": text, "agreement": str(about), "notice": notice}:
            at, until = exact(text), exact(notice)
            if not isinstance(value, dict) or value.keys() != _FORM or by != role or not jcs.is_whole(value["v"]):
                raise Fault("termination-form")
            if not _is_reason(value["reason"]):
                raise Fault("termination-form")
            if about != agreement:
                raise Fault("termination-foreign")
            if at is None or (until is None and notice is not None):
                raise Fault("termination-form")
            return at, until
        case _:
            raise Fault("termination-form")


def _is_reason(value: object) -> bool:
    """One to four sentences in both languages."""
    return (
        isinstance(value, dict)
        and value.keys() == {"de", "en"}
        and all(isinstance(said, list) and 1 <= len(said) <= MOST_SENTENCES for said in value.values())
        and all(isinstance(one, str) and one for said in value.values() for one in said)
    )


def _logged(role: Role, statement: str, seal: str, lines: Sequence[Line]) -> Logged | None:
    """That party's record that names both digests; None if it was erased, so that nobody can tell.

    A party may end it sooner than it has stated before: then only its newest statement counts.
    """
    records = [line for line in lines if line.type == TERMINATION]
    named = {"by": role, "statement": statement, "jws": seal}
    for line in records:
        if isinstance(line, Logged) and named.items() <= line.body.items():
            if any(one.index > line.index for one in stated(role, lines)):
                raise Fault("termination-superseded", seq=line.seq)
            return line
    if not any(isinstance(line, Erased) for line in records):
        raise Fault("termination-unlogged")
    return None
