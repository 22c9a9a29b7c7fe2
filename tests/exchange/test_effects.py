"""Effects become rows in the transaction that changes the state, and only if it commits."""

import msgspec
import pytest

from connector.exchange.effects import PEER, Outbound, OutgoingMessage, commit
from connector.foundation.storage.database import Database, Row, Tx
from connector.foundation.storage.work import Errand, ProcessRef, ask, errand, timer
from connector.kernel.protocol import effects as fx

TOWN = "musterstadt"
PROCESS = ProcessRef(participant=TOWN, noun="negotiation", id="urn:uuid:1", to="did:web:peer.example")
MESSAGE = Outbound(url=f"https://peer.example/2025-1/negotiations/{PEER}/events", text='{"a": 1}')


def rows(tx: Tx, table: str) -> list[Row]:
    return tx.all(f"SELECT * FROM {table} WHERE participant = :p ORDER BY 1, 2", p=TOWN)


async def test_a_send_is_a_row_of_the_outbox(any_db: Database) -> None:
    """>> Send << one row with the whole parcel, in the stream of its process."""
    step = [fx.Send("REQUEST", "urn:uuid:m")]
    await any_db.write(TOWN, commit, PROCESS, step, messages={"urn:uuid:m": MESSAGE})
    (row,) = await any_db.read(TOWN, rows, "outbox")
    parcel = msgspec.json.decode(bytes(row["body"]), type=OutgoingMessage)
    assert (row["kind"], row["stream"], row["message_id"], row["sealed"]) == (
        "message",
        PROCESS.stream,
        "urn:uuid:m",
        0,
    )
    assert (parcel.process, parcel.kind, parcel.to) == (PROCESS.id, "REQUEST", PROCESS.to)
    assert (parcel.url, parcel.text) == (MESSAGE.url, MESSAGE.text)


@pytest.mark.threat("T27")
async def test_a_message_with_a_token_is_sealed(any_db: Database) -> None:
    """>> Send of a secret << the row holds what the vault made of it, and never the text itself."""
    secret = msgspec.structs.replace(MESSAGE, text='{"token": "geheim"}', secret=True)
    await any_db.write(
        TOWN, commit, PROCESS, [fx.Send("START", "m")], messages={"m": secret}, seal=lambda body: bytes(reversed(body))
    )
    (row,) = await any_db.read(TOWN, rows, "outbox")
    assert row["sealed"] == 1
    assert b"geheim" not in bytes(row["body"])
    assert msgspec.json.decode(bytes(reversed(bytes(row["body"]))), type=OutgoingMessage).text == secret.text


async def test_a_secret_without_a_vault_is_never_written(any_db: Database) -> None:
    secret = msgspec.structs.replace(MESSAGE, secret=True)
    with pytest.raises(AssertionError):
        await any_db.write(TOWN, commit, PROCESS, [fx.Send("START", "m")], messages={"m": secret})
    assert await any_db.read(TOWN, rows, "outbox") == []


async def test_nothing_stays_of_a_unit_that_fails(any_db: Database) -> None:
    """>> send, timer, question, then an error << no row anywhere."""

    def unit(tx: Tx) -> None:
        commit(tx, PROCESS, [fx.Send("REQUEST", "m"), fx.Ask("refused"), fx.Wake(1)], messages={"m": MESSAGE})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await any_db.write(TOWN, unit)
    for table in ("outbox", "timer", "question"):
        assert await any_db.read(TOWN, rows, table) == []


async def test_an_ack_is_booked_on_its_own_row(any_db: Database) -> None:
    """>> Acked << that message counts as delivered, the other does not."""
    step = [fx.Send("REQUEST", "one"), fx.Send("TERMINATE", "two")]
    await any_db.write(TOWN, commit, PROCESS, step, messages={"one": MESSAGE, "two": MESSAGE})
    await any_db.write(TOWN, commit, PROCESS, [fx.Acked("one")])
    done = {row["message_id"]: row["done_at"] is not None for row in await any_db.read(TOWN, rows, "outbox")}
    assert done == {"one": True, "two": False}


async def test_the_plane_acts_in_the_same_transaction(any_db: Database) -> None:
    """>> OpenFlow, CloseFlow << the plane is called with them, in their order, inside the unit."""
    seen: list[tuple[str, object]] = []

    def plane(tx: Tx, effect: fx.OpenFlow | fx.CloseFlow) -> None:
        seen.append((tx.scope, type(effect)))

    await any_db.write(TOWN, commit, PROCESS, [fx.OpenFlow(), fx.CloseFlow("TERMINATE")], plane=plane)
    assert seen == [(TOWN, fx.OpenFlow), (TOWN, fx.CloseFlow)]


async def test_repair_and_other_work_have_streams_of_their_own(any_db: Database) -> None:
    """An errand must not hold up the messages of its process, unless it is put into their stream on purpose."""
    await any_db.write(TOWN, commit, PROCESS, [fx.Repair()])
    await any_db.write(TOWN, errand, PROCESS, "countersign", fact="x")
    await any_db.write(TOWN, errand, PROCESS, "later", stream=PROCESS.stream, due_at=7)
    found = {row["kind"]: row for row in await any_db.read(TOWN, rows, "outbox")}
    assert set(found) == {"repair", "countersign", "later"}
    assert len({row["stream"] for row in found.values()}) == 3
    assert (found["later"]["stream"], found["later"]["due_at"]) == (PROCESS.stream, 7)
    assert msgspec.json.decode(bytes(found["countersign"]["body"]), type=Errand).facts == {"fact": "x"}


async def test_timers_and_questions_wait_in_the_database(any_db: Database) -> None:
    await any_db.write(TOWN, commit, PROCESS, [fx.Wake(1234), fx.Ask("refused")])
    await any_db.write(TOWN, timer, TOWN, "expiry", "x", 99)
    await any_db.write(TOWN, ask, TOWN, "x", "undeliverable", days="3")
    timers = {(row["kind"], row["subject"], row["due_at"]) for row in await any_db.read(TOWN, rows, "timer")}
    assert timers == {("negotiation", PROCESS.id, 1234), ("expiry", "x", 99)}
    questions = {(row["kind"], row["subject"], row["facts"]) for row in await any_db.read(TOWN, rows, "question")}
    assert questions == {("refused", PROCESS.id, "{}"), ("undeliverable", "x", '{"days":"3"}')}


async def test_a_send_without_its_message_is_our_defect(any_db: Database) -> None:
    with pytest.raises(KeyError):
        await any_db.write(TOWN, commit, PROCESS, [fx.Send("REQUEST", "m")], messages={})
