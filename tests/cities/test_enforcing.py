"""Rules that change their answer while data flow: a member is struck off, a duty is missed and made up for."""

import asyncio
import json
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from connector.cli.main import main
from connector.data.dataplane.streams import SWEEP_S
from connector.foundation.clock import rfc3339
from connector.foundation.language import local_text
from connector.foundation.settings.load import documented
from connector.foundation.storage.database import Tx
from connector.identity.jobs.scheduler import TICK_S
from tests.testkit.cities import City, Refused
from tests.testkit.patience import eventually

MIB = 1 << 20
TOWN, VILLAGE = "musterstadt", "nachbardorf"
HANSE = "https://w3id.org/hanse/v1#"


async def agreed(town: City, village: City, content: bytes) -> str:
    made = await town.publish(TOWN, content)
    signed = await village.negotiate(VILLAGE, town.did(TOWN), made["dataset"])
    assert signed["state"] == "FINALIZED"
    return str(signed["agreement"])


async def restate(town: City, village: City, state: str) -> None:
    """The authority says something else of the village; nobody tells the connectors."""
    entry = town.services.trust.anchor.entry(village.did(VILLAGE))
    assert entry is not None
    assert town.services.space is not None
    space, said = town.services.space, replace(entry, state=state)
    await asyncio.to_thread(space.enlist, lambda valid_from: [said])


async def rows(city: City, slug: str, query: str) -> list[dict[str, Any]]:
    def read(tx: Tx) -> list[dict[str, Any]]:
        return [dict(row) for row in tx.all(query)]

    return await city.services.infra.db.read(slug, read)


async def until(look: Any, expected: object, seconds: float = 5.0) -> float:
    """Seconds until `look()` gave what was expected."""
    begin = time.monotonic()
    while (found := await look()) != expected:
        assert time.monotonic() - begin < seconds, found
        await asyncio.sleep(0.05)
    return time.monotonic() - begin


@pytest.mark.alone
@pytest.mark.threat("T12")
@pytest.mark.threat("T43")
@pytest.mark.parametrize("pace", [0.2])
async def test_a_member_that_is_struck_off_gets_no_more_bytes(town: City, village: City, slow: list[int]) -> None:
    """>> suspended in the list while 24 MiB flow << cut within the reload and seconds >> active again << it goes on."""
    agreement = await agreed(town, village, b"x" * (24 * MIB))
    started = await village.api.post(f"/api/v1/participants/{VILLAGE}/transfers", {"agreement": agreement})
    await eventually(lambda: len(slow) >= 2)
    await restate(town, village, "suspended")

    async def streams() -> int:
        return town.services.plane.streams.count()

    async def held() -> list[dict[str, Any]]:
        return await rows(town, TOWN, "SELECT state, held FROM transfer")

    reload_s = town.settings.trust.list_reload_s
    await until(held, [{"state": "SUSPENDED", "held": "policy"}], reload_s + 5)
    assert await until(streams, 0, 5) < 5
    await restate(town, village, "active")
    await until(held, [{"state": "STARTED", "held": None}], reload_s + 15)
    found = await village.rested(f"/api/v1/participants/{VILLAGE}/transfers/{started['id']}")
    assert (found["state"], found["outcome"]) == ("COMPLETED", "received")


def test_a_withdrawal_is_known_within_a_minute_by_default() -> None:
    """spec/policy.md 8.3: remote revocation within 60 s: the look at the list, the review, the sweep of a stream."""
    reload_s = next(one.default for one in documented() if one.key == "trust.list_reload_s")
    assert isinstance(reload_s, float)
    assert reload_s + 2 * TICK_S + SWEEP_S <= 60


async def amend(cities: dict[str, City], agreement: str, **members: Any) -> None:
    """The agreement says this instead, on both sides."""

    def change(tx: Tx, slug: str) -> None:
        row = tx.one("SELECT document FROM agreement WHERE participant = :slug AND id = :id", slug=slug, id=agreement)
        assert row is not None
        document = {**json.loads(bytes(row["document"])), **members}
        tx.run(
            "UPDATE agreement SET document = :document WHERE participant = :slug AND id = :id",
            slug=slug,
            id=agreement,
            document=json.dumps(document, sort_keys=True).encode(),
        )

    for slug, city in cities.items():
        await city.services.infra.db.write(slug, change, slug)


