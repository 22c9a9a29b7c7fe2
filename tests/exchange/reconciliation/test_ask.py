"""Partners compare what their logs say about shared agreements: a town asks, its neighbour's own door answers.

>> compare << how it stands on both sides, and which alarms the logs hold; the answers may be bent on their way.
"""

import json
from typing import Any

import pytest

from connector.continuity.privacy.erasure import Eraser, Order
from connector.continuity.privacy.retention import Periods
from connector.exchange.contracts.model import Agreement
from connector.foundation.errors import PeerError, Unavailable, Unknown
from connector.identity.audit import entry
from connector.identity.audit import store as audit
from connector.verify.formats import jcs
from tests.testkit.neighbours import CONSUMER, PROVIDER, Bend, Neighbours

HOUR = 3_600_000


async def test_two_honest_logs_agree(both: Neighbours, agreement: Agreement) -> None:
    """>> each side asks << both agree, nothing is alarmed, and the checkpoint is remembered for the next time."""
    for slug in (CONSUMER, PROVIDER):
        found = await both.compare(slug, agreement)
        assert (found.state, found.findings, found.code) == ("agrees", (), "")
        assert await both.alarms(slug) == []
    assert both.asked[0]["seen"] is None
    await both.log(PROVIDER, "decision", agreement, phase="access")
    assert (await both.compare(CONSUMER, agreement)).state == "agrees"
    assert both.asked[-1]["seen"]["size"] > 0


@pytest.mark.on_both
async def test_a_missing_seal_is_seen_on_both_sides_and_alarmed_once(both: Neighbours, agreement: Agreement) -> None:
    """>> the provider's log says that nobody countersigned, or something else << seen on both sides, alarmed once."""
    rows = await both.towns.rows(
        PROVIDER,
        "SELECT record FROM audit_entry WHERE participant = :participant AND type = 'agreement' AND agreement = :a",
        a=agreement.id,
    )
    body = json.loads(rows[-1]["record"])["body"]
    await both.log(PROVIDER, "agreement", agreement, **{**body, "consumerJws": None})
    assert (await both.compare(PROVIDER, agreement)).state == "missing-here"
    assert (await both.compare(CONSUMER, agreement)).state == "missing-there"
    await both.log(PROVIDER, "agreement", agreement, **{**body, "consumerJws": "0" * 64})
    for _ in range(2):
        here, there = await both.compare(PROVIDER, agreement), await both.compare(CONSUMER, agreement)
        assert (here.state, there.state) == ("differs", "differs")
        assert [(one.what, one.subject) for one in here.findings] == [("seal", "consumer")]
        assert here.findings[0].ours == there.findings[0].theirs == "0" * 64
    for slug in (PROVIDER, CONSUMER):
        first, second = await both.alarms(slug)
        assert (first["event"], first["state"]) == (
            "reconciliation",
            f"missing-{'here' if slug == PROVIDER else 'there'}",
        )
        assert (second["state"], second["findings"][0]["kind"]) == ("differs", "differs")


async def test_an_ending_that_only_one_side_knows(both: Neighbours, agreement: Agreement) -> None:
    """>> the provider's statement never arrived << missing there; missing here as the consumer sees it."""
    long_ago = both.towns.clock.now() - 48 * HOUR
    said = {"event": "stated", "by": "provider", "statement": "a" * 64, "jws": "b" * 64}
    await both.log(PROVIDER, "termination", agreement, at=long_ago, **said)
    assert (await both.compare(PROVIDER, agreement)).state == "missing-there"
    assert (await both.compare(CONSUMER, agreement)).state == "missing-here"
    await both.log(CONSUMER, "termination", agreement, at=long_ago, **said)
    assert (await both.compare(PROVIDER, agreement)).state == "agrees"
    assert (await both.compare(CONSUMER, agreement)).state == "agrees"


