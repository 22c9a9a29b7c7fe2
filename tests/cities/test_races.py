"""Two replicas of a provider, and what meets in one moment: whoever is first, both sides end with the same contract."""

import asyncio
import json
import random
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from connector.exchange.contracts.agreement.termination_store import Termination
from connector.exchange.contracts.document.sealing import digest
from connector.exchange.contracts.model import Agreement, NegotiationRow
from connector.exchange.contracts.negotiation.late_countersignature import Settled
from connector.foundation.errors import Mistake
from connector.foundation.language.reasons import because
from connector.foundation.storage.database import Tx
from tests.cities.races import TOWN, VILLAGE, Race, Waiting, Work, race
from tests.cities.sharing import free_port
from tests.fuzz.effort import whole
from tests.postgres import Cluster
from tests.testkit.cities import City, data_space
from tests.testkit.patience import PATIENCE_S, eventually

WHY = {"de": ["Wir lösen das Bauamt auf."], "en": ["We close the building office."]}
REASON = because("contracts.offer-gone")
ROUNDS = whole(10, 100)
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.threat("T57")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started(cluster: Cluster) -> AsyncIterator[Race]:
    """Three processes for all tests of this file: each test makes contracts of its own."""
    with tempfile.TemporaryDirectory(prefix="h") as folder, cluster.database() as urls:
        async with data_space(Path(folder)) as space, race(space, urls, free_port()) as both:
            yield both


@pytest.fixture
def two(started: Race) -> Race:
    """Nothing is held or bent that an earlier test wanted so."""
    started.forget()
    return started


@pytest.mark.parametrize("first", ["seal", "deadline"])
async def test_a_late_seal_at_one_replica_and_the_deadline_at_the_other(first: str, two: Race) -> None:
    """>> both wait for the negotiation's row, in this order << what came first counts, the other finds it settled."""
    found = await two.waiting()
    seal, deadline = await two.brought(two.a, found), two.deadline(two.b, found)
    works = (seal, deadline) if first == "seal" else (deadline, seal)
    results = await two.behind("negotiation", found.theirs, *works)
    end = await two.agree(found.ours)
    if first == "seal":
        assert (results, end) == ([None, None], ("FINALIZED", "finalized"))
    else:
        assert isinstance(results[1], Settled)
        assert end == ("TERMINATED", "terminated")


async def test_two_copies_of_one_seal_at_two_replicas(two: Race) -> None:
    """>> the same seal at both doors << both take it; one record, one FINALIZED."""
    found = await two.waiting()
    works = [await two.brought(replica, found) for replica in (two.a, two.b)]
    assert await two.behind("negotiation", found.theirs, *works) == [None, None]
    assert await two.agree(found.ours) == ("FINALIZED", "finalized")
    assert [type_ for type_, _ in await two.log(two.a, found.agreement)].count("agreement") == 1


@pytest.mark.parametrize("first", ["seal", "end"])
@pytest.mark.parametrize("side", ["provider", "consumer"])
async def test_a_late_seal_and_a_statement_that_ends_the_agreement(side: str, first: str, two: Race) -> None:
    """>> both have seen it in force, and wait for its row << it is over, and both have the late seal in their logs."""
    found = await two.waiting("preferred")
    seal, over = await two.signed(two.a, found), ending(two, side, found.agreement)
    works = (seal, over) if first == "seal" else (over, seal)
    results = await two.behind("agreement", found.agreement, *works)
    assert results[works.index(seal)] == 204
    await two.until(lambda: over_on_both(two, found.agreement))
    assert await two.agree(found.ours) == ("FINALIZED", "ended")
    theirs, ours = [await seals(two, city, found.agreement) for city in (two.a, two.village)]
    assert theirs[0] is None
    assert theirs[1:] == ours[1:] != []


