"""A town moves: everything of it, in force at one place at a time; what is bent on the way is refused whole."""

from hashlib import sha256
from io import BytesIO

import pytest

from connector.continuity.moving import departure, envelope, manifest, rows, target
from connector.continuity.moving.frames import MANIFEST, Reader
from connector.continuity.moving.target import Target
from connector.data.sources import store as source_store
from connector.data.sources.kinds import NewSource, Sources, sealed_as
from connector.dataspace.spaces import joined_store
from connector.dataspace.spaces.model import Joined, Rules
from connector.dataspace.witness import quorum
from connector.exchange.contracts.evidence import integrity as contracts
from connector.foundation.errors import HanseError, Mistake
from connector.foundation.http.outbound import SafeClient
from connector.foundation.storage.at_rest import AtRest
from connector.foundation.storage.database import Tx
from connector.identity.audit import integrity, origins, sealer
from connector.identity.audit import store as audit
from connector.identity.participants import store, succession
from connector.identity.trust.keys.signing import SoftwareKey
from tests.continuity.moving.sides import PARTNER, TOWN, New, Old, pieces
from tests.testkit.cities import MUNICIPALITY
from tests.testkit.moved import set_former

DATA = b"art;hoehe\nLinde;12\n"
LOGIN = "Basic c2VjcmV0"


async def moved_out(old: Old, new: New) -> tuple[Target, bytes]:
    """The town has contracts in both roles, a transfer, an open negotiation, files and people, and is written out."""
    towns = old.towns
    agreement = await towns.concluded(PARTNER, TOWN)
    await towns.fetch(PARTNER, TOWN, agreement)
    await towns.concluded(TOWN, PARTNER)
    await towns.run()
    await towns.ask(TOWN, PARTNER, await towns.publish(PARTNER, title="Noch offen"))
    (old.folders["files/"] / TOWN / "sub").mkdir(parents=True)
    (old.folders["files/"] / TOWN / "sub" / "baeume.csv").write_bytes(DATA * 40_000)
    await towns.db.write(TOWN, people)
    wish = NewSource(kind="http", parameters={"url": "https://a.example/x", "authorization": LOGIN}, name="x.csv")
    elsewhere = Sources(lambda slug: old.folders["files/"] / slug, SafeClient(), towns.vault).made(TOWN, wish)
    await towns.db.write(TOWN, towns.catalogue.register, TOWN, elsewhere)
    to = target.parse((await new.arrivals.expect(TOWN)).target.text)
    await old.departures.begin(TOWN, to)
    return to, await old.archive()


def people(tx: Tx) -> None:
    tx.run(
        "INSERT INTO person (id, login, name, password, totp_step, operator, language, created_at)"
        " VALUES ('p-1', 'eva', 'Eva Beispiel', 'hash', 0, 1, 'de', 1)"
    )
    tx.run("INSERT INTO person_role VALUES (:p, 'p-1', 'steward', 'operator', 1)", p=TOWN)
    tx.run("INSERT INTO person_pseudonym (participant, person, pseudonym) VALUES (:p, 'p-1', 'person-7')", p=TOWN)


def count(tx: Tx, table: str) -> int:
    row = tx.one(f"SELECT count(*) AS n FROM {table} WHERE participant = :p", p=tx.scope)
    return 0 if row is None else int(row["n"])


def proven(tx: Tx, slug: str) -> tuple[list[str | None], list[str | None]]:
    return [why for _, why in integrity.examined(tx, slug)], [why for _, why in contracts.examined(tx, slug)]


def write(tx: Tx) -> None:
    audit.append(tx, tx.scope, "publication", None, "system", {}, did="did:web:x.example")


