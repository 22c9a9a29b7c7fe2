"""A partner that compares with bad intent: strangers' records, salts that open nothing, pages without end.

>> a bent or endless answer << what it achieves: a word for it, few questions, and never "agrees".
"""

import json
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from connector.exchange.contracts.model import Agreement
from connector.exchange.reconciliation import ask, proven_records
from connector.foundation.errors import Unavailable
from connector.foundation.http.outbound import Answer
from connector.surfaces.peer.evidence import reconcile
from tests.testkit.neighbours import CONSUMER, PATH, PROVIDER, Neighbours

HOUR = 3_600_000


async def sent(both: Neighbours, agreement: Agreement, count: int) -> None:
    """Transfers in the provider's log of which the consumer knows nothing."""
    old = both.towns.clock.now() - HOUR
    for number in range(count):
        await both.log(PROVIDER, "transfer", agreement, at=old, transfer=f"urn:uuid:{number}", event="sent", bytes=1)


@pytest.mark.threat("T61")
async def test_a_genuine_record_of_another_agreement_is_none_of_this_one(
    both: Neighbours, agreement: Agreement
) -> None:
    """>> a record with a sound proof, but of a contract with somebody else, put among ours << invalid, and why."""
    await both.towns.add("seestadt")
    other = await both.towns.concluded("seestadt", PROVIDER)
    await both.seal()
    body = {"v": 1, "agreements": [{"agreement": other.id}]}
    foreign = json.loads((await both.post("seestadt", PROVIDER, PATH, json.dumps(body).encode())).body)
    lines = foreign["agreements"][0]["records"]
    assert lines

    def mixed(answer: dict[str, Any]) -> None:
        answer["agreements"][0]["records"] = lines

    both.bend = mixed
    found = await both.compare(CONSUMER, agreement)
    assert (found.state, found.code) == ("invalid", "record-foreign")


def _salt(answer: dict[str, Any]) -> None:
    line = answer["agreements"][0]["records"][0]
    line["salt"] = "0" * len(line["salt"])


def _short_salt(answer: dict[str, Any]) -> None:
    answer["agreements"][0]["records"][0]["salt"] = ""


def _index(answer: dict[str, Any]) -> None:
    answer["agreements"][0]["records"][0]["index"] = 2**53


def _long_proof(answer: dict[str, Any]) -> None:
    line = answer["agreements"][0]["records"][0]
    line["proof"] = [*line["proof"], *["A" * 43 + "="] * 2_000]


def _many(answer: dict[str, Any]) -> None:
    answer["agreements"][0]["records"] *= 1_001


def _parts(answer: dict[str, Any]) -> None:
    answer["agreements"] *= 2


def _growth(answer: dict[str, Any]) -> None:
    answer["consistency"] = ["A" * 43 + "="] * 100_000


@pytest.mark.threat("T61")
@pytest.mark.parametrize(
    ("bend", "state", "code"),
    [
        (_salt, "invalid", "record-proof"),
        (_short_salt, "invalid", "record-form"),
        (_index, "invalid", "record-form"),
        (_long_proof, "invalid", "record-proof"),
        (_parts, "invalid", "record-foreign"),
        (_many, "impossible", "200"),
        (_growth, "impossible", "200"),
    ],
)
async def test_nothing_bent_agrees(both: Neighbours, agreement: Agreement, bend: Any, state: str, code: str) -> None:
    both.bend = bend
    found = await both.compare(CONSUMER, agreement)
    assert (found.state, found.code, found.findings) == (state, code, ())


@pytest.mark.threat("T61")
async def test_pages_without_end_end(both: Neighbours, agreement: Agreement, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> one record a page, and always one more << so many questions; what is left is waited for, and never agrees."""
    await sent(both, agreement, 30)
    monkeypatch.setattr(ask, "ROUNDS", 8)

    def one(answer: dict[str, Any]) -> None:
        part = answer["agreements"][0]
        part.update(records=part["records"][:1], more=True)

    both.bend = one
    found = await both.compare(CONSUMER, agreement)
    assert len(both.asked) == 8
    assert found.state != "agrees"
    both.asked.clear()
    monkeypatch.setattr(ask, "MOST_RECORDS", 5)
    await both.compare(CONSUMER, agreement)
    assert len(both.asked) == 5


@pytest.mark.on_both
async def test_a_long_list_at_a_slow_door_is_read_to_its_end(
    both: Neighbours, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> 429 in the middle of the pages << asked more slowly, not all over again; a door that stays shut: later.

    An agreement with more than 2,400 transfers was never compared to its end: the door answers twenty pages at once.
    """
    monkeypatch.setattr(ask, "PACE_S", 0.0)
    monkeypatch.setattr(proven_records, "LINES", 12)
    await sent(both, agreement, 30)
    plain, asked, shut = both.keeping.reconciling._ask, list[int](), {2, 3}

    async def slowly(slug: str, did: str, body: bytes) -> Answer:
        asked.append(json.loads(body)["agreements"][0]["after"])
        return Answer(429, {}, b"{}") if len(asked) in shut else await plain(slug, did, body)

    monkeypatch.setattr(both.keeping.reconciling, "_ask", slowly)
    found = await both.compare(CONSUMER, agreement)
    assert (found.state, len(found.findings)) == ("missing-here", 30)
    assert [asked.count(after) for after in sorted(set(asked))] == [1, 3, 1]
    shut.update(range(1, 1_000))
    asked.clear()
    found = await both.compare(CONSUMER, agreement)
    assert (found.state, found.code) == ("unreachable", Unavailable("peer.busy").code)
    assert len(asked) == ask.MOST_PAUSES + 1


@pytest.mark.threat("T61")
async def test_a_partner_that_claims_to_know_more_is_told_of(
    both: Neighbours, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> "I have seen a million of your entries" << answered as ever; the operator finds a line, nothing is done."""
    await both.seal()
    origin = f"{both.towns.partner(PROVIDER).root.removeprefix('https://')}/log/0"
    body = {"v": 1, "agreements": [{"agreement": agreement.id}], "seen": {"origin": origin, "size": 10**6}}
    told = LogCapture()  # of a logger of its own: what other tests set up for the process does not matter
    plain = structlog.make_filtering_bound_logger(0)
    monkeypatch.setattr(reconcile, "log", structlog.wrap_logger(None, [told], plain))
    reply = await both.post(CONSUMER, PROVIDER, PATH, json.dumps(body).encode())
    assert reply.status == 200
    assert json.loads(reply.body)["consistency"] == []
    [line] = [one for one in told.entries if one["event"] == "records.partner-knows-more"]
    assert line["theirs"] == 10**6
