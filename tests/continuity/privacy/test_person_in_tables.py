"""Where else than in log and objects a pseudonym stands: found by the schema, judged row by row, cleared or told of."""

from typing import Any

import pytest

from connector.continuity.privacy import column_rules, column_scan, holds, person_in_tables, pseudonyms, retention_store
from connector.continuity.privacy.column_rules import WAYS, Kept
from connector.continuity.privacy.column_scan import AgreementOfRow
from connector.continuity.privacy.erasure import Eraser, Order
from connector.continuity.privacy.person_in_tables import Mention, Place
from connector.continuity.privacy.retention import Periods, RetentionReason
from connector.exchange.trace.store import Line
from connector.exchange.trace.store import write as write_line
from connector.foundation.errors import Defect
from connector.foundation.storage import Database, Tx
from connector.identity.audit import store
from connector.oversight.notifications import store as notifications
from connector.oversight.notifications.model import Notification
from tests.verify.forge import PROVIDER

TOWN, OTHER = "musterstadt", "nachbardorf"
HER = "p-7f3a91"
AGREEMENT = "urn:uuid:1"
ORDER = Order("data protection", "Art. 17 (1) b GDPR")
PERIOD = RetentionReason("period", until=9)


def eraser(ended: int | None = 0) -> Eraser:
    """Every agreement ended at that instant, and its period is over; None: it goes on."""
    return Eraser(Periods(days={}, other=1, duties=frozenset()), lambda *_: ended, lambda _: PROVIDER)


def line(process: str = "~did:web:x", slot: str = "no:1", **told: Any) -> Line:
    return Line(process=process, slot=slot, direction="refused", kind="x", **told)


async def wrote(db: Database, *lines: Line, slug: str = TOWN) -> None:
    for one in lines:
        await db.write(slug, write_line, slug, one)


async def found(db: Database, slug: str = TOWN) -> list[Mention]:
    return (await db.read(slug, person_in_tables.find, slug, HER))[0]


async def cleared(db: Database, it: Eraser | None = None, slug: str = TOWN) -> person_in_tables.Weighed:
    spots = dict.fromkeys(one.place for one in await found(db, slug))
    return await db.write(slug, person_in_tables.clear, slug, it or eraser(), HER, spots, ORDER)


async def test_a_row_that_is_hers_by_its_key_goes(any_db: Database) -> None:
    """>> what she has read, and a note that is hers alone << the one row goes, of the other her pseudonym."""

    def told(tx: Tx) -> None:
        note = Notification(name="approval:x", cause="approval", subject="x", facts={}, audience=frozenset({HER}), at=1)
        notifications.add(tx, TOWN, note)
        notifications.note_read(tx, TOWN, HER, ["approval:x"])

    await any_db.write(TOWN, told)
    assert {one.table for one in await found(any_db)} == {"notification", "notification_read"}
    done = await cleared(any_db)
    assert len(done.cleared) == 2
    assert await found(any_db) == []
    assert await any_db.read(TOWN, notifications.read_by, TOWN, HER) == frozenset()
    (left,) = await any_db.read(TOWN, notifications.newest, TOWN)
    assert left.audience == frozenset({"p-******"})


async def test_the_schema_has_every_column_that_is_decided_on(any_db: Database) -> None:
    """>> a column is renamed or a table gets a key of its own kind << this says so before a walk goes wrong."""
    known = await any_db.read(TOWN, column_scan.tables)
    for (table, column), way in WAYS.items():
        assert column in {one.name for one in known[table].columns}
        assert way.how == "drop" or column not in {one.name for one in known[table].key}, "a key cannot be blanked"
    assert not {"audit_entry", "object"} & known.keys()
    for table in known.values():
        assert all(column.type in ("text", "int") for column in table.key)
        assert {column.name for column in table.columns} <= {one.name for one in table.key + table.columns}
    assert known["participant"].key == ()
    kinds = await any_db.read(TOWN, lambda tx: tx.all(column_scan._SCHEMA[tx.dialect]))
    unknown = {row["type"] for row in kinds if row["place"] in known and row["type"] not in column_scan._TYPES}
    assert unknown <= {"xid8"}, "text in a column of another type would be in no copy"
    assert [column.name for column in known["transcript"].key] == ["process", "slot"]


