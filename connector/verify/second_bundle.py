"""Lays a second bundle of the same agreement beside the first: whether either leaves out what the other shows.

What an exporter hides of its own log only somebody else can show: the partner, whose log holds the same statements, or
an earlier bundle of the same log, in which a place of the chain was taken by another record (spec/contracts.md 8.6).

Whoever keeps a log writes what it likes into it, and a signature can be spelled anew without its key. So a record alone
accuses nobody: an end counts against a party only if a bundle shows the statement under that party's own seal.
A bundle shows what was so until it was told: what was stated later it does not hide. The report is on the first bundle,
so only whoever exported that one can make it FAILED, by contradicting itself: what others contradict is not proven.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from connector.verify.checks import contract, logbook, records, revocation, termination
from connector.verify.checks.anchors import Anchors
from connector.verify.checks.contract import ROLES, Given, Members, Role
from connector.verify.checks.examination import need
from connector.verify.checks.logbook import Log
from connector.verify.checks.records import Erased, Line, Logged
from connector.verify.checks.trusted_time import SKEW_S, exact, written
from connector.verify.formats.checkpoint import Checkpoint
from connector.verify.formats.faults import Doubt, Fault
from connector.verify.report import Check, Report, Verdict

NEEDED = frozenset(
    {
        "archive",
        "manifest",
        "trust-list",
        "agreement",
        "documents",
        "provider-seal",
        "exporter-seal",
        "log",
        "records",
        "commitment",
        "told",
    }
)
"""What of the other bundle must hold before it can say anything."""


class Shown(NamedTuple):
    """What one of the bundles shows: its records of the agreement, its members, and the parties whose statement of an
    end in it holds."""

    lines: Sequence[Line]
    members: Members
    ended: Mapping[Role, int | None]
    """With the time at which others saw it first (seconds); None: nobody has."""


class LeftOut(NamedTuple):
    """The record of a statement that one bundle does not show; `hidden`: its author leaves it out, as is proven.

    `until` is how far that bundle speaks (seconds), where the statement was sealed about then or later: else None.
    `withdrawn` is the key of the statement and since when (seconds) it is withdrawn, where nobody saw it before.
    """

    line: Logged
    hidden: bool
    until: int | None = None
    withdrawn: tuple[str, int] | None = None

    @property
    def facts(self) -> Mapping[str, object]:
        told = {} if self.until is None else {"until": written(self.until)}
        gone = {} if self.withdrawn is None else {"kid": self.withdrawn[0], "since": written(self.withdrawn[1])}
        return {"at": str(self.line.record["at"])[:40], "seq": self.line.seq, **told, **gone}


def check(
    given: Given,
    lines: Sequence[Line] | None,
    log: Log | None,
    ended: Mapping[Role, int | None],
    other: Members | None,
    report: Report,
) -> None:
    """Both tell the same. `ended` as in `Shown`, `other` are the members of the second bundle, `report` is on it.

    Fault `beside-contents` where the exporter of the first sealed another contract under the same IRI, `beside-forked`
    where one log has two records at one place, `beside-hidden-here` where the first leaves out what its exporter stated
    itself, as the other bundle proves; Doubt `beside-hidden-there` and `beside-contents-provider` where only the other
    party does so, `beside-unproven` if the second does not hold, `beside-other` if it is about an agreement of another
    IRI, `beside-since` where the
    statement was sealed when the bundle without it had been told already, `beside-restored` where a log that goes on
    under another origin has other records or fewer, `beside-missing` where a statement may not have reached the other
    side, was erased there, or stands in a record alone, `beside-withdrawn` and `beside-stolen` where another contract
    or an end bears a key that its owner had withdrawn when others saw it first, `beside-countersigned` where they show
    two seals of the consumer: it may have sealed again after one that did not hold. No Doubt hides a Fault.
    """
    ours = logbook.chain(need(lines, "records"))
    broken = [one.sentence for one in report.checks if _broken(one)]
    if other is None or broken:
        raise Doubt("beside-unproven", why=broken[0] if broken else report.reason)
    if need(given.agreement, "agreement").iri != contract.parse_agreement(other["agreement.json"]).iri:
        raise Doubt("beside-other")
    known, by = records.parse(other["records.ndjson"]), contract.exporting(given)
    theirs = logbook.chain(known)
    beside = contract.standing(contract.read_seal(other["manifest.jws"]).did, given)
    found = list(_contents(given, lines or (), other, known, report))
    found += [] if found else _countersigned(given.members, other)
    if beside is not None and beside.role == by.role:
        states = need(log, "log").newest, logbook.read(other).newest
        found += _one_log((ours, theirs), states, (len(by.names), len(beside.names)))
    elif given.members["agreement.json"] == other["agreement.json"]:  # an end names it by its digest
        shown = Shown(lines or (), given.members, ended), Shown(known, other, _ended(report))
        found += _ends(*shown, by.role, given.anchors)
    for one in sorted(found, key=lambda one: (isinstance(one, Doubt), not one.code.startswith("beside-hidden"))):
        raise one


def _broken(one: Check) -> bool:
    """A key that was withdrawn before tells nothing; whether one was may be open."""
    missing = one.name in NEEDED and one.verdict is not Verdict.PASSED
    return missing or (one.name == "revocation" and one.verdict is Verdict.FAILED)


def _countersigned(ours: Members, theirs: Members) -> Iterator[Fault]:
    if len({one["consumer.jws"] for one in (ours, theirs) if "consumer.jws" in one}) > 1:
        yield Doubt("beside-countersigned")


def _ended(report: Report) -> Mapping[Role, int | None]:
    """The statements that hold in the bundle of that report, as in `Shown`."""
    holds = {one.name for one in report.checks if one.verdict is Verdict.PASSED}
    seen = report.stated.get("ends")
    known: Mapping[str, int | None] = seen if isinstance(seen, Mapping) else {}
    return {role: known.get(role) for role in ROLES if f"{role}-ending" in holds}


def _ends(here: Shown, there: Shown, exporter: Role, anchors: Anchors) -> Iterator[Fault]:
    for role in ROLES:
        if (left := _left_out(role, here, there, anchors, own=role == exporter)) is not None:
            yield _told_of(left, here=True)
        if (left := _left_out(role, there, here, anchors, own=role != exporter)) is not None:
            yield _told_of(left, here=False)


def _told_of(left: LeftOut, *, here: bool) -> Fault:
    if left.withdrawn is not None:
        return Doubt("beside-stolen-here", **left.facts) if here else Doubt("beside-stolen-there", **left.facts)
    if left.until is not None:
        return Doubt("beside-since-here", **left.facts) if here else Doubt("beside-since-there", **left.facts)
    if left.hidden:
        return Fault("beside-hidden-here", **left.facts) if here else Doubt("beside-hidden-there", **left.facts)
    return Doubt("beside-missing-here", **left.facts) if here else Doubt("beside-missing-there", **left.facts)


def _contract(members: Members) -> tuple[bytes, bytes]:
    """What the provider sealed, by what was signed: a signature by a curve can be spelled in two ways by anybody."""
    return members["agreement.json"], contract.read_seal(members["provider.jws"]).signed


def _contents(
    given: Given, lines: Sequence[Line], other: Members, known: Sequence[Line], report: Report
) -> Iterator[Fault]:
    """What two contents under one IRI say of whoever exported the first: Fault `beside-contents` if it sealed both."""
    if _contract(given.members) == _contract(other):
        return
    own = contract.exporting(given).role == "provider"
    if (doubt := _withdrawn(given, lines, other, known, report) or _unanswered(report)) is not None:
        yield doubt
    elif own or _countersigned_both(given, lines, other, report):
        yield Fault("beside-contents")
    else:
        yield Doubt("beside-contents-provider")


def _withdrawn(
    given: Given, lines: Sequence[Line], other: Members, known: Sequence[Line], report: Report
) -> Doubt | None:
    """Whoever stole the provider's key makes other contracts with it: by the provider's own log, or by the authority of
    its certificate, it was withdrawn when others saw the seal in the partner's. Doubt `beside-withdrawn`."""
    own = contract.exporting(given).role == "provider"
    where, seen = (other, _sealed_at("provider", report)) if own else (given.members, given.sealed_at("provider"))
    seal = contract.read_seal(where["provider.jws"])
    (members, events), beside = ((given.members, lines), other) if own else ((other, known), given.members)
    since = revocation.lost(seal, "provider", members, given.anchors, events, beside)
    if since is None or not _open(since, seen):
        return None
    facts = {"kid": seal.kid, "since": written(since)}
    return Doubt("beside-withdrawn-there", **facts) if own else Doubt("beside-withdrawn-here", **facts)


