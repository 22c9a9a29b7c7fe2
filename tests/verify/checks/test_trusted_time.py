"""Since when a contract provably existed: by witnesses, by timestamps, by the signers alone (spec/contracts.md 4.1)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from connector.verify.bundle import verify_bundle
from connector.verify.checks import trusted_time
from connector.verify.checks.logbook import read
from connector.verify.formats import checkpoint
from connector.verify.formats.faults import Doubt, Fault
from connector.verify.report import Report
from tests.verify import forge
from tests.verify.authority import Authority
from tests.verify.forge import DAY, NOW, PROVIDER, Case, SealKey, Witness
from tests.verify.judge import FAILED, INDETERMINATE, PASSED, changed, named, verdicts
from tests.verify.states import policy_of


def with_witnesses(*seeing: Witness, listed: Sequence[Witness] | None = None) -> tuple[Case, bytes]:
    """A case whose log these witnesses cosigned; the trust list names `listed`, or the same."""
    case = Case()
    case.log.witnesses = list(seeing)
    signed = case.authority.list({PROVIDER: case.log.keys}, witnesses=seeing if listed is None else listed)
    return case, changed(case, log=case.log.evidence(forge.AGREEMENT), trust_list=signed)


def judged(*seeing: Witness, listed: Sequence[Witness] | None = None, policy: str | None = None) -> Report:
    case, bundle = with_witnesses(*seeing, listed=listed)
    return verify_bundle(bundle, case.roots, "en", witness=policy)


def test_a_witness_proves_the_time() -> None:
    """Its time stands in the report, for people and for machines."""
    report = judged(Witness(at=NOW + 90))
    assert report.verdict is PASSED
    assert report.stated["trusted_time"] == "2026-11-18T11:08:10Z" == trusted_time.written(NOW + 90)
    assert "18 Nov 2026, 12:08:10 (CET)" in report.checks[-1].sentence


@pytest.mark.threat("T167")
def test_bug_a_witness_that_speaks_from_the_future_fails_nobody() -> None:
    """Bug: >> a witness says that it saw the log in ten years, when the certificates are over << an honest bundle was
    FAILED. Its time bounds nothing: not proven. One that is five minutes ahead is as good as any."""
    bundle, roots = made_by(Witness(at=NOW + 3650 * DAY))
    report = verify_bundle(bundle, roots, "en", now=NOW + DAY)
    assert (report.verdict, report.doubts) == (INDETERMINATE, ("time",))
    assert report.checks[-1].code == "time-future"
    assert report.stated["trusted_time"] is None
    ahead, roots = made_by(Witness(at=NOW + trusted_time.SKEW_S))
    assert verify_bundle(ahead, roots, now=NOW).verdict is PASSED
    further, roots = made_by(Witness(at=NOW + trusted_time.SKEW_S + 1))
    assert verify_bundle(further, roots, now=NOW).verdict is INDETERMINATE


def made_by(witness: Witness) -> tuple[bytes, bytes]:
    case, bundle = with_witnesses(witness)
    return bundle, case.roots


def test_without_one_only_the_signers_say_so() -> None:
    """No witness, none that the list names, or only the operator of the log itself: cannot judge."""
    own = Witness("did:web:localhost%3A18443:betrieb")
    silent, said = "only the signers themselves name a time", "only witnesses of an operator that belongs to one of"
    for report, why in ((judged(), silent), (judged(Witness(), listed=[]), silent), (judged(own), said)):
        assert (report.verdict, report.doubts) == (INDETERMINATE, ("time",))
        assert why in report.reason
        assert report.stated["trusted_time"] is None
        assert report.holds_apart_from_time


@pytest.mark.threat("T54")
def test_a_cosignature_of_a_listed_witness_must_hold() -> None:
    """It cosigned a smaller state: its lines under this one are a forgery, and the others do not outvote it."""
    honest, other = Witness("did:web:a.example"), Witness("did:web:b.example")
    case, _ = with_witnesses(honest, other)
    proof, note = case.log.evidence(forge.AGREEMENT).proof.decode().split("\n\n", 1)
    lines = note.splitlines(keepends=True)
    lines[-1] = lines[-1][:-9] + ("AAAA" if lines[-1][-9:-5] != "AAAA" else "BBBB") + lines[-1][-5:]
    log = msgspec.structs.replace(case.parts.log, proof=f"{proof}\n\n{''.join(lines)}".encode())
    signed = case.authority.list({PROVIDER: case.log.keys}, witnesses=[honest, other])
    report = verify_bundle(changed(case, log=log, trust_list=signed), case.roots, "en")
    assert named(report) == ("time", "cosignature")
    assert "b.example" in report.reason


def test_a_policy_from_outside_replaces_the_list() -> None:
    """Whoever distrusts the listed witnesses names their own, also how many of them it takes."""
    one, two, stranger = (
        Witness(f"did:web:{name}.example", NOW + at) for name, at in (("a", 60), ("b", 120), ("c", 9))
    )
    assert judged(one, two, policy=policy_of(one)).stated["trusted_time"] == trusted_time.written(NOW + 60)
    assert judged(one, two, policy=policy_of(one, two, quorum="all")).stated["trusted_time"] == trusted_time.written(
        NOW + 120
    )
    assert judged(one, two, policy=policy_of(stranger)).doubts == ("time",)
    assert judged(one, two, policy="quorum none").doubts == ("time",)
    assert judged(stranger, listed=[one], policy=policy_of(stranger)).verdict is PASSED


def test_an_unreadable_policy_says_nothing_against_the_bundle() -> None:
    """It is the auditor's own file: cannot judge, with the line, and never FAILED."""
    report = judged(Witness(), policy="witness\nquorum none")
    assert (report.verdict, report.doubts) == (INDETERMINATE, ("anchors", "time"))
    assert "line 1" in report.reason


