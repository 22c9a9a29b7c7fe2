"""How our logs stand with the witnesses of others, as operators see it: a word for each log, and the metrics."""

from types import SimpleNamespace

import pytest

from connector.dataspace.witness.ask import Witnesses
from connector.dataspace.witness.quorum import Progress
from connector.foundation.clock import FakeClock
from connector.foundation.errors import Unavailable
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import Tx
from connector.foundation.telemetry import MOST_SERIES, Metrics
from connector.identity.trust.members.successors import Step, Successors
from connector.oversight.operation.witness_status import LATE_MS, Log, State, WitnessStatus, judge
from tests.dataspace.witness.stage import NOW, TOWN, Peer, Stage
from tests.testkit.towns import Towns


def standing(size: int, quorum: int, at: int | None, waiting: int | None = None) -> Progress:
    return Progress(0, size, NOW, quorum, at, (), waiting_since=waiting)


@pytest.mark.parametrize(
    ("progress", "watched", "word"),
    [
        (standing(0, 0, None), True, "new"),
        (standing(5, 0, None), False, "nobody"),
        (standing(5, 0, None), True, "never"),
        (standing(5, 5, NOW - 9 * LATE_MS), True, "good"),  # nothing new since: nothing to vouch for
        (standing(6, 5, NOW - 9 * LATE_MS, NOW - 1), True, "good"),
        (standing(6, 5, NOW - 9 * LATE_MS, NOW - LATE_MS - 1), True, "late"),
    ],
)
def test_the_word_for_it(progress: Progress, watched: bool, word: State) -> None:
    assert judge(progress, NOW, watched=watched) == word


async def test_a_busy_log_that_nobody_vouches_for_any_more_is_late(towns: Towns) -> None:
    """Past bug: >> something new is sealed all the time, the witness is silent for hours << "good", for ever."""
    stage = Stage(towns, Peer())
    watch = WitnessStatus(towns.db, stage.clock, towns.participants, stage.net, Metrics())  # type: ignore[arg-type]
    await stage.grow(3)
    await stage.witnesses.look()
    waiting, busy = await stage.grow(1), await stage.grow(1)
    stage.clock.advance(LATE_MS + 60_000)
    await towns.db.write(TOWN, _sealed, busy.size, stage.clock.now())
    [own] = [one for one in await watch.now() if one.participant == TOWN]
    assert (own.progress.sealed_at, own.progress.waiting_since) == (stage.clock.now(), waiting.at)
    assert own.state == "late"


def _sealed(tx: Tx, size: int, at: int) -> None:
    tx.run("UPDATE audit_seal SET at = :at WHERE participant = :p AND size = :size", at=at, p=TOWN, size=size)


@pytest.mark.on_both
async def test_what_an_auditor_would_conclude_is_counted(towns: Towns) -> None:
    """>> no answer, one, growth, an answer that is spoilt at rest << never, good with its age, behind, never again."""
    peer, metrics = Peer(), Metrics()
    stage = Stage(towns, peer)
    watch = WitnessStatus(towns.db, stage.clock, towns.participants, stage.net, metrics)  # type: ignore[arg-type]
    newest = await stage.grow(3)

    async def seen() -> tuple[State, int, int]:
        await watch.look()
        found = {one.participant: one for one in watch._logs}[TOWN]
        return found.state, found.progress.size, found.progress.quorum

    assert await seen() == ("never", newest.size, 0)
    await stage.witnesses.look()
    stage.clock.advance(90_000)
    assert await seen() == ("good", newest.size, newest.size)
    text = metrics.text()
    assert f'hanse_log_quorum_age_seconds{{participant="{TOWN}"}} 90\n' in text
    assert 'hanse_log_states{state="good"} 1\n' in text
    assert 'hanse_log_states{state="new"} 1\n' in text  # the other town has signed nothing
    grown = await stage.grow(2)
    assert await seen() == ("good", grown.size, newest.size)
    [own] = [one for one in await watch.now() if one.participant == TOWN]
    assert [(said.name, said.size) for said in own.progress.said] == [("zeuge.example/witness", newest.size)]
    stage.net.listed = False
    assert await seen() == ("nobody", grown.size, 0)


