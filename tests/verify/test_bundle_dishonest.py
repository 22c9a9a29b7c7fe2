"""What is sealed, logged and listed has one form: bundles of who holds all keys of its side, and says it otherwise.

Each row stands with the verdict that was written down before the bundle was made.
"""

import json
from collections.abc import Callable
from hashlib import sha256

import pytest

from connector.verify.bundle import verify_bundle
from connector.verify.checks import archive
from connector.verify.checks.trusted_time import written
from connector.verify.formats import jcs
from connector.verify.report import Verdict
from tests.verify.dishonest import Made, approval, ended, headed, logged, manifest
from tests.verify.forge import AGREEMENT, CONSUMER, DAY, NOW, PROVIDER, Case, Witness
from tests.verify.judge import FAILED, INDETERMINATE, PASSED, changed, named

pytestmark = pytest.mark.threat("T176")
Row = tuple[str, Verdict, str, Callable[[Case], bytes]]
REASON = {"de": ["Ende."], "en": ["The end."]}
DAY_AS_NUMBER = int(written(NOW)[:10].replace("-", ""))
PLAIN = {"@id": AGREEMENT, "assigner": PROVIDER, "assignee": CONSUMER}


def of(**made: object) -> Callable[[Case], bytes]:
    return lambda case: Made(case, **made).bundle()  # type: ignore[arg-type]


HONEST: list[Row] = [
    ("a contract", PASSED, "", of()),
    ("a record", PASSED, "", logged),
    ("an end", PASSED, "", lambda case: ended(case, reason=REASON)),
    ("a header in another layout", PASSED, "", of(twist=lambda header: json.dumps(header, indent=3).encode())),
    ("fractions and small numbers", PASSED, "", of(dataset=b'{"at":[52.5200066,-13.4e-2],"size":9007199254740991}')),
    ("a whole character by its number", PASSED, "", of(dataset=b'{"title":"\\ud83c\\udf33"}')),
    ("a date with a zone", PASSED, "", of(agreement={"timestamp": written(NOW)[:-1] + ".25+00:00"})),
]
SEALED: list[Row] = [
    ("unencoded payload", FAILED, "provider-seal/seal-form", of(twist=headed(b64=False, crit=["sigD", "b64"]))),
    ("another type", FAILED, "provider-seal/seal-form", of(twist=headed(typ="JOSE+JSON"))),
    ("sigD twice critical", FAILED, "provider-seal/seal-form", of(twist=headed(crit=["sigD", "sigD"]))),
    ("no fragment", FAILED, "provider-seal/seal-form", of(twist=headed(kid=f"{PROVIDER}#"))),
    ("another key", FAILED, "provider-seal/key-unknown", of(twist=headed(kid=f"{PROVIDER}#peer"))),
    ("NUL behind", FAILED, "provider-seal/seal-form", of(twist=lambda header: jcs.encode(header) + b"\0")),
    (
        "minus nought",
        FAILED,
        "agreement/agreement-form",
        of(agreement=jcs.encode({**PLAIN, "z": 7}).replace(b":7", b":-0")),
    ),
    ("a day as a number", INDETERMINATE, "times/agreement-time", of(agreement={"timestamp": DAY_AS_NUMBER})),
    ("a day without its time", INDETERMINATE, "times/agreement-time", of(agreement={"timestamp": written(NOW)[:10]})),
    ("a week", INDETERMINATE, "times/agreement-time", of(agreement={"timestamp": "2026-W47-3"})),
    ("endless", FAILED, "texts/member-ambiguous", of(profile=b'{"countersignBy":1e999}')),
    ("beyond 2^53", FAILED, "texts/member-ambiguous", of(dataset=b'{"size":9007199254740993}')),
    ("half a character", FAILED, "texts/member-ambiguous", of(dataset=b'{"title":"\\ud83c"}')),
]
LISTED: list[Row] = [
    ("version 2", FAILED, "manifest/manifest-form", lambda case: manifest(case, v=2)),
    ("version true", FAILED, "manifest/manifest-form", lambda case: manifest(case, v=True)),
    ("a verdict of its own", FAILED, "manifest/manifest-form", lambda case: manifest(case, verdict="PASSED")),
]
LOGGED: list[Row] = [
    ("version 2", FAILED, "records/record-form", lambda case: logged(case, v=2)),
    ("version true", FAILED, "records/record-form", lambda case: logged(case, v=True)),
    ("a list as body", FAILED, "records/record-form", lambda case: logged(case, body=[1])),
    ("a number as type", FAILED, "records/record-form", lambda case: logged(case, type=7)),
    ("an agreement of nothing", FAILED, "commitment/commitment-replaced", of(before={})),
    ("an agreement without a seal", FAILED, "commitment/commitment-replaced", of(before={"agreement": "0" * 64})),
]
ENDED: list[Row] = [
    ("no reason", FAILED, "provider-ending/termination-form", lambda case: ended(case, reason=None)),
    ("in English alone", FAILED, "provider-ending/termination-form", lambda case: ended(case, reason={"en": ["x"]})),
    (
        "five sentences",
        FAILED,
        "provider-ending/termination-form",
        lambda case: ended(case, reason={**REASON, "en": ["x"] * 5}),
    ),
    (
        "by the other side's key",
        FAILED,
        "consumer-ending/seal-references",
        lambda case: ended(case, "consumer", signer=case.provider),
    ),
    (
        "logged as nobody's",
        FAILED,
        "provider-ending/termination-unlogged",
        lambda case: ended(case, record={"by": "Provider"}),
    ),
    (
        "logged as the other side's",
        FAILED,
        "provider-ending/termination-unlogged",
        lambda case: ended(case, record={"by": "consumer"}),
    ),
    ("digests swapped", FAILED, "provider-ending/termination-unlogged", lambda case: ended(case, swapped=True)),
    (
        "before it was sealed",
        INDETERMINATE,
        "provider-ending/termination-early",
        lambda case: ended(case, at=NOW - 400),
    ),
    (
        "notice before it",
        FAILED,
        "provider-ending/termination-notice",
        lambda case: ended(case, notice=written(NOW - DAY)),
    ),
]


