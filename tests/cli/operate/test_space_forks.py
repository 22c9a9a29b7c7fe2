"""`hanse space forks` and what goes with it: an operator reads, hands on and settles two lists of one number."""

import asyncio
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from connector.cli.main import main
from connector.cli.operate import doctor_spaces
from connector.foundation.language import say
from connector.foundation.storage.database import PROCESS
from connector.identity.trust.members import forks, pins
from connector.identity.trust.members.forks import FORK, ForkedList
from tests.dataspace.spaces.conftest import TOWN, UNLISTED
from tests.identity.trust.members.keepers import Keeper
from tests.identity.trust.members.lists import NOW, entry
from tests.testkit.cities import MUNICIPALITY, City, Space

pytestmark = pytest.mark.threat("T163")


async def doctor(city: City) -> list[str]:
    found = await asyncio.to_thread(lambda: list(doctor_spaces.lines(city.settings, "de")))
    assert not any("{" in say(f"cli.doctor.{key}", lang, **facts) for _, key, facts in found for lang in ("de", "en"))
    return [key for _, key, _ in found]


async def test_an_operator_reads_the_proof_hands_it_on_and_settles_it(
    space: Space, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> two lists of one number are found << `forks` and `doctor` say so, the file proves it to somebody who has no
    server, the log has one alarm however often it is told; settled once, and nothing is open any more."""
    town = await space.city("town", {TOWN: MUNICIPALITY}, UNLISTED)
    await town.stop_jobs()
    db, trust, keeper = town.services.infra.db, town.services.trust, Keeper(tmp_path, "north")
    held = keeper.says(entry("town", NOW), entry("village", NOW), version=7)
    other = keeper.says(replace(entry("town", NOW), state="suspended"), version=7)
    pin = replace(keeper.pin, list_url="", members=frozenset({town.did(TOWN)}))

    async def typed(*words: str, code: int = 0, folder: Path = town.settings.folder) -> str:
        capsys.readouterr()
        given = ["space", *words, "--data", str(folder), "--lang", "en"]
        assert await asyncio.to_thread(main, given, {"LANG": "en"}) == code
        out = capsys.readouterr()
        return out.out + out.err

    assert "No authority" in await typed("forks")
    assert "space-list-fork" not in await doctor(town)
    await db.write(PROCESS, pins.pin, town.did(TOWN), keeper.pin)
    await db.write(PROCESS, pins.keep, keeper.key.id, 7, held)
    pair = ForkedList(authority=keeper.key.id, version=7, held=held, other=other)
    await db.write(PROCESS, forks.keep, pair, keeper.key.public_jwk)
    await trust.listing.catch_up()
    (case,) = await db.read(PROCESS, forks.cases)
    for _ in range(2):  # by another replica, or by one that died before it could say that it told
        await town.services.spaces.alarms.raised(pin, FORK, case.found_at)
    rows = await db.read(TOWN, lambda tx: tx.all("SELECT record FROM audit_entry WHERE type = 'alarm'"))
    assert [json.loads(row["record"])["body"]["event"] for row in rows] == [FORK]

    said = await typed("forks", code=1)
    assert "two different lists of the number 7" in said
    assert "list 7 is in force" in said
    assert "space-list-fork" in await doctor(town)
    file = tmp_path / "proof.json"
    await typed("fork-export", keeper.key.id, "-o", str(file))
    said = await typed("fork-check", str(file), folder=tmp_path / "nowhere")
    assert "Proven" in said
    assert "Town (did:web:town.de): member; in the other: suspended" in said
    assert "Village (did:web:village.de): member; in the other: not named" in said
    file.write_text(file.read_text().replace('"version": 7', '"version": 8'))
    assert "proves nothing" in await typed("fork-check", str(file), code=1, folder=tmp_path / "nowhere")

    await typed("fork-settle", keeper.key.id, "--list", "6", "--yes", code=1)
    assert "number 7) alone holds" in await typed("fork-settle", keeper.key.id, "--list", "7", "--yes")
    (case,) = await db.read(PROCESS, forks.cases)
    await town.services.spaces.alarms.raised(pin, forks.SETTLED, case.settled_at or 0)  # by another replica
    rows = await db.read(TOWN, lambda tx: tx.all("SELECT record FROM audit_entry WHERE type = 'alarm' ORDER BY id"))
    assert [json.loads(row["record"])["body"]["event"] for row in rows] == [FORK, "trust.list-settled"]
    assert "settled" in await typed("forks")
    assert "space-list-fork" not in await doctor(town)
    await typed("fork-settle", keeper.key.id, "--list", "7", "--yes", code=1)
    await typed("fork-export", "urn:other", "-o", str(file), code=1)
