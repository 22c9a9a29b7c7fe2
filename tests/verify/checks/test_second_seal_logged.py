"""The log names second seals: one that was taken out, put in or exchanged shows, and its key is judged at that time.

Bundles whose records say nothing of second seals, as all did once, hold as before.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from connector.exchange.contracts.evidence.export import LogEvidence
from connector.verify.bundle import verify_bundle
from connector.verify.checks import logbook
from connector.verify.checks.second_seal import thumbprint
from connector.verify.checks.trusted_time import written
from connector.verify.formats import base64url
from connector.verify.report import Report, Verdict
from tests.verify.forge import AGREEMENT, DAY, NOW, PROVIDER, Case, Log, LogKey
from tests.verify.judge import FAILED, INDETERMINATE, PASSED, changed, named, verdicts
from tests.verify.second_seals import KEY, OTHER, ROLES, PqKey, token
from tests.verify.states import tree_of
from tests.verify.story import Story, digest

pytestmark = pytest.mark.threat("T56")
FIRST, LATER = NOW + 60, NOW + 5 * DAY
SEALS = ("provider", "consumer")


def log_of(case: Case, *said: Mapping[str, object], events: Sequence[Mapping[str, object]] = ()) -> Log:
    """The provider's log with one agreement record for each of these members; `events` are key events before them."""
    log = case.new_log(PROVIDER)
    log.noise(3)
    head = log.add("key", None, {"document": digest(case.parts.provider_document)})
    for event in events:
        log.add("key", None, event)
    for more in said:
        log.add("agreement", AGREEMENT, Story.names(case, head, digest(case.parts.consumer_jws or "")) | dict(more))
        log.noise(2)
    return log


def both(case: Case) -> dict[str, bytes]:
    """Both second seals, by their name in a bundle."""
    return {f"{role}.pq.jws": token(case, role) for role in SEALS}


def names(seals: Mapping[str, bytes]) -> dict[str, object]:
    """What an agreement record says of them."""
    return {f"{name.partition('.')[0]}Pq": digest(seal) for name, seal in seals.items()}


def listed(case: Case, log: Log, keys: Sequence[PqKey | None] = (KEY, KEY), former: Mapping[str, Any] = {}) -> str:
    pq = {did: key.jwk for did, key in zip(ROLES.values(), keys, strict=True) if key is not None}
    changes = {did: {"formerSealKeysPq": keys} for did, keys in former.items()}
    return case.authority.list({log.did: log.keys}, witnesses=[case.witness], pq=pq, changes=changes)


def judged(
    case: Case,
    log: Log,
    here: Mapping[str, bytes],
    lang: str = "en",
    *,
    at: int = FIRST,
    list_: str | None = None,
    evidence: LogEvidence | None = None,
) -> Report:
    """The bundle with these second seals, its log as the witness saw it `at` that time."""
    case.witness.at = at
    told = log.evidence(AGREEMENT) if evidence is None else evidence
    trust_list = listed(case, log) if list_ is None else list_
    return verify_bundle(changed(case, more=here, log=told, trust_list=trust_list), case.roots, lang)


def notes(report: Report) -> list[str]:
    return [note for note in report.notes if "ML-DSA-44" in note]


def flipped(jws: bytes, at: int = 99) -> bytes:
    head, _, tail = jws.decode().rpartition(".")
    signature = bytearray(base64url.decode(tail))
    signature[at] ^= 1
    return f"{head}.{base64url.encode(bytes(signature))}".encode()


def test_both_are_named_and_here(case: Case) -> None:
    """Passed, and nothing about them is left unproven."""
    seals = both(case)
    report = judged(case, log_of(case, names(seals)), seals)
    assert report.verdict is PASSED, report.reason
    assert notes(report) == []
    assert {"provider-pq", "consumer-pq"} <= {check.name for check in report.checks}


@pytest.mark.parametrize("role", SEALS)
@pytest.mark.parametrize(("lang", "words"), [("de", "herausgenommen"), ("en", "was taken out")])
def test_one_that_was_taken_out_is_missed(case: Case, role: str, lang: str, words: str) -> None:
    """>> a bundle without a second seal that the log names, sealed anew << failed, whatever else is in it."""
    seals = both(case)
    log = log_of(case, names(seals))
    del seals[f"{role}.pq.jws"]
    report = judged(case, log, seals, lang)
    assert named(report) == (f"{role}-pq", "pq-missing")
    assert words in report.reason
    assert notes(report) == []


