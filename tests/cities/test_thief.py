"""A seal key is stolen, used, and withdrawn: what the commands of the town say, and what its auditor reads (T54, T57).

>> the thief's contract and the honest one are both in the log and vouched for by the other operator's witness.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from connector.cli.main import main
from connector.exchange.contracts.agreement import agreements as drawing
from connector.foundation.clock import rfc3339
from connector.foundation.language import local_text
from connector.identity.participants.service import Hosted
from tests.cities.vouching import OFTEN, TOWN, VILLAGE, both, vouched
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.patience import PATIENCE_S

pytestmark = pytest.mark.threat("T57")
PASSED, FAILED, OPEN = 0, 1, 2


async def hanse(city: City, *words: str, code: int = 0) -> None:
    argv = ["--data", str(city.settings.folder), "--lang", "de", *words]
    assert await asyncio.to_thread(main, argv, {}) == code


async def bystander(space: Space, *cities: City) -> City:
    """A third operator, party to no contract: only its witness proves when."""
    harbour = await space.city("harbour", {"hafen": MUNICIPALITY}, OFTEN)
    await space.reload(*cities)
    return harbour


async def agreed(town: City, village: City) -> dict[str, Any]:
    made = await town.publish(TOWN)
    return await village.negotiate(VILLAGE, town.did(TOWN), made["dataset"])


async def exported(city: City, slug: str, agreement: str, place: Path) -> Path:
    await hanse(city, "evidence", agreement, "--as", slug, "-o", str(place))
    return place


async def judged(space: Space, place: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """What an auditor sees who has the file, the roots and no server: exit code and report."""
    capsys.readouterr()
    argv = ["--lang", "de", "verify", str(place), "--trust", str(space.folder / "trust" / "roots.pem"), "--json"]
    code = await asyncio.to_thread(main, argv, {})
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, report


async def whole_second(space: Space) -> int:
    """An instant after everything that was signed until now, in milliseconds; it has passed when this returns."""
    moment = (space.clock.now() // 1000 + 1) * 1000
    while space.clock.now() <= moment + 1000:  # a seal says whole seconds
        await asyncio.sleep(0.05)
    return moment


async def withdraw(town: City, since: int) -> None:
    words = ("participant", "revoke-key", TOWN, "--purpose", "seal", "--from", rfc3339(since))
    await hanse(town, *words, "--reason", "Rechner gestohlen")


async def states(city: City, slug: str) -> list[str]:
    kept = (await city.api.get(f"/api/v1/participants/{slug}/agreements"))["agreements"]
    return sorted(one["state"] for one in kept)


def reasons(report: dict[str, Any]) -> str:
    return json.dumps(report, ensure_ascii=False)


async def test_what_was_sealed_before_holds_and_what_the_thief_sealed_fails(
    space: Space, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> an agreement; theft; the thief's agreement; revoke-key << the first PASSED, the second FAILED by its check."""
    town, village = await both(space)
    harbour = await bystander(space, town, village)
    honest = str((await agreed(town, village))["agreement"])
    await vouched(town, TOWN, harbour)
    early = await exported(town, TOWN, honest, tmp_path / "early.zip")
    assert (await judged(space, early, capsys))[0] == PASSED
    since = await whole_second(space)
    foul = str((await agreed(town, village))["agreement"])  # the thief has the key, and nobody knows of it yet
    assert (await judged(space, await exported(town, TOWN, foul, tmp_path / "foul.zip"), capsys))[0] == PASSED
    await withdraw(town, since)
    told = capsys.readouterr().out
    assert local_text(rfc3339(since), "de") in told
    for place in (early, await exported(town, TOWN, honest, tmp_path / "again.zip")):
        code, report = await judged(space, place, capsys)
        assert code == PASSED, reasons(report)
    code, report = await judged(space, await exported(town, TOWN, foul, tmp_path / "after.zip"), capsys)
    assert code == FAILED, reasons(report)
    [failed] = [one for one in report["checks"] if one["verdict"] == "FAILED"]
    assert (failed["name"], failed["code"]) == ("revocation", "key-revoked")
    assert local_text(rfc3339(since), "de") in reasons(failed)


async def test_the_partner_takes_no_seal_by_the_stolen_key(
    space: Space, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> after revoke-key the thief seals with what it has << TERMINATED, in force nowhere; the new key holds."""
    town, village = await both(space)
    harbour = await bystander(space, town, village)
    assert (await agreed(town, village))["state"] == "FINALIZED"
    stolen = await town.services.participants.get(TOWN)
    await withdraw(town, await whole_second(space))
    await space.reload(town, village)
    with monkeypatch.context() as patch:
        honest = drawing.sealer

        def theirs(hosted: Hosted) -> Any:
            return honest(stolen if hosted.participant.id == TOWN else hosted)

        patch.setattr(drawing, "sealer", theirs)
        ended = await agreed(town, village)
    assert ended["state"] == "TERMINATED", ended
    assert "key" in reasons(ended) or "Schlüssel" in reasons(ended), ended
    for city, slug in ((town, TOWN), (village, VILLAGE)):
        async with asyncio.timeout(PATIENCE_S):
            while await states(city, slug) != ["finalized", "terminated"]:
                await asyncio.sleep(0.05)
    again = await agreed(town, village)
    assert again["state"] == "FINALIZED", again
    await vouched(town, TOWN, harbour)
    await vouched(village, VILLAGE, harbour)
    for city, slug in ((town, TOWN), (village, VILLAGE)):
        place = await exported(city, slug, str(again["agreement"]), tmp_path / f"{slug}.zip")
        code, report = await judged(space, place, capsys)
        assert code == PASSED, reasons(report)


async def test_without_a_trusted_time_nobody_can_tell(
    space: Space, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> sealed before, as only the signer says, then revoke-key << INDETERMINATE; sealed after << FAILED still."""
    it = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY}, OFTEN)  # no other operator: no witness
    await space.reload(it)
    before = str((await agreed(it, it))["agreement"])
    since = await whole_second(space)
    after = str((await agreed(it, it))["agreement"])
    await withdraw(it, since)
    code, report = await judged(space, await exported(it, TOWN, before, tmp_path / "before.zip"), capsys)
    assert code == OPEN, reasons(report)
    assert "key-revoked-later" in [one["code"] for one in report["checks"]]
    code, report = await judged(space, await exported(it, TOWN, after, tmp_path / "after.zip"), capsys)
    assert code == FAILED, reasons(report)
    assert "key-revoked" in [one["code"] for one in report["checks"] if one["verdict"] == "FAILED"]