@pytest.mark.parametrize(
    ("table", "column", "about", "standing", "why"),
    [
        ("negotiation", "approval", AgreementOfRow("a"), Kept(hold=False, keeps=PERIOD), "period"),
        ("negotiation", "approval", AgreementOfRow("a"), Kept(hold=False, keeps=None), None),
        ("negotiation", "approval", AgreementOfRow(open=True), Kept(hold=False, keeps=None), "open"),
        ("negotiation", "approval", AgreementOfRow(), Kept(hold=False, keeps=None), None),
        ("negotiation", "reason", AgreementOfRow("a", open=True), Kept(hold=False, keeps=PERIOD), None),
        ("outbox", "body", AgreementOfRow("a", open=True), Kept(hold=False, keeps=PERIOD), "open"),
        ("outbox", "body", AgreementOfRow("a"), Kept(hold=False, keeps=PERIOD), None),
        ("outbox", "body", AgreementOfRow("a"), Kept(hold=True, keeps=None), "hold"),
        ("deed", "facts", AgreementOfRow("a"), Kept(hold=False, keeps=RetentionReason("in-force")), "in-force"),
        ("dataset", "title", AgreementOfRow(), Kept(hold=False, keeps=None), "published"),
        ("agreement", "document", AgreementOfRow("a"), Kept(hold=False, keeps=PERIOD), "period"),
        ("agreement", "document", AgreementOfRow("a"), Kept(hold=False, keeps=None), "elsewhere"),
        ("novelty", "x", AgreementOfRow(), Kept(hold=False, keeps=None), "elsewhere"),
    ],
)
def test_what_stands_in_the_way(
    table: str, column: str, about: AgreementOfRow, standing: Kept, why: str | None
) -> None:
    stay = column_rules.stays(table, column, about, standing)
    assert (None if stay is None else stay.why) == why


@pytest.mark.parametrize(
    ("about", "stand", "hold"),
    [
        (AgreementOfRow("a"), frozenset({"a"}), True),
        (AgreementOfRow("a"), frozenset({"b"}), False),
        (AgreementOfRow("a"), frozenset({None}), True),
        (AgreementOfRow(), frozenset({"b"}), False),
        (AgreementOfRow(), frozenset({None}), True),
        (AgreementOfRow(known=False), frozenset({"b"}), True),
        (AgreementOfRow(known=False), frozenset(), False),
    ],
)
def test_what_cannot_be_placed_is_under_any_hold(
    about: AgreementOfRow, stand: frozenset[str | None], hold: bool
) -> None:
    """>> a row about nothing that we know, a hold on some agreement << it is held: nobody can say that it is not."""
    assert column_rules.held(about, stand, None).hold is hold


async def test_a_transcript_is_blanked_and_the_log_says_so(any_db: Database) -> None:
    """>> two lines say her, one somebody else << blanked in these columns alone, the log counts and names nobody."""
    said = {"de": [f"Auf Wunsch von {HER}"], "en": ["p-000001"]}
    await wrote(
        any_db, line(reason=said, body=f'{{"by":"{HER}"}}'), line(slot="no:2", detail=HER), line(slot="no:3", body="x")
    )
    assert [(one.column, one.key[1]) for one in await found(any_db)] == [
        ("reason", "no:1"),
        ("body", "no:1"),
        ("detail", "no:2"),
    ]
    weighed = await any_db.read(TOWN, person_in_tables.weigh, TOWN, eraser(), await found(any_db))
    assert (len(weighed.cleared), weighed.stays) == (3, ())
    assert len(await found(any_db)) == 3, "weighing changes nothing"
    done = await cleared(any_db)
    assert (len(done.cleared), done.stays, await found(any_db)) == (3, (), [])
    [row] = await any_db.read(TOWN, lambda tx: tx.all("SELECT * FROM transcript WHERE slot = 'no:1'"))
    assert row["body"] == f'{{"by":"{pseudonyms.BLANK}"}}'
    assert "p-000001" in row["reason"]
    [note] = await any_db.read(TOWN, retention_store.clearings, TOWN, 10)
    assert b'"cleared":{"transcript.body":1,"transcript.detail":1,"transcript.reason":1}' in bytes(note["record"])
    assert pseudonyms.said(bytes(note["record"]).decode()) == []
    assert (await cleared(any_db)).cleared == ()
    assert len(await any_db.read(TOWN, retention_store.clearings, TOWN, 10)) == 1


