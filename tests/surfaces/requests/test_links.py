"""Links to a received file: what they open, and what they open no more."""

from pathlib import Path

import pytest

from connector.foundation.errors import Mistake, Unknown
from connector.foundation.http.refusals import TooMany
from connector.foundation.storage.database import Tx
from connector.surfaces.requests import link_store
from connector.surfaces.requests.links import BURST, DAY_MS, GUESSES, MOST, Links, Made, Opened
from tests.testkit.towns import Towns

TOWN, NEIGHBOUR = "musterstadt", "nachbardorf"
HERE = "192.0.2.7"


class Place:
    """Where received files lie."""

    def __init__(self, folder: Path) -> None:
        self.file: Path | None = folder / "baeume.csv"
        assert self.file is not None
        self.file.write_bytes(b"a;b\n")

    def of(self, slug: str, transfer: str) -> Path | None:
        return self.file


async def received(towns: Towns) -> tuple[str, str]:
    """A file that the neighbour got: its transfer and agreement."""
    agreement = await towns.concluded(NEIGHBOUR, TOWN)
    row = await towns.fetch(NEIGHBOUR, TOWN, agreement)

    def arrived(tx: Tx) -> None:
        tx.run("UPDATE transfer SET outcome = 'received' WHERE participant = :p AND id = :id", p=NEIGHBOUR, id=row.id)

    await towns.db.write(NEIGHBOUR, arrived)
    return row.id, agreement.id


def links(towns: Towns, place: Place) -> Links:
    return Links(towns.db, towns.clock, towns.participants, towns.contracts, towns.transfers, place.of)


async def opened(made: Links, key: str, slug: str = NEIGHBOUR, address: str = HERE) -> Opened | None:
    try:
        return await made.open(slug, key, address)
    except Unknown as unknown:
        return None if unknown.code == "requests.no-link" else unreachable()


def unreachable() -> None:
    raise AssertionError


@pytest.mark.on_both
@pytest.mark.threat("T91")
async def test_a_link_opens_one_file_until_it_is_taken_back(towns: Towns, tmp_path: Path) -> None:
    """>> made, used twice, taken back << the file, the file, nothing; the log knows who, and only a hash is kept."""
    transfer, agreement = await received(towns)
    service = links(towns, Place(tmp_path))
    key, row = await service.make(NEIGHBOUR, transfer, 7)
    assert (row.agreement, row.expires_at - row.created_at) == (agreement, 7 * DAY_MS)
    for _ in range(2):
        found = await opened(service, key)
        assert found is not None
        assert found.file.read_bytes() == b"a;b\n"
    (listed,) = await towns.db.read(NEIGHBOUR, service.all, NEIGHBOUR, transfer)
    assert listed.uses == 2
    await service.revoke(NEIGHBOUR, row.id)
    assert await opened(service, key) is None
    assert (await service.revoke(NEIGHBOUR, row.id)).revoked_at is not None

    kept = await towns.rows(NEIGHBOUR, "SELECT * FROM data_link")
    assert key not in str(kept)
    logged = await towns.rows(NEIGHBOUR, "SELECT * FROM audit_entry WHERE participant = :participant")
    assert key not in str(logged)
    assert sum(row.id in str(one) and one["type"] == "decision" for one in logged) == 2


@pytest.mark.threat("T91")
async def test_what_opens_nothing_looks_the_same(towns: Towns, tmp_path: Path) -> None:
    """>> a wrong key, another participant, a file that is gone, a key that is none << one answer."""
    transfer, _ = await received(towns)
    place = Place(tmp_path)
    service = links(towns, place)
    key, _ = await service.make(NEIGHBOUR, transfer, 1)
    for wrong in (key[:-1] + "-", key.swapcase(), "", "ü" * 10, "x" * 100):
        assert await opened(service, wrong) is None
    assert await opened(service, key, TOWN) is None
    assert await opened(service, key, "nowhere") is None
    place.file = None
    assert await opened(service, key) is None


