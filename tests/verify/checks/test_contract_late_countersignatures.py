"""A countersignature that came days later: each seal is judged at the time of the first record that names it.

The provider's seal was in the log at `FIRST`, the consumer's at `SECOND` (spec/contracts.md 4.2).
"""

from datetime import UTC, datetime

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from connector.foundation.language import local_text
from connector.verify.bundle import verify_bundle
from connector.verify.checks import logbook, trusted_time
from connector.verify.checks.trusted_time import written
from connector.verify.formats import checkpoint, jcs
from tests.verify import forge
from tests.verify.authority import Authority, tst_info
from tests.verify.forge import AGREEMENT, CONSUMER, DAY, NOW, PROVIDER, Case, SealKey
from tests.verify.judge import FAILED, PASSED, changed, named, verdicts
from tests.verify.responder import Responder
from tests.verify.states import tree_of
from tests.verify.story import BETWEEN, FIRST, SECOND, Story, digest, listed

EARLIER = "seal was in the log on"


def rotated(case: Case) -> tuple[SealKey, bytes]:
    """The key with which the exporter seals the list of files now, and its document."""
    key = SealKey(case.exporter.did, case.ca)
    key.kid = f"{key.did}#next"
    return key, jcs.encode(key.document())


def withdrawn(case: Case, kid: str, since: int, exporter: str = PROVIDER) -> tuple[Story, dict[str, object]]:
    """The exporter withdraws that key in between and goes on with another."""
    case.exporter = case.provider if exporter == PROVIDER else case.consumer
    case.exporter, document = rotated(case)
    events = (
        {"event": "key-revoked", "kid": kid, "from": written(since), "document": "0" * 64},
        {"event": "rotated seal", "document": digest(document)},
    )
    return Story.of(case, *events, exporter=exporter), {"exporter_document": document}


def test_each_seal_has_its_own_time() -> None:
    """Nothing happened in between: passed, and both times are told to people and machines."""
    story = Story.of(Case())
    report = story.judged(story.first())
    assert report.verdict is PASSED, report.reason
    assert report.stated["trusted_time"] == written(SECOND)
    assert report.value("now")["sealTimes"] == {"provider": written(FIRST), "consumer": written(SECOND)}
    first = local_text(written(FIRST), "en")
    assert [note for note in report.notes if EARLIER in note] == [
        f"The provider's {EARLIER} {first} already; its key and certificate are judged at that time."
    ]
    alone = story.judged()
    assert alone.verdict is PASSED
    assert alone.value("now")["sealTimes"] == {"provider": written(SECOND), "consumer": written(SECOND)}
    assert not any(EARLIER in note for note in alone.notes)


def test_the_providers_key_withdrawn_in_between_takes_nothing_back() -> None:
    """Its seal was in the log before that. Without the earlier state nobody could know."""
    case = Case()
    story, more = withdrawn(case, case.provider.kid, BETWEEN)
    report = story.judged(story.first(), **more)
    assert report.verdict is PASSED, report.reason
    assert named(story.judged(None, **more)) == ("revocation", "key-revoked")


@pytest.mark.threat("T56")
def test_withdrawn_before_the_first_record_is_withdrawn() -> None:
    """From the first time on, or before it: refused, earlier state or not."""
    for since in (FIRST, NOW - 5):
        case = Case()
        story, more = withdrawn(case, case.provider.kid, since)
        assert named(story.judged(story.first(), **more)) == ("revocation", "key-revoked")


@pytest.mark.threat("T56")
def test_the_consumers_key_withdrawn_in_between_cannot_countersign() -> None:
    """The consumer exports: its own log says so, and the earlier state does not make its seal older."""
    case = Case()
    story, more = withdrawn(case, case.consumer.kid, BETWEEN, CONSUMER)
    assert named(story.judged(story.first(), **more)) == ("revocation", "key-revoked")
    case = Case()
    story, more = withdrawn(case, case.consumer.kid, SECOND + 1, CONSUMER)
    report = story.judged(story.first(), **more)
    assert report.verdict is PASSED, report.reason


