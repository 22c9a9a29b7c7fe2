"""An archive that opens and is signed, by a stranger or by a town that means harm: nothing of it stays."""

import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from connector.continuity.moving import contents, envelope, frames, manifest, people, target
from connector.continuity.moving.envelope import Sealer
from connector.continuity.moving.frames import Head, Reader, Writer
from connector.continuity.moving.manifest import Manifest
from connector.data.harvest.store import PART
from connector.foundation.errors import HanseError, Mistake
from connector.foundation.storage.database import Tx
from connector.identity.participants.publisher_details import PublisherDetails
from connector.identity.trust.keys.signing import Signer, SoftwareKey
from tests.continuity.moving.sides import PARTNER, TOWN, New, Old
from tests.fuzz.effort import amount

pytestmark = pytest.mark.threat("T109")
Entries = dict[str, tuple[Head, list[bytes]]]
Bend = Callable[[Entries], None]


def rows_in(block: bytes) -> int:
    with suppress(Mistake):
        return len(frames.unpacked(block))
    return 0


class Forge:
    """What a town really wrote, to be bent, and sealed and signed again."""

    def __init__(self, old: Old, new: New, archive: bytes, secret: str, move: str) -> None:
        self.old, self.new = old, new
        waiting = bytearray(archive)

        def read(most: int) -> bytes:
            piece = bytes(waiting[:most])
            del waiting[:most]
            return piece

        reader = Reader(envelope.opened(read, secret, move))
        self.entries: Entries = {head.name: (head, list(blocks)) for head, blocks in reader.entries()}
        jws = b"".join(self.entries.pop(frames.MANIFEST)[1])
        self.signer: Signer = old.towns.participants.held(TOWN).signers["peer"]
        self.manifest = manifest.read(jws, self.signer.public_jwk)

    def archive(
        self,
        to: target.Target,
        bend: Bend = lambda _: None,
        said: Callable[[Manifest], Manifest] = lambda one: one,
        signer: Signer | None = None,
        *,
        counted: bool = True,
        twice: str = "",
        empty: int = 0,
    ) -> bytes:
        entries = {name: (head, list(blocks)) for name, (head, blocks) in self.entries.items()}
        bend(entries)
        writer, sealing = Writer(), Sealer(to)
        plain = bytearray()
        if empty:
            first = Writer()
            plain += (first.begin(Head(name=frames.MANIFEST)) + first.end()) * empty
        for head, blocks in (*entries.values(), *([entries[twice]] if twice else [])):
            plain += writer.begin(head)
            for block in blocks:
                plain += writer.block(block, rows_in(block) if counted and head.columns else 0)
            plain += writer.end()
        made = said(replace(self.manifest, entries=tuple(writer.entries)))
        plain += writer.begin(Head(name=frames.MANIFEST))
        plain += writer.block(manifest.signed(made, signer or self.signer)) + writer.end()
        return sealing.head + b"".join(sealing.add(bytes(plain))) + sealing.end()


@pytest.fixture
async def forge(old: Old, new: New) -> Forge:
    await old.towns.concluded(PARTNER, TOWN)
    (old.folders["files/"] / TOWN).mkdir()
    (old.folders["files/"] / TOWN / "a.csv").write_bytes(b"a;b\n")
    expected = await new.arrivals.expect(TOWN)
    await old.departures.begin(TOWN, expected.target)
    return Forge(old, new, await old.archive(), new.arrivals._secrets(expected).archive, expected.move)


def column(name: str, of: str, value: Any) -> Bend:
    """Each row of a table says something else there."""

    def bend(entries: Entries) -> None:
        head, blocks = entries[frames.ROWS + name]
        at = head.columns.index(of)
        rows = [[*row[:at], value, *row[at + 1 :]] for block in blocks for row in frames.unpacked(block)]
        entries[frames.ROWS + name] = head, [msgspec.msgpack.encode(rows)]

    return bend


def more(name: str, columns: tuple[str, ...], rows: list[list[Any]]) -> Bend:
    def bend(entries: Entries) -> None:
        entries[name] = Head(name=name, columns=columns), [msgspec.msgpack.encode(rows)]

    return bend


def file(path: str) -> Bend:
    def bend(entries: Entries) -> None:
        entries[f"files/{path}"] = Head(name=f"files/{path}"), [b"evil"]

    return bend


def more_people(one: dict[str, str]) -> Bend:
    return lambda entries: entries.update(people=(Head(name="people"), [msgspec.msgpack.encode([one])]))


def without(name: str) -> Bend:
    return lambda entries: entries.pop(name) and None