def _unanswered(report: Report) -> Doubt | None:
    """Whether its seals are by keys that were withdrawn is open in the second bundle: whoever stole one leaves out what
    would tell. Doubt `beside-unproven`."""
    open_ones = (
        one.sentence for one in report.checks if one.name == "revocation" and one.verdict is not Verdict.PASSED
    )
    why = next(open_ones, None)
    return None if why is None else Doubt("beside-unproven", why=why)


def _countersigned_both(given: Given, lines: Sequence[Line], other: Members, report: Report) -> bool:
    """The consumer, who exported the first bundle, sealed the contract of the second, too, by a key that its own bundle
    does not call withdrawn by then."""
    holds = any(one.name == "consumer-seal" and one.verdict is Verdict.PASSED for one in report.checks)
    if not holds or "consumer.jws" not in given.members:
        return False
    seal = contract.read_seal(other["consumer.jws"])
    since = revocation.lost(seal, "consumer", given.members, given.anchors, lines, other)
    return since is None or not _open(since, _sealed_at("consumer", report))


def _sealed_at(role: Role, report: Report) -> int | None:
    """When others saw that party's seal of the contract first (seconds)."""
    times = report.stated.get("seal_times")
    first = times.get(role) if isinstance(times, Mapping) else None
    return exact(first or report.stated.get("trusted_time"))


