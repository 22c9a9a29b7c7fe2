"""Verifies an evidence bundle offline: bytes and trusted anchors in, a report out (spec/contracts.md 8).

Nothing in the bundle vouches for itself. Without anchors the verdict is "cannot judge", never "passed".
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

from connector.verify import readme, remarks
from connector.verify import second_bundle as besides
from connector.verify.checks import anchors as trust
from connector.verify.checks import (
    archive,
    contract,
    disclosure,
    log_times,
    logbook,
    mandate,
    membership,
    newest_list,
    records,
    revocation,
    seal_times,
    second_seal,
    termination,
    trusted_time,
)
from connector.verify.checks.anchors import Anchors
from connector.verify.checks.contract import ROLES, Agreement, Documents, Given, Members, Role, Sealed
from connector.verify.checks.examination import Examination, attempt, need
from connector.verify.checks.logbook import Log
from connector.verify.checks.records import Line
from connector.verify.checks.trusted_time import SKEW_S, Moment, written
from connector.verify.formats import cosignature
from connector.verify.formats.checkpoint import Checkpoint
from connector.verify.formats.faults import Doubt, Fault
from connector.verify.formats.trustlist import TrustList
from connector.verify.report import Report

VERSION = "0.1.0"


def verify_bundle(
    data: bytes,
    roots_pem: bytes | None,
    lang: str = "de",
    *,
    witness: str | None = None,
    timestamps_pem: bytes | None = None,
    trust_list: bytes | None = None,
    beside: bytes | None = None,
    now: int | None = None,
    page: bool = False,
) -> Report:
    """The report on a bundle; everything besides `data` comes from outside of it. Raises nothing.

    `roots_pem` holds the anchors, `witness` the text of a C2SP tlog-policy (None: the one that follows from the trust
    list), `timestamps_pem` the roots of timestamp authorities, `trust_list` the newest list that the auditor has (the
    JWS), `beside` another bundle of the same agreement, `now` the time of the check (seconds), beyond which neither
    bundle speaks nor anybody vouches, and by which the report says how old the list is. `page`: the report is shown on
    a page, whose reader has no command line.
    """
    exam = Examination(lang, page=page)
    members = exam.run("archive", archive.members, data)
    if members is not None:
        exam.run("manifest", contract.check_manifest, members)
        given = exam.run("anchors", _anchors, roots_pem, timestamps_pem, witness)
        anchors = given or attempt(trust.parse, roots_pem, timestamps_pem) or Anchors()
        vouched = exam.run("trust-list", newest_list.judged_by, members["trust-list.jws"], trust_list, anchors)
        listed = vouched or attempt(newest_list.unjudged, members["trust-list.jws"], anchors)
        second = None
        if beside is not None:
            report = verify_bundle(
                beside,
                roots_pem,
                lang,
                witness=witness,
                timestamps_pem=timestamps_pem,
                trust_list=trust_list,
                now=now,
                page=page,
            )
            second = attempt(archive.members, beside), report
        _examine(exam, members, anchors, witness, vouched, listed, second, now)
        if listed is not None and listed.older is not None and exam.failed:
            # What its own list lets pass no later word of the authority makes wrong (decision 0194).
            alone = Examination(lang, page=page)
            _examine(alone, members, anchors, witness, listed.older, listed.older, second, now)
            exam.excuse(alone, Doubt("list-later", version=listed.version, older=listed.older.version))
        remarks.rest(exam, members, anchors, VERSION)
        if listed is not None:
            remarks.trust_list(exam, listed, now)
    return exam.report(tool=VERSION)


def _examine(
    exam: Examination,
    members: Members,
    anchors: Anchors,
    witness: str | None,
    vouched: TrustList | None,
    trust_list: TrustList | None,
    second: tuple[Members | None, Report] | None,
    now: int | None,
) -> None:
    agreement = exam.run("agreement", contract.parse_agreement, members["agreement.json"])
    documents = exam.run("documents", _documents, agreement, members)
    given = Given(
        members=members,
        anchors=anchors,
        trust_list=trust_list,
        agreement=agreement,
        documents=documents,
        now=now,
    )
    log = attempt(logbook.read, members)
    states = _states(given, vouched, log, witness)
    given = _timed(given, states)
    seals = {role: exam.run(f"{role}-seal", contract.check_seal, role, given) for role in ROLES}
    exporter = exam.run("exporter-seal", contract.check_manifest_seal, given)
    exam.run("texts", _check_texts, members)
    did = None if exporter is None else exporter.seal.did
    exam.run("log", logbook.check, log, members, did, given)
    lines = exam.run("records", logbook.check_records, given, did, log)
    exam.run("commitment", logbook.check_commitment, given, lines, log, did)
    exam.run("revocation", _check_revocation, given, seals, exporter, lines)
    seen = _seen(given, exporter, vouched, log, witness)
    exam.run("membership", membership.check, given, vouched, seals, seen)
    ended = dict[Role, termination.Termination | None]()
    for role in ROLES:
        if second_seal.name(role) in members or second_seal.named(role, lines or ()):
            exam.run(f"{role}-pq", second_seal.check, role, given, lines)
        if termination.names(role)[0] in members or termination.stated(role, lines or ()):
            ended[role] = exam.run(f"{role}-ending", termination.check, role, given, lines, states)
        if mandate.concerns(role, given):
            acted = exam.run(f"{role}-mandate", mandate.acted, role, given)
            exam.state(**{f"{role}_agent": None if acted is None else acted.facts})
    exam.run("times", log_times.check, given, lines, states)
    until = exam.run("told", disclosure.check, given, lines, log)
    if second is not None:
        proven = {role: found.seen for role, found in ended.items() if found is not None}
        exam.run("beside", besides.check, given, lines, log, proven, *second)
    moment = exam.run("time", _moment, given, vouched, log, witness)
    remarks.until(exam, until, states)
    remarks.continued(exam, log)
    remarks.approvals(exam, given, seals)
    remarks.seals(exam, seals, moment, lines or ())
    remarks.succession(exam, given)
    remarks.merger(exam, given)
    remarks.withdrawn(exam, given, seals, exporter, lines)
    remarks.before(exam, given, seals, vouched)
    remarks.times(exam, given)
    remarks.second_seals(exam, given, lines or ())
    remarks.end(exam, members, lines or ())
    remarks.late_ends(exam, ended)
    remarks.seen_ends(exam, ended)


def _anchors(roots_pem: bytes | None, timestamps_pem: bytes | None, witness: str | None) -> Anchors:
    found = trust.parse(roots_pem, timestamps_pem)
    if not found.roots or not found.authority:
        raise Doubt("no-anchors")
    if witness is not None:
        try:
            cosignature.parse(witness)
        except Fault as fault:  # the auditor's own file says nothing against the bundle
            raise Doubt("witness-policy", **fault.facts) from fault
    return found


def _check_texts(members: Members) -> None:
    """Whatever a person or a program reads here says what was judged, and only that."""
    readme.check(members)
    contract.check_readings(members)


def _documents(agreement: Agreement | None, members: Members) -> Documents:
    parties = need(agreement, "agreement")
    return {
        parties.did(role): contract.parse_document(members[f"did-{role}.json"], parties.did(role)) for role in ROLES
    }


def _states(
    given: Given, trust_list: TrustList | None, log: Log | None, witness: str | None
) -> Sequence[tuple[int, Moment | None]]:
    """Each signed state by its size, with the time that others vouch for it: that of the contract is the first."""
    if log is None:
        return ()
    states = [(log.proof.checkpoint.size, attempt(_moment, given, trust_list, log, witness))]
    if log.first is not None:
        states.append((log.first.size, attempt(_first_moment, given, trust_list, log, witness)))
    if log.growth is not None:
        states.append((log.newest.size, attempt(_vouched, given, trust_list, log, witness, log.newest, "")))
    return states


def _timed(given: Given, states: Sequence[tuple[int, Moment | None]]) -> Given:
    """With the trusted times of the contract and of each seal, as far as they can be known."""
    if not states:
        return given
    lines = attempt(records.parse, given.members["records.ndjson"])
    firsts, seconds = (seal_times.seals(given.members, lines or (), states, second=second) for second in (False, True))
    return replace(given, moment=states[0][1], lines=lines, seals=firsts, second_seals=seconds)


def _seen(
    given: Given, exporter: Sealed | None, trust_list: TrustList | None, log: Log | None, witness: str | None
) -> int | None:
    """The latest time (seconds) that the bundle itself knows of: of its witnesses, or of whoever exported it."""
    if exporter is None or log is None:
        return None
    moments = [given.moment, *given.seals.values()]
    if log.growth is not None:
        moments.append(attempt(_vouched, given, trust_list, log, witness, log.newest, ""))
    return max(exporter.seal.iat, *(one.seconds for one in moments if one is not None), 0)


def _moment(given: Given, trust_list: TrustList | None, log: Log | None, witness: str | None) -> Moment:
    """The trusted time of the state that contains the agreement record; that it does is the check `commitment`.

    What is wrong with the token or the witnesses of an earlier state is a Fault here too.
    """
    states = need(log, "log")
    if states.first is not None:
        _first_moment(given, trust_list, states, witness)
    return _vouched(given, trust_list, states, witness, states.proof.checkpoint, archive.TIMESTAMP)


def _first_moment(given: Given, trust_list: TrustList | None, log: Log, witness: str | None) -> Moment | None:
    """The trusted time of `first.checkpoint`, None if nobody vouches for it."""
    assert log.first is not None
    try:
        return _vouched(given, trust_list, log, witness, log.first, archive.FIRST_TIMESTAMP)
    except Doubt:
        return None


def _vouched(
    given: Given, trust_list: TrustList | None, log: Log, witness: str | None, state: Checkpoint, token: str
) -> Moment:
    did = contract.exporter_of(given)
    listed = need(trust_list, "trust-list")
    logbook.check_signed(log, did, listed)
    operators = listed.own_operators(did, *_parties(given))
    if witness is None:
        policy = cosignature.derived(listed.witnesses, *operators)
    else:
        policy = cosignature.apart(need(attempt(cosignature.parse, witness), "anchors"), listed.witnesses, *operators)
    try:
        return trusted_time.find(state, given.members.get(token), policy, given.anchors.timestamps, given.now)
    except Doubt as doubt:
        if doubt.code == "no-time" and cosignature.seen_by(state, listed.witnesses, *operators):
            raise Doubt("no-independent-time") from doubt
        if doubt.code == "no-time" and witness is None and listed.older is not None:
            _check_quorum(state, listed, listed.older, operators)
        raise


def _check_quorum(state: Checkpoint, listed: TrustList, older: TrustList, operators: Collection[str]) -> None:
    """Doubt `quorum-later` where the witnesses are enough by the list in the bundle. A newer one may ask for more: the
    list that judges is chosen by the trusted time, so it cannot choose who gives that time."""
    enough = attempt(trusted_time.find, state, None, cosignature.derived(older.witnesses, *operators), ())
    if enough is not None:
        facts = {"version": listed.version, "older": older.version}
        raise Doubt("quorum-later", at=written(enough.seconds), **facts)


def _parties(given: Given) -> tuple[str, str]:
    agreement = need(given.agreement, "agreement")
    return agreement.provider, agreement.consumer


def _check_revocation(
    given: Given,
    seals: Mapping[Role, Sealed | None],
    exporter: Sealed | None,
    lines: Sequence[Line] | None,
) -> None:
    """No seal here is by a key or certificate that was withdrawn before. No Doubt about one seal hides a Fault of
    another."""
    sealed = [role for role in seals if seals[role] is not None or f"{role}.jws" in given.members]
    checks = [partial(_check_exporter_kept, given, exporter, lines)]
    checks += [partial(_check_seal_kept, role, given, seals[role], lines) for role in sealed]
    doubts = list[Doubt]()
    for check in checks:
        try:
            check()
        except Doubt as doubt:
            doubts.append(doubt)
    if doubts:
        raise doubts[0]


def _check_exporter_kept(given: Given, exporter: Sealed | None, lines: Sequence[Line] | None) -> None:
    """The seal over the manifest is younger than the states it covers, whatever time it claims."""
    by = need(exporter, "exporter-seal")
    revocation.check_key(by.seal, need(lines, "records"), max(by.seal.iat, (given.at or 0) - SKEW_S))


def _check_seal_kept(role: Role, given: Given, sealed: Sealed | None, lines: Sequence[Line] | None) -> None:
    found, seen = need(sealed, f"{role}-seal"), given.sealed_at(role)
    doubt: Doubt | None = None
    if contract.exporting(given).role == role:
        try:
            revocation.check_key(found.seal, need(lines, "records"), seen)
        except Doubt as open_question:  # its certificate may be worse
            doubt = open_question
    issuers = (*found.seal.chain[1:], *contract.intermediates(role, given.members), *given.anchors.roots)
    revocation.check_certificate(found, given.members.get(f"{role}.ocsp"), issuers, seen)
    if doubt is not None:
        raise doubt
