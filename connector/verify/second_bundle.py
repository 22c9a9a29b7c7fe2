"""Lays a second bundle of the same agreement beside the first: whether either leaves out what the other shows.

What an exporter hides of its own log only somebody else can show: the partner, whose log holds the same statements, or
an earlier bundle of the same log, in which a place of the chain was taken by another record (spec/contracts.md 8.6).
"""

from collections.abc import Mapping, Sequence

from connector.verify.checks import contract, logbook, records, termination
from connector.verify.checks.contract import ROLES, Given, Members, Role
from connector.verify.checks.examination import need
from connector.verify.checks.logbook import Log
from connector.verify.checks.records import Erased, Line, Logged
from connector.verify.formats.faults import Doubt, Fault
from connector.verify.report import Report, Verdict

NEEDED = frozenset({"archive", "manifest", "trust-list", "exporter-seal", "log", "records", "commitment", "told"})
"""What of the other bundle must hold before it can say anything."""


def check(given: Given, lines: Sequence[Line] | None, log: Log | None, other: Members | None, report: Report) -> None:
    """Both tell the same. `other` are the members of the second bundle, `report` is the one on it.

    Fault `beside-other` for another agreement, `beside-forked` where one log has two records at one place,
    `beside-hidden` where a party leaves out what it stated itself; Doubt `beside-unproven` if the second does not hold,
    `beside-missing` where a statement may not have reached the other side, or was erased there, `beside-countersigned`
    where they show two seals of the consumer: it may have sealed again after one that did not hold.
    """
    ours = logbook.chain(need(lines, "records"))
    broken = [one.sentence for one in report.checks if one.name in NEEDED and one.verdict is not Verdict.PASSED]
    if other is None or broken:
        raise Doubt("beside-unproven", why=broken[0] if broken else report.reason)
    if any(given.members[name] != other[name] for name in ("agreement.json", "provider.jws")):
        raise Fault("beside-other")
    if len({one["consumer.jws"] for one in (given.members, other) if "consumer.jws" in one}) > 1:
        raise Doubt("beside-countersigned")
    theirs = logbook.chain(records.parse(other["records.ndjson"]))
    by = contract.exporting(given)
    beside = contract.standing(contract.read_seal(other["manifest.jws"]).did, given)
    if beside is not None and beside.role == by.role:
        _check_one_log(ours, theirs, need(log, "log").newest.origin == logbook.read(other).newest.origin)
        return
    for role in ROLES:
        own = role == by.role
        if (line := _left_out(role, ours, theirs)) is not None:
            facts = {"at": str(line.record["at"])[:40], "seq": line.seq}
            raise Fault("beside-hidden-here", **facts) if _hidden(ours, own) else Doubt("beside-missing-here", **facts)
        if (line := _left_out(role, theirs, ours)) is not None:
            facts = {"at": str(line.record["at"])[:40], "seq": line.seq}
            hidden = _hidden(theirs, not own)
            raise Fault("beside-hidden-there", **facts) if hidden else Doubt("beside-missing-there", **facts)


def _check_one_log(ours: Sequence[Line], theirs: Sequence[Line], same: bool) -> None:
    """After a restore from a backup a log goes on under another origin, and what came since the backup is lost."""
    for one, other in zip(ours, theirs, strict=False):
        if (one.index, one.leaf) != (other.index, other.leaf):
            raise Fault("beside-forked", seq=one.seq) if same else Doubt("beside-restored", seq=one.seq)


def _left_out(role: Role, shown: Sequence[Line], beside: Sequence[Line]) -> Logged | None:
    """The first statement of that party that only `beside` has."""
    known = _statements(role, shown)
    return next((line for statement, line in _statements(role, beside).items() if statement not in known), None)


def _hidden(shown: Sequence[Line], own: bool) -> bool:
    """Whoever stated it has it in its own log, unless an end was erased there; to the other it may not have come."""
    return own and not any(isinstance(one, Erased) and one.type == records.TERMINATION for one in shown)


def _statements(role: Role, lines: Sequence[Line]) -> Mapping[object, Logged]:
    return {str(line.body["statement"]): line for line in termination.stated(role, lines)}
