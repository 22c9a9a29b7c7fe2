"""Lays a second bundle of the same agreement beside the first: whether either leaves out what the other shows.

What an exporter hides of its own log only somebody else can show: the partner, whose log holds the same statements, or
an earlier bundle of the same log, in which a place of the chain was taken by another record (spec/contracts.md 8.6).

Whoever keeps a log writes what it likes into it, and a signature can be spelled anew without its key. So a record alone
accuses nobody: an end counts against a party only if a bundle shows the statement under that party's own seal.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from connector.verify.checks import contract, logbook, records, termination
from connector.verify.checks.contract import ROLES, Given, Members, Role
from connector.verify.checks.examination import need
from connector.verify.checks.logbook import Log
from connector.verify.checks.records import Erased, Line, Logged
from connector.verify.formats.faults import Doubt, Fault
from connector.verify.report import Report, Verdict

NEEDED = frozenset(
    {"archive", "manifest", "trust-list", "agreement", "documents", "provider-seal", "exporter-seal", "log", "records",
     "commitment", "told"}
)  # fmt: skip
"""What of the other bundle must hold before it can say anything."""


class Shown(NamedTuple):
    """What one of the bundles shows: its records of the agreement, its members, and the parties whose statement of an
    end in it holds."""

    lines: Sequence[Line]
    members: Members
    ended: frozenset[Role]


class LeftOut(NamedTuple):
    """The record of a statement that one bundle does not show; `hidden`: its author leaves it out, as is proven."""

    line: Logged
    hidden: bool

    @property
    def facts(self) -> Mapping[str, object]:
        return {"at": str(self.line.record["at"])[:40], "seq": self.line.seq}


def check(
    given: Given, lines: Sequence[Line] | None, log: Log | None, ended: frozenset[Role], other: Members | None,
    report: Report,
) -> None:  # fmt: skip
    """Both tell the same. `ended` as in `Shown`, `other` are the members of the second bundle, `report` is on it.

    Fault `beside-other` for two contracts under one IRI, `beside-forked` where one log has two records at one place,
    `beside-hidden` where a party leaves out what it stated itself, as the other bundle proves; Doubt `beside-unproven`
    if the second does not hold, `beside-other` if it is about an agreement of another IRI, `beside-missing` where a
    statement may not have reached the other side, was erased there, or stands in a record alone,
    `beside-countersigned` where they show two seals of the consumer: it may have sealed again after one that did not
    hold.
    """
    ours = logbook.chain(need(lines, "records"))
    broken = [one.sentence for one in report.checks if one.name in NEEDED and one.verdict is not Verdict.PASSED]
    if other is None or broken:
        raise Doubt("beside-unproven", why=broken[0] if broken else report.reason)
    if need(given.agreement, "agreement").iri != contract.parse_agreement(other["agreement.json"]).iri:
        raise Doubt("beside-other")
    if _contract(given.members) != _contract(other):
        raise Fault("beside-other")
    if len({one["consumer.jws"] for one in (given.members, other) if "consumer.jws" in one}) > 1:
        raise Doubt("beside-countersigned")
    theirs = logbook.chain(records.parse(other["records.ndjson"]))
    by = contract.exporting(given)
    beside = contract.standing(contract.read_seal(other["manifest.jws"]).did, given)
    if beside is not None and beside.role == by.role:
        _check_one_log(ours, theirs, need(log, "log").newest.origin == logbook.read(other).newest.origin)
        return
    holds = {one.name for one in report.checks if one.verdict is Verdict.PASSED}
    here = Shown(ours, given.members, ended)
    there = Shown(theirs, other, frozenset(role for role in ROLES if f"{role}-ending" in holds))
    for role in ROLES:
        if (left := _left_out(role, here, there, own=role == by.role)) is not None:
            raise (
                Fault("beside-hidden-here", **left.facts) if left.hidden else Doubt("beside-missing-here", **left.facts)
            )
        if (left := _left_out(role, there, here, own=role != by.role)) is not None:
            hidden = left.hidden
            raise Fault("beside-hidden-there", **left.facts) if hidden else Doubt("beside-missing-there", **left.facts)


def _contract(members: Members) -> tuple[bytes, bytes]:
    """What the provider sealed, by what was signed: a signature by a curve can be spelled in two ways by anybody."""
    return members["agreement.json"], contract.read_seal(members["provider.jws"]).signed


def _check_one_log(ours: Sequence[Line], theirs: Sequence[Line], same: bool) -> None:
    """After a restore from a backup a log goes on under another origin, and what came since the backup is lost."""
    for one, other in zip(ours, theirs, strict=False):
        if (one.index, one.leaf) != (other.index, other.leaf):
            raise Fault("beside-forked", seq=one.seq) if same else Doubt("beside-restored", seq=one.seq)


def _left_out(role: Role, shown: Shown, beside: Shown, *, own: bool) -> LeftOut | None:
    """What this party stated and `beside` alone has; of several what is proven is told."""
    known = _statements(role, shown.lines)
    missing = [line for statement, line in _statements(role, beside.lines).items() if statement not in known]
    if not missing:
        return None
    said = _said(role, beside)
    proven = next((line for line in missing if line.body["statement"] == said), None)
    return LeftOut(missing[0] if proven is None else proven, proven is not None and _hidden(shown.lines, own))


def _said(role: Role, shown: Shown) -> str | None:
    """The digest of the statement that this bundle has itself; None if there is none, or not all about it holds."""
    statement = shown.members.get(termination.names(role)[0])
    return sha256(statement).hexdigest() if role in shown.ended and statement is not None else None


def _hidden(shown: Sequence[Line], own: bool) -> bool:
    """Whoever stated it has it in its own log, unless an end was erased there; to the other it may not have come."""
    return own and not any(isinstance(one, Erased) and one.type == records.TERMINATION for one in shown)


def _statements(role: Role, lines: Sequence[Line]) -> Mapping[object, Logged]:
    return {str(line.body["statement"]): line for line in termination.stated(role, lines)}
