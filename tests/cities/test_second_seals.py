"""Second seals (ML-DSA-44) between two real processes: each sends its own, both bundles hold both (contracts.md 9)."""

import zipfile
from io import BytesIO

import pytest

from connector.testing.cities import MUNICIPALITY, Space
from connector.trust.keys import post_quantum
from connector.verify.bundle import verify_bundle

PQ = {"HANSE_SIGNERS__PQ": "true"}


@pytest.mark.skipif(not post_quantum(), reason="this cryptography has no ML-DSA-44")
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
        bundle = await city.house.evidence.bundle(slug, str(signed["agreement"]))
        with zipfile.ZipFile(BytesIO(bundle)) as archive:
            found = {name for name in archive.namelist() if ".pq." in name}
        assert found == ({"provider.pq.jws", "consumer.pq.jws"} if there_too else {"provider.pq.jws"})
        report = verify_bundle(bundle, space.roots, "en")
        assert report.verdict.name != "FAILED", report.reason
        assert "provider-pq" in {check.name for check in report.checks}
