"""Records between two towns on real sockets: compared, held, copied for a person, erased, and proven after all that.

>> what a steward asks the management surface or the command line for << what it answers, what the log and bundles say.
"""

import asyncio
import json
import re
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest

from connector.cli.main import main
from connector.foundation.storage.database import Tx
from connector.identity.audit import store as audit
from connector.verify.bundle import verify_bundle
from tests.testkit.cities import MUNICIPALITY, City, Refused, Space

TOWN, VILLAGE = "musterstadt", "nachbardorf"
HER = "p-7f3a91"


async def agreed(it: City, provider: City | None = None) -> str:
    """An agreement of the village about data of the town, and the data."""
    from_whom = provider or it
    made = await from_whom.publish(TOWN)
    signed = await it.negotiate(VILLAGE, from_whom.did(TOWN), made["dataset"])
    received = await it.fetch(VILLAGE, signed["agreement"])
    assert received["outcome"] == "received"
    return str(signed["agreement"])


async def bundle(city: City, slug: str, agreement: str) -> bytes:
    found = await city.api.get(f"/api/v1/participants/{slug}/agreements/{agreement.removeprefix('urn:uuid:')}/evidence")
    assert isinstance(found, bytes)
    return found


async def say(city: City, slug: str, type_: str, agreement: str | None, actor: str, **body: Any) -> None:
    """A record as another part of the connector would write it."""

    def unit(tx: Tx) -> None:
        audit.append(tx, slug, type_, agreement, actor, body, did=city.did(slug))

    await city.services.infra.db.write(slug, unit)
    await city.services.operation.maintenance.seal_logs()


async def hanse(city: City, *words: str) -> int:
    return await asyncio.to_thread(main, ["--data", str(city.settings.folder), *words], {"LANG": "en"})


async def test_two_towns_compare_and_both_see_that_they_agree(space: Space, capsys: Any) -> None:
    """>> hanse records compare at both << agrees, exit 0; one log says something else << exit 1 and what it is."""
    it = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY})
    agreement = await agreed(it)
    await it.services.operation.maintenance.seal_logs()
    for slug, partner in ((TOWN, "Nachbardorf"), (VILLAGE, "Musterstadt")):
        assert await hanse(it, "records", "compare", agreement, "--as", slug) == 0
        assert f"agrees with {partner}" in capsys.readouterr().out
    said = {"event": "stated", "by": "provider", "statement": "a" * 64, "jws": "b" * 64}
    await say(it, TOWN, "termination", agreement, "system", **said)
    assert await hanse(it, "records", "compare", "--as", VILLAGE) == 1
    told = capsys.readouterr().out
    assert "something is missing here" in told
    assert "Statement of the provider about the end: missing here (here: nothing; there: aaaa" in told
    assert await hanse(it, "records", "compare", "--last", "--as", VILLAGE, "--json") == 1
    [one] = json.loads(capsys.readouterr().out)["comparisons"]
    assert (one["state"], one["agreement"]) == ("missing-here", agreement)


async def test_a_person_is_shown_and_forgotten(space: Space, tmp_path: Path, capsys: Any) -> None:
    """>> export, erase under a hold, lift, erase without and with --yes << copy; refused; refused; gone, and proven."""
    it = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY})
    agreement = await agreed(it)
    await say(it, VILLAGE, "confirmation", agreement, HER, statement="gelesen")
    await say(it, VILLAGE, "deed", agreement, HER, action="delete")
    her, order = ("--as", VILLAGE, "--pseudonym", HER), ("--role", "data protection", "--ground", "Art. 17 (1) b GDPR")

    copy = tmp_path / "copy.json"
    copy.write_text("an older one that everybody may read")
    copy.chmod(0o644)
    assert await hanse(it, "records", "export", *her, "-o", str(copy)) == 0
    found = json.loads(copy.read_text())
    assert [one["record"]["body"].get("statement") for one in found["records"]] == ["gelesen", None]
    assert copy.stat().st_mode & 0o077 == 0

    assert await hanse(it, "records", "hold", "--as", VILLAGE, "--agreement", agreement, *order) == 0
    assert await hanse(it, "records", "erase", *her, *order, "--yes") == 1
    assert "under a legal hold" in capsys.readouterr().out
    [hold] = (await it.api.get(f"/api/v1/participants/{VILLAGE}/holds"))["holds"]
    assert await hanse(it, "records", "lift", hold["id"], "--as", VILLAGE, *order) == 0

    assert await hanse(it, "records", "erase", *her, *order) == 1
    assert "Nothing was erased" in capsys.readouterr().err
    assert await hanse(it, "records", "erase", *her, *order, "--yes") == 1  # the deed stays: its agreement runs
    told = capsys.readouterr().out
    assert "Records erased: 1" in told
    assert "(duty done), still needed, because the agreement is in force (Art. 17 (1) a GDPR), until the" in told
    assert "and 1,095 days after that" in told or "and 1095 days after that" in told
    assert f"{HER} is still in records (1) and signed documents (0)" in told
    assert await hanse(it, "records", "erased", "--as", VILLAGE) == 0
    assert "(confirmation) erased, data protection: Art. 17 (1) b GDPR" in capsys.readouterr().out

    whole = await bundle(it, VILLAGE, agreement)
    report = verify_bundle(whole, space.roots, "en")
    assert report.holds_apart_from_time, report.reason
    assert b"gelesen" not in whole


