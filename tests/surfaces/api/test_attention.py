"""What needs somebody soon, as a running server tells it and the doctor says it."""

import asyncio
import json
from typing import Any

import pytest
from msgspec.structs import replace

from connector.cli import main
from connector.foundation.storage.database import Tx
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.patience import PATIENCE_S, eventually_said

TOWN, VILLAGE = "musterstadt", "nachbardorf"
DAY = 86_400_000


async def doctor(city: City, capsys: pytest.CaptureFixture[str], lang: str = "de") -> dict[str, list[str]]:
    """By check: what is said; the data folder of a test has no certificates of its own, so the code says nothing."""
    argv = ["--data", str(city.settings.folder), "--lang", lang, "--json", "doctor"]
    await asyncio.to_thread(main.main, argv, {})
    said: dict[str, list[str]] = {}
    for one in json.loads(capsys.readouterr().out)["findings"]:
        said.setdefault(one["check"], []).append(one["text"])
    return said


async def change(city: City, slug: str, sql: str, **values: Any) -> None:
    def unit(tx: Tx) -> None:
        assert tx.run(sql, p=slug, **values) > 0

    await city.services.infra.db.write(slug, unit)


async def test_what_is_well_and_what_is_amiss(
    space: Space, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    """>> all well; an ending undelivered for two days, the log unvouched for nine, a log key that is not listed."""
    it = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY})
    made = await it.publish(TOWN)
    agreement = str((await it.negotiate(VILLAGE, it.did(TOWN), made["dataset"]))["agreement"])
    await it.services.operation.maintenance.seal_logs()
    well = await doctor(it, capsys)
    assert [one.partition(":")[0] for one in well["seal"]] == [TOWN, VILLAGE]
    assert not {"log-key-unlisted", "untimed", "endings-undelivered", "deadline-ours"} & well.keys()

    await it.api.post(f"/api/v1/participants/{TOWN}/agreements/{agreement[9:]}/end", {"reason": "vorbei"})
    async with asyncio.timeout(PATIENCE_S):
        life = f"/api/v1/participants/{TOWN}/agreements/{agreement[9:]}/life"
        while (await it.api.get(life))["endings"][0]["answer"] != "delivered":
            await asyncio.sleep(0.05)
    ago = (
        "UPDATE ending SET answer = 'waiting', booked_at = booked_at - :ms WHERE participant = :p AND side = 'provider'"
    )
    await change(it, TOWN, ago, ms=2 * DAY)
    await change(it, TOWN, "UPDATE audit_seal SET at = at - :ms WHERE participant = :p", ms=9 * DAY)
    entry = it.services.trust.anchor.entry
    monkeypatch.setattr(it.services.trust.anchor, "entry", lambda did: replace(entry(did), log_keys=()))
    amiss = await doctor(it, capsys)
    assert [one.partition(":")[0] for one in amiss["endings-undelivered"]] == [TOWN]
    assert "Seit 9 Tagen bestätigt weder ein Zeuge noch eine Zeitstempelstelle" in amiss["untimed"][0]
    assert len(amiss["untimed"]) == 1
    assert f"{TOWN}: Die Vertrauensliste nennt den Schlüssel nicht" in amiss["log-key-unlisted"][0]
    english = await doctor(it, capsys, "en")
    assert "for 9 days neither a witness nor a timestamp authority" in english["untimed"][0]


async def test_a_deadline_comes_near(space: Space, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    """>> a required countersignature got lost, the deadline is two days away << both sides are told, each its part."""
    from connector.exchange.contracts.negotiation import outgoing

    it = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY})
    monkeypatch.setattr(it.services.contracts.service.agreements, "_patience_ms", 2 * DAY)
    made = await it.publish(TOWN, countersignature="required")
    say = outgoing.verification
    monkeypatch.setattr(outgoing, "verification", lambda case, sent, *seals: say(case, sent, *[None for _ in seals]))
    await it.negotiate(VILLAGE, it.did(TOWN), made["dataset"], wait=0)

    found: dict[str, list[str]] = {}

    async def told() -> bool:
        """The provider knows the message before the consumer knows that it does."""
        found.update(await doctor(it, capsys))
        return {"deadline-theirs", "deadline-ours"} <= found.keys()

    await eventually_said(told)
    assert "Bitte fragen Sie beim Datennehmer nach." in found["deadline-theirs"][0]
    assert "hanse agreement show" in found["deadline-ours"][0]