@pytest.mark.parametrize(
    ("verdict", "finding", "make"),
    [row[1:] for table in (HONEST, SEALED, LISTED, LOGGED, ENDED) for row in table],
    ids=[
        f"{name}: {row[0]}"
        for name, table in (
            ("honest", HONEST),
            ("sealed", SEALED),
            ("listed", LISTED),
            ("logged", LOGGED),
            ("ended", ENDED),
        )
        for row in table
    ],
)
def test_what_is_said_otherwise_is_found(
    case: Case, verdict: Verdict, finding: str, make: Callable[[Case], bytes]
) -> None:
    report = verify_bundle(make(case), case.roots, "en", now=NOW + 200)
    found = next((f"{one.name}/{one.code}" for one in report.checks if one.verdict is verdict), "")
    assert (report.verdict, found if finding else "") == (verdict, finding), report.reason


def test_bug_a_newer_end_of_nobody_let_an_older_one_count(case: Case) -> None:
    """Bug: >> the newer end is logged as that of "Provider", the older one shown << PASSED, as if it were newest."""
    log = case.log.copy()
    early = ended(case, reason=REASON, log=log)
    assert verify_bundle(early, case.roots, now=NOW + 300).verdict is PASSED
    log.rows, log.heads = log.rows[:-1], {**log.heads}  # as it was before it was told
    seq, _ = log.heads[AGREEMENT]
    log.heads[AGREEMENT] = (seq - 1, sha256(log.rows[-1][0]).hexdigest())
    log.add("termination", AGREEMENT, {"event": "stated", "by": "Provider", "statement": "0" * 64, "jws": "1" * 64})
    files = {name: body for name, body in archive.members(early).items() if name.startswith("termination-")}
    report = verify_bundle(changed(case, log=log.evidence(AGREEMENT), more=files), case.roots, now=NOW + 300)
    assert report.verdict is FAILED
    assert named(report) == ("provider-ending", "termination-superseded")


@pytest.mark.parametrize(
    "change",
    [{"side": "consumer"}, {"condition": "until May alone"}, {"pseudonym": "Erika Mustermann"}, {"rule": ...}],
)
def test_bug_an_approval_of_another_form_was_told_as_one(case: Case, change: dict[str, object]) -> None:
    """Bug: >> sealed as the other side's, with a condition, with a name << "a person agreed" was all that was told."""
    said = {name: value for name, value in approval("provider", **change).items() if value is not ...}
    for approvals, kind in (({}, "person"), ({"provider": jcs.encode(said)}, None)):
        report = verify_bundle(Made(case, approvals=approvals).bundle(), case.roots, now=NOW + 200)
        assert report.verdict is PASSED
        assert report.stated["approvals"] == {"provider": kind, "consumer": "person"}


def test_a_witness_counts_once_and_its_neighbour_by_another_look_does_not(case: Case) -> None:
    """>> four operators are witnesses, so two are asked for << not one with two keys, nor one under two names."""
    others = [Witness(f"did:web:w{number}.example") for number in range(4)]
    double = Witness("did:web:W0.example")
    double.url = "https://w0b.example/witness"
    for signing, verdict in (([others[0]], INDETERMINATE), ([others[0], double], INDETERMINATE), (others[:2], PASSED)):
        log = case.log.copy()
        log.witnesses = signing
        listed = case.authority.list({PROVIDER: log.keys}, witnesses=[*others, double])
        report = verify_bundle(changed(case, log=log.evidence(AGREEMENT), trust_list=listed), case.roots, now=NOW + 200)
        assert report.verdict is verdict, report.reason