@pytest.mark.threat("T59")
async def test_a_signed_approval_is_still_told_of(space: Space, capsys: Any) -> None:
    """>> erase, she stands in a signed approval alone << exit 1, on what ground it stays and until when; was exit 0.

    Under a hold that is the ground; after its end and its period, with its last record, the approval is gone too.
    """
    it = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY})
    made = await it.publish(TOWN)
    person = {"role": "Amtsleitung", "pseudonym": HER}
    signed = await it.negotiate(VILLAGE, it.did(TOWN), made["dataset"], approval=person)
    agreement, order = str(signed["agreement"]), ("--role", "data protection", "--ground", "Art. 17 (1) b GDPR")
    erase = ("records", "erase", "--as", VILLAGE, "--pseudonym", HER, *order, "--yes")
    await it.services.operation.maintenance.seal_logs()
    await hanse(it, *erase)
    capsys.readouterr()
    await it.services.operation.maintenance.seal_logs()

    assert await hanse(it, *erase) == 1
    told = capsys.readouterr().out
    assert f"approval-consumer.json ({agreement}), evidence of the agreement in force (Art. 17 (3) e GDPR)" in told
    assert "until the agreement ends and 3650 days after that" in told
    assert f"Stays: negotiation (approval, {agreement}), still needed, because the agreement is in force" in told
    assert f"{HER} is still in places outside of the log (1)." in told
    assert "and signed documents (1). Ground and date stand above" in told

    await it.api.post(f"/api/v1/participants/{VILLAGE}/agreements/{agreement[9:]}/end", {"reason": "vorbei"})
    assert await hanse(it, *erase) == 1
    until = r"evidence of the agreement that has ended \(Art\. 17 \(3\) e GDPR\), presumably until \d+ \w+ 20\d\d"
    assert re.search(until, capsys.readouterr().out)
    await hanse(it, "records", "hold", "--as", VILLAGE, "--agreement", agreement, *order)
    capsys.readouterr()
    assert await hanse(it, *erase, "--json") == 1
    [document] = json.loads(capsys.readouterr().out)["objects"]
    assert (document["why"], document["until"], document["name"]) == ("hold", None, "approval-consumer.json")


