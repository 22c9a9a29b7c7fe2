"""The door of comparison: what it shows to whom, and how much of it at once (threat T52)."""

import json

import pytest

from connector.exchange.contracts.model import Agreement
from tests.testkit.neighbours import CONSUMER, PATH, PROVIDER, Neighbours


@pytest.mark.threat("T52")
async def test_a_stranger_learns_nothing_of_others_agreements(both: Neighbours, agreement: Agreement) -> None:
    """>> a third town asks for this agreement, and for one that does not exist << the same answer to both."""
    await both.towns.add("seestadt")
    await both.seal()
    answers = []
    for name in (agreement.id, "urn:uuid:00000000-0000-4000-8000-000000000000"):
        reply = await both.post("seestadt", PROVIDER, PATH, _question(name))
        assert reply.status == 200
        answers.append(reply.body)
    assert answers[0] == answers[1]
    assert json.loads(answers[0])["agreements"] == []


@pytest.mark.threat("T52")
async def test_only_what_both_must_know_is_shown(both: Neighbours, agreement: Agreement) -> None:
    """>> the partner asks << agreement, endings, transfers; no decision, no hold, nothing of another agreement."""
    other = await both.towns.concluded(CONSUMER, PROVIDER)
    await both.seal()
    reply = json.loads((await both.post(CONSUMER, PROVIDER, PATH, _question(agreement.id))).body)
    [part] = reply["agreements"]
    assert {line["record"]["type"] for line in part["records"]} == {"agreement"}
    assert other.id not in json.dumps(reply)


UNBOUNDED = (
    {"v": 1, "agreements": []},
    {"v": 1, "agreements": [{"agreement": f"urn:uuid:{number}"} for number in range(51)]},
    {"v": 2, "agreements": [{"agreement": "urn:uuid:1"}]},
    {"v": 1, "agreements": [{"agreement": "x" * 513}]},
    {"v": 1, "agreements": [{"agreement": "urn:uuid:1", "after": -2}]},
    {"v": 1, "agreements": [{"agreement": "urn:uuid:1", "after": 2**60}]},
    {"v": 1, "agreements": [{"agreement": "urn:uuid:1"}], "seen": {"origin": "o", "size": -1}},
    [],
    {"v": 1, "agreements": [{"agreement": "urn:uuid:1", "more": "x" * 70_000}]},
)


@pytest.mark.threat("T52")
async def test_questions_are_bounded(both: Neighbours) -> None:
    for question in UNBOUNDED:
        reply = await both.post(CONSUMER, PROVIDER, PATH, json.dumps(question).encode())
        assert reply.status in (400, 413), question


@pytest.mark.threat("T52")
async def test_who_asks_too_fast_waits(both: Neighbours, agreement: Agreement) -> None:
    statuses = [(await both.post(CONSUMER, PROVIDER, PATH, _question(agreement.id))).status for _ in range(24)]
    assert statuses[:20] == [200] * 20
    assert 429 in statuses[20:]


def _question(name: str) -> bytes:
    return json.dumps({"v": 1, "agreements": [{"agreement": name}]}).encode()