@pytest.mark.threat("T56")
def test_certificates_withdrawn_in_between() -> None:
    """By their authority: the provider's still counts; that the consumer's sealed in time, as its owner says, is not
    proven."""
    case = Case()
    story, ca = Story.of(case), Responder(case.ca)
    answers = {
        role: ca.answer(key.certificate, since=BETWEEN, at=SECOND + DAY)
        for role, key in (("provider", case.provider), ("consumer", case.consumer))
    }
    passed = story.judged(story.first(), more={"provider.ocsp": answers["provider"]})
    assert passed.verdict is PASSED, passed.reason
    late = story.judged(story.first(), more={"consumer.ocsp": answers["consumer"]})
    assert (named(late), late.doubts) == (None, ("revocation",))
    assert local_text(written(BETWEEN), "en") in late.reason


def test_a_certificate_that_ran_out_in_between() -> None:
    """The provider's: it held when its seal came into the log. The consumer's: not proven that it sealed in time."""
    for role, expected in (("provider", ""), ("consumer", "certificate-unseen")):
        case = Case()
        short = SealKey(PROVIDER if role == "provider" else CONSUMER, case.ca, days=5)
        setattr(case, role, short)
        case.log = case.new_log(PROVIDER)
        case.parts = case.make()
        case.exporter, document = rotated(case)
        story = Story.of(case, {"event": "rotated seal", "document": digest(document)})
        report = story.judged(story.first(), exporter_document=document)
        assert named(report) is None
        assert next(one.code for one in report.checks if one.name == f"{role}-seal") == expected


@pytest.mark.threat("T56")
def test_a_state_from_before_the_first_record_gives_no_time() -> None:
    """It holds no record that names the seal: the later time counts, with all that happened until then."""
    case = Case()
    story, more = withdrawn(case, case.provider.kid, BETWEEN)
    for size in (1, story.size - 1):
        assert named(story.judged(story.first(size), **more)) == ("revocation", "key-revoked")


@pytest.mark.threat("T56")
def test_repeating_a_record_makes_no_seal_older() -> None:
    """>> the late record again and again, later still << the consumer's seal gets the later time at most."""
    story = Story.of(Case())
    body = Story.names(
        story.case, story.log.add("key", None, {"event": "any"}), digest(story.case.parts.consumer_jws or "")
    )
    for _ in range(3):
        story.log.add("agreement", AGREEMENT, body)
    report = story.judged(story.first())
    assert report.value("now")["sealTimes"] == {"provider": written(FIRST), "consumer": written(SECOND)}


@pytest.mark.threat("T56")
def test_a_record_that_is_said_to_name_the_seal_earlier_is_found() -> None:
    """>> the first record with the consumer's seal written into it, or both records the other way round << refused."""
    story = Story.of(Case())
    lines = [jcs.loads(line) for line in story.evidence().records.splitlines()]
    own = [line for line in lines if line["record"]["type"] == "agreement"]  # type: ignore[index]
    own[0]["record"]["body"] |= {"consumerJws": digest(story.case.parts.consumer_jws or "")}  # type: ignore[index]
    forged = b"".join(jcs.encode(line) + b"\n" for line in lines)
    log = msgspec.structs.replace(story.evidence(story.first()), records=forged)
    assert verdicts(story.judged(log=log))["records"] is FAILED
    places = [line["index"] for line in own]  # type: ignore[index]
    own[0]["index"], own[1]["index"] = places[1], places[0]  # type: ignore[index]
    turned = b"".join(jcs.encode(line) + b"\n" for line in lines)
    log = msgspec.structs.replace(story.evidence(story.first()), records=turned)
    assert verdicts(story.judged(log=log))["records"] is FAILED