@pytest.mark.threat("T190")
@pytest.mark.parametrize(("level", "seen"), [("L1", NOW + 20 * DAY), ("L2", NOW + 20 * DAY), ("L2", NOW - 240)])
def test_bug_a_certificate_that_ended_before_others_saw_the_seal_failed_the_contract(level: str, seen: int) -> None:
    """Bug: >> the provider seals by a certificate, at L2 by one of a period in the list, that ends a while later, and
    the witness answers after that, or that began just then, by a witness whose clock is behind << FAILED, also in the
    bundle of the consumer, who took it while it held. Not proven: nobody else saw it in time."""
    case = Case()
    uris = [] if level == "L2" else None
    case.provider = case.exporter = SealKey(PROVIDER, case.ca, days=10 if level == "L1" else 900, uris=uris)
    case.witness = Witness(at=seen)
    case.log = case.new_log(PROVIDER)
    case.parts = case.make()
    period = {
        "sha256": sha256(case.provider.chain[0]).hexdigest(),
        "validFrom": trusted_time.written(NOW - 200),
        "validUntil": trusted_time.written(NOW + 10 * DAY),
    }
    listed = case.authority.list(
        {PROVIDER: case.log.keys}, {PROVIDER: [period]} if level == "L2" else {}, witnesses=[case.witness]
    )
    report = verify_bundle(changed(case, trust_list=listed), case.roots)
    assert (report.verdict, report.first_failed) == (INDETERMINATE, None)
    assert next(one.code for one in report.checks if one.name == "provider-seal") == "certificate-unseen"
    case.witness.at = NOW + 5 * DAY
    late = changed(case, log=case.log.evidence(forge.AGREEMENT), trust_list=listed)
    assert verify_bundle(late, case.roots).first_failed is None
    if level == "L2":  # what was struck off as stolen fails as before
        struck = {**period, "struckSince": trusted_time.written(NOW + 60)}
        listed = case.authority.list({PROVIDER: case.log.keys}, {PROVIDER: [struck]}, witnesses=[case.witness])
        report = verify_bundle(changed(case, log=case.log.evidence(forge.AGREEMENT), trust_list=listed), case.roots)
        assert named(report) == ("provider-seal", "certificate-period")


def test_a_seal_that_is_younger_than_its_record_is_odd() -> None:
    """A witness saw the log an hour before the seal says it was made: a clock is wrong, so nothing is certain."""
    report = judged(Witness(at=NOW - 3600))
    assert (named(report), report.doubts[:2]) == (None, ("provider-seal", "consumer-seal"))
    assert "one of the clocks is wrong" in report.reason
    assert judged(Witness(at=NOW - trusted_time.SKEW_S)).verdict is PASSED


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa"))