async def test_transfers_are_matched_by_the_partners_own_ids(both: Neighbours, agreement: Agreement) -> None:
    """>> bytes sent and received under two different ids << agrees; more received than sent << differs."""
    towns = both.towns
    asked = await towns.fetch(CONSUMER, PROVIDER, agreement)
    await towns.run()
    theirs = (await towns.process(CONSUMER, asked.id)).kernel.peer_pid
    assert theirs not in (None, asked.id)
    old = towns.clock.now() - HOUR
    await both.log(PROVIDER, "transfer", agreement, at=old, transfer=theirs, event="sent", bytes=8, cause="")
    found = await both.compare(PROVIDER, agreement)
    assert (found.state, found.findings[0].subject) == ("missing-there", theirs)
    assert (await both.compare(CONSUMER, agreement)).findings[0].subject == asked.id
    await both.log(
        CONSUMER, "transfer", agreement, at=old, transfer=asked.id, event="received", bytes=8, sha256="0" * 64
    )
    assert (await both.compare(PROVIDER, agreement)).state == "agrees"
    assert (await both.compare(CONSUMER, agreement)).state == "agrees"
    await both.log(
        CONSUMER, "transfer", agreement, at=old, transfer=asked.id, event="received", bytes=9, sha256="0" * 64
    )
    assert (await both.compare(PROVIDER, agreement)).state == "differs"


async def test_what_is_not_sealed_there_is_waited_for(both: Neighbours, agreement: Agreement) -> None:
    """>> the partner has not sealed << not yet, no alarm, asked again soon; a day later it counts as missing."""
    found = [one for one in await both.keeping.reconciling.now(CONSUMER, agreement.id) if one.agreement == agreement.id]
    assert found[0].state == "unsealed"
    assert found[0].due_at - found[0].at < HOUR
    assert await both.alarms(CONSUMER) == []

    def claims(answer: dict[str, Any]) -> None:
        answer["agreements"][0].update(records=[], waiting=5, more=False)

    both.bend = claims
    old = both.towns.clock.now() - 48 * HOUR
    said = {"event": "stated", "by": "consumer", "statement": "a" * 64, "jws": "b" * 64}
    await both.log(CONSUMER, "termination", agreement, at=old, **said)
    assert (await both.compare(CONSUMER, agreement)).state == "missing-there"


def _other_text(answer: dict[str, Any]) -> None:
    answer["agreements"][0]["records"][0]["record"]["body"]["agreement"] = "0" * 64


def _foreign_proof(answer: dict[str, Any]) -> None:
    answer["agreements"][0]["records"][0]["proof"] = []


def _other_agreement(answer: dict[str, Any]) -> None:
    answer["agreements"][0]["agreement"] = "urn:uuid:9"


def _doubled(answer: dict[str, Any]) -> None:
    answer["agreements"][0]["records"] *= 2


def _unsigned(answer: dict[str, Any]) -> None:
    origin, size, root, *_ = answer["checkpoint"].split("\n")
    answer["checkpoint"] = f"{origin}\n{int(size) + 1}\n{root}\n\n" + answer["checkpoint"].partition("\n\n")[2]


def _other_log(answer: dict[str, Any]) -> None:
    answer["checkpoint"] = answer["checkpoint"].replace(PROVIDER, CONSUMER)


def _no_log(answer: dict[str, Any]) -> None:
    answer["checkpoint"] = None


def _endless(answer: dict[str, Any]) -> None:
    answer["agreements"][0].update(records=[], more=True)


@pytest.mark.threat("T52")
@pytest.mark.parametrize(
    ("bend", "code"),
    [
        (_other_text, "record-proof"),
        (_foreign_proof, "record-proof"),
        (_other_agreement, "record-foreign"),
        (_doubled, "record-order"),
        (_unsigned, "checkpoint-signature"),
        (_other_log, "log-origin"),
        (_no_log, "log-rolled-back"),
        (_endless, "record-order"),
    ],
)
async def test_what_is_not_proven_counts_for_nothing(
    both: Neighbours, agreement: Agreement, bend: Bend, code: str
) -> None:
    """>> a bent answer << invalid with the reason, one alarm with the checkpoint, however often it comes."""
    both.bend = bend
    for _ in range(2):
        found = await both.compare(CONSUMER, agreement)
        assert (found.state, found.code, found.findings) == ("invalid", code, ())
    [alarm] = await both.alarms(CONSUMER)
    assert (alarm["state"], alarm["code"], alarm["partner"]) == ("invalid", code, both.towns.did(PROVIDER))


