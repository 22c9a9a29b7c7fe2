"""Open files are had without contract or account, and no others."""

import pytest

from connector.data.sources.files import FileSource
from connector.foundation.storage.database import Tx
from connector.surfaces.peer.public import answers
from tests.surfaces.peer.public.portal import CONTENT, DIGEST, ROOT, Portal, change, put, uuid
from tests.testkit.towns import Towns

TOWN = "musterstadt"
OPEN = f"{ROOT}/datasets/{uuid(0)}/b%C3%A4ume.csv"


@pytest.fixture
async def kept(town: Towns) -> Towns:
    """The bytes lie where uploads keep them; datasets: open, announced, on contract, withdrawn."""

    def enter(tx: Tx) -> None:
        put(tx, 0)
        put(tx, 1, access="announced")
        put(tx, 2, access="contract")
        change(tx, put(tx, 3), state="withdrawn")

    folder = town.infra.settings.data.files / TOWN
    folder.mkdir(parents=True)
    (folder / DIGEST).write_bytes(CONTENT)
    await town.db.write(TOWN, enter)
    return town


async def test_an_open_file_is_there_for_everybody(kept: Towns, door: Portal) -> None:
    """>> the address in `dcat:downloadURL` << the bytes, their digest as ETag, under their name; HEAD says the same."""
    assert OPEN in (await door.get("/catalog.ttl")).text
    answer, head = await door.get(OPEN), await door.head(OPEN)
    assert (answer.status, answer.body, head.status, head.body) == (200, CONTENT, 200, b"")
    for one in (answer, head):
        assert one.headers["ETag"] == f'"{DIGEST}"'
        assert one.headers["Content-Length"] == "8"
        assert one.headers["Content-Disposition"] == "attachment; filename*=UTF-8''b%C3%A4ume.csv"
        assert one.headers["Content-Type"] == "text/csv"
        assert one.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_part_and_a_copy_that_is_known(kept: Towns, door: Portal) -> None:
    """>> bytes 4 to 6; from 9 on; the tag that the reader has << 206 with those bytes, 416, 304."""
    part = await door.get(OPEN, Range="bytes=4-6")
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, CONTENT[4:7], "bytes 4-6/8")
    assert (await door.get(OPEN, Range="bytes=9-")).status == 416
    assert (await door.get(OPEN, If_None_Match=f'"{DIGEST}"')).status == 304
    resumed = await door.get(OPEN, Range="bytes=4-", If_Range='"other"')
    assert (resumed.status, resumed.body) == (200, CONTENT)


@pytest.mark.threat("T83")
async def test_what_is_not_open_is_not_handed_out(kept: Towns, door: Portal) -> None:
    """>> the file of an announced dataset, one of members, another name, a way out of the folder << 404, and where the
    dataset is public the page that says how to get it; withdrawn: 410."""
    announced = await door.get(f"{ROOT}/datasets/{uuid(1)}/b%C3%A4ume.csv")
    assert (announced.status, f"{ROOT}/datasets/{uuid(1)}.html" in announced.text) == (404, True)
    other = await door.get(f"{ROOT}/datasets/{uuid(0)}/{DIGEST}")
    assert (other.status, f"{ROOT}/datasets/{uuid(0)}.html" in other.text) == (404, True)
    hidden = await door.get(f"{ROOT}/datasets/{uuid(2)}/b%C3%A4ume.csv")
    assert (hidden.status, uuid(2) in hidden.text, ".html" in hidden.text) == (404, True, False)
    assert (await door.get(f"{ROOT}/datasets/{uuid(3)}/b%C3%A4ume.csv")).status == 410
    for name in ("..%2F..%2Fhanse.db", "%2E%2E", "%00", "b%C3%A4ume.csv%00", "a" * 4_000):
        assert (await door.get(f"{ROOT}/datasets/{uuid(0)}/{name}")).status == 404, name


async def test_a_file_that_was_changed_on_the_disk_has_no_digest(kept: Towns, door: Portal) -> None:
    """>> somebody wrote into the folder << another ETag and no digest: nobody takes it for what was published."""
    (kept.infra.settings.data.files / TOWN / DIGEST).write_bytes(b"other bytes")
    answer = await door.get(OPEN)
    assert DIGEST not in answer.headers["ETag"]
    assert "Repr-Digest" not in answer.headers


@pytest.mark.threat("T82")
async def test_a_source_is_opened_for_so_many_at_once(
    kept: Towns, door: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> all places are taken, GET and HEAD << 503 or 429, and nothing was opened: it may be another's server."""
    monkeypatch.setattr(FileSource, "open", None)
    monkeypatch.setattr(answers, "FROM_ONE", 0)
    assert [(await door.get(OPEN)).status, (await door.head(OPEN)).status] == [429, 429]
    monkeypatch.setattr(answers, "FROM_ONE", 1)
    monkeypatch.setattr(answers, "ALTOGETHER", 0)
    assert [(await door.get(OPEN)).status, (await door.head(OPEN)).status] == [503, 503]


async def test_a_file_that_is_missing_is_told(kept: Towns, door: Portal) -> None:
    (kept.infra.settings.data.files / TOWN / DIGEST).unlink()
    assert (await door.get(OPEN)).status == 404
