"""An agreement holds for the version that was agreed: another one is never served under it, and both sides are told."""

from typing import Any

import pytest

from connector.exchange.contracts.model import Agreement
from connector.foundation.storage.database import Tx
from tests.exchange.transfer.holds import CONSUMER, PROVIDER
from tests.testkit.cities import MUNICIPALITY as TOWN_KIND
from tests.testkit.cities import City, Space
from tests.testkit.towns import Towns

NEW = "f" * 64


async def replaced(towns: Towns, agreement: Agreement) -> None:
    """The steward puts other bytes behind the dataset under agreement."""

    def unit(tx: Tx) -> None:
        tx.run(
            "UPDATE source SET sha256 = :new WHERE participant = :participant AND id ="
            " (SELECT source FROM dataset WHERE participant = :participant AND id = :dataset)",
            new=NEW,
            participant=PROVIDER,
            dataset=agreement.dataset,
        )

    await towns.db.write(PROVIDER, unit)


@pytest.mark.on_both
async def test_another_version_is_not_begun_and_both_read_why(towns: Towns) -> None:
    """>> other bytes behind the dataset, then a transfer << TERMINATED before the first byte, both read why."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    await replaced(towns, agreement)
    asked = await towns.fetch(CONSUMER, PROVIDER, agreement)
    await towns.run()
    await towns.hurry()
    mine = await towns.process(CONSUMER, asked.id)
    theirs = await towns.process(PROVIDER, mine.kernel.peer_pid)
    assert (mine.shown, theirs.shown, towns.pulls) == ("TERMINATED", "TERMINATED", [])
    assert mine.reason is not None
    assert theirs.reason is not None
    for reason in (mine.reason, theirs.reason):
        assert "Vereinbart ist die Fassung 000000000000" in " ".join(reason["de"])
        assert "the version ffffffffffff now" in " ".join(reason["en"])


async def test_what_runs_gets_no_further_access(timed: Towns, agreed: Any, started: Any, accessed: Any) -> None:
    """>> other bytes while the flow is open << the next access is refused, no use is counted."""
    agreement = await agreed(timed)
    pair = await started(timed, agreement)
    assert (await accessed(timed, pair[1])).permit
    await replaced(timed, agreement)
    decision = await accessed(timed, pair[1])
    assert not decision.permit
    assert "neue Vereinbarung" in decision.reasons["de"][0]


async def test_a_new_agreement_is_about_the_new_version(towns: Towns) -> None:
    """>> the same file published anew, negotiated anew << the old agreement goes on with the old version."""
    old = await towns.concluded(CONSUMER, PROVIDER)
    new = await towns.concluded(CONSUMER, PROVIDER)
    await replaced(towns, new)
    asked = await towns.fetch(CONSUMER, PROVIDER, old)
    await towns.run()
    assert (await towns.process(CONSUMER, asked.id)).shown == "STARTED"


@pytest.mark.parametrize("mode", ["pull", "push"])
async def test_a_file_changed_behind_our_back_is_told_to_both(space: Space, mode: str) -> None:
    """>> other bytes on disk, the row as it was << the checksum shows it; nothing is kept, both read it."""
    it: City = await space.city("it", {PROVIDER: TOWN_KIND, CONSUMER: TOWN_KIND})
    made = await it.publish(PROVIDER, b"a;b\n1;2\n")
    signed = await it.negotiate(CONSUMER, it.did(PROVIDER), made["dataset"])
    [path] = [one for one in it.services.catalogue.uploads.folder(PROVIDER).rglob("*") if one.is_file()]
    path.chmod(0o600)
    path.write_bytes(b"a;b\n1;3\n")
    base = f"/api/v1/participants/{CONSUMER}/transfers"
    begun = await it.api.post(base, {"agreement": signed["agreement"], "mode": mode})
    mine = await it.api.get(f"{base}/{begun['id']}", wait="60")
    [theirs] = (await it.api.get(f"/api/v1/participants/{PROVIDER}/transfers"))["transfers"]
    for one in (mine, theirs):
        assert one["state"] == "TERMINATED"
        assert "Die empfangenen Daten sind nicht die vereinbarten" in one["reason"]["de"]
