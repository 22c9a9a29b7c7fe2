"""A partner cannot make evidence unreadable by what it puts into documents that a bundle must hold (threat T67).

What a door takes from a partner, the verifier reads: "too large to be judged" would fail a contract that is good, and
whoever ended it could so hide that.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from connector.exchange.contracts.model import Agreement
from connector.exchange.transfer import service
from connector.foundation.errors import Mistake
from connector.foundation.http import strict
from connector.foundation.http.strict import NODES
from connector.identity.audit import store
from connector.verify.bundle import verify_bundle
from connector.verify.formats import limits
from connector.verify.formats.jcs import encode
from tests.exchange.contracts.ending import CONSUMER, PROVIDER
from tests.exchange.contracts.witnessed import listed
from tests.testkit.towns import Towns
from tests.verify.forge import Witness

pytestmark = pytest.mark.threat("T67")
COMMAS = "," * 10_000
WHY = {"de": ["Ende."], "en": ["End."]}


async def doubts(towns: Towns, folder: Path, agreement: str) -> list[tuple[str, ...]]:
    """What is open about the bundle of each side; nobody here vouches for the time."""
    evidence, roots = await listed(towns, folder, Witness())
    found = []
    for slug in (PROVIDER, CONSUMER):
        report = verify_bundle(await evidence.bundle(slug, agreement), roots, "en")
        assert report.holds_apart_from_time, report.reason
        found.append(report.doubts)
    return found


@pytest.mark.parametrize("values", [[0] * (NODES - 200), [{}] * (NODES - 200)], ids=["numbers", "objects"])
async def test_bug_a_did_document_of_many_values_failed_the_partners_evidence(
    towns: Towns, tmp_path: Path, values: list[object]
) -> None:
    """<< a document that the resolver takes, of nothing but tiny values >> the bundles hold as ever."""

    def show(did: str, document: Mapping[str, object]) -> Mapping[str, object]:
        more = {"x": values} if did == towns.did(CONSUMER) else {}
        found = {**document, **more}
        strict.loads(encode(found), limit=65_536)
        return found

    towns.wire.show = show
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    assert await doubts(towns, tmp_path, agreement.id) == [("time",), ("time",)]


async def test_bug_whoever_ended_it_hid_that_behind_a_reason_of_commas(towns: Towns, tmp_path: Path) -> None:
    """<< a statement whose reason is within its limits >> both bundles show it."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    why = {lang: [COMMAS[:1_990] + "."] * 4 for lang in ("de", "en")}
    await towns.termination_delivery.end(PROVIDER, agreement.id, why, None)
    await towns.run()
    assert await doubts(towns, tmp_path, agreement.id) == [("time",), ("time",)]


@pytest.mark.on_both
async def test_bug_a_code_of_commas_in_a_message_failed_the_records(towns: Towns, tmp_path: Path) -> None:
    """<< a transfer that the partner ends with a code of 60 000 signs >> 200 of them are logged, and it is readable."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    process = await towns.fetch(CONSUMER, PROVIDER, agreement)
    await towns.run()
    towns.wire.bend["TransferTerminationMessage"] = lambda message: message.update(code=COMMAS)
    await towns.db.write(CONSUMER, towns.transfers.terminate, CONSUMER, process.id, "x", WHY)
    await towns.run()
    sql = "SELECT record FROM audit_entry WHERE participant = :participant AND type = 'transfer' ORDER BY seq"
    last = json.loads(bytes((await towns.rows(PROVIDER, sql))[-1]["record"]))["body"]
    assert (last["event"], last["code"]) == ("terminated", COMMAS[:200])
    assert await doubts(towns, tmp_path, agreement.id) == [("time",), ("time",)]


async def test_bug_a_description_of_commas_was_sealed_unasked_and_then_not_read(towns: Towns, tmp_path: Path) -> None:
    """<< a dataset described by commas alone >> the contract about it is judged."""
    agreement = await towns.concluded(CONSUMER, PROVIDER, description=COMMAS)
    assert agreement.consumer_jws is not None
    assert await doubts(towns, tmp_path, agreement.id) == [("time",), ("time",)]


async def test_bug_a_partner_made_the_log_longer_than_is_judged(
    towns: Towns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> transfer after transfer, by a consumer that does not count << refused in time, with what to do; the evidence
    is judged, and the contract can still be ended.

    Some hours of transfers made more records than the verifier takes, and the evidence failed for ever.
    """
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    monkeypatch.setattr(service, "FULL", await length(towns, agreement) + 4)
    monkeypatch.setattr(limits, "MOST_RECORDS", service.FULL + 8)
    while await length(towns, agreement) < service.FULL:
        process = await towns.fetch(CONSUMER, PROVIDER, agreement)
        await towns.run()
        await towns.db.write(CONSUMER, towns.transfers.terminate, CONSUMER, process.id, "x", WHY)
        await towns.run()
    process = await towns.fetch(CONSUMER, PROVIDER, agreement)
    before = await length(towns, agreement)
    await towns.run()
    for _ in range(5):  # a no is doubted some times
        await towns.hurry()
    assert "agreement-full" in str((await towns.process(CONSUMER, process.id)).reason)
    assert await length(towns, agreement) == before
    monkeypatch.setattr(service, "FULL", 1)
    with pytest.raises(Mistake, match=r"transfer\.agreement-full"):
        await towns.fetch(CONSUMER, PROVIDER, agreement)
    await towns.termination_delivery.end(CONSUMER, agreement.id, WHY, None)
    await towns.run()
    assert await doubts(towns, tmp_path, agreement.id) == [("time",), ("time",)]


async def length(towns: Towns, agreement: Agreement) -> int:
    return await towns.db.read(PROVIDER, store.length, PROVIDER, agreement.id)