@pytest.mark.parametrize("role", SEALS)
def test_one_that_was_exchanged_is_found(case: Case, role: str) -> None:
    """>> one bit, another by the very same key (it was stolen), the other party's, that of another contract, none at
    all << failed."""
    seals, name = both(case), f"{role}.pq.jws"
    log = log_of(case, names(seals))
    other = {"provider": "consumer", "consumer": "provider"}[role]
    again = token(case, role, lambda header: header.__setitem__("iat", NOW + 1))
    foreign = token(Case(), role)
    for wrong in (flipped(seals[name]), flipped(seals[name], -1), again, seals[f"{other}.pq.jws"], foreign, b""):
        assert named(judged(case, log, seals | {name: wrong})) == (f"{role}-pq", "pq-other")


def test_a_flipped_one_that_the_log_names_is_no_seal(case: Case) -> None:
    """The log vouches for what lay there, not for what it is: the list knows the key that it names."""
    kid = f"{PROVIDER}#{thumbprint(KEY.jwk)}"
    wrong = {"provider.pq.jws": flipped(token(case, "provider", lambda header: header.__setitem__("kid", kid)))}
    assert named(judged(case, log_of(case, names(wrong)), wrong)) == ("provider-pq", "seal-signature")


@pytest.mark.parametrize("said", [7, "", "x" * 64, ["a"], {}, False, "A" * 100_000])
def test_a_record_that_names_something_odd_names_another_one(case: Case, said: object) -> None:
    """Whatever stands there is no digest of what is here; nothing breaks."""
    seals = {"provider.pq.jws": token(case, "provider")}
    log = log_of(case, {"providerPq": said})
    assert named(judged(case, log, seals)) == ("provider-pq", "pq-other")
    assert named(judged(case, log, {})) == ("provider-pq", "pq-missing")


def test_null_is_no_name(case: Case) -> None:
    report = judged(case, log_of(case, {"providerPq": None}), {})
    assert report.verdict is PASSED, report.reason


@pytest.mark.parametrize(
    ("lang", "words"), [("de", "Nicht bewiesen: seit wann es das zweite"), ("en", "Not proven: since when there")]
)
def test_what_no_record_names_is_told_and_fails_nothing(case: Case, lang: str, words: str) -> None:
    """A contract of an older version, or one that was put in later: nobody can tell, and that is said."""
    seals = both(case)
    report = judged(case, log_of(case, {}), seals, lang)
    assert report.verdict is PASSED, report.reason
    assert [note.startswith(words) for note in notes(report)] == [True, True]
    half = judged(case, log_of(case, names({"provider.pq.jws": seals["provider.pq.jws"]})), seals, lang)
    assert half.verdict is PASSED, half.reason
    assert len(notes(half)) == 1


def test_a_later_record_takes_nothing_back(case: Case) -> None:
    """>> named first, not named by a later record (of an older version), or named otherwise << it is still bound."""
    seals = both(case)
    log = log_of(case, names(seals), {})
    assert judged(case, log, seals).verdict is PASSED
    assert named(judged(case, log, {})) == ("provider-pq", "pq-missing")
    again = {"provider.pq.jws": token(case, "provider", lambda header: header.__setitem__("iat", NOW + 1))}
    log = log_of(case, names(seals), names(again))
    for here in (seals, seals | again):
        assert named(judged(case, log, here)) == ("provider-pq", "pq-other")


def test_a_second_seal_without_a_first_stays_alone() -> None:
    """The consumer did not seal, but the record names a second seal of it."""
    case = Case(one_sided=True)
    log = case.new_log(PROVIDER)
    head = log.add("key", None, {"document": digest(case.parts.provider_document)})
    seals = {"consumer.pq.jws": token(case, "consumer")}
    log.add("agreement", AGREEMENT, Story.names(case, head, None) | names(seals))
    codes = {check.name: check.code for check in judged(case, log, seals).checks}
    assert codes["consumer-pq"] == "pq-alone"


# Keys that were replaced or withdrawn


def former(until: int | None, key: PqKey = KEY, since: int | None = None) -> dict[str, Any]:
    times = {"validFrom": since, "validUntil": until}
    return {"key": key.jwk, **{name: written(at) for name, at in times.items() if at is not None}}