@pytest.mark.threat("T59")
async def test_a_reason_that_names_her_is_copied_and_cleared(space: Space, tmp_path: Path, capsys: Any) -> None:
    """Bug: >> the reason of a transfer names her; export, erase, erased << in no copy, and `erase` said: all gone."""
    it = await space.city("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY})
    agreement = await agreed(it)
    process = (await it.api.get(f"/api/v1/participants/{VILLAGE}/transfers"))["transfers"][0]["id"]
    why = json.dumps({"de": [HER], "en": ["x"]})
    said = "UPDATE transfer SET reason = :why WHERE id = :id"
    await it.services.infra.db.write(VILLAGE, lambda tx: tx.run(said, id=process, why=why))
    copy = tmp_path / "copy.json"
    her, order = ("--as", VILLAGE, "--pseudonym", HER), ("--role", "data protection", "--ground", "Art. 17 (1) b GDPR")
    assert await hanse(it, "records", "export", *her, "-o", str(copy)) == 0
    assert "(records: 0, signed documents: 0, further places: 1)" in capsys.readouterr().out
    [place] = json.loads(copy.read_text())["places"]
    assert place == {
        "table": "transfer",
        "column": "reason",
        "key": {"id": process},
        "agreement": agreement,
        "value": {"de": [HER], "en": ["x"]},
    }
    assert await hanse(it, "records", "erase", *her, *order, "--yes") == 0
    assert "Places where the pseudonym was removed: 1." in capsys.readouterr().out
    assert await hanse(it, "records", "erased", "--as", VILLAGE) == 0
    assert "pseudonym removed in other places (1), data protection: Art. 17 (1) b GDPR" in capsys.readouterr().out
    assert await hanse(it, "records", "erase", *her, *order, "--yes") == 0
    assert f"There is nothing here about {HER}" in capsys.readouterr().out


async def test_what_cannot_be_is_said(space: Space) -> None:
    """>> no pseudonym, no ground, a pseudonym in the ground, an unknown agreement or hold << 400 or 404."""
    it = await space.city("it", {TOWN: MUNICIPALITY})
    base, order = f"/api/v1/participants/{TOWN}", {"role": "office", "ground": "law"}
    asked: list[tuple[str, dict[str, object], int, str]] = [
        (f"{base}/persons/Anna/erase", order, 400, "records.pseudonym"),
        (f"{base}/persons/{HER}/erase", {**order, "ground": " "}, 400, "records.text"),
        (f"{base}/persons/{HER}/erase", {**order, "ground": f"wish of {HER}"}, 400, "records.names"),
        (f"{base}/persons/{HER}/erase", {**order, "ground": "x" * 501}, 400, "records.text"),
        (f"{base}/persons/{HER}/erase", {**order, "after": "x"}, 400, "records.after"),
        (f"{base}/persons/{HER}/erase", {**order, "after": "x" * 5_001}, 400, "api.body"),
        (f"{base}/persons/{HER}/erase", {**order, "after": True}, 400, "api.body"),
        (f"{base}/persons/{HER}/erase", {**order, "after": -1}, 400, "api.body"),
        (f"{base}/persons/{HER}/erase", {**order, "after": 1 << 53, "sure": True}, 400, "api.body"),
        (f"{base}/holds", {**order, "agreement": "urn:uuid:1"}, 404, "contracts.no-agreement"),
        (f"{base}/holds", {**order, "ground": f"lawsuit of {HER}"}, 400, "records.names"),
        (f"{base}/holds/1/lift", {**order, "role": HER}, 400, "records.names"),
        (f"{base}/holds/1/lift", order, 404, "records.no-hold"),
        (f"{base}/comparisons", {"agreement": "urn:uuid:1"}, 404, "contracts.no-agreement"),
    ]
    for path, body, status, code in asked:
        with pytest.raises(Refused) as refused:
            await it.api.post(path, body)
        assert (refused.value.status, refused.value.problem["code"]) == (status, code)
    spots = [
        [1],
        ["novelty"],
        ["audit_entry", 1],
        ["outbox", "1"],
        ["outbox", 1, 2],
        ["outbox", 1 << 53],
        {"a": 1},
        ["negotiation"],
        ["negotiation", 1],
        ["negotiation", "\0"],
        ["outbox", True],
    ]
    forged = ["p" + urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in spots]
    for after in ("x", "-1", "٣", "9" * 30, str(1 << 53), "oX", "o" + "a" * 63, "p!", "pA", "p" * 2000, "pé", *forged):
        with pytest.raises(Refused) as refused:
            await it.api.get(f"{base}/persons/{HER}", after=after)
        assert (refused.value.status, refused.value.problem["code"]) == (400, "records.after")


async def test_a_partner_that_is_gone_takes_no_proof_with_it(space: Space) -> None:
    """>> the town's process is gone for good << the village's bundle from before and one made now both hold."""
    it = await space.city("village", {VILLAGE: MUNICIPALITY})
    async with space.running("town", {TOWN: MUNICIPALITY}) as town:
        await space.reload(it, town)
        agreement = await agreed(it, town)
        before = await bundle(it, VILLAGE, agreement)
    after = await bundle(it, VILLAGE, agreement)
    for whole in (before, after):
        report = verify_bundle(whole, space.roots, "de")
        assert report.holds_apart_from_time, report.reason
    [one] = (await it.api.post(f"/api/v1/participants/{VILLAGE}/comparisons", {}))["comparisons"]
    assert one["state"] == "unreachable"
