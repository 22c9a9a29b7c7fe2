"""A town leaves by the commands that an operator types: its partner's bundles stand, its neighbour notices nothing."""

import asyncio
import json
import re
from collections.abc import Callable

import pytest

from connector.cli.main import main
from connector.continuity.offboarding import participant_rows
from connector.identity.trust.keys.vault import Vault, master_file
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.list_writer import next_list
from connector.identity.trust.members.trust_list import Entry, read_list
from connector.verify.bundle import verify_bundle
from connector.verify.report import Verdict
from tests.testkit.cities import MUNICIPALITY, City, Refused, Space
from tests.testkit.patience import PATIENCE_S

OFTEN = {"HANSE_WORKER__SEAL_EVERY_S": "0.2", "HANSE_WITNESS__LOOK_S": "0.2"}
TOWN, NEIGHBOUR, VILLAGE = "musterstadt", "altstadt", "nachbardorf"


async def hanse(city: City, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    argv = ["--data", str(city.settings.folder), "--lang", "en", *words]
    found = await asyncio.to_thread(main, argv, {})
    said = capsys.readouterr()
    assert found == code, said
    return said.out + said.err


async def bundle(city: City, slug: str, agreement: str) -> bytes:
    uuid = agreement.removeprefix("urn:uuid:")
    found: bytes = await city.api.get(f"/api/v1/participants/{slug}/agreements/{uuid}/evidence")
    return found


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await what():
            await asyncio.sleep(0.1)


def passes(space: Space, data: bytes) -> None:
    report = verify_bundle(data, space.roots, "de")
    assert report.holds_apart_from_time, report.reason


async def holdings(city: City, slug: str) -> dict[str, int]:
    return dict(await city.services.infra.db.read(slug, participant_rows.counted, slug))


async def inhabited(space: Space) -> tuple[City, City]:
    """Two tenants of one operator in one process, their partner in another; each operator vouches for the other."""
    town = await space.city("town", {TOWN: MUNICIPALITY}, OFTEN)
    wish = {"slug": NEIGHBOUR, "name": "Altstadt", "kind": MUNICIPALITY, "operator": "Musterstadt"}
    await town.api.post("/api/v1/participants", wish)
    village = await space.city("village", {VILLAGE: MUNICIPALITY}, OFTEN)
    await space.reload(town, village)
    return town, village


async def agreed(town: City, slug: str, village: City) -> str:
    made = await town.publish(slug)
    signed = await village.negotiate(VILLAGE, town.did(slug), made["dataset"])
    assert signed["state"] == "FINALIZED"
    return str(signed["agreement"])


async def asks_on(village: City, did: str, root: str, agreement: str) -> None:
    """A peer that goes on sending to the closed town: 410 in the protocol's form, while evidence is still there."""
    context = {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"]}
    mine = f"{village.root(VILLAGE)}/2025-1"
    offer = {"@id": "urn:x", "@type": "Offer", "target": "urn:d", "permission": [{"action": "use"}]}
    asked: dict[str, dict[str, object]] = {
        "negotiations/request": {"@type": "ContractRequestMessage", "offer": offer},
        "transfers/request": {"@type": "TransferRequestMessage", "agreementId": agreement, "format": "HttpData-PULL"},
    }
    for place, message in asked.items():
        body = {**context, "consumerPid": "urn:uuid:1", "callbackAddress": mine, **message}
        answer = await village.services.peer.post(VILLAGE, did, f"{root}/2025-1/{place}", json.dumps(body).encode())
        said = json.loads(answer.body)
        assert (answer.status, said["code"]) == (410, "410"), said
        assert "takes no part in the data space any more" in " ".join(said["reason"])
        assert said["@type"] in ("ContractNegotiationError", "TransferError")
    body = {**context, "@type": "CatalogRequestMessage"}
    answer = await village.services.peer.post(VILLAGE, did, f"{root}/2025-1/catalog/request", json.dumps(body).encode())
    assert (answer.status, json.loads(answer.body).get("dataset", [])) == (200, [])
    evidence = await village.services.peer.get(VILLAGE, did, f"{root}/evidence/{agreement[9:]}")
    assert evidence.status == 200
    compared = await village.api.post(f"/api/v1/participants/{VILLAGE}/comparisons", {"agreement": agreement})
    assert [one["state"] for one in compared["comparisons"]] == ["agrees"], compared


@pytest.mark.threat("T58")
async def test_closed_and_deleted_its_partners_bundles_stand(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    """>> close, delete << bundles made before and after PASSED, the neighbour's rows are the same, the name is kept."""
    town, village = await inhabited(space)
    agreement, other = await agreed(town, TOWN, village), await agreed(town, NEIGHBOUR, village)
    await village.fetch(VILLAGE, agreement)
    before = await bundle(village, VILLAGE, agreement)
    passes(space, before)
    folder = space.folder.parent / "evidence"
    early = await hanse(town, capsys, "participant", "delete", TOWN, "--evidence", str(folder), "--yes", code=1)
    assert "not closed yet" in early
    unasked = await hanse(town, capsys, "participant", "close", TOWN, "--reason", "Merged.", code=1)
    assert "Nothing done" in unasked
    assert "contracts: 1 (partners: 1)" in unasked
    told = await hanse(town, capsys, "participant", "close", TOWN, "--reason", "Merged.", "--yes")
    assert "is closed" in told
    root, did = town.root(TOWN), town.did(TOWN)

    async def told_everybody() -> bool:
        return not (await town.api.get(f"/api/v1/participants/{TOWN}/leaving"))["waiting"]

    await until(told_everybody)
    life = await village.api.get(f"/api/v1/participants/{VILLAGE}/agreements/{agreement[9:]}/life")
    assert life["state"] == "ended"
    assert "Merged." in life["endings"][0]["reason"]["en"]
    with pytest.raises(Refused) as refused:
        await town.publish(TOWN)
    assert refused.value.status == 410
    assert (await town.services.infra.http.get(f"{root}/did.json")).status == 200

    await asks_on(village, did, root, agreement)
    assert "is closed; to delete it" in await hanse(town, capsys, "participant", "list")
    kept, stays = await bundle(town, NEIGHBOUR, other), await holdings(town, NEIGHBOUR)
    await retained(town, capsys, "participant", "delete", TOWN, "--evidence", str(folder), "--yes")
    words = ("participant", "delete", TOWN, "--evidence", str(folder), "--yes", "--despite-retention")
    said = await hanse(town, capsys, *words)
    assert "is deleted" in said
    assert did in said
    passes(space, await asyncio.to_thread((folder / f"{agreement[9:]}.zip").read_bytes))
    assert set((await holdings(town, TOWN)).values()) == {0}
    assert not any((town.settings.folder / name / TOWN).exists() for name in ("files", "received", "log"))
    now = await holdings(town, NEIGHBOUR)
    grow = {"audit_entry", "audit_seal", "cosignature", "log_node", "seen_token", "reconciliation", "outbox", "timer"}
    # In the first minute it comes to know of whom it may ask, and minutes later it does.
    grow |= {"crawl", "crawl_aside", "copy_entry", "copy_member"}
    assert {name: rows for name, rows in now.items() if name not in grow} == {
        name: rows for name, rows in stays.items() if name not in grow
    }
    assert all(now[name] >= stays[name] for name in grow - {"seen_token"})
    passes(space, kept)
    passes(space, await bundle(town, NEIGHBOUR, other))
    await agreed(town, NEIGHBOUR, village)

    assert (await town.services.infra.http.get(f"{root}/did.json")).status == 404
    await space.reload(village)
    for data in (before, await bundle(village, VILLAGE, agreement)):
        passes(space, data)
    again = await hanse(town, capsys, "participant", "add", TOWN, "--name", "Neu", "--kind", "municipality", code=1)
    assert "which has left" in again
    listed = json.loads(await hanse(town, capsys, "participant", "list", "--json"))
    assert [one["slug"] for one in listed] == [NEIGHBOUR]
    gone = await hanse(town, capsys, "participant", "close", TOWN, "--reason", "Merged.", "--yes", code=1)
    assert "deleted already" in gone


async def retained(town: City, capsys: pytest.CaptureFixture[str], *words: str) -> None:
    """Periods of retention run: the command says for what, and neither it nor the server deletes without the word."""
    said = await hanse(town, capsys, *words, code=1)
    assert re.search(r"Still to be kept: agreement, records: 1, until [0-9]{1,2} [A-Z][a-z]{2} 20", said)
    assert "--despite-retention" in said
    path = f"/api/v1/participants/{TOWN}"
    for one in (await town.api.get(f"{path}/leaving/evidence"))["agreements"]:
        await town.api.post(
            f"{path}/leaving/evidence",
            {"agreement": one["agreement"], "sha256": "0" * 64, "records": one["records"]},
        )
    for wish in ({}, {"abandon": True}, {"despite_retention": False}):
        with pytest.raises(Refused) as refused:
            await town.api.post(f"{path}/delete", wish)
        assert refused.value.problem["code"] == "leaving.retained"
    with pytest.raises(Refused) as wrong:
        await town.api.post(f"{path}/delete", {"despite_retention": "yes"})
    assert wrong.value.status == 400
    assert (await town.api.get(f"{path}/leaving"))["state"] == "closed"


def issue(space: Space, change: Callable[[tuple[Entry, ...]], tuple[Entry, ...]]) -> None:
    """The authority's next list."""
    trust = space.folder / "trust"
    authority = Authority.open(trust / "authority.jwk.enc", Vault(master_file(trust / "master.key")))
    place = trust / "list.jws"
    before = read_list(place.read_text(encoding="ascii"), authority.public_jwk)
    listed = next_list(
        before, authority=authority.id, now=space.clock.now(), life_ms=10**9, participants=change(before.participants)
    )
    place.write_text(authority.issue(listed), encoding="ascii")


async def test_a_list_without_the_entry_decides_for_whoever_uses_it(space: Space) -> None:
    """>> the authority strikes the town off << by the old list PASSED as ever; with the new one no proof."""
    town, village = await inhabited(space)
    agreement = await agreed(town, TOWN, village)
    with_entry = await bundle(village, VILLAGE, agreement)
    did = town.did(TOWN)
    issue(space, lambda entries: tuple(one for one in entries if one.did != did))
    await space.reload(village)
    without = verify_bundle(await bundle(village, VILLAGE, agreement), space.roots, "de")
    assert without.verdict is Verdict.INDETERMINATE
    assert "steht nicht in der Vertrauensliste" in without.reason
    passes(space, with_entry)