async def test_a_hold_keeps_what_it_covers(any_db: Database) -> None:
    """>> lines about no process, about an unknown one, with a hold on one agreement; then on all << second; both."""
    await wrote(any_db, line(body=HER), line(process="urn:uuid:9", body=HER))
    put = await any_db.write(TOWN, lambda tx: holds.put(tx, TOWN, AGREEMENT, "legal office", "VG 1", did=PROVIDER))
    done = await cleared(any_db)
    assert [one.key[0] for one in done.cleared] == ["~did:web:x"]
    assert [(one.key[0], stay.why) for one, stay in done.stays] == [("urn:uuid:9", "hold")]
    await any_db.write(TOWN, lambda tx: holds.put(tx, TOWN, None, "legal office", "VG 2", did=PROVIDER))
    await wrote(any_db, line(body=HER))
    assert {stay.why for _, stay in (await cleared(any_db)).stays} == {"hold"}
    assert put.lifted_at is None


async def test_a_crash_clears_nothing(any_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the process dies after the place is cleared, before the log says so << neither; again: both, once."""
    await wrote(any_db, line(body=HER))

    def dies(*_: object, **__: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as cut:
        cut.setattr(Eraser, "note", dies)
        with pytest.raises(RuntimeError, match="power cut"):
            await cleared(any_db)
    assert len(await found(any_db)) == 1
    assert await any_db.read(TOWN, retention_store.clearings, TOWN, 10) == []
    assert len((await cleared(any_db)).cleared) == 1


async def test_what_the_participant_says_of_itself_is_found_too(any_db: Database) -> None:
    """>> why it closes names her << its own row alone, although every participant may read the directory."""
    closing = "UPDATE participant SET closing_reason = :why WHERE id = :p"
    for slug in (TOWN, OTHER):
        await any_db.write(slug, lambda tx, s=slug: tx.run(closing, p=s, why=f"{HER} geht"))
    assert [(one.table, one.key) for one in await found(any_db)] == [("participant", ())]
    await cleared(any_db)
    assert await found(any_db) == []
    assert len(await found(any_db, OTHER)) == 1


@pytest.mark.threat("T53")
async def test_a_tenant_clears_nothing_of_another(any_db: Database) -> None:
    """>> the neighbour names our row << it is not there for it, and stays."""
    await wrote(any_db, line(body=HER))
    spots = [one.place for one in await found(any_db)]
    assert await found(any_db, OTHER) == []
    done = await any_db.write(OTHER, person_in_tables.clear, OTHER, eraser(), HER, spots, ORDER)
    assert done == person_in_tables.Weighed((), ())
    assert len(await found(any_db)) == 1


async def test_a_page_that_ends_on_the_last_row_ends_there(any_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> portions of two of five rows, one by one << each row once, in order; the participant has one row."""
    monkeypatch.setattr(person_in_tables, "MOST", 2)
    monkeypatch.setattr(person_in_tables, "_PAGE", 2)
    await wrote(any_db, *(line(slot=f"no:{number}", body=HER) for number in range(5)))
    seen: list[str | int] = []
    after: Place | None = None
    while True:
        part, after = await any_db.read(TOWN, person_in_tables.find, TOWN, HER, after)
        seen += [one.key[1] for one in part]
        if after is None:
            break
    assert seen == [f"no:{number}" for number in range(5)]
    found_none, end = await any_db.read(TOWN, person_in_tables.find, TOWN, HER, Place("participant", ()))
    assert ([one.table for one in found_none], end) == (["transcript"] * 2, Place("transcript", ("~did:web:x", "no:1")))


@pytest.mark.threat("T59")
async def test_long_texts_come_in_more_portions(any_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bug: a thousand places of any length in one answer << a portion ends where its texts are long; all are found."""
    monkeypatch.setattr(person_in_tables, "LARGEST", 2_000)
    await wrote(any_db, *(line(slot=f"no:{number}", body=HER + " x" * 500) for number in range(3)))
    part, after = await any_db.read(TOWN, person_in_tables.find, TOWN, HER)
    rest, end = await any_db.read(TOWN, person_in_tables.find, TOWN, HER, after)
    assert ([one.key[1] for one in part + rest], end) == (["no:0", "no:1", "no:2"], None)
    assert len(part) == 2


@pytest.mark.threat("T59")
async def test_a_peer_cannot_end_a_walk_with_a_long_name(any_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> tokens of a peer with ids of 2 000 characters that say her << no portion ends at them, and all are found."""
    monkeypatch.setattr(person_in_tables, "MOST", 1)
    put = "INSERT INTO seen_token (participant, issuer, jti, expires_at) VALUES (:p, 'i', :jti, 0)"
    for number in range(3):
        await any_db.write(TOWN, lambda tx, n=number: tx.run(put, p=TOWN, jti=f"{n}{'x' * 2_000} {HER}"))
    part, after = await any_db.read(TOWN, person_in_tables.find, TOWN, HER)
    assert ([one.table for one in part], after) == (["seen_token"] * 3, None)


@pytest.mark.threat("T53")
async def test_the_database_keeps_what_is_proven(any_db: Database) -> None:
    """>> the service changes a statement or a deed << refused while the agreement has a record, else not."""

    def rows(tx: Tx) -> None:
        tx.run(
            "INSERT INTO negotiation (participant, id, role, counterparty, address, kernel, state, settled, version,"
            " dataset, offer, policy, created_at, changed_at)"
            " VALUES (:p, 'n', 'provider', 'd', '', '{}', 'x', 1, 1, '', '', '{}', 0, 0)",
            p=TOWN,
        )
        tx.run(
            "INSERT INTO agreement (participant, id, negotiation, role, counterparty, dataset, state, document, digest,"
            " facts, created_at) VALUES (:p, :a, 'n', 'provider', 'd', '', 'ended', :none, '', '{}', 0)",
            p=TOWN,
            a=AGREEMENT,
            none=b"",
        )
        tx.run(
            "INSERT INTO ending (participant, agreement, side, statement, sha256, jws, effective, at, booked_at,"
            " answer) VALUES (:p, :a, 'provider', :none, '', '', 0, 0, 0, 'theirs')",
            p=TOWN,
            a=AGREEMENT,
            none=b"",
        )
        tx.run(
            "INSERT INTO deed (participant, id, agreement, action, rule, party, at, facts, evidence, actor, created_at)"
            " VALUES (:p, 'd', :a, '', '', '', 0, '{}', '', 'x', 0)",
            p=TOWN,
            a=AGREEMENT,
        )

    await any_db.write(TOWN, rows)
    changes = ("UPDATE ending SET statement = statement", "UPDATE deed SET actor = 'y'", "UPDATE deed SET facts = '[]'")
    for sql in changes:
        assert await any_db.write(TOWN, lambda tx, sql=sql: tx.run(sql)) == 1
    await any_db.write(TOWN, lambda tx: store.append(tx, TOWN, "agreement", AGREEMENT, "x", {}, did=PROVIDER))
    more = () if any_db.dialect == "sqlite" else ("UPDATE ending SET jws = 'y'",)
    for sql in (*changes, "UPDATE deed SET at = 1", *more):
        with pytest.raises(Defect, match=r"storage\.(foreign-row|constraint)"):
            await any_db.write(TOWN, lambda tx, sql=sql: tx.run(sql))
