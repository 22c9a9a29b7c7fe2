"""What a report says besides its checks: of each seal, of the trust list, of what is erased, and what is not proven.

Nothing here decides: a line that is missing would only be a thing untold.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from connector.verify.checks import archive, contract, logbook, records, revocation, second_seal, termination
from connector.verify.checks.anchors import Anchors
from connector.verify.checks.contract import ROLES, Approval, Given, Members, Role, Sealed
from connector.verify.checks.disclosure import Told
from connector.verify.checks.examination import Examination, attempt
from connector.verify.checks.log_times import WAITS_S
from connector.verify.checks.logbook import Log
from connector.verify.checks.records import Erased, Line, Logged
from connector.verify.checks.termination import Termination
from connector.verify.checks.trusted_time import SKEW_S, Moment, exact, written
from connector.verify.formats.trustlist import TrustList

MOST_TOLD = 50
"""Erased records, or ones about the end, that have a line of their own in the report."""
DAY_S = 86_400
LONGEST_ASKED_S = 366 * DAY_S
"""Who asked for data so long before the contract is remarked."""


def seals(exam: Examination, held: Mapping[Role, Sealed | None], moment: Moment | None, lines: Sequence[Line]) -> None:
    """Levels, trusted time, and what was erased."""
    graves = records.tombstones(lines)
    buried = [line for line in lines if isinstance(line, Erased) and line.index in graves]
    for line in buried[:MOST_TOLD]:
        body = graves[line.index].body
        exam.note("erased", type=line.type, seq=line.seq, ground=body.get("ground", ""), role=body.get("role", ""))
    if len(buried) > MOST_TOLD:
        exam.note("erased-more", count=len(buried) - MOST_TOLD)
    levels = {role: None if sealed is None else sealed.level for role, sealed in held.items()}
    exam.state(levels=levels, trusted_time=None if moment is None else written(moment.seconds))


def succession(exam: Examination, given: Given) -> None:
    """Who has taken a party's place since, by which list."""
    if given.trust_list is None or given.agreement is None:
        return
    line = given.trust_list.succession.line
    told = [(role, did, since) for role in ROLES for did, since in line(given.agreement.did(role))[-1:]]
    for role, did, since in told:
        facts = {"did": did, "since": written(since), "version": given.trust_list.version}
        exam.note(f"{role}-succeeded", before=given.agreement.did(role), **facts)
    if told:
        stated: dict[str, object] = {role: {"did": did, "since": written(since)} for role, did, since in told}
        exam.state(succession={"version": given.trust_list.version, **stated})


def merger(exam: Examination, given: Given) -> None:
    """Which party is part of another member by law, and since when, by which list."""
    listed = given.trust_list
    if listed is None or given.agreement is None:
        return
    stated = dict[str, object]()
    for role in ROLES:
        did = listed.last(given.agreement.did(role))
        member = listed.members.get(did)
        if member is None or member.merged is None:
            continue
        into, since = listed.last(member.merged[0]), written(member.merged[1])
        name = listed.members[into].name if into in listed.members else into
        exam.note(f"{role}-merged", did=did, into=into, name=name, since=since, version=listed.version)
        stated[role] = {"did": did, "into": into, "name": name, "since": since}
    if stated:
        exam.state(merger={"version": listed.version, **stated})


def until(exam: Examination, found: Told | None, states: Sequence[tuple[int, Moment | None]]) -> None:
    """Until when all this speaks; who vouches for that moment besides the exporter, if anybody does."""
    if found is None:
        return
    seen = [moment for size, moment in states if moment is not None and size >= found.size]
    exam.note("told" if seen else "told-claimed", at=found.at)
    exam.state(until=found.facts)


def continued(exam: Examination, log: Log | None) -> None:
    """A log under another origin than its first: a witness knows of no history of it under the ones before."""
    if log is not None and logbook.number(log.newest) > 0:
        exam.note("log-continued", origin=log.newest.origin)


def approvals(exam: Examination, given: Given, held: Mapping[Role, Sealed | None]) -> None:
    """Who approved at each party, a rule or how many people: the seal says that it was the party, not how it came
    about."""
    found = {role: contract.approved(role, given.members) for role in ROLES if f"{role}.jws" in given.members}
    for role, approval in found.items():
        sealed = held.get(role)
        until = (given.sealed_at(role), None if sealed is None else sealed.seal.iat)
        if approval is None or approval.kind != "people":
            exam.note(f"{role}-approval-{'unread' if approval is None else approval.kind}", **_named(approval))
        else:
            _together(exam, role, approval, min((one for one in until if one is not None), default=None))
        if approval is not None:
            _dated(exam, role, approval, [one for one in until if one is not None], held.get("provider"))
    exam.state(approvals={role: None if one is None else one.kind for role, one in found.items()})
    exam.state(approved_by={role: [] if one is None else _everybody(one) for role, one in found.items()})