@pytest.mark.threat("T191")
@pytest.mark.on_both
async def test_everything_moves_and_is_in_force_at_one_place_at_a_time(old: Old, new: New) -> None:
    """>> written out, taken in, handed over, begun << at each moment one of the two works; all rows are there, every
    record, signature and secret holds, and the log goes on under its new origin."""
    towns = old.towns
    _, archive = await moved_out(old, new)
    here = towns.participants.held(TOWN).participant
    before = await towns.db.read(TOWN, rows.counted, TOWN)
    with pytest.raises(AtRest):
        await towns.db.write(TOWN, write)

    receipt = await new.take(archive)
    there = (await new.participants.get(TOWN)).participant
    assert (there.state, there.former, there.name) == ("arriving", (here.did,), here.name)
    assert [one.participant.id for one in await new.participants.all()] == []
    with pytest.raises(AtRest):
        await new.db.write(TOWN, write)

    statement = await old.departures.hand(TOWN, receipt)
    gone = (await towns.participants.get(TOWN)).participant
    assert gone.moved is not None
    assert (gone.state, gone.moved.did) == ("moved", there.did)
    with pytest.raises(AtRest):
        await towns.db.write(TOWN, write)
    with pytest.raises(AtRest):
        await new.db.write(TOWN, write)

    await new.arrivals.begin(TOWN, statement)
    assert [one.participant.id for one in await new.participants.all()] == [TOWN]
    after = await new.db.read(TOWN, rows.counted, TOWN)
    fresh = len((await new.participants.get(TOWN)).keys)
    more = {name: count - before[name] for name, count in after.items() if count != before[name]}
    assert more.pop("outbox") < 0, "what was delivered stays behind"
    assert more == {"key": fresh, "audit_entry": 2, "log_epoch": 1, "object": 1}
    assert (after["agreement"], after["negotiation"], after["transfer"], after["outbox"]) == (2, 3, 1, 1)
    records, agreements = await new.db.read(TOWN, proven, TOWN)
    assert (set(records), set(agreements)) == ({None}, {None})
    assert (new.folders["files/"] / TOWN / "sub" / "baeume.csv").read_bytes() == DATA * 40_000
    [live] = [one for one in await new.db.read(TOWN, source_store.unpublished, TOWN, 10) if one.live]
    assert live.secrets is not None
    login = new.vault.open(sealed_as(TOWN, live.id), live.secrets)
    assert login == b'{"authorization":"Basic c2VjcmV0"}', "wrapped anew for the vault there"
    assert LOGIN.encode() not in archive
    person = await new.db.read(TOWN, lambda tx: tx.one("SELECT * FROM person"))
    assert person is not None
    assert (person["login"], person["password"], person["operator"]) == ("eva", "", 0)
    hosted = await new.participants.get(TOWN)
    signers = [key for purpose, key in hosted.signers.items() if purpose in ("log", "log-pq")]
    newest = await sealer.seal(new.db, TOWN, there.root, signers)
    assert newest is not None
    assert newest.checkpoint is not None
    assert newest.checkpoint.startswith("localhost:18444/musterstadt/log/1\n")
    records, _ = await new.db.read(TOWN, proven, TOWN)
    assert set(records) == {None}


async def test_a_move_is_no_restore_and_hides_none(old: Old, new: New) -> None:
    """>> a log goes on at the new place; later its database has as many records as were signed, and others << nothing
    was lost by the move, the fork is told."""

    async def restore() -> quorum.Restore | None:
        return (await new.db.read(TOWN, quorum.progress, TOWN, None)).restore

    _, archive = await moved_out(old, new)
    await new.arrivals.begin(TOWN, await old.departures.hand(TOWN, await new.take(archive)))
    [epoch] = await new.db.read(TOWN, lambda tx: tx.all("SELECT size, known FROM log_epoch"))
    assert epoch["size"] == epoch["known"]
    assert await restore() is None
    hosted = await new.participants.get(TOWN)
    here, log = hosted.participant, [key for purpose, key in hosted.signers.items() if purpose == "log"]
    newest = await sealer.seal(new.db, TOWN, here.root, log)
    assert newest is not None
    await new.db.write(TOWN, origins.begin, TOWN, here.did, here.root, newest.size, origins.OWN)
    found = await restore()
    assert found is not None
    assert (found.size, found.known, found.witness) == (newest.size, newest.size, origins.OWN)


async def test_no_private_key_moves(old: Old, new: New) -> None:
    """>> every key row at the new place << those of before are removed ones without a secret; those in use are new."""
    _, archive = await moved_out(old, new)
    await new.take(archive)
    found = await new.db.read(TOWN, lambda tx: tx.all("SELECT kid, state, secret FROM key"))
    old_did = old.towns.did(TOWN)
    for row in found:
        former = row["kid"].startswith(old_did + "#")
        assert (row["state"], bool(len(row["secret"]))) == (("removed", False) if former else ("active", True))
    document = (await new.participants.get(TOWN)).document
    assert old_did not in str(document)