async def test_duties_over_the_management_surface(town: City, village: City, tmp_path: Path) -> None:
    """>> a duty missed << listed as missed on both sides, no data >> the town marks it as done << data; both logged."""
    agreement = await agreed(town, village, b"a;b\n1;2\n")
    due = town.services.infra.clock.now() + 1000
    obligation = {
        "action": "odrl:delete",
        "constraint": [{"leftOperand": f"{HANSE}dueBy", "operator": "lt", "rightOperand": rfc3339(due)}],
        "odrl:consequence": [{"action": f"{HANSE}suspendAccess"}],
    }
    await amend({TOWN: town, VILLAGE: village}, agreement, obligation=[obligation])
    await asyncio.sleep(max(0, due - town.services.infra.clock.now()) / 1000 + 0.01)
    for city, slug, owed in ((town, TOWN, False), (village, VILLAGE, True)):
        found = await city.api.get(f"/api/v1/participants/{slug}/agreements/{agreement}/duties")
        duty = next(one for one in found["duties"] if one["kind"] == "obligation")
        assert (duty["state"], duty["owed"], duty["blocks"]) == ("violated", owed, True)
        assert duty["label"]["de"] != duty["label"]["en"]
    refused = await village.fetch(VILLAGE, agreement)
    assert (refused["state"], refused["outcome"]) == ("TERMINATED", "refused")
    await asyncio.sleep(1.1)
    place = f"/api/v1/participants/{TOWN}/agreements/{agreement}/duties"
    with pytest.raises(Refused) as wrong:
        await town.api.post(place, {"action": "watermark"})
    assert (wrong.value.status, wrong.value.problem["code"]) == (400, "duties.action")
    made = await town.api.post(place, {"action": "delete", "evidence": "b" * 64})
    assert next(one for one in made["duties"] if one["kind"] == "obligation")["state"] == "healed"
    assert [deed["evidence"] for deed in made["deeds"]] == ["b" * 64]
    received = await village.fetch(VILLAGE, agreement)
    assert (received["state"], received["outcome"]) == ("COMPLETED", "received")


async def test_duties_on_the_command_line(
    town: City, village: City, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> `hanse duties` << who owes what by when >> `--done` with a receipt << done, with the digest of the file."""
    agreement = await agreed(town, village, b"a;b\n1;2\n")
    due = town.services.infra.clock.now() + 86_400_000
    by = {"leftOperand": f"{HANSE}dueBy", "operator": "lt", "rightOperand": rfc3339(due)}
    obligation = {
        "action": "odrl:delete",
        "constraint": [by],
        "odrl:consequence": [{"action": f"{HANSE}suspendAccess"}],
    }
    await amend({TOWN: town, VILLAGE: village}, agreement, obligation=[obligation])
    receipt = tmp_path / "receipt.pdf"
    receipt.write_bytes(b"deleted")

    async def hanse(city: City, *words: str) -> tuple[int, str]:
        argv = ["duties", agreement, *words, "--data", str(city.settings.folder)]
        code = await asyncio.to_thread(main, argv, {})
        return code, capsys.readouterr().out

    code, told = await hanse(village, "--as", VILLAGE)
    assert code == 0
    assert "Löschung (wir): offen" in told
    assert f"fällig bis {local_text(rfc3339(due), 'de')}" in told
    code, told = await hanse(town, "--as", TOWN, "--done", "delete", "--evidence", str(receipt), "--lang", "en")
    assert code == 0
    assert "(the other side): done" in told
    code, told = await hanse(town, "--as", TOWN, "--json")
    assert json.loads(told)["deeds"][0]["evidence"] == sha256(b"deleted").hexdigest()
    assert (await hanse(town, "--as", TOWN, "--done", "watermark"))[0] == 1
    assert (await hanse(town, "--as", TOWN, "--done", "delete", "--value", "nonsense"))[0] == 1
    assert (await hanse(town, "--as", TOWN, "--done", "delete", "--evidence", str(tmp_path / "gone")))[0] == 2


async def test_each_decision_is_kept_with_its_world(town: City, village: City) -> None:
    """>> fetched << the decisions about it, each with record, world and policy; for nobody else."""
    agreement = await agreed(town, village, b"a;b\n1;2\n")
    await village.fetch(VILLAGE, agreement)
    [theirs] = await rows(town, TOWN, "SELECT id FROM transfer")
    listed = await town.api.get(f"/api/v1/participants/{TOWN}/transfers/{theirs['id']}/decisions")
    assert [(one["phase"], one["permit"]) for one in listed["decisions"]] == [("access", True), ("transfer", True)]
    whole = await town.api.get(f"/api/v1/participants/{TOWN}/decisions/{listed['decisions'][0]['id']}")
    assert whole["policy"]["@id"] == agreement
    assert whole["world"]["participant"] == village.did(VILLAGE)
    with pytest.raises(Refused) as gone:
        await village.api.get(f"/api/v1/participants/{VILLAGE}/decisions/{listed['decisions'][0]['id']}")
    assert (gone.value.status, gone.value.problem["code"]) == (404, "duties.no-decision")