def bomb(entries: Entries) -> None:
    columns = ("id", "location", "triples", "undone", "version", "created_at", "imported_at")
    more("rows/harvest_source", columns, [["s", "https://x.example", 0, "[]", 1, 1, 1]])(entries)
    packed = zlib.compress(bytes(PART + 1))
    more("rows/harvest_original", ("source", "number", "content"), [["s", 0, packed]])(entries)


EVIL = PublisherDetails(contact_url="javascript:alert(1)")
SIXTEEN = tuple(f"did:web:operator{number}.example" for number in range(16))
NO_ROWS: Any = {"a": 1}
BENT: dict[str, tuple[Bend, str]] = {
    "a path upwards": (file("../../evil"), "moving.path"),
    "an absolute path": (file("/evil"), "moving.path"),
    "a path with nothing in it": (file("a//evil"), "moving.path"),
    "an unknown kind of entry": (more("settings/hanse.toml", (), []), "moving.path"),
    "an unknown table": (more("rows/nothing", ("id",), [["x"]]), "moving.table"),
    "a table that stays": (more("rows/access_token", ("hash",), [["x"]]), "moving.table"),
    "a table of the process": (more("rows/person", ("id",), [["x"]]), "moving.table"),
    "an unknown column": (more("rows/peer", ("did", "root", "entered_at", "x"), [["d", "r", 1, 1]]), "moving.table"),
    "rows of another": (
        more("rows/peer", ("participant", "did", "root", "entered_at"), [["o", "d", "r", 1]]),
        "moving.table",
    ),
    "a column twice": (more("rows/peer", ("did", "did", "root"), [["d", "d", "r"]]), "moving.table"),
    "a value of another kind": (more("rows/peer", ("did", "root", "entered_at"), [["d", "r", "1"]]), "moving.row"),
    "a value that is a list": (more("rows/peer", ("did", "root", "entered_at"), [[["d"], "r", 1]]), "moving.damaged"),
    "a row twice": (more("rows/peer", ("did", "root", "entered_at"), [["d", "r", 1], ["d", "r", 1]]), "moving.row"),
    "no rows at all": (more("rows/peer", ("did", "root", "entered_at"), NO_ROWS), "moving.damaged"),
    "somebody of the new place": (
        more("rows/person_role", ("person", "role", "granted_by", "granted_at"), [["p", "r", "o", 1]]),
        "moving.row",
    ),
    "a few bytes that unpack to many": (bomb, "moving.row"),
    "a person whose name steers a screen": (
        more_people({"id": "x", "login": "eva", "name": "Eva\u202e", "language": "de"}),
        "moving.damaged",
    ),
    "a record that was changed": (column("audit_entry", "record", b"{}"), "moving.log"),
    "a log that was cut": (without("rows/audit_entry"), "moving.log"),
    "an agreement that was changed": (column("agreement", "document", b"{}"), "moving.agreement"),
    "agreements that are missing": (without("rows/agreement"), "moving.agreements"),
}


def left(tx: Tx) -> list[Any]:
    return [
        *tx.all("SELECT id FROM participant WHERE id = :p", p=TOWN),
        *tx.all("SELECT id FROM person"),
        *tx.all("SELECT id FROM audit_entry WHERE participant = :p", p=TOWN),
    ]


async def refused(forge: Forge, archive: bytes, code: str) -> None:
    with pytest.raises(HanseError) as found:
        await forge.new.take(archive)
    assert found.value.code == code, found.value
    assert await forge.new.db.read(TOWN, left) == []
    assert not (forge.new.folders["files/"] / TOWN).exists()
    assert not list(forge.new.folders["files/"].parent.rglob("evil"))


async def test_every_bent_archive_is_refused_and_nothing_stays(forge: Forge) -> None:
    """>> one thing bent, sealed and signed anew by the town itself << refused by its reason, nothing stays; the true
    one is taken after all of them."""
    to = (await forge.new.arrivals.look(TOWN)).arrival.target
    for name, (bend, code) in list(BENT.items())[:: amount(3, 1)]:
        try:
            await refused(forge, forge.archive(to, bend), code)
        except AssertionError as wrong:
            raise AssertionError(name) from wrong
    await refused(forge, forge.archive(to, counted=False), "moving.incomplete")
    assert await forge.new.take(forge.archive(to))