@pytest.mark.on_both
@pytest.mark.threat("T91")
async def test_a_link_ends_with_its_day_and_with_its_contract(
    towns: Towns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> two links, one whose day is over, then the contract ended << neither opens."""
    transfer, agreement = await received(towns)
    service = links(towns, Place(tmp_path))
    first, second = await service.make(NEIGHBOUR, transfer, 1), await service.make(NEIGHBOUR, transfer, 30)

    def over(tx: Tx) -> None:
        tx.run("UPDATE data_link SET expires_at = :now WHERE id = :id", now=tx.now, id=first.link.id)

    await towns.db.write(NEIGHBOUR, over)
    assert await opened(service, first.key) is None
    assert await opened(service, second.key) is not None

    def ended(tx: Tx) -> None:
        tx.run("UPDATE agreement SET state = 'ended' WHERE participant = :p AND id = :id", p=NEIGHBOUR, id=agreement)

    await towns.db.write(NEIGHBOUR, ended)
    assert await opened(service, second.key) is None
    with pytest.raises(Mistake, match="link-nothing"):
        await service.make(NEIGHBOUR, transfer, 1)


async def test_a_link_lasts_no_longer_than_the_contract(towns: Towns, tmp_path: Path) -> None:
    transfer, agreement = await received(towns)

    def soon(tx: Tx) -> int:
        tx.run(
            "UPDATE agreement SET expires_at = :at WHERE participant = :p AND id = :id",
            at=tx.now + DAY_MS,
            p=NEIGHBOUR,
            id=agreement,
        )
        return tx.now + DAY_MS

    ends = await towns.db.write(NEIGHBOUR, soon)
    assert (await links(towns, Place(tmp_path)).make(NEIGHBOUR, transfer, 30)).link.expires_at == ends


async def test_only_what_was_received_gets_a_link(towns: Towns, tmp_path: Path) -> None:
    """>> our own data, a transfer that is none, a wrong number of days << refused."""
    transfer, _ = await received(towns)
    service = links(towns, Place(tmp_path))
    (theirs,) = await towns.db.read(TOWN, towns.transfers.all, TOWN) or [None]
    if theirs is not None:
        with pytest.raises(Mistake, match="link-nothing"):
            await service.make(TOWN, theirs.id, 1)
    with pytest.raises(Unknown):
        await service.make(NEIGHBOUR, "urn:uuid:nothing", 1)
    with pytest.raises(Mistake, match="link-days"):
        await service.make(NEIGHBOUR, transfer, 2)


@pytest.mark.threat("T91")
async def test_guesses_and_greed_are_slowed_down(towns: Towns, tmp_path: Path) -> None:
    """>> wrong keys from one address << too many; >> the file again and again << too many, for this link alone."""
    transfer, _ = await received(towns)
    service = links(towns, Place(tmp_path))
    made = [await service.make(NEIGHBOUR, transfer, 1) for _ in range(2)]

    async def greedy(one: Made, times: int) -> None:
        for _ in range(times):
            await service.open(NEIGHBOUR, one.key, HERE)

    with pytest.raises(TooMany):
        await greedy(made[0], 3 * BURST)
    await greedy(made[1], 1)

    async def guessed(times: int) -> None:
        for _ in range(times):
            assert await opened(service, made[1].key[:-2] + "--", address="192.0.2.8") is None

    with pytest.raises(TooMany):
        await guessed(3 * GUESSES)
    assert await opened(service, made[1].key, address="192.0.2.8") is not None


@pytest.mark.on_both
async def test_links_are_bounded_and_forgotten(towns: Towns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> as many as may be << one more is refused; >> swept after a month << gone."""
    transfer, _ = await received(towns)
    service = links(towns, Place(tmp_path))
    await service.make(NEIGHBOUR, transfer, 1)
    with monkeypatch.context() as few:
        few.setattr(link_store, "standing", lambda *args: MOST)
        with pytest.raises(Mistake, match="link-many"):
            await service.make(NEIGHBOUR, transfer, 1)

    def old(tx: Tx) -> None:
        tx.run("UPDATE data_link SET expires_at = 1")

    await service.sweep()
    assert len(await towns.rows(NEIGHBOUR, "SELECT id FROM data_link")) == 1
    await towns.db.write(NEIGHBOUR, old)
    await service.sweep()
    assert await towns.rows(NEIGHBOUR, "SELECT id FROM data_link") == []