def stamped(case: Case, authority: Authority, *, note: str | None = None) -> bytes:
    """A bundle of the case with a token over the log's own note in it, or over another text."""
    own = trusted_time.own_note(read({"agreement.tlog-proof": case.parts.log.proof}).proof.checkpoint)
    log = msgspec.structs.replace(case.parts.log, timestamp=authority.token((own if note is None else note).encode()))
    return changed(case, log=log)


def pem(authority: Authority) -> bytes:
    return authority.root.public_bytes(Encoding.PEM)


def test_a_timestamp_proves_the_time_without_witnesses(authority: Authority) -> None:
    """With the roots of the authority; without them it cannot be judged, and the roots of seals are none of them."""
    case, _ = with_witnesses(listed=[])
    case.parts = msgspec.structs.replace(
        case.parts, log=case.log.evidence(forge.AGREEMENT), trust_list=case.authority.list({PROVIDER: case.log.keys})
    )
    bundle = stamped(case, authority)
    report = verify_bundle(bundle, case.roots, "en", timestamps_pem=pem(authority))
    assert report.verdict is PASSED
    assert report.checks[-1].sentence.endswith("confirmed by a timestamp authority")
    assert report.stated["trusted_time"] > "2026"  # type: ignore[operator]
    for roots, timestamps in ((case.roots, None), (case.roots + pem(authority), None)):
        open_report = verify_bundle(bundle, roots, "en", timestamps_pem=timestamps)
        assert (open_report.verdict, open_report.doubts) == (INDETERMINATE, ("time",))
    assert named(verify_bundle(bundle, case.roots, timestamps_pem=case.ca.pem())) == ("time", "timestamp-authority")


def test_the_earlier_of_both_counts(authority: Authority) -> None:
    """The witness saw it before the authority, or long after."""
    case = Case()
    bundle = stamped(case, authority)
    assert moment(case, bundle, authority) == trusted_time.written(case.witness.at)
    case.witness.at = int(datetime(2035, 1, 1, tzinfo=UTC).timestamp())
    case.parts = msgspec.structs.replace(case.parts, log=case.log.evidence(forge.AGREEMENT))
    assert moment(case, stamped(case, authority), authority) < trusted_time.written(case.witness.at)


def test_cosignatures_may_come_behind_the_token(authority: Authority) -> None:
    """The token is over the note of the log alone, so that a later witness does not undo it."""
    case = Case()
    state = read({"agreement.tlog-proof": case.parts.log.proof}).proof.checkpoint
    own = trusted_time.own_note(state)
    assert checkpoint.parse(own).lines == tuple(line for line in state.lines if line[0] == state.origin)
    whole = case.parts.log.proof.decode().partition("\n\n")[2]
    assert whole.startswith(own)
    assert whole != own


@pytest.mark.threat("T54")
def test_a_token_over_something_else_fails(authority: Authority) -> None:
    """Also where a witness gives a time: what is wrong in a bundle is never just left out."""
    case = Case()
    report = verify_bundle(stamped(case, authority, note="another"), case.roots, timestamps_pem=pem(authority))
    assert named(report) == ("time", "timestamp-imprint")
    damaged = msgspec.structs.replace(case.parts.log, timestamp=b"\x30\x00")
    assert verdicts(verify_bundle(changed(case, log=damaged), case.roots))["time"] is FAILED


def test_keys_do_not_pass_for_timestamp_roots(authority: Authority) -> None:
    """A public key among the roots of timestamp authorities is no root: said, and nothing is judged by it."""
    case = Case()
    report = verify_bundle(case.bundle(), case.roots, timestamps_pem=case.authority.pem())
    assert "anchors" in report.doubts


def test_find_asks_each_source_once(authority: Authority) -> None:
    """Nobody, a doubt about the token alone, and a fault of the token that no witness covers up."""
    state = read({"agreement.tlog-proof": Case().parts.log.proof}).proof.checkpoint
    with pytest.raises(Doubt, match="no-time"):
        trusted_time.find(state, None, None, [])
    with pytest.raises(Doubt, match="no-timestamp-roots"):
        trusted_time.find(state, authority.token(trusted_time.own_note(state).encode()), None, [])
    with pytest.raises(Fault, match="timestamp-form"):
        trusted_time.find(state, b"", None, [])


def moment(case: Case, bundle: bytes, authority: Authority) -> str:
    report = verify_bundle(bundle, case.roots, timestamps_pem=pem(authority))
    assert report.verdict is PASSED, report.reason
    return str(report.stated["trusted_time"])
