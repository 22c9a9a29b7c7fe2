"""A party that has moved exports under its new DID: believed where the list names the successor, and nowhere else."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.evidence import export
from connector.verify.bundle import verify_bundle
from connector.verify.checks.trusted_time import SKEW_S, written
from connector.verify.formats import base64url, jcs, key_binding
from tests.verify.forge import AGREEMENT, CONSUMER, DAY, NOW, PROVIDER, STRANGER
from tests.verify.judge import INDETERMINATE, PASSED, changed, named, verdicts
from tests.verify.keys import SealKey, Witness
from tests.verify.moved import EXPORTED, HEIR, MOVED, Story
from tests.verify.states import both
from tests.verify.story import Story as Partner

pytestmark = pytest.mark.threat("T117")


@pytest.fixture
def story() -> Story:
    return Story().arrived()


def test_what_was_agreed_before_the_move_passes_and_the_report_says_who_stands_there(story: Story) -> None:
    """>> exported at the new place << PASSED; since when the new DID stands there, and by which list version."""
    report = story.judged()
    assert report.verdict is PASSED, report.reason
    assert report.stated["succession"] == {"version": 8, "provider": {"did": HEIR, "since": written(MOVED)}}
    assert any(PROVIDER in note and HEIR in note and "version 8" in note for note in report.notes)
    assert report.value("")["succession"] == report.stated["succession"]


def test_nobody_saw_it_before_the_move(story: Story) -> None:
    """>> no witness before the move << PASSED: the party itself shows it in its log under the new DID."""
    report = story.judged(log=story.seen_since())
    assert report.verdict is PASSED, report.reason


@pytest.mark.parametrize("seen", [MOVED, MOVED + SKEW_S - 1])
def test_between_both_places_there_is_no_gap(story: Story, seen: int) -> None:
    """>> first seen in the second of the move, and while clocks may still differ << members both."""
    story.case.witness.at = seen
    assert verdicts(story.judged(log=story.log.evidence(AGREEMENT)))["membership"] is PASSED


@pytest.mark.parametrize(
    "over",
    [
        {"validUntil": written(EXPORTED - DAY)},
        {"state": "suspended", "suspendedSince": written(EXPORTED - DAY)},
    ],
)
def test_who_was_no_member_any_more_at_the_new_place_either_is_none(story: Story, over: dict[str, str]) -> None:
    """>> first seen when the new DID was off the list, or suspended << no member, though its own log shows it."""
    report = story.judged(story.listed(**over), log=story.seen_since())
    assert named(report) == ("membership", "not-member")


def test_in_anothers_log_it_has_to_be_seen_before_the_move(story: Story) -> None:
    """>> the partner's log, first seen after the move << not proven: it could have been dated back."""
    case = story.case
    case.exporter = case.consumer
    partner = Partner.of(case, exporter=CONSUMER)
    case.witness.at = EXPORTED
    report = verify_bundle(
        changed(case, trust_list=story.listed_with(CONSUMER, partner.log.keys), log=partner.log.evidence(AGREEMENT)),
        case.roots,
        "en",
    )
    doubts = {check.name: check.code for check in report.checks if check.verdict is INDETERMINATE}
    assert doubts == {"membership": "member-moved"}


def test_what_was_exported_before_the_move_passes_by_either_list(story: Story) -> None:
    """>> the bundle of the old place, alone and with the list of now << PASSED both times."""
    data = story.case.bundle()
    for given in (None, story.listed().encode()):
        report = verify_bundle(data, story.case.roots, "en", trust_list=given)
        assert report.verdict is PASSED, report.reason


def test_both_bundles_beside_each_other_are_one_log(story: Story) -> None:
    """>> that of the old place and that of the new one << the second continues the first."""
    old = story.case.bundle()
    report = verify_bundle(story.bundle(), story.case.roots, "en", beside=old)
    assert verdicts(report)["beside"] is PASSED, report.reason


@pytest.mark.parametrize(
    "succeeds",
    [
        [],
        [{"did": STRANGER, "from": written(MOVED)}],
        [{"did": PROVIDER, "from": written(EXPORTED + DAY)}],
    ],
)
def test_without_the_lists_word_nobody_exports_for_a_party(story: Story, succeeds: list[dict[str, str]]) -> None:
    """>> no succession, somebody else's, one from after the export << the exporter is none of the parties."""
    assert named(story.judged(story.listed(succeeds=succeeds))) == ("exporter-seal", "exporter")