def _together(exam: Examination, role: Role, approval: Approval, sealed: int | None) -> None:
    """How many agreed, and each of them. A pseudonym is one person, however often it stands there; nobody can have
    agreed after the approval, or after the seal over it (seconds)."""
    once = {one.pseudonym for one in approval.people}
    exam.note(f"{role}-approval-people-{len(once)}", at=approval.at)
    for one in approval.people:
        exam.note("approval-one", **one._asdict())
        late = sealed is not None and datetime.fromisoformat(one.at).timestamp() > sealed + SKEW_S
        if late or one.at > approval.at:
            exam.note("approval-late", pseudonym=one.pseudonym, at=one.at)
    for pseudonym in sorted(once):
        if sum(one.pseudonym == pseudonym for one in approval.people) > 1:
            exam.note("approval-twice", pseudonym=pseudonym)


def _dated(exam: Examination, role: Role, approval: Approval, until: Sequence[int], first: Sealed | None) -> None:
    """An approval is no later than its seal (`until`, seconds). The consumer's is of a text that the provider had
    sealed `first`; the provider's may wait for its key. Of people who agreed the first may have asked long before."""
    if not until:
        return
    at, latest = exact(approval.at), min(until)
    begin = min(latest, latest if first is None else first.seal.iat)
    begin -= 2 * SKEW_S if role == "consumer" else WAITS_S
    if at is None or not begin <= at <= latest + SKEW_S:
        exam.note(f"{role}-approval-dated", at=approval.at[:40], sealed=written(latest))
    for one in approval.people:
        if datetime.fromisoformat(one.at).timestamp() < begin - LONGEST_ASKED_S:
            exam.note("approval-early", pseudonym=one.pseudonym, at=one.at)


def _named(approval: Approval | None) -> dict[str, object]:
    return {} if approval is None else {"role": approval.role, "pseudonym": approval.pseudonym, "at": approval.at}


def _everybody(approval: Approval) -> list[dict[str, object]]:
    if approval.kind == "automatic":
        return []
    return [dict(one._asdict()) for one in approval.people] or [_named(approval)]


def withdrawn(
    exam: Examination,
    given: Given,
    held: Mapping[Role, Sealed | None],
    by: Sealed | None,
    lines: Sequence[Line] | None,
) -> None:
    """Of each seal that holds: what was withdrawn, since when, and who says so."""
    stated = dict[str, object]()
    for name, sealed in (*held.items(), ("exporter", by)):
        if sealed is None or by is None or lines is None:
            continue
        seal, check = sealed.seal, f"{name}-seal"
        own = name == "exporter" or name == contract.exporting(given).role
        gone = revocation.withdrawn(seal, lines) if own else None
        if gone is not None:
            exam.note("key-withdrawn", check=check, kid=seal.kid, since=written(gone))
        else:
            exam.note("key-kept" if own else "key-elsewhere", check=check)
        certificate = _certificate_told(given, sealed)
        said = dict(certificate.value)
        facts = {"at": said["certificateAsOf"], "since": said["certificateWithdrawn"]}
        exam.note(f"certificate-{certificate.says}", check=check, **facts)
        _tell_listed_key(exam, given, sealed, check)
        since = None if gone is None else written(gone)
        stated[name] = {"kid": seal.kid, "keyWithdrawn": since, "keyKnown": own, **said}
    exam.state(revocation=stated)


def _certificate_told(given: Given, sealed: Sealed) -> revocation.Withdrawals:
    """The answers in a bundle are about the seals of both parties; the exporter's is one of these as a rule."""
    agreement = given.agreement
    role = next((role for role in ROLES if agreement is not None and agreement.did(role) == sealed.seal.did), None)
    if role is None:
        return revocation.told(sealed.seal, None, ())
    others = attempt(contract.intermediates, role, given.members) or ()
    issuers = (*sealed.seal.chain[1:], *others, *given.anchors.roots)
    return revocation.told(sealed.seal, given.members.get(f"{role}.ocsp"), issuers)


def _tell_listed_key(exam: Examination, given: Given, sealed: Sealed, check: str) -> None:
    """The newest list may no longer vouch for a key; it does not say since when, so nothing is judged by that."""
    listed = given.trust_list
    member = None if listed is None else listed.members.get(sealed.seal.did)
    if listed is None or member is None or not member.keys:
        return
    if sealed.seal.kid.partition("#")[2] not in member.keys:
        exam.note("key-unlisted", check=check, kid=sealed.seal.kid, version=listed.version)


