"""Second seals (ML-DSA-44) of two real processes: each sends one, both bundles hold both (spec/contracts.md 2.5)."""

import json
import zipfile
from io import BytesIO

import pytest

from connector.exchange.contracts.document import second_seal
from connector.identity.trust.keys.signing import post_quantum
from connector.verify.bundle import verify_bundle
from tests.cities.races import HEAD, SEAL, Line
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.patience import eventually_said

PQ = {"HANSE_SIGNERS__PQ": "true"}
pytestmark = pytest.mark.skipif(not post_quantum(), reason="this cryptography has no ML-DSA-44")


def named(bundle: bytes) -> dict[str, str]:
    """What the newest agreement record in a bundle says of second seals."""
    with zipfile.ZipFile(BytesIO(bundle)) as archive:
        lines = [json.loads(line) for line in archive.read("records.ndjson").splitlines()]
    body = [line["record"]["body"] for line in lines if line["record"]["type"] == "agreement"][-1]
    return {name: body[name] for name in ("providerPq", "consumerPq") if name in body}


@pytest.mark.parametrize("there_too", [True, False], ids=["both have one", "the consumer has none"])
async def test_both_bundles_hold_what_both_sides_made(space: Space, there_too: bool) -> None:
    """>> negotiate over HTTP << each second seal is in both bundles and is checked; a side without one has none."""
    here = await space.city("here", {"musterstadt": MUNICIPALITY}, PQ)
    there = await space.city("there", {"nachbardorf": MUNICIPALITY}, PQ if there_too else {})
    await space.reload(here, there)
    made = await here.publish("musterstadt")
    signed = await there.negotiate("nachbardorf", here.did("musterstadt"), made["dataset"])
    assert signed["state"] == "FINALIZED"
    for city, slug in ((here, "musterstadt"), (there, "nachbardorf")):
        bundle = await city.services.evidence.bundle(slug, str(signed["agreement"]))
        with zipfile.ZipFile(BytesIO(bundle)) as archive:
            found = {name for name in archive.namelist() if ".pq." in name}
        assert found == ({"provider.pq.jws", "consumer.pq.jws"} if there_too else {"provider.pq.jws"})
        report = verify_bundle(bundle, space.roots, "en")
        assert report.verdict.name != "FAILED", report.reason
        assert "provider-pq" in {check.name for check in report.checks}
        assert set(named(bundle)) == ({"providerPq", "consumerPq"} if there_too else {"providerPq"})
        assert not [note for note in report.notes if "ML-DSA-44" in note]


async def test_a_late_countersignature_brings_its_second_seal(space: Space) -> None:
    """>> the seal got lost; a person signs late << the header names the second one, which is fetched, judged and kept;
    both logs say the same; after a rotation on both sides all of it is still proven."""
    here = await space.city("here", {"musterstadt": MUNICIPALITY}, PQ)
    there = await space.city("there", {"nachbardorf": MUNICIPALITY}, PQ)
    await space.reload(here, there)
    made = await here.publish("musterstadt", countersignature="preferred")
    Line(there).bend["ContractAgreementVerificationMessage"] = lambda message: message.pop(SEAL, None)
    signed = await there.negotiate("nachbardorf", here.did("musterstadt"), made["dataset"])
    sent: list[str] = []
    deliver = there.services.contracts.late_delivery._post

    async def noting(slug: str, did: str, url: str, seal: bytes, second: str = "") -> object:
        sent.append(second)
        return await deliver(slug, did, url, seal, second)

    there.services.contracts.late_delivery._post = noting  # type: ignore[assignment]
    await _order(there, str(signed["agreement"]))
    await eventually_said(lambda: _whole(there, "nachbardorf", str(signed["agreement"])))
    assert await _whole(here, "musterstadt", str(signed["agreement"]))
    assert [bool(second_seal.DIGEST.fullmatch(one)) for one in sent] == [True]
    bundles = await _bundles(here, there, str(signed["agreement"]))
    assert [named(bundle)["consumerPq"] for bundle in bundles] == sent * 2
    for city, slug in ((here, "musterstadt"), (there, "nachbardorf")):
        await city.services.participants.rotate(slug, "seal-pq")
        await city.services.operation.enrolment.enlist()
    await space.reload(here, there)
    for bundle in await _bundles(here, there, str(signed["agreement"])):
        report = verify_bundle(bundle, space.roots, "en")
        assert report.verdict.name != "FAILED", report.reason
        assert {"provider-pq", "consumer-pq"} <= {check.name for check in report.checks}
        assert not [note for note in report.notes if "ML-DSA-44" in note]


async def _bundles(here: City, there: City, agreement: str) -> list[bytes]:
    sides = ((here, "musterstadt"), (there, "nachbardorf"))
    return [await city.services.evidence.bundle(slug, agreement) for city, slug in sides]


async def _order(city: City, name: str) -> None:
    contracts, db = city.services.contracts.service, city.services.infra.db
    agreement = await db.read("nachbardorf", contracts.agreements.named, "nachbardorf", name)
    read = await db.read("nachbardorf", contracts.countersigning.unread, agreement)
    await db.write("nachbardorf", contracts.countersigning.order, "nachbardorf", agreement.id, HEAD, read)


async def _whole(city: City, slug: str, name: str) -> bool:
    found = await city.services.infra.db.read(slug, city.services.contracts.service.agreements.named, slug, name)
    return found.state == "finalized"