async def test_each_request_is_counted_by_its_outcome(towns: Towns) -> None:
    """>> one vouches, one is silent, one lies << a series for each, with the name that the trust list has."""
    good, gone, liar = Peer("did:web:a.example"), Peer("did:web:b.example"), Peer("did:web:c.example")
    gone.away = Unavailable("http.unreachable", host="x")
    liar.says = lambda asked: Answer(200, {}, b"no line")
    stage, metrics = Stage(towns, good, gone, liar), Metrics()
    stage.witnesses = Witnesses(
        towns.db,
        stage.clock,
        towns.participants,
        stage.net,
        stage.net,
        stage.settings,
        "self.example/witness",  # type: ignore[arg-type]
        None,
        metrics,
    )
    await stage.grow(3)
    for _ in range(3):
        await stage.witnesses.look()
    counted = [line for line in metrics.text().splitlines() if not line.startswith("#")]
    assert counted == [
        'hanse_witness_asked_total{outcome="away",witness="b.example/witness"} 1',
        'hanse_witness_asked_total{outcome="not-genuine",witness="c.example/witness"} 1',
        'hanse_witness_asked_total{outcome="vouched",witness="a.example/witness"} 1',
    ]


@pytest.mark.threat("T69")
@pytest.mark.parametrize("moved", [False, True])
async def test_a_partner_whose_operator_runs_the_only_witness_is_named(towns: Towns, moved: bool) -> None:
    """>> a contract with a partner of the witness's operator, or that moved to it << named; with another witness there
    is nobody to name."""
    await towns.concluded("nachbardorf", TOWN)
    theirs, heir = SimpleNamespace(operator=Peer().operator), "did:web:neu.example"
    partner, peer, other = towns.did("nachbardorf"), Peer(), Peer("did:web:b.example")
    line = Successors([Step(partner, heir, 0)] if moved else [])
    for peers, expected in (((peer,), (partner,)), ((peer, other), ())):
        stage = Stage(towns, *peers)
        listed = SimpleNamespace(
            witnesses_for=stage.net.witnesses_for,
            line_for=lambda own: line,
            entry_for=lambda own, did: theirs if did == (heir if moved else partner) else None,
        )
        watch = WitnessStatus(towns.db, stage.clock, towns.participants, listed, Metrics())  # type: ignore[arg-type]
        [own] = [one for one in await watch.now() if one.participant == TOWN]
        assert own.alone == expected


@pytest.mark.threat("T148")
async def test_bug_a_log_counted_as_watched_by_its_own_operator_spelled_otherwise(towns: Towns) -> None:
    """>> the only witness bears our operator's name with a zero width space << nobody vouches for this log."""
    stage = Stage(towns, Peer("Muster\u200bstadt"))
    await stage.grow()
    listed = SimpleNamespace(
        witnesses_for=stage.net.witnesses_for, line_for=lambda own: Successors([]), entry_for=lambda own, did: None
    )
    watch = WitnessStatus(towns.db, stage.clock, towns.participants, listed, Metrics())  # type: ignore[arg-type]
    [own] = [one for one in await watch.now() if one.participant == TOWN]
    assert own.state == "nobody"


@pytest.mark.threat("T61")
def test_the_oldest_quorums_are_shown_first() -> None:
    """>> more logs than a name has room for << those that have waited longest."""
    metrics = Metrics()
    watch = WitnessStatus(None, FakeClock(NOW), None, SimpleNamespace(), metrics)  # type: ignore[arg-type]
    watch._logs = tuple(Log(f"p{at}", "o", "good", standing(5, 5, NOW - at * 1000)) for at in range(500))
    ages = [line for line in metrics.text().splitlines() if line.startswith("hanse_log_quorum_age_seconds{")]
    assert len(ages) == MOST_SERIES
    assert ages[0] == 'hanse_log_quorum_age_seconds{participant="p499"} 499'