@pytest.mark.parametrize("present", [OTHER, None], ids=["another now", "none now"])
@pytest.mark.parametrize(
    ("until", "since", "expected"),
    [
        (FIRST + 1, None, PASSED),
        (None, None, PASSED),
        (FIRST + 1, NOW, PASSED),
        (FIRST, None, INDETERMINATE),  # the end does not belong to it; only the seal says that it is older
        (NOW + 1, None, INDETERMINATE),
        (NOW, None, INDETERMINATE),  # it says itself that it is from after that: the list of its day let it count
        (FIRST + DAY, FIRST, INDETERMINATE),  # it says itself that it is older than its key
    ],
)
def test_a_former_key_counts_for_what_was_in_the_log_by_then(
    case: Case, present: PqKey | None, until: int | None, since: int | None, expected: Verdict
) -> None:
    """>> the key has been replaced or withdrawn since << judged at the time of the first record that names the seal."""
    seals = {"provider.pq.jws": token(case, "provider")}
    log = log_of(case, names(seals))
    list_ = listed(case, log, (present, None), {PROVIDER: [former(until, since=since)]})
    report = judged(case, log, seals, list_=list_)
    assert report.verdict is expected
    codes = {check.name: check.code for check in report.checks}
    assert codes["provider-pq"] == ("" if expected is PASSED else "pq-period")


def test_a_key_that_is_listed_no_longer_proves_nothing(case: Case) -> None:
    """Neither as the present one nor as a former one: what the log names cannot be judged, and what no record names
    fails. So an authority that forgets a key makes no partner's contract wrong."""
    seals = {"provider.pq.jws": token(case, "provider")}
    for said, code, verdict in ((names(seals), "pq-unlisted", INDETERMINATE), ({}, "seal-signature", FAILED)):
        log = log_of(case, said)
        for keys, others in (((None, None), {}), ((OTHER, None), {PROVIDER: [former(None, PqKey())]})):
            report = judged(case, log, seals, list_=listed(case, log, keys, others))
            assert report.verdict is verdict
            codes = [check.code for check in report.checks if check.name == "provider-pq"]
            assert codes == [code if keys[0] is not None or said else "pq-key"]


def test_a_party_that_has_left_makes_no_contract_wrong(case: Case) -> None:
    """>> the consumer is no longer on the list << its second seal cannot be judged, and neither can its membership."""
    seals = both(case)
    log = log_of(case, names(seals))
    gone = case.authority.list(
        {log.did: log.keys}, witnesses=[case.witness], pq={PROVIDER: KEY.jwk}, absent=[ROLES["consumer"]]
    )
    report = judged(case, log, seals, list_=gone)
    assert report.verdict is INDETERMINATE
    assert report.doubts == ("membership", "consumer-pq")


def test_a_former_key_makes_no_second_seal_that_nobody_named(case: Case) -> None:
    """>> its thief puts a second seal of the past into a bundle << only a key that counts on the list's day may."""
    seals = {"provider.pq.jws": token(case, "provider")}
    log = log_of(case, {})
    day = written(NOW + 20 * DAY)
    for until, expected in ((NOW + 19 * DAY, ("provider-pq", "pq-period")), (NOW + 21 * DAY, None)):
        changes = {PROVIDER: {"formerSealKeysPq": [former(until)]}}
        list_ = case.authority.list(
            {log.did: log.keys}, witnesses=[case.witness], changes=changes, head={"issued": day}
        )
        assert named(judged(case, log, seals, list_=list_)) == expected


def test_one_that_was_named_later_is_judged_at_that_time(case: Case) -> None:
    """>> both first seals, later a record that names the second << it has the later time, they keep theirs."""
    seals = {"provider.pq.jws": token(case, "provider")}
    log = log_of(case, {}, names(seals))
    size = next(at for at, (data, _) in enumerate(log.rows, 1) if b'"type":"agreement"' in data)
    early = log.copy()
    early.rows = early.rows[:size]
    case.witness.at = FIRST
    log.close(AGREEMENT)
    first = logbook.write_first(len(log.rows), tree_of(log).consistency(size), early.note(tree_of(early)))
    for until, expected in ((LATER + 1, PASSED), (FIRST + DAY, INDETERMINATE)):
        list_ = listed(case, log, (OTHER, None), {PROVIDER: [former(until)]})
        case.witness.at = LATER
        told = log.evidence(AGREEMENT)
        evidence = LogEvidence(told.records, told.proof, first=first)
        report = judged(case, log, seals, at=LATER, list_=list_, evidence=evidence)
        assert verdicts(report)["provider-pq"] is expected
        assert report.value("")["sealTimes"] == {role: written(FIRST) for role in SEALS}


