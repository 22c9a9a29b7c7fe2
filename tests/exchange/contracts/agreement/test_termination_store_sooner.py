"""A side that gave notice ends the agreement sooner, or at once for good cause; it can never put the end off (T47)."""

import asyncio
import json
import sqlite3
import zipfile
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from connector.exchange.contracts.agreement import termination_store
from connector.exchange.contracts.agreement.termination_store import Termination
from connector.exchange.contracts.evidence.service import Evidence
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.termination import statement
from connector.exchange.contracts.termination.statement import Doubled
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.storage import upgrade
from connector.foundation.storage.database import Tx
from tests.exchange.contracts.ending import CONSUMER, PROVIDER, end, hand_over, log, stated, states
from tests.testkit.releases import before
from tests.testkit.towns import Towns

CAUSE = {"de": ["Die Daten wurden weitergegeben."], "en": ["The data was passed on."]}


def in_days(towns: Towns, days: int) -> int:
    return (towns.clock.now() // 1000) * 1000 + days * statement.DAY_MS


async def noticed(towns: Towns, slug: str, days: int = 40) -> Agreement:
    """An agreement for whose end `slug` has given notice; the partner knows."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    await end(towns, slug, agreement, in_days(towns, days))
    await towns.run()
    assert await states(towns, agreement) == ["finalized", "finalized"]
    return agreement


async def for_cause(towns: Towns, slug: str, agreement: Agreement, notice: int | None = None) -> Termination:
    return (await towns.termination_delivery.end(slug, agreement.id, CAUSE, notice))[1]


async def objects(towns: Towns, slug: str) -> dict[str, bytes]:
    rows = await towns.rows(
        slug,
        "SELECT u.name, o.body FROM object_use u JOIN object o ON o.participant = u.participant"
        " AND o.sha256 = u.sha256 WHERE u.participant = :participant",
    )
    return {row["name"]: bytes(row["body"]) for row in rows}


@pytest.mark.on_both
@pytest.mark.threat("T57")
@pytest.mark.parametrize("slug", [PROVIDER, CONSUMER])
async def test_who_gave_notice_may_still_end_at_once(towns: Towns, slug: str) -> None:
    """>> notice for 40 days, then the end at once for cause << ended on both sides; both statements kept and logged."""
    agreement = await noticed(towns, slug)
    first = (await stated(towns, slug, agreement))[0]
    second = await for_cause(towns, slug, agreement)
    await towns.run()
    assert await states(towns, agreement) == ["ended", "ended"]
    for side in (PROVIDER, CONSUMER):
        [counts] = await stated(towns, side, agreement)
        assert (counts.sha256, counts.notice) == (second.sha256, None)
        assert counts.answer == ("delivered" if side == slug else "theirs")
        told = await log(towns, side, agreement)
        assert [one["event"] for one in told] == ["stated", "stated", "ended"]
        assert [one["statement"] for one in told[:2]] == [first.sha256, second.sha256]
        kept = await objects(towns, side)
        assert first.statement in kept.values()
        assert first.jws.encode() in kept.values()
        assert kept[f"termination-{first.side}.json"] == second.statement
        over = await towns.db.read(side, statement.over, await towns.agreement(side, agreement.id))
        assert CAUSE["de"][0] in over.reason["de"]


async def test_the_bundle_shows_the_statement_that_counts(towns: Towns) -> None:
    agreement = await noticed(towns, CONSUMER)
    second = await for_cause(towns, CONSUMER, agreement)
    await towns.run()
    for slug in (PROVIDER, CONSUMER):
        evidence = Evidence(towns.db, towns.clock, towns.participants, lambda own, dids: "a.b.c")
        with zipfile.ZipFile(BytesIO(await evidence.bundle(slug, agreement.id))) as bundle:
            assert bundle.read("termination-consumer.json") == second.statement
            assert not [name for name in bundle.namelist() if name.startswith("former")]


@pytest.mark.on_both
async def test_an_earlier_day_takes_the_place_of_a_later_one(towns: Towns) -> None:
    """>> in 40 days, then in 20, then in 30 << 20 counts on both sides, and it ends then; putting it off is refused."""
    agreement = await noticed(towns, PROVIDER)
    await for_cause(towns, PROVIDER, agreement, in_days(towns, 20))
    with pytest.raises(Mistake, match=r"endings\.no-sooner"):
        await for_cause(towns, PROVIDER, agreement, in_days(towns, 30))
    await towns.run()
    for side in (PROVIDER, CONSUMER):
        [counts] = await stated(towns, side, agreement)
        assert counts.effective == counts.notice
        assert counts.effective < in_days(towns, 21)
        await towns.db.write(side, _when_the_day_has_come, towns, agreement, counts.effective)
    assert await states(towns, agreement) == ["ended", "ended"]


def _when_the_day_has_come(tx: Tx, towns: Towns, agreement: Agreement, day: int) -> None:
    due = tx.all("SELECT due_at FROM timer WHERE participant = :participant AND kind = 'ending'", participant=tx.scope)
    assert min(row["due_at"] for row in due) == day
    tx.now = day
    towns.terminations.due(tx, tx.scope, agreement.id)


async def test_what_ends_at_once_is_the_last_word(towns: Towns) -> None:
    agreement = await noticed(towns, CONSUMER)
    await for_cause(towns, CONSUMER, agreement)
    with pytest.raises(Mistake, match=r"endings\.not-in-force"):
        await for_cause(towns, CONSUMER, agreement)


async def test_a_partner_that_was_away_hears_the_one_that_counts(towns: Towns) -> None:
    """>> notice not delivered, then at once << the partner gets the second alone, and only once something new."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    towns.wire.answers = [Unavailable("http.unreachable")]
    await end(towns, CONSUMER, agreement, in_days(towns, 40))
    await towns.run()
    second = await for_cause(towns, CONSUMER, agreement)
    for _ in range(3):
        await towns.hurry()
    assert [one["event"] for one in await log(towns, PROVIDER, agreement)] == ["stated", "ended"]
    [theirs] = await stated(towns, PROVIDER, agreement)
    assert theirs.sha256 == second.sha256
    assert [one.answer for one in await stated(towns, CONSUMER, agreement)] == ["delivered"]


async def test_the_answer_to_the_former_one_says_nothing_of_the_one_that_counts(towns: Towns) -> None:
    """>> at once, while the notice is on its way << "delivered" is not shown before the second one is."""
    agreement = await noticed(towns, CONSUMER)
    first = (await stated(towns, CONSUMER, agreement))[0]
    await for_cause(towns, CONSUMER, agreement)
    await towns.db.write(CONSUMER, towns.terminations.answered, CONSUMER, agreement.id, first.sha256, "refused")
    assert [one.answer for one in await stated(towns, CONSUMER, agreement)] == ["waiting"]


# What a hostile partner may try


@pytest.mark.threat("T57")
async def test_a_late_copy_of_the_former_statement_changes_nothing(towns: Towns) -> None:
    """>> notice, at once, the notice again << 409; one end."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    notice = {"at": rfc3339(towns.clock.now()), "notice": rfc3339(in_days(towns, 40))}
    assert await hand_over(towns, agreement, notice)
    assert not await hand_over(towns, agreement, notice)
    assert await hand_over(towns, agreement)
    with pytest.raises(Doubled):
        await hand_over(towns, agreement, notice)
    with pytest.raises(Doubled):
        await hand_over(towns, agreement, {"at": rfc3339(towns.clock.now() - 60_000), "reason": CAUSE})
    assert [one["event"] for one in await log(towns, PROVIDER, agreement)] == ["stated", "stated", "ended"]


@pytest.mark.threat("T57")
async def test_ever_earlier_days_do_not_fill_the_log(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a day earlier, again and again << refused from a number on; at once is still taken."""
    monkeypatch.setattr(termination_store, "MOST_NOTICES", 3)
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    taken = 0
    for day in range(40, 30, -1):
        bent: dict[str, Any] = {"notice": rfc3339(in_days(towns, day))}
        try:
            taken += await hand_over(towns, agreement, bent)
        except Doubled:
            assert day <= 37
    assert taken == 3
    assert await hand_over(towns, agreement)
    assert (await towns.agreement(PROVIDER, agreement.id)).state == "ended"


@pytest.mark.on_both
@pytest.mark.threat("T57")
async def test_replicas_that_hear_different_ends_at_once_keep_the_sooner(towns: Towns) -> None:
    """>> 20 days, 30 days and at once in one moment << at once counts, whoever was first; each logged once."""
    agreement = await noticed(towns, CONSUMER)
    ends: list[dict[str, Any]] = [{}, *({"notice": rfc3339(in_days(towns, day))} for day in (20, 30))]
    found = await asyncio.gather(*(hand_over(towns, agreement, one) for one in ends), return_exceptions=True)
    assert found[0] is True
    assert all(one is True or isinstance(one, Doubled) for one in found), found
    [counts] = await stated(towns, PROVIDER, agreement)
    assert counts.notice is None
    told = [one["statement"] for one in await log(towns, PROVIDER, agreement) if one["event"] == "stated"]
    assert len(told) == len(set(told)) == 1 + sum(one is True for one in found)
    assert json.loads(counts.statement)["notice"] is None


def test_statements_of_an_older_release_are_kept(tmp_path: Path) -> None:
    """>> a database with one statement of each side, brought up to date << both are there and count."""
    earlier = before(tmp_path / "earlier", "0013")
    url = f"sqlite://{tmp_path / 'hanse.db'}"
    upgrade(url, folder=earlier)
    rows = [("a", "g", side, b"{}", f"{side}-hash", "j", None, 2, 1, 2, answer) for side, answer in _KEPT]
    with closing(sqlite3.connect(tmp_path / "hanse.db")) as old, old:
        _row(old, "participant", id="a")
        _row(old, "agreement", participant="a", id="g")
        old.executemany(f"INSERT INTO ending VALUES ({', '.join('?' * 11)})", rows)
    assert upgrade(url)[0] == "0013_pre_sooner"
    again = ("a", "g", "consumer", b"{}", "another", "j", None, 2, 1, 2, "waiting")
    with closing(sqlite3.connect(tmp_path / "hanse.db")) as new, new:
        assert sorted(new.execute("SELECT * FROM ending")) == sorted(rows)
        with pytest.raises(sqlite3.IntegrityError):
            new.execute(f"INSERT INTO ending VALUES ({', '.join('?' * 11)})", again)


def _row(database: sqlite3.Connection, table: str, **values: object) -> None:
    """A row of that table; what must be there and is not named is empty."""
    columns = [row for row in database.execute(f"PRAGMA table_info({table})") if row[3] or row[1] in values]
    names, marks = ", ".join(row[1] for row in columns), ", ".join("?" * len(columns))
    empty = {"INTEGER": 0, "TEXT": "", "BLOB": b""}
    whole = [values.get(row[1], empty[row[2]]) for row in columns]
    database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", whole)


_KEPT = (("provider", "theirs"), ("consumer", "delivered"))
