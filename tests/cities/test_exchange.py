"""Two cities and a firm exchange a dataset, on real sockets and real databases."""

from pathlib import Path

from connector.verify.bundle import verify_bundle
from tests.testkit.cities import COMPANY, MUNICIPALITY, Space


async def test_a_town_gets_the_data_and_the_proof_and_a_firm_gets_the_reason(space: Space) -> None:
    """>> publish, request, get, verify << signed, received, PASSED; the firm is refused by the clause that fails."""
    it = await space.city("it", {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY})
    firm = await space.city("firm", {"stadtwerke": COMPANY})
    await space.reload(it, firm)
    content = "art;höhe\nLinde;12\n".encode()
    made = await it.publish("musterstadt", content)

    signed = await it.negotiate("nachbardorf", it.did("musterstadt"), made["dataset"])
    assert signed["state"] == "FINALIZED"
    received = await it.fetch("nachbardorf", signed["agreement"])
    assert (received["state"], received["outcome"], received["sha256"]) == ("COMPLETED", "received", made["version"])
    assert Path(received["file"]).read_bytes() == content

    uuid = signed["agreement"].removeprefix("urn:uuid:")
    for side in ("musterstadt", "nachbardorf"):
        bundle = await it.api.get(f"/api/v1/participants/{side}/agreements/{uuid}/evidence")
        report = verify_bundle(bundle, space.roots, "de")
        assert report.holds_apart_from_time, report.reason

    refused = await firm.negotiate("stadtwerke", it.did("musterstadt"), made["dataset"])
    assert refused["state"] == "TERMINATED"
    assert "Teilnehmerart ist Kommune" in refused["reason"]["de"]