def _one_log(
    chains: tuple[Sequence[Line], Sequence[Line]], states: tuple[Checkpoint, Checkpoint], names: tuple[int, int]
) -> Iterator[Fault]:
    """After a restore from a backup a log goes on under another origin, and what came since the backup is lost.

    `names`: how many DIDs the exporter had had. An older bundle has fewer records; one of a later origin never has.
    """
    same = states[0].origin == states[1].origin
    for one, other in zip(*chains, strict=False):
        if (one.index, one.leaf) != (other.index, other.leaf):
            yield Fault("beside-forked", seq=one.seq) if same else Doubt("beside-restored", seq=one.seq)
            return
    ages = [(count, logbook.number(state)) for count, state in zip(names, states, strict=True)]
    short, long = sorted((0, 1), key=lambda at: len(chains[at]))
    if not same and len(chains[short]) < len(chains[long]) and ages[short] >= ages[long]:
        yield Doubt("beside-restored", seq=chains[long][len(chains[short])].seq)


def _left_out(role: Role, shown: Shown, beside: Shown, anchors: Anchors, *, own: bool) -> LeftOut | None:
    """What this party stated and `beside` alone has; of several what is proven is told. `own`: `shown` is by its
    log."""
    known = _statements(role, shown.lines)
    missing = [line for statement, line in _statements(role, beside.lines).items() if statement not in known]
    if not missing:
        return None
    said = _said(role, beside)
    proven = next((line for line in missing if line.body["statement"] == said), None)
    if proven is None:
        return LeftOut(missing[0], hidden=False)
    seal = contract.read_seal(beside.members[termination.names(role)[1]])
    until = _told_before(logbook.chain(shown.lines), seal.iat)
    since = revocation.lost(seal, role, shown.members, anchors, shown.lines, beside.members) if own else None
    if since is not None and _open(since, beside.ended[role]):
        return LeftOut(proven, hidden=False, withdrawn=(seal.kid, since))
    return LeftOut(proven, until is None and _hidden(logbook.chain(shown.lines), own), until)


def _open(since: int, seen: int | None) -> bool:
    """Nobody saw it before its key was withdrawn (seconds): it may be a thief's."""
    return seen is None or since <= seen


def _said(role: Role, shown: Shown) -> str | None:
    """The digest of the statement that this bundle has itself; None if there is none, or not all about it holds."""
    statement = shown.members.get(termination.names(role)[0])
    return sha256(statement).hexdigest() if role in shown.ended and statement is not None else None


def _told_before(shown: Sequence[Line], sealed: int) -> int | None:
    """How far a bundle speaks, if not yet beyond the time at which whoever states an end has booked it (0173)."""
    times = (exact(line.record["at"]) for line in shown if isinstance(line, Logged))
    until = max((at for at in times if at is not None), default=0)
    return until if until < sealed + SKEW_S else None


def _hidden(shown: Sequence[Line], own: bool) -> bool:
    """Whoever stated it has it in its own log, unless an end was erased there; to the other it may not have come."""
    return own and not any(isinstance(one, Erased) and one.type == records.TERMINATION for one in shown)


def _statements(role: Role, lines: Sequence[Line]) -> Mapping[object, Logged]:
    return {str(line.body["statement"]): line for line in termination.stated(role, lines)}
