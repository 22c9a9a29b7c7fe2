"""What a source becomes: registered by its kind, looked at again, opened; its secrets sealed all the way."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from msgspec.structs import replace

from connector.data.sources import store
from connector.data.sources.files import FileSource
from connector.data.sources.http import HttpSource
from connector.data.sources.kind import Form, Found, Kind, Parameters, SecretText, Text, Ways
from connector.data.sources.kinds import STANDARD, NewSource, Sources
from connector.data.sources.model import ELSEWHERE, Description, Readable, Source, media_type
from connector.data.sources.ranges import Conditions
from connector.foundation.errors import Defect, Mistake
from connector.foundation.http.outbound import SafeClient
from connector.foundation.storage.database import Database
from connector.identity.trust.keys.vault import Vault

TOWN = "musterstadt"
VAULT = Vault(bytes(32))
URL, LOGIN = "https://a.example/stand.geojson", "Basic c2VjcmV0"
FILE = Source(id="t", kind="file", location="t.csv", name="t.csv", media_type="text/csv", bytes=None, sha256=None)


def sources(folder: Path, kinds: tuple[Kind[Any], ...] = STANDARD, **out: Any) -> Sources:
    return Sources(lambda participant: folder / participant, SafeClient(**out), VAULT, kinds)


def wish(url: str = URL, name: str = "stand.geojson", **more: Any) -> NewSource:
    return NewSource(kind="http", parameters={"url": url, **more}, name=name)


def test_each_kind_is_opened_its_own_way(tmp_path: Path) -> None:
    """Files and addresses; a location that leads out is refused as soon as the source is made."""
    room = sources(tmp_path)
    file = room.readable("m", FILE)
    live = room.readable("m", replace(FILE, kind="http", location="https://x/"))
    assert (type(file), type(live)) == (FileSource, HttpSource)
    assert file.describe() == live.describe() == Description(name="t.csv", media_type="text/csv")
    with pytest.raises(Mistake):
        room.readable("m", replace(FILE, location="../t.csv"))


@pytest.mark.parametrize("kind", ["tape", ELSEWHERE])
def test_a_kind_that_nothing_is_read_of_is_our_defect(tmp_path: Path, kind: str) -> None:
    """The table holds only what we wrote, and nobody opens what lies elsewhere."""
    with pytest.raises(Defect):
        sources(tmp_path).readable("m", replace(FILE, kind=kind))


@pytest.mark.parametrize("kind", ["tape", "file", ELSEWHERE, ""])
def test_a_kind_that_nobody_is_asked_for_registers_nothing(tmp_path: Path, kind: str) -> None:
    """>> a kind that is none here, and a file, which would name a path of ours << refused (T19)."""
    with pytest.raises(Mistake, match=r"sources\.kind.*known.*http"):
        sources(tmp_path).made(TOWN, NewSource(kind=kind, parameters={"url": URL, "location": "x"}, name="x"))


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/x",
        "file:///etc/passwd",
        "https://",
        "https:// a.example/x",
        "https://a.example:0/x",
        "https://a.example:22/x",
        "https://a.example:99999/x",
        "https://user:word@a.example/x",
        "https://a_b.example/x",
        "https://a.example/x y",
        "https://127.0.0.1/x",
        "https://10.0.0.7/x",
        "https://169.254.169.254/x",
        "https://[::1]/x",
        "https://0x7f000001/x",
        "https://2130706433/x",
        "https://a.example/%zz",
        "https://a.example/x#part",
        "https://localhost/x",
        "https://LocalHost:8443/x",
        "https://a.localhost/x",
    ],
)
@pytest.mark.threat("T90")
async def test_an_address_that_is_never_called_is_no_source(tmp_path: Path, url: str) -> None:
    """Neither registered nor looked at."""
    room = sources(tmp_path)
    with pytest.raises(Mistake, match=r"sources\.address"):
        room.made(TOWN, wish(url))
    with pytest.raises(Mistake, match=r"sources\.address"):
        async with room.look("http", {"url": url}):
            pass


@pytest.mark.parametrize("name", ["", " "])
def test_a_source_needs_a_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(Mistake, match=r"sources\.missing"):
        sources(tmp_path).made(TOWN, wish(name=name))


def test_a_network_that_the_operator_allows_may_be_a_source(tmp_path: Path) -> None:
    """>> a number of a network of its own, allowed, and one beside it  << taken; refused."""
    own = sources(tmp_path, allow=("10.0.0.0/24",))
    assert own.made(TOWN, wish("https://10.0.0.7/x")).location == "https://10.0.0.7/x"
    here = sources(tmp_path, allow=("::1/128",)).made(TOWN, wish("https://localhost:8443/x"))
    assert here.location == "https://localhost:8443/x"
    with pytest.raises(Mistake, match=r"sources\.address"):
        own.made(TOWN, wish("https://10.0.1.7/x"))


def test_an_address_says_what_it_is(tmp_path: Path) -> None:
    """>> by its name, or by a media type of its own << live, so nothing is pinned."""
    made = sources(tmp_path).made(TOWN, wish())
    assert (made.kind, made.bytes, made.sha256, made.live) == ("http", None, None, True)
    assert (made.media_type, made.parameters, made.secrets) == ("application/geo+json", {}, None)
    typed = NewSource(kind="http", parameters={"url": URL}, name="x", media_type="text/x")
    assert sources(tmp_path).made(TOWN, typed).media_type == "text/x"


@pytest.mark.threat("T191")
async def test_a_login_lies_sealed_and_opens_for_its_own_source_alone(any_db: Database, tmp_path: Path) -> None:
    """>> registered with a login << nowhere in the row in clear; copied to another source or participant, a defect."""
    room = sources(tmp_path)
    made = room.made(TOWN, wish(authorization=LOGIN))
    await any_db.write(TOWN, store.insert, TOWN, made)
    row = await any_db.read(TOWN, lambda tx: tx.one("SELECT * FROM source"))
    assert row is not None
    assert LOGIN not in str(dict(row))
    read = await any_db.read(TOWN, store.source, TOWN, made.id)
    assert read is not None
    assert LOGIN not in repr(read)
    assert room._secrets(TOWN, read) == {"authorization": LOGIN}
    for participant, other in (("nachbardorf", read), (TOWN, replace(read, id="other"))):
        with pytest.raises(Defect):
            room.readable(participant, other)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", "text/csv"),
        ("a.GeoJSON", "application/geo+json"),
        ("a.json", "application/json"),
        ("a", "application/octet-stream"),
        ("a.unknown", "application/octet-stream"),
    ],
)
def test_media_types_come_from_the_ending(name: str, expected: str) -> None:
    assert media_type(name) == expected


# A third kind is one value: what it asks for, where each part is kept, and how it is opened.


class TapeParameters(Parameters, frozen=True, kw_only=True, omit_defaults=True):
    label: Text
    shelf: Text
    drawer: Text = ""
    code: SecretText


def _labelled(ways: Ways, values: TapeParameters) -> None:
    if not values.label.isalnum():
        raise Mistake("sources.parameter", name="label")


class Reel:
    def __init__(self, text: str) -> None:
        self.left = text.encode()

    async def read(self, n: int = -1) -> bytes:
        piece, self.left = self.left, b""
        return piece


@asynccontextmanager
async def _wound(ways: Ways, values: TapeParameters) -> AsyncIterator[Found]:
    yield Found(name=f"{values.label}.csv", bytes=None, incoming=Reel(" ".join(msgspec.structs.astuple(values))))


def _tape(ways: Ways, participant: str, source: Source, secrets: Mapping[str, str]) -> Readable:
    """The tapes of a shelf lie in a folder that the code names."""
    return FileSource(ways.folder(participant) / secrets["code"], source.location, source.description)


TAPE: Final[Kind[TapeParameters]] = Kind(
    name="tape",
    resumes="no",
    form=Form(parameters=TapeParameters, location="label", check=_labelled, look=_wound),
    open=_tape,
)


async def test_a_new_kind_is_one_value(any_db: Database, tmp_path: Path) -> None:
    """>> a kind that nobody knew << registered, found again with all it was given, looked at again, and opened."""
    room = sources(tmp_path, (*STANDARD, TAPE))
    given = {"label": "a7", "shelf": "Keller", "code": "geheim"}
    made = room.made(TOWN, NewSource(kind="tape", parameters=given, name="a7.csv"))
    await any_db.write(TOWN, store.insert, TOWN, made)
    kept = (await any_db.read(TOWN, store.sources, TOWN, [made.id]))[made.id]
    assert (kept.location, kept.parameters, kept.live) == ("a7", {"shelf": "Keller"}, True)
    async with room.look_again(TOWN, kept) as found:
        assert (found.name, await found.incoming.read()) == ("a7.csv", b"a7 Keller  geheim")
    (tmp_path / TOWN / "geheim").mkdir(parents=True)
    (tmp_path / TOWN / "geheim" / "a7").write_bytes(b"1;2")
    async with room.readable(TOWN, kept).open(Conditions()) as reading:
        assert b"".join([chunk async for chunk in reading.chunks]) == b"1;2"
    with pytest.raises(Mistake, match=r"sources\.parameter"):
        room.made(TOWN, NewSource(kind="tape", parameters={**given, "label": "../x"}, name="x"))