def trust_list(exam: Examination, listed: TrustList, now: int | None) -> None:
    """By which list was judged, and how old it is."""
    until = written(listed.next_update)
    key = "trust-list-given" if listed.given else "trust-list"
    exam.note(key, version=listed.version, issued=listed.issued, until=until)
    days = None if now is None else max(now - listed.issued_at, 0) // DAY_S
    if now is not None and days is not None:
        exam.note("trust-list-over" if now >= listed.next_update else "trust-list-age", days=days, until=until)
    if now is not None and listed.issued_at > now + SKEW_S:
        exam.note("trust-list-ahead", issued=listed.issued, known=written(now))
    exam.state(
        trust_list={
            "version": listed.version,
            "issued": listed.issued,
            "nextUpdate": until,
            "source": "given" if listed.given else "bundle",
            "ageDays": days,
        }
    )


def before(exam: Examination, given: Given, held: Mapping[Role, Sealed | None], listed: TrustList | None) -> None:
    """A list that is older than a seal does not show what happened in between."""
    times = [given.sealed_at(role) or sealed.seal.iat for role, sealed in held.items() if sealed is not None]
    if listed is not None and listed.issued_at < max(times, default=0):
        exam.note("trust-list-before", issued=listed.issued, at=written(max(times)))


def times(exam: Examination, given: Given) -> None:
    """Which seal was there earlier than the contract as a whole, and was judged at that time."""
    for role, moment in given.seals.items():
        if given.at is None or moment.seconds < given.at:
            exam.note(f"{role}-earlier", at=written(moment.seconds))
    exam.state(seal_times={role: written(moment.seconds) for role, moment in given.seals.items()})


def second_seals(exam: Examination, given: Given, lines: Sequence[Line]) -> None:
    """One that no record names could be left out of a bundle, or put in, without a trace."""
    for role in ROLES:
        if second_seal.named(role, lines):
            continue
        if second_seal.name(role) in given.members:
            exam.note(f"{role}-pq-unlogged")
        if given.trust_list is None or given.agreement is None:
            continue
        member = given.trust_list.members.get(given.agreement.did(role))
        keyed = member is not None and member.seal_key_pq is not None
        if keyed and f"{role}.jws" in given.members and second_seal.name(role) not in given.members:
            exam.note(f"{role}-pq-absent")


def end(exam: Examination, members: Members, lines: Sequence[Line]) -> None:
    """An end that only the log knows, or knew: without a sealed statement nothing is checked, but nobody may overlook
    it, and least of all one whose record was erased."""
    ends = [line for line in lines if line.type == records.TERMINATION]
    shown = sum(termination.names(role)[0] in members for role in ROLES)
    if shown and shown <= sum(isinstance(line, Logged) for line in ends):
        ends = [line for line in ends if isinstance(line, Erased)]
    elif shown:
        return  # the record of what is shown may be the one that was erased
    for line in ends[:MOST_TOLD]:
        exam.note("ended", seq=line.seq)


def late_ends(exam: Examination, ends: Mapping[Role, Termination | None]) -> None:
    """Of an end that the log has had only since later: that it was stated before is the word of who stated it."""
    for role, ended in ends.items():
        if ended is not None and ended.logged is not None and ended.at < ended.logged - 2 * SKEW_S:
            exam.note(f"{role}-ending-later", at=written(ended.at), logged=written(ended.logged))


def seen_ends(exam: Examination, ends: Mapping[Role, Termination | None]) -> None:
    """Which ends hold, each with when others saw it first (seconds); for whoever lays another bundle beside."""
    exam.state(ends={role: ended.seen for role, ended in ends.items() if ended is not None})


def rest(exam: Examination, members: Members, anchors: Anchors, tool: str) -> None:
    """What is only for reading, which anchors and tool were used, and what no bundle can prove."""
    exporter = attempt(contract.read_seal, members["manifest.jws"])
    for name in sorted(archive.TRANSLATIONS & members.keys()):
        exam.note("unsigned", name=name, did="?" if exporter is None else exporter.did)
    exam.note("tool", version=tool)
    for fingerprint in anchors.fingerprints():
        exam.note("anchor", fingerprint=fingerprint)
    exam.state(anchors=anchors.fingerprints())
    exam.note("unproven")
    exam.note("unproven-since")
    exam.note("unproven-other-log")