async def test_the_same_again_is_the_same(old: Old, new: New) -> None:
    """>> each step twice << the same answer, nothing doubled; who bears the name of another one here is told."""
    to, archive = await moved_out(old, new)
    await old.departures.begin(TOWN, to)
    name = old.towns.participants.held(TOWN).participant.name
    await new.participants.add("double", name.upper(), MUNICIPALITY, "", None)
    assert await new.arrivals.alike((await new.arrivals.look(TOWN)).arrival) == []
    receipt = await new.take(archive)
    assert await new.take(archive) == receipt
    look = (await new.arrivals.look(TOWN)).arrival
    assert [one.id for one in await new.arrivals.alike(look)] == ["double"]
    assert [one.id for one in await new.participants.alike("double", name)] == [TOWN]
    statement = await old.departures.hand(TOWN, receipt)
    assert await old.towns.participants.alike("", name) == []  # who has moved away is taken for nobody
    assert await old.departures.hand(TOWN, receipt) == statement
    await new.arrivals.begin(TOWN, statement)
    entries = await new.db.read(TOWN, count, "audit_entry")
    await new.arrivals.begin(TOWN, statement)
    assert await new.db.read(TOWN, count, "audit_entry") == entries
    with pytest.raises(Mistake, match=r"moving\.over"):
        await new.take(archive)


async def test_it_may_stay_until_the_receipt(old: Old, new: New) -> None:
    """>> taken in over there, but it stays << it works here again, over there it is removed by that word alone, and
    may move again."""
    _, archive = await moved_out(old, new)
    receipt = await new.take(archive)
    with pytest.raises(Mistake, match=r"moving\.promised"):
        await new.arrivals.give_up(TOWN)
    word = await old.departures.back(TOWN)
    await old.towns.db.write(TOWN, write)
    with pytest.raises(Mistake, match=r"moving\.over"):
        await old.departures.hand(TOWN, receipt)
    with pytest.raises(Mistake, match=r"moving\.stays"):
        await new.arrivals.begin(TOWN, word)
    await new.arrivals.give_up(TOWN, word)
    assert await new.db.read(TOWN, lambda tx: tx.all("SELECT id FROM participant")) == []
    assert await new.db.read(TOWN, lambda tx: tx.all("SELECT id FROM person")) == []
    assert not (new.folders["files/"] / TOWN).exists()
    again = await new.arrivals.expect(TOWN)
    await old.departures.begin(TOWN, again.target)
    await new.arrivals.begin(TOWN, await old.departures.hand(TOWN, await new.take(await old.archive())))
    assert [one.participant.id for one in await new.participants.all()] == [TOWN]


@pytest.mark.threat("T109")
async def test_what_is_bent_is_refused_and_leaves_nothing(old: Old, new: New) -> None:
    """>> cut, a chunk turned, two changed places, another file in front, for another move << refused; no row stays."""
    _, archive = await moved_out(old, new)
    body = archive.index(b"}}") + 2
    size = (1 << 18) + 16
    first, second = archive[body : body + size], archive[body + size : body + 2 * size]
    bent = {
        "cut": archive[:-20],
        "cut at a chunk": archive[: body + size],
        "turned": archive[: body + 50] + bytes([archive[body + 50] ^ 1]) + archive[body + 51 :],
        "changed places": archive[:body] + second + first + archive[body + 2 * size :],
        "twice": archive[:body] + first + archive[body:],
        "longer": archive + b"more",
        "no archive": b"PK" + archive,
        "older form": b"hanse-archive-0\n" + archive[16:],
        "nothing": b"",
    }
    for name, data in bent.items():
        with pytest.raises(Mistake) as refused:
            await new.take(data)
        assert refused.value.code in ("moving.damaged", "moving.no-archive", "moving.version"), name
    other = await new.arrivals.expect("anders")
    with pytest.raises(Mistake, match=r"moving\.other-move"):
        await new.take(archive, "anders")
    assert other.state == "waiting"
    assert await new.db.read(TOWN, lambda tx: tx.all("SELECT id FROM participant")) == []
    assert await new.take(archive)
    assert sha256(archive).hexdigest() == (await new.arrivals.look(TOWN)).arrival.digest


