"""Witnesses in operation, as two operators see them: who vouches since when, keys that are exchanged, a restore.

>> commands and scrapes of running processes << what a person reads, and what the other side then believes.
"""

import asyncio
import json
from typing import Any

import pytest

from connector.cli.main import main
from connector.identity.audit import origins, sealer
from connector.verify.bundle import verify_bundle
from connector.verify.formats import checkpoint
from tests.cities.vouching import OFTEN, TOWN, VILLAGE, agreed, both, bundle, copied, public, vouched
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.patience import PATIENCE_S


async def command(space: Space, city: str, lang: str, *words: str) -> int:
    """The exit code of a command against the city's data folder."""
    call = ["--lang", lang, *words, "--data", str(space.folder.parent / city)]
    return await asyncio.to_thread(main, call, {})


@pytest.mark.parametrize(
    ("lang", "own", "line"),
    [
        ("de", "Unser Protokoll musterstadt:", "Zeugen haben"),
        pytest.param("en", "Our log musterstadt:", "Witnesses have vouched", marks=pytest.mark.long),
    ],
)
async def test_the_operator_sees_who_vouches(space: Space, lang: str, own: str, line: str, capsys: Any) -> None:
    """>> an agreement, cosigned by the other operator << `witness`, `doctor` and the metrics say how far and when."""
    town, village = await both(space)
    await agreed(town, village)
    note = await vouched(town, TOWN, village)
    assert await command(space, "town", lang, "witness") == 0
    out = capsys.readouterr().out
    assert own in out
    assert village.services.witness.keys.name in out
    assert await command(space, "town", lang, "witness", "--json") == 0
    [shown] = json.loads(capsys.readouterr().out)["own"]
    assert shown["state"] == "good"
    assert shown["vouched"]["size"] >= note.size
    await command(space, "town", lang, "doctor")
    assert line in capsys.readouterr().out
    await town.services.operation.status.look()
    text = town.services.infra.metrics.text()
    assert 'hanse_log_quorum_age_seconds{participant="musterstadt"}' in text
    assert f'hanse_witness_asked_total{{outcome="vouched",witness="{village.services.witness.keys.name}"}}' in text
    assert 'hanse_witness_answered_total{outcome="vouched"}' in village.services.infra.metrics.text()


async def test_keys_are_exchanged_without_a_gap(space: Space, capsys: Any) -> None:
    """>> `witness --rotate` << listed beside the old ones, both under the next state; old bundles hold, and new."""
    town, village = await both(space)
    first = await agreed(town, village)
    before = {(name, key) for name, key, _ in (await vouched(town, TOWN, village)).lines}
    old = await bundle(town, TOWN, first)
    assert await command(space, "village", "de", "witness", "--rotate") == 0
    assert "neue Schlüssel" in capsys.readouterr().out
    assert await command(space, "village", "de", "witness", "--rotate") == 1
    assert "zählt bis" not in capsys.readouterr().out
    assert await command(space, "village", "de", "witness") == 0
    assert "zählt bis" in capsys.readouterr().out
    await space.reload(town, village)
    [listed] = [
        one for one in town.services.trust.anchor.current.witnesses if one.url == village.services.witness.keys.url
    ]
    assert [("validUntil" in key) for key in listed.keys] == [False, False, True, True]
    second = await agreed(town, village)
    note = await after(town, village, before)
    assert len([line for line in note.lines if line[0] == village.services.witness.keys.name]) == 4
    for made in (old, await bundle(town, TOWN, first), await bundle(town, TOWN, second)):
        report = verify_bundle(made, space.roots, "de")
        assert report.holds_apart_from_time, report.reason


async def after(town: City, village: City, before: set[tuple[str, bytes]]) -> checkpoint.Checkpoint:
    """The first checkpoint under which the other operator's witness has signed with new keys too."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            note = await vouched(town, TOWN, village)
            if {(name, key) for name, key, _ in note.lines} - before:
                return note
            await asyncio.sleep(0.1)


async def test_a_database_from_a_backup_is_noticed_without_a_network(space: Space, capsys: Any) -> None:
    """>> one operator, no witness; copied, gone on, copied back << a new origin at once, and no size signed twice."""
    hosted = {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY}
    folder = space.folder.parent
    database, backup = folder / "town" / "hanse.db", folder / "backup.db"
    async with space.running("town", hosted, OFTEN) as town:
        await bundle(town, TOWN, await agreed(town, town))
    copied(database, backup)
    async with space.running("town", hosted, OFTEN) as town:
        later = await agreed(town, town)
        old = await bundle(town, TOWN, later)
        newest = await town.services.infra.db.read(TOWN, sealer.latest, TOWN)
        assert newest is not None
        await town.services.witness.witnesses.look()
    copied(backup, database)
    async with space.running("town", hosted, OFTEN) as town:
        agreement = await agreed(town, town)
        made = await bundle(town, TOWN, agreement)
        assert await town.services.infra.db.read(TOWN, origins.current, TOWN) == 1
        note = checkpoint.parse((await public(town, TOWN, "1/checkpoint")).body.decode())
        assert note.origin.endswith("/log/1")
        published = checkpoint.parse((await public(town, TOWN, "0/checkpoint")).body.decode())
        assert published.size < newest.size
        assert 'hanse_log_restored_total{participant="musterstadt"} 1' in town.services.infra.metrics.text()
        for lang, said in (("de", "aus einer Sicherung"), ("en", "from a backup")):
            for words in ("witness", "doctor"):
                await command(space, "town", lang, words)
                assert said in capsys.readouterr().out
        for one in (old, made):
            report = verify_bundle(one, space.roots, "de")
            assert report.holds_apart_from_time, report.reason