@pytest.mark.threat("T52")
async def test_a_log_that_shrinks_or_forks_is_found_out(both: Neighbours, agreement: Agreement) -> None:
    """>> an older checkpoint than the one we saw; one whose proof of growth is wrong << invalid, both notes kept."""
    kept: dict[str, Any] = {}
    both.bend = lambda answer: kept.update(answer)
    assert (await both.compare(CONSUMER, agreement)).state == "agrees"
    await both.log(PROVIDER, "decision", agreement, phase="access")
    both.bend = None
    assert (await both.compare(CONSUMER, agreement)).state == "agrees"
    both.bend = lambda answer: kept
    found = await both.compare(CONSUMER, agreement)
    assert (found.state, found.code) == ("invalid", "log-rolled-back")
    assert len((await both.alarms(CONSUMER))[-1]["checkpoints"]) == 2

    def without_growth(answer: dict[str, Any]) -> None:
        answer["consistency"] = []

    await both.log(PROVIDER, "decision", agreement, phase="access")
    both.bend = without_growth
    found = await both.compare(CONSUMER, agreement)
    assert (found.state, found.code) == ("invalid", "log-forked")


@pytest.mark.parametrize("failure", [404, 405, 400, 401, PeerError("peer.no-address", did="did:web:x")])
async def test_a_partner_without_the_route_is_no_error(
    both: Neighbours, agreement: Agreement, failure: Exception | int
) -> None:
    """>> another connector, or one without an address << not possible; no alarm."""
    both.fails = [failure]
    assert (await both.compare(CONSUMER, agreement)).state == "impossible"
    assert await both.alarms(CONSUMER) == []


async def test_a_partner_without_log_keys_cannot_be_believed(both: Neighbours, agreement: Agreement) -> None:
    both.without_keys.add(PROVIDER)
    found = await both.compare(CONSUMER, agreement)
    assert (found.state, found.code) == ("impossible", "no-log-keys")


@pytest.mark.on_both
async def test_a_partner_that_is_away_is_asked_again(both: Neighbours, agreement: Agreement) -> None:
    """>> queued once, the partner is down, then back << the row waits; then it agrees, and no row is left."""
    towns = both.towns
    await both.seal()
    towns.handlers |= both.keeping.work().handlers
    before = "UPDATE agreement SET finalized_at = finalized_at - 120000 WHERE participant = :p"
    await towns.db.write(CONSUMER, lambda tx: tx.run(before, p=CONSUMER))
    both.fails = [Unavailable("http.unreachable"), 503]
    for _ in range(2):
        await both.keeping.reconciling.queue()
    rows = await towns.rows(CONSUMER, "SELECT id FROM outbox WHERE participant = :participant AND kind = 'reconcile'")
    assert len(rows) == 1
    await towns.run()
    assert await towns.db.read(CONSUMER, both.keeping.comparison.all, CONSUMER) == []
    for _ in range(2):
        await towns.hurry()
    [found] = await towns.db.read(CONSUMER, both.keeping.comparison.all, CONSUMER)
    assert found.state == "agrees"
    await both.keeping.reconciling.queue()
    rows = await towns.rows(CONSUMER, "SELECT id FROM outbox WHERE participant = :participant AND kind = 'reconcile'")
    assert len(rows) == 1