def test_a_member_with_a_log_of_its_own_is_no_successor(story: Story) -> None:
    """>> a member seals the manifest over a party's log << refused, though its key and certificate are good."""
    story.key = SealKey(STRANGER, story.case.ca)
    story.document = jcs.encode(story.key.document())
    assert named(story.judged()) == ("exporter-seal", "exporter")


def test_the_newest_list_decides(story: Story) -> None:
    """>> an older list that knows of no succession given beside << the newer one in the bundle counts, no rollback."""
    older = json.loads(_payload(story.listed()))
    older["version"] -= 1
    for entry in older["participants"]:
        entry.pop("succeeds", None)
    report = story.judged(trust_list=story.case.authority.signed(older).encode())
    assert report.verdict is PASSED, report.reason


def test_two_successors_of_one_are_no_list(story: Story) -> None:
    """>> two entries take the same place << the list is none."""
    claims = json.loads(_payload(story.listed()))
    for entry in claims["participants"]:
        if entry["did"] == CONSUMER:
            entry["succeeds"] = [{"did": PROVIDER, "from": written(MOVED)}]
    assert named(story.judged(story.case.authority.signed(claims))) == ("trust-list", "trust-list-form")


@pytest.mark.threat("T118")
def test_the_old_place_exports_nothing_once_another_has_it(story: Story) -> None:
    """>> the old place exports in its own name after the move << not proven: it may leave out what came since."""
    case = story.case

    def late(manifest: bytes) -> str:
        par = sealing.address(key_binding.root_of(PROVIDER), manifest)
        return case.seal(case.provider, [sealing.Reference(par, manifest, "application/json")], EXPORTED)

    report = verify_bundle(export.bundle(case.parts, late), story.case.roots, "en", trust_list=story.listed().encode())
    assert {check.name: check.code for check in report.checks if check.code == "place-taken"} == {
        "exporter-seal": "place-taken"
    }
    assert report.verdict is INDETERMINATE


@pytest.mark.threat("T118")
def test_the_old_place_agrees_nothing_once_another_has_it(story: Story) -> None:
    """>> a contract sealed by the old keys after the move, the old entry still open << no contract of that town."""
    open_ended = _open(story, since=NOW - 2 * SKEW_S)
    report = verify_bundle(story.case.bundle(), story.case.roots, "en", trust_list=open_ended)
    assert {check.name: check.code for check in report.checks}["membership"] == "place-taken"


@pytest.mark.threat("T118")
def test_an_entry_that_is_still_open_proves_nothing_after_the_move(story: Story) -> None:
    """>> the partner's log, first seen after the move, the old entry without an end << not proven all the same."""
    case = story.case
    case.exporter = case.consumer
    partner = Partner.of(case, exporter=CONSUMER)
    case.witness.at = EXPORTED
    data = changed(case, trust_list=story.listed_with(CONSUMER, partner.log.keys), log=partner.log.evidence(AGREEMENT))
    report = verify_bundle(data, case.roots, "en", trust_list=_open(story, MOVED, {CONSUMER: partner.log.keys}))
    assert {check.name: check.code for check in report.checks}["membership"] == "member-moved"


def test_who_takes_in_its_own_partner_still_stands_for_itself(story: Story) -> None:
    """>> the consumer has taken the provider's place, and exports << PASSED, as the consumer that it is."""
    case = story.case
    case.exporter = case.consumer
    partner = Partner.of(case, exporter=CONSUMER)
    case.witness.at = MOVED - DAY
    claims = json.loads(_payload(story.listed_with(CONSUMER, partner.log.keys)))
    for entry in claims["participants"]:
        entry.pop("succeeds", None)
        if entry["did"] == CONSUMER:
            entry["succeeds"] = [{"did": PROVIDER, "from": written(MOVED)}]
    data = changed(case, trust_list=case.authority.signed(claims), log=partner.log.evidence(AGREEMENT))
    report = verify_bundle(data, case.roots, "en")
    assert report.verdict is PASSED, report.reason