@pytest.mark.parametrize(("since", "expected"), [(NOW - 5, FAILED), (FIRST, FAILED), (FIRST + 1, PASSED)])
def test_a_key_that_its_own_log_withdraws(case: Case, since: int, expected: object) -> None:
    """Of the exporter's own key its log tells; from that time on it makes no second seal."""
    seals = {"provider.pq.jws": token(case, "provider")}
    event = {"event": "key-revoked", "kid": f"{PROVIDER}#seal-pq", "from": written(since), "document": "0" * 64}
    log = log_of(case, names(seals))
    log.add("key", None, event)
    report = judged(case, log, seals)
    assert verdicts(report)["provider-pq"] is expected, report.reason
    ended = listed(case, log, (None, None), {PROVIDER: [former(NOW + 1)]})
    found = {check.name: check.code for check in judged(case, log, seals, list_=ended).checks}
    assert found["provider-pq"] == ("pq-period" if expected is PASSED else "key-revoked"), "the worse is told"
    unnamed = log_of(case, {}, events=[event])
    assert verdicts(judged(case, unnamed, seals))["provider-pq"] is not PASSED


def test_without_a_time_of_others_only_the_seal_says_when(case: Case) -> None:
    """Judged by what it claims, like the first one; the contract as a whole is not proven then."""
    seals = {"provider.pq.jws": token(case, "provider")}
    log = log_of(case, names(seals))
    log.witnesses = []
    for until, code in ((NOW + 1, ""), (NOW, "pq-period")):
        list_ = listed(case, log, (None, None), {PROVIDER: [former(until)]})
        report = judged(case, log, seals, list_=list_)
        assert report.verdict is INDETERMINATE
        assert [check.code for check in report.checks if check.name == "provider-pq"] == [code]


def test_a_second_seal_from_after_its_record_is_not_proven(case: Case) -> None:
    """It says that it was made a day after somebody saw it."""
    seals = {"provider.pq.jws": token(case, "provider", lambda header: header.__setitem__("iat", NOW + DAY))}
    report = judged(case, log_of(case, names(seals)), seals)
    assert [check.code for check in report.checks if check.name == "provider-pq"] == ["time-order"]


@pytest.mark.parametrize(
    "former_keys",
    [
        {},
        "x",
        [KEY.jwk],
        [{"key": {"kty": "AKP"}}],
        [{"key": {**KEY.jwk, "pub": 7}}],
        [None],
        None,
        [{"key": OTHER.jwk}, {"key": OTHER.jwk}],
        [{"key": KEY.jwk}],
        [{"key": OTHER.jwk, "validUntil": "soon"}],
        [{"key": {"pub": str(at)}} for at in range(65)],
    ],
)
def test_a_list_that_could_be_read_in_two_ways_is_none(case: Case, former_keys: object) -> None:
    """Twice the same key, no key, no time, too many."""
    log = log_of(case, {})
    list_ = listed(case, log, (KEY, None), {PROVIDER: former_keys})
    codes = {check.code for check in judged(case, log, {}, list_=list_).checks}
    assert "trust-list-form" in codes


def test_a_record_by_a_stolen_log_key_names_nothing(case: Case) -> None:
    """A second log beside the first could name any second seal; its state is not signed by the listed key."""
    seals = {"provider.pq.jws": token(case, "provider")}
    log = log_of(case, names(seals))
    right = listed(case, log)
    log.keys = [LogKey()]
    assert verdicts(judged(case, log, seals, list_=right))["log"] is FAILED


def test_bug_a_withdrawn_key_by_another_name_made_a_second_seal(case: Case) -> None:
    """>> its log withdraws the key; the seal calls its key otherwise << the key counts, not the name."""
    kid = f"{PROVIDER}#{thumbprint(KEY.jwk)}"
    event = {"event": "key-revoked", "kid": kid, "from": written(NOW - 5), "document": "0" * 64}
    seals = {"provider.pq.jws": token(case, "provider")}
    log = log_of(case, names(seals))
    log.add("key", None, event)
    assert named(judged(case, log, seals)) == ("provider-pq", "key-revoked")