@pytest.mark.threat("T56")
def test_the_earlier_state_is_one_of_this_log() -> None:
    """Of a log with another past, of somebody else, by another key, larger than the newest: each is named."""
    story = Story.of(Case())
    good, size = story.first(), len(story.log.rows)
    other = story.log.copy()
    other.rows[1] = (other.rows[1][0], b"\0" * 32)
    grown = tree_of(story.log).consistency(story.size)
    forked = logbook.write_first(size, grown, story.early(log=other))
    assert named(story.judged(forked)) == ("log", "log-rewritten")
    foreign = story.log.copy()
    foreign.did = CONSUMER
    assert named(story.judged(logbook.write_first(size, grown, story.early(log=foreign)))) == ("log", "log-origin")
    stolen = story.log.copy()
    stolen.keys = [forge.LogKey()]
    assert named(story.judged(logbook.write_first(size, grown, story.early(log=stolen)))) == (
        "log",
        "checkpoint-signature",
    )
    larger = story.log.copy()
    larger.noise(1)
    beyond = logbook.write_first(size, [], story.early(size + 1, larger))
    assert named(story.judged(beyond)) == ("log", "log-rolled-back")
    for broken in (good.replace(b"new ", b"old ", 1), good.replace(b"new ", b"new 1", 1), b"", b"\xff"):
        assert named(story.judged(broken)) == ("log", "log-proof-form")


@pytest.mark.threat("T54")
def test_a_cosignature_under_the_earlier_state_must_hold() -> None:
    """A line of a listed witness that is wrong is never just left out."""
    story = Story.of(Case())
    seen = checkpoint.parse(story.early())
    wrong = [
        checkpoint.line_of(name, key, signed[:-1] + bytes([signed[-1] ^ 1])) for name, key, signed in seen.lines[-1:]
    ]
    right = [checkpoint.line_of(*line) for line in seen.lines[:-1]]
    note = "".join([seen.text, "\n", *right, *wrong])
    first = logbook.write_first(len(story.log.rows), tree_of(story.log).consistency(story.size), note)
    assert named(story.judged(first)) == ("time", "cosignature")


def test_a_timestamp_may_give_the_earlier_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No witness at all: the provider's seal has a time, the contract as a whole has none."""
    authority = Authority(tmp_path_factory.mktemp("tsa"), begins=datetime.fromtimestamp(NOW - DAY, UTC))
    case = Case()
    story = Story.of(case)
    story.log.witnesses = []
    first = story.first()
    own = trusted_time.own_note(checkpoint.parse(first.decode().partition("\n\n")[2])).encode()
    seen = datetime.fromtimestamp(FIRST, UTC).strftime("%Y%m%d%H%M%SZ").encode()
    log = story.evidence(first, first_timestamp=authority.sign(tst_info(own, time=seen)))
    pem = authority.root.public_bytes(Encoding.PEM)
    whole = changed(case, log=log, trust_list=listed(case, story.log))
    report = verify_bundle(whole, case.roots, "en", timestamps_pem=pem)
    assert (named(report), report.doubts) == (None, ("time",))
    assert set(report.value("now")["sealTimes"]) == {"provider"}  # type: ignore[call-overload]
    assert verify_bundle(whole, case.roots, "en").value("now")["sealTimes"] == {}
    other = msgspec.structs.replace(log, first_timestamp=authority.token(b"another"))
    refused = verify_bundle(
        changed(case, log=other, trust_list=listed(case, story.log)), case.roots, timestamps_pem=pem
    )
    assert named(refused) == ("time", "timestamp-imprint")


def test_a_token_without_its_state_is_refused(case: Case) -> None:
    """It would be about nothing that is here."""
    lone = changed(case, more={"first.tst": b"\x30\x00"})
    assert named(verify_bundle(lone, case.roots)) == ("log", "log-proof-form")


def test_the_document_of_a_seal_is_one_that_was_in_force_since() -> None:
    """After a change of keys the late record names the newest event; a document from before the contract is none."""
    case = Case()
    story = Story.of(case, {"event": "rotated peer", "document": "1" * 64})
    assert story.judged(story.first()).verdict is PASSED
    log = case.new_log(PROVIDER)
    log.add("key", None, {"document": digest(case.parts.provider_document)})
    head = log.add("key", None, {"document": "1" * 64})
    log.add("agreement", AGREEMENT, Story.names(case, head, None))
    log.add("agreement", AGREEMENT, Story.names(case, head, digest(case.parts.consumer_jws or "")))
    stale = Story(case, log, 3)
    assert named(stale.judged(stale.first())) == ("commitment", "key-head")