@pytest.mark.threat("T118")
def test_the_old_place_writes_nothing_behind_the_new_one(story: Story) -> None:
    """>> a record under the old DID behind one of the new << foreign: the log was handed on and is not taken back."""
    story.log.did = PROVIDER
    story.log.add("key", None, {"event": "rotated peer", "document": "0" * 64})
    story.log.did = HEIR
    assert named(story.judged()) == ("records", "record-foreign")


@pytest.mark.threat("T118")
def test_the_old_place_signs_no_state_behind_the_new_one(story: Story) -> None:
    """>> the newest state under the old origin, by the old keys << refused."""
    story.log.close(AGREEMENT)
    early, old = story.log.copy(), story.log.copy()
    early.did, early.epoch, early.keys = HEIR, 1, story.log.keys
    old.keys = story.old.keys
    early.rows = early.rows[:-1]
    old.did = PROVIDER
    assert named(story.judged(log=both(early, old))) == ("log", "log-origin")


def test_each_state_is_signed_by_the_keys_of_its_own_place(story: Story) -> None:
    """>> the new origin signed with keys of the old place, and none that the list names for the new << refused."""
    listed = story.listed()
    story.log.keys = story.old.keys
    assert named(story.judged(listed))[0] == "log"  # type: ignore[index]


def test_a_third_place_is_reached_by_way_of_the_second(story: Story) -> None:
    """>> moved twice, the export by the last << PASSED; the report names the last."""
    claims = json.loads(_payload(story.listed()))
    middle = "did:web:localhost%3A21443:zwischen:musterstadt"
    for entry in claims["participants"]:
        if entry["did"] == HEIR:
            entry["succeeds"] = [{"did": middle, "from": written(MOVED)}]
    between = {"did": middle, "name": "m", "operator": "m", "state": "active", "validFrom": written(MOVED)}
    between["succeeds"] = [{"did": PROVIDER, "from": written(MOVED)}]  # type: ignore[assignment]
    claims["participants"].append(between)
    report = story.judged(story.case.authority.signed(claims))
    assert report.verdict is PASSED, report.reason
    assert report.stated["succession"]["provider"]["did"] == HEIR  # type: ignore[index]


@pytest.mark.threat("T117")
@pytest.mark.parametrize("exporter", [PROVIDER, CONSUMER])
def test_bug_a_witness_that_a_party_has_moved_to_bounds_no_time_alone(exporter: str) -> None:
    """Bug: >> the partner's bundle, seen before the move by the operator that the provider moved to, alone << PASSED.

    Both could date it back now: not proven, never wrong. Seen by another witness too: it stays what it was.
    """
    for other in (None, Witness("did:web:anderer.example")):
        story = Story().arrived()
        case = story.case
        own, others = Partner.of(case, exporter=CONSUMER), [] if other is None else [other]
        log = story.old if exporter == PROVIDER else own.log
        log.witnesses = [case.witness, *others]
        case.witness.at = MOVED - DAY
        for one in others:
            one.at = MOVED - DAY + 60
        case.exporter = case.provider if exporter == PROVIDER else case.consumer
        claims = json.loads(_payload(story.listed({exporter: log.keys}, operator=case.witness.operator)))
        claims["witnesses"] = [one.entry() for one in (case.witness, *others)]
        data = changed(case, trust_list=case.authority.signed(claims), log=log.evidence(AGREEMENT))
        report = verify_bundle(data, case.roots, "en")
        found = {check.name: check.code for check in report.checks if check.code}
        assert found == ({"time": "no-independent-time"} if other is None else {}), (exporter, other)


def _open(story: Story, since: int, logs: Mapping[str, Any] = MappingProxyType({})) -> bytes:
    """The newest list, in which the old entry has no end yet."""
    claims = json.loads(_payload(story.listed(logs, succeeds=[{"did": PROVIDER, "from": written(since)}])))
    for entry in claims["participants"]:
        if entry["did"] == PROVIDER:
            del entry["validUntil"]
    claims["version"] += 1
    return story.case.authority.signed(claims).encode()


def _payload(jws: str) -> bytes:
    return base64url.decode(jws.split(".")[1])