async def test_whoever_else_signs_is_not_believed(forge: Forge) -> None:
    """>> a stranger's key under the town's name, the partner's key under its own, another town's DID, another form
    << refused: the key has to stand in the DID document of the one that it is about."""
    to, towns = (await forge.new.arrivals.look(TOWN)).arrival.target, forge.old.towns
    did = towns.did(TOWN)
    other = (await forge.new.participants.add("andere", "Andere", "municipality", "", None)).participant.did
    stranger = SoftwareKey.generate("peer", did)
    with pytest.raises(HanseError):
        await forge.new.take(forge.archive(to, signer=stranger))
    partner = towns.participants.held(PARTNER).signers["peer"]
    await refused(forge, forge.archive(to, signer=partner), "moving.other-move")
    for said, code in (
        (lambda one: replace(one, move="0" * 36), "moving.other-move"),
        (lambda one: replace(one, to="did:web:other.example"), "moving.other-move"),
        (lambda one: replace(one, form=2), "moving.version"),
        (lambda one: replace(one, entries=one.entries[1:]), "moving.damaged"),
        (lambda one: replace(one, origin=replace(one.origin, former=("no did",))), "trust.did"),
        (lambda one: replace(one, origin=replace(one.origin, former=(other,))), "moving.same-place"),
        (lambda one: replace(one, origin=replace(one.origin, former=SIXTEEN)), "moving.damaged"),
        (lambda one: replace(one, origin=replace(one.origin, root="https://other.example")), "moving.same-place"),
        (lambda one: replace(one, origin=replace(one.origin, publisher=EVIL)), "moving.damaged"),
        (lambda one: replace(one, log=replace(one.log, size=one.log.size + 1)), "moving.log"),
        (lambda one: replace(one, agreements={}), "moving.agreements"),
    ):
        await refused(forge, forge.archive(to, said=said), code)
    assert await forge.new.take(forge.archive(to))


@pytest.mark.threat("T124")
@pytest.mark.parametrize("name", ["people", "files/a.csv", "rows/agreement"])
async def test_nothing_stands_in_an_archive_twice(forge: Forge, name: str) -> None:
    """>> an entry once more at the end, and the manifest names it twice << damaged, and nothing stays."""
    to = (await forge.new.arrivals.look(TOWN)).arrival.target
    await refused(forge, forge.archive(to, twice=name), "moving.damaged")


@pytest.mark.threat("T124")
async def test_bug_an_empty_manifest_was_none(forge: Forge) -> None:
    """>> empty manifests before the true one, which no count of entries would ever end << damaged with the first."""
    to = (await forge.new.arrivals.look(TOWN)).arrival.target
    await refused(forge, forge.archive(to, empty=1), "moving.damaged")


@pytest.mark.threat("T124")
@pytest.mark.parametrize("name", [frames.MANIFEST, people.NAME])
def test_what_is_read_as_a_whole_is_not_read_without_end(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a manifest, or people, of a thousand blocks, where there is room for two << damaged with the third."""
    given = list[int]()

    def opened(*_: object) -> Iterator[bytes]:
        writer = Writer()
        yield writer.begin(Head(name=name))
        for at in range(1000):
            given.append(at)
            yield writer.block(b"x" * 500)

    monkeypatch.setattr(manifest, "MOST_BYTES", 1000)
    monkeypatch.setattr(envelope, "opened", opened)
    with pytest.raises(Mistake, match="damaged"):
        contents.walked(BytesIO(), "", "")
    assert len(given) == 3


async def test_who_has_a_login_there_is_somebody_else(forge: Forge) -> None:
    """>> the archive names a person with the login of the new place's operator << she gets another, and no rights."""
    to = (await forge.new.arrivals.look(TOWN)).arrival.target

    def boss(tx: Tx) -> None:
        tx.run(
            "INSERT INTO person (id, login, name, password, totp_step, operator, language, created_at)"
            " VALUES ('b', 'boss', 'Boss', 'hash', 0, 1, 'de', 1)"
        )

    await forge.new.db.write("", boss)

    def bend(entries: Entries) -> None:
        one = {"id": "b", "login": "boss", "name": "Evil", "language": "de"}
        entries["people"] = Head(name="people"), [msgspec.msgpack.encode([one])]
        more("rows/person_role", ("person", "role", "granted_by", "granted_at"), [["b", "steward", "o", 1]])(entries)

    await forge.new.take(forge.archive(to, bend))
    found = await forge.new.db.read("", lambda tx: tx.all("SELECT id, login, operator, password FROM person"))
    assert {(row["login"], row["operator"], row["password"]) for row in found} == {
        ("boss", 1, "hash"),
        (f"boss-{TOWN}", 0, ""),
    }
    roles = await forge.new.db.read(TOWN, lambda tx: tx.all("SELECT person FROM person_role"))
    assert [row["person"] for row in roles] != ["b"]