async def test_bug_a_late_seal_and_a_statement_each_held_what_the_other_waited_for(
    two: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the seal has changed the agreement and not yet the log; the other replica ends it << neither is undone.

    It wrote the log first: PostgreSQL undid one of the two after a second, and of the seal then came a 409.
    """
    found = await two.waiting("preferred")
    seal, over = await two.signed(two.a, found), ending(two, "provider", found.agreement)
    agreements, terminations = two.a.services.contracts.service.agreements, two.b.services.contracts.terminations
    record, declare, runs = agreements.records.add, terminations.declare, list[str]()
    halfway, loop = asyncio.Event(), asyncio.get_running_loop()

    def recorded(tx: Tx, case: NegotiationRow, agreement: Agreement, *more: Any) -> None:
        runs.append("seal")
        loop.call_soon_threadsafe(halfway.set)
        [mine] = tx.all("SELECT pg_backend_pid() AS pid")
        asyncio.run(eventually(lambda: two._queued(mine["pid"]) > 0 or len(runs) > 2))
        record(tx, case, agreement, *more)

    def declared(*args: Any) -> Termination:
        runs.append("end")
        return declare(*args)

    monkeypatch.setattr(agreements.records, "add", recorded)
    monkeypatch.setattr(terminations, "declare", declared)
    sealing = asyncio.ensure_future(seal())
    await asyncio.wait_for(halfway.wait(), PATIENCE_S)
    await over()
    assert await sealing == 204
    assert runs == ["seal", "end"]
    await two.until(lambda: over_on_both(two, found.agreement))
    assert await two.agree(found.ours) == ("FINALIZED", "ended")


@pytest.mark.parametrize("side", ["provider", "consumer"])
async def test_a_late_seal_that_finds_the_agreement_ended_is_too_late_for_both(side: str, two: Race) -> None:
    """>> let in, and ended before it is booked << 409; neither log speaks of it."""
    found = await two.waiting("preferred")
    seal = await two.signed(two.b, found)
    await ending(two, side, found.agreement)()
    await two.until(lambda: over_on_both(two, found.agreement))
    assert await seal() == 409
    assert await two.agree(found.ours) == ("FINALIZED", "ended")
    assert await seals(two, two.a, found.agreement) == [None]
    assert await seals(two, two.village, found.agreement) == [None]


@pytest.mark.parametrize("first", ["seal", "termination"])
@pytest.mark.parametrize("side", ["provider", "consumer"])
async def test_a_late_seal_and_a_termination_of_the_negotiation(side: str, first: str, two: Race) -> None:
    """>> in this order << the termination wins, unless FINALIZED was said before and nothing crossed it."""
    found = await two.waiting()
    seal, termination = await two.brought(two.a, found), terminating(two, side, found)
    works = (seal, termination) if first == "seal" else (termination, seal)
    results = await two.behind("negotiation", found.theirs, *works)
    end = await two.agree(found.ours)
    if first == "termination":
        assert isinstance(results[1], Settled)
    if first == "seal" and side == "provider":
        assert end in (("FINALIZED", "finalized"), ("TERMINATED", "terminated"))
    else:
        assert end == ("TERMINATED", "terminated")


@pytest.mark.parametrize("first", ["seal", "ack"])
async def test_a_late_seal_and_the_answer_to_finalized(first: str, two: Race) -> None:
    """<< FINALIZED, one-sided; its answer and the late seal meet << finalized on both sides, whoever is first."""
    answered = asyncio.Event()
    for replica in (two.a, two.b):
        two.lines[replica].after = lambda kind, body: answered if kind == "FINALIZED" else None
    found = await two.waiting("preferred", idle=False)
    seal = await two.signed(two.b, found)

    async def ack() -> None:
        answered.set()

    works = (seal, ack) if first == "seal" else (ack, seal)
    results = await two.behind("negotiation", found.theirs, *works)
    assert 204 in results
    assert await two.agree(found.ours) == ("FINALIZED", "finalized")


@pytest.mark.parametrize("first", [0, 1])
async def test_one_agreement_is_replaced_once(first: int, two: Race) -> None:
    """>> two renewals of one agreement are verified at once << one is in force and has replaced it, on both sides."""
    dataset = (await two.a.publish("musterstadt"))["dataset"]
    begun = await two.asked(dataset=dataset)
    await two.until(lambda: two.rests(begun, "FINALIZED"))
    old = (await two.case(two.village, begun)).agreement or ""
    gates = defaultdict[str, asyncio.Event](asyncio.Event)

    def gate(kind: str, body: bytes) -> asyncio.Event | None:
        return gates[json.loads(body)["consumerPid"]] if kind == "ContractAgreementVerificationMessage" else None

    two.lines[two.village].before = gate
    renewals = [await two.asked(old, dataset) for _ in range(2)]
    await two.until(lambda: all_held(two, renewals))
    await two.until(two.provider_idle)  # else the booking of an answer stands in line where a renewal is waited for

    def release(which: int) -> Work:
        async def go() -> None:
            gates[renewals[which]].set()

        return go

    await two.behind("agreement", old, release(first), release(1 - first))
    for one in renewals:
        await two.until(lambda one=one: over_by_now(two, one))
    ends = [await two.agree(one) for one in renewals]
    assert ends[first] == ("FINALIZED", "finalized")
    assert ends[1 - first] == ("TERMINATED", "terminated")
    assert await two.agree(begun) == ("FINALIZED", "ended")
    new = await two.agreement(two.village, (await two.case(two.village, renewals[first])).agreement or "")
    for city in (two.a, two.village):
        [told] = [body for type_, body in await two.log(city, old) if type_ == "termination"]
        assert (told["event"], told["by"]) == ("replaced", new.digest)


@pytest.mark.long
async def test_by_chance_nothing_else_comes_out(two: Race) -> None:
    """Seals, copies, deadline, terminations at random moments at either replica << one outcome, the same for both."""
    dice = random.Random(57)
    ends = list[tuple[str, str]]()
    for _ in range(ROUNDS):
        found = await two.waiting()
        pick = lambda: dice.choice((two.a, two.b))  # noqa: E731
        works = [await two.brought(pick(), found), await two.brought(pick(), found)]
        works += dice.sample(
            [two.deadline(pick(), found), terminating(two, "provider", found), terminating(two, "consumer", found)],
            dice.randint(1, 2),
        )
        dice.shuffle(works)
        results = await asyncio.gather(*(later(work, dice.random() / 40) for work in works), return_exceptions=True)
        assert all(one is None or isinstance(one, Settled | Mistake | NegotiationRow) for one in results), results
        ends.append(await two.agree(found.ours))
    assert set(ends) <= {("FINALIZED", "finalized"), ("TERMINATED", "terminated")}


async def later(work: Work, seconds: float) -> object:
    await asyncio.sleep(seconds)
    return await work()


def ending(two: Race, side: str, agreement: str) -> Work:
    """That side states that it ends at once; the provider at its second replica."""
    city, slug = (two.b, TOWN) if side == "provider" else (two.village, VILLAGE)
    return lambda: city.services.contracts.termination_delivery.end(slug, agreement, WHY, None)


def terminating(two: Race, side: str, found: Waiting) -> Work:
    """That side terminates the negotiation; the provider at its second replica."""
    city, slug, case = (two.b, TOWN, found.theirs) if side == "provider" else (two.village, VILLAGE, found.ours)
    return lambda: city.services.infra.db.write(
        slug, city.services.contracts.service.terminate, slug, case, "changed-mind", REASON
    )


async def seals(two: Race, city: City, agreement: str) -> list[str | None]:
    """The consumer's seal in each record of the agreement, as a digest."""
    return [body["consumerJws"] for type_, body in await two.log(city, agreement) if type_ == "agreement"]


async def over_on_both(two: Race, agreement: str) -> bool:
    return all([(await two.agreement(city, agreement)).state == "ended" for city in (two.a, two.village)])


async def all_held(two: Race, cases: list[str]) -> bool:
    return all([(await two.case(two.village, one)).shown == "VERIFIED" for one in cases])


async def over_by_now(two: Race, case: str) -> bool:
    return await two.rests(case, "FINALIZED") or await two.rests(case, "TERMINATED")


@pytest.mark.parametrize("first", ["notice", "at once"])
async def test_one_replica_gives_notice_and_the_other_ends_it_at_once(first: str, two: Race) -> None:
    """>> both have sealed what they state << at once counts, whoever is first; both sides have the same statement."""
    begun = await two.asked()
    await two.until(lambda: two.rests(begun, "FINALIZED"))
    await two.until(two.idle)
    agreement = (await two.case(two.village, begun)).agreement or ""
    day = two.space.clock.now() // 1000 * 1000 + 40 * 86_400_000
    desks = [replica.services.contracts.termination_delivery for replica in (two.a, two.b)]
    works: list[Work] = [
        lambda: desks[0].end(TOWN, agreement, WHY, day),
        lambda: desks[1].end(TOWN, agreement, WHY, None),
    ]
    results = await two.behind("agreement", agreement, *(works if first == "notice" else reversed(works)))
    await two.until(lambda: over_on_both(two, agreement))
    assert [isinstance(one, Mistake) for one in results] == [False, first == "at once"], results
    assert await two.agree(begun) == ("FINALIZED", "ended")
    told = [
        [body["statement"] for type_, body in await two.log(city, agreement) if body.get("event") == "stated"]
        for city in (two.a, two.village)
    ]
    assert told[0][-1] == told[1][-1]
    assert len(told[0]) == (2 if first == "notice" else 1)


async def test_two_seals_of_one_consumer_at_two_replicas(two: Race) -> None:
    """>> two different ones that both hold << the first is booked, the other refused with 409."""
    found = await two.waiting("preferred")
    other = await two.signed(two.b, found)
    works = (await two.brought(two.a, found), other)
    results = await two.behind("negotiation", found.theirs, *works)
    assert results == [None, 409]
    agreement = await two.agreement(two.a, found.agreement)
    assert agreement.consumer_jws == found.seal
    assert await seals(two, two.a, found.agreement) == [None, digest(found.seal.encode())]