async def test_who_stays_away_is_booked_so(both: Neighbours, agreement: Agreement) -> None:
    """>> the partner is down at every try of a person's comparison << unreachable, no alarm, asked again in an hour."""
    both.fails = [Unavailable("http.unreachable")]
    found = await both.compare(CONSUMER, agreement)
    assert (found.state, found.code) == ("unreachable", "http.unreachable")
    assert await both.alarms(CONSUMER) == []


async def test_a_long_list_comes_in_pages(both: Neighbours, agreement: Agreement) -> None:
    """>> 300 transfers at the provider that the consumer does not know << three pages, every one missing here."""
    old = both.towns.clock.now() - HOUR
    for number in range(300):
        await both.log(
            PROVIDER, "transfer", agreement, at=old, transfer=f"urn:uuid:{number}", event="sent", bytes=1, cause=""
        )
    found = await both.compare(CONSUMER, agreement)
    assert (found.state, len(found.findings)) == ("missing-here", 300)
    assert len(both.asked) == 3
    [alarm] = await both.alarms(CONSUMER)
    assert len(alarm["findings"]) == 20


async def test_what_was_erased_is_not_missing(both: Neighbours, agreement: Agreement) -> None:
    """>> the provider's record of a transfer was erased << not comparable any more, no alarm."""
    old = both.towns.clock.now() - HOUR
    await both.log(CONSUMER, "transfer", agreement, at=old, transfer="urn:uuid:1", event="received", bytes=1)
    await both.log(PROVIDER, "transfer", agreement, at=old, transfer="urn:uuid:1", event="sent", bytes=1)
    await both.seal()
    rows = await both.towns.db.read(PROVIDER, audit.records, PROVIDER, agreement.id)
    eraser = Eraser(Periods(days={}, other=1, duties=frozenset()), lambda tx, slug, name: None, both.towns.did)
    gone = [row.id for row in rows if row.type == "transfer"]
    order = Order("data protection", "Art. 17")
    outcome = await both.towns.db.write(PROVIDER, eraser.erase, PROVIDER, gone, order, asked=True)
    assert len(outcome.erased) == 1
    found = await both.compare(CONSUMER, agreement)
    assert found.state == "erased"
    assert [one.kind for one in found.findings] == ["erased"]
    assert await both.alarms(CONSUMER) == []


async def test_comparing_what_is_not_there_is_said(both: Neighbours) -> None:
    with pytest.raises(Unknown, match=r"contracts\.no-agreement"):
        await both.keeping.reconciling.now(CONSUMER, "urn:uuid:1")


@pytest.mark.threat("T52")
async def test_what_a_partner_calls_erased_does_not_agree(both: Neighbours, agreement: Agreement) -> None:
    """>> the door shows leaves of its log and says that the records were erased << neither missing nor agreed."""

    def erased(answer: dict[str, Any]) -> None:
        for line in answer["agreements"][0]["records"]:
            record, salt = line.pop("record"), line.pop("salt")
            leaf = entry.leaf_data(bytes.fromhex(salt), jcs.encode(record))
            line.update(leaf=leaf.hex(), erased={"type": record["type"], "seq": record["seq"]})

    both.bend = erased
    assert (await both.compare(CONSUMER, agreement)).state == "erased"


@pytest.mark.threat("T52")
async def test_a_partner_that_falls_silent_hides_no_finding(both: Neighbours, agreement: Agreement) -> None:
    """>> something differs, then no answer, then it differs as before << still shown meanwhile, alarmed once."""
    said = {"event": "stated", "by": "provider", "statement": "a" * 64, "jws": "b" * 64}
    await both.log(PROVIDER, "termination", agreement, at=both.towns.clock.now() - 48 * HOUR, **said)
    first = await both.compare(CONSUMER, agreement)
    assert first.state == "missing-here"
    both.fails.append(404)
    silent = await both.compare(CONSUMER, agreement)
    assert (silent.state, silent.findings) == ("impossible", first.findings)
    assert (await both.compare(CONSUMER, agreement)).state == "missing-here"
    assert len(await both.alarms(CONSUMER)) == 1