async def test_whoever_has_that_name_is_not_touched(old: Old, new: New) -> None:
    """>> somebody has the short name already << no place is kept; if she comes later, the archive is refused."""
    await new.participants.add("kleinstadt", "Kleinstadt", "municipality", "", None)
    with pytest.raises(Mistake, match=r"participants\.taken"):
        await new.arrivals.expect("kleinstadt")
    _, archive = await moved_out(old, new)
    await new.participants.add(TOWN, "Eine andere", "municipality", "", None)
    (new.folders["files/"] / TOWN).mkdir()
    with pytest.raises(Mistake, match=r"participants\.taken"):
        await new.take(archive)
    assert (await new.participants.get(TOWN)).participant.name == "Eine andere"
    assert (new.folders["files/"] / TOWN).is_dir()


async def test_nobody_is_expected_who_was_not_asked_for(new: New) -> None:
    for call in (new.arrivals.look(TOWN), new.arrivals.begin(TOWN, "x"), new.arrivals.receive(TOWN, pieces(b"x"))):
        with pytest.raises(HanseError, match=r"moving\.not-expected"):
            await call


def entrusted(tx: Tx) -> None:
    tx.run("UPDATE key SET state = 'verify-only' WHERE participant = :p AND purpose = 'peer'", p=tx.scope)
    store.changed(tx, tx.scope)


@pytest.mark.on_both
async def test_who_has_no_key_of_its_own_is_not_laid_to_rest(old: Old, new: New) -> None:
    """>> a provider acts for the town << refused, and the town works on: nothing could be signed that ends the move."""
    to = (await new.arrivals.expect(TOWN)).target
    await old.towns.db.write(TOWN, entrusted)
    with pytest.raises(Mistake, match=r"mandates\.no-own-key"):
        await old.departures.begin(TOWN, to)
    await old.towns.db.write(TOWN, write)


def came(tx: Tx) -> None:
    """As after a move of which the authority of a space is still to be told."""
    one = Joined(
        participant=tx.scope,
        space="https://a.example/space",
        name="Kreis",
        did="did:web:a.example",
        authority="urn:x",
        jwk={},
        list_url="https://a.example/space/list",
        rules=Rules(),
        state="member",
        document="",
        application="a",
        reason="",
        told="",
        asked_at=1,
        changed_at=1,
        version=0,
        moved="statement",
    )
    joined_store.put(tx, one, None)


async def test_a_long_manifest_comes_in_pieces(old: Old, new: New, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a manifest that is longer than a block may be << taken in."""
    monkeypatch.setattr(departure, "PIECE", 500)
    await old.towns.concluded(PARTNER, TOWN)
    expected = await new.arrivals.expect(TOWN)
    await old.departures.begin(TOWN, expected.target)
    archive = await old.archive()
    reader = Reader(envelope.opened(BytesIO(archive).read, new.arrivals._secrets(expected).archive, expected.move))
    assert max(len(block) for head, blocks in reader.entries() for block in blocks if head.name == MANIFEST) == 500
    assert await new.take(archive)


@pytest.mark.threat("T124")
async def test_what_no_archive_holds_is_not_laid_to_rest(old: Old, new: New, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a town with more files, or more contracts, than an archive has room for; then with room << told so before it
    rests; it rests."""
    await old.towns.concluded(PARTNER, TOWN)
    (old.folders["files/"] / TOWN).mkdir()
    (old.folders["files/"] / TOWN / "a.csv").write_bytes(b"a;b\n")
    to = (await new.arrivals.expect(TOWN)).target
    for place, name in ((departure, "MOST_FILES"), (manifest, "MOST_AGREEMENTS")):
        with monkeypatch.context() as small:
            small.setattr(place, name, 0)
            with pytest.raises(Mistake, match=r"moving\.large"):
                await old.departures.begin(TOWN, to)
    assert (await old.departures.look(TOWN)).participant == "active"
    assert (await old.departures.begin(TOWN, to)).participant == "moving"


@pytest.mark.threat("T124")
async def test_bug_names_too_long_for_the_manifest_were_told_at_the_end_of_the_way(
    old: Old, new: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a town with a contract, and files with long names of every kind of letter; the limit is one byte less than
    what is counted, and what is counted; and again when the archive is asked for << told by how much before it rests;
    rests; told before a byte of it; taken in, and the manifest has no more than was counted."""
    agreement = await old.towns.concluded(PARTNER, TOWN)
    (old.folders["files/"] / TOWN).mkdir()
    names = ["a" * 200, "Grünflächen “2026”", "\\'\t&", "水" * 60]
    for name in names:
        (old.folders["files/"] / TOWN / name).write_bytes(b"a;b\n")
    counted = manifest.length([(f"files/{name}", 4) for name in names], {agreement.id: "0" * 64})
    to = (await new.arrivals.expect(TOWN)).target
    with monkeypatch.context() as small:
        small.setattr(manifest, "MOST_BYTES", counted - 1)
        with pytest.raises(Mistake, match=r"moving\.names.*'over': 1\b"):
            await old.departures.begin(TOWN, to)
    assert (await old.departures.look(TOWN)).participant == "active"
    monkeypatch.setattr(manifest, "MOST_BYTES", counted)
    await old.departures.begin(TOWN, to)
    with monkeypatch.context() as small:
        small.setattr(manifest, "MOST_BYTES", counted - 1)
        with pytest.raises(Mistake, match=r"moving\.names"):
            await anext(old.departures.archive(TOWN))
    assert await new.take(await old.archive())


def test_a_manifest_is_as_long_as_was_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> no file, one, a thousand with contracts, and next to nothing for the rest << at most what was counted, and
    little less."""
    monkeypatch.setattr(manifest, "_REST", 1_000)
    key = SoftwareKey.generate("peer", "did:web:a.example")
    origin = manifest.Origin(did="did:web:a.example", root="https://a.example", name="A", kind="urn:k", operator="B")
    for count in (0, 1, 1_000):
        files = [(f"files/{'ü' * (at % 90)}{at}", at**3) for at in range(count)]
        agreements = {f"urn:uuid:{at}": "0" * 64 for at in range(count)}
        made = manifest.Manifest(
            form=manifest.FORM,
            move="m",
            to="did:web:b.example",
            product="x",
            made_at="",
            origin=origin,
            log=manifest.Log(0, ""),
            agreements=agreements,
            entries=tuple(manifest.Entry(name, size, "0" * 64) for name, size in files),
        )
        spare = manifest.length(files, agreements) - len(manifest.signed(made, key))
        assert 0 < spare <= manifest._REST * 4 // 3


async def test_bug_a_seventeenth_former_did_left_no_way_on(old: Old, new: New) -> None:
    """>> a town that moved sixteen times; one that moved fifteen times << told so before it rests, and it works on;
    moves, has sixteen and means them all."""
    former = [f"did:web:operator{number}.example" for number in range(succession.MOST_FORMER)]
    to = (await new.arrivals.expect(TOWN)).target
    await had(old, former)
    with pytest.raises(Mistake, match=r"moving\.often.*16"):
        await old.departures.begin(TOWN, to)
    assert (await old.departures.look(TOWN)).participant == "active"
    await had(old, former[1:])
    await old.departures.begin(TOWN, to)
    await new.take(await old.archive())
    there = (await new.participants.get(TOWN)).participant
    assert there.former == (old.towns.did(TOWN), *former[1:])


async def had(old: Old, former: list[str]) -> None:
    await old.towns.db.write(TOWN, set_former, TOWN, *former)
    await old.towns.participants.catch_up()


async def test_a_second_move_waits_until_lists_know_of_the_first(old: Old, new: New) -> None:
    """>> the authority of a space has not heard of the move before << refused, by the name of the space."""
    to = (await new.arrivals.expect(TOWN)).target
    await old.towns.db.write(TOWN, came)
    with pytest.raises(Mistake, match=r"moving\.untold.*Kreis"):
        await old.departures.begin(TOWN, to)
    await old.towns.db.write(TOWN, write)
