"""What a change of a negotiation writes and reads, and how agreements are put down, on both databases."""

import asyncio
import threading
from typing import Any

import pytest
from msgspec.structs import replace

from connector.exchange.contracts import object_store, store
from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.model import Agreement, EvidenceObject, NegotiationRow
from connector.exchange.contracts.negotiation.send import process
from connector.exchange.effects import commit
from connector.foundation.errors import Unavailable
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.work import ask
from connector.kernel.protocol import effects as fx
from connector.kernel.protocol import negotiation as kernel
from connector.kernel.protocol.negotiation import Kind, State
from connector.kernel.protocol.process import Role
from tests.testkit.patience import PATIENCE_S, eventually_said

TOWN, PEER = "musterstadt", "did:web:peer.example"
TERMS: dict[str, Any] = {"@id": "urn:uuid:offer", "permission": [{"action": "use"}], "duty": []}


def opened(number: int = 1) -> NegotiationRow:
    step = kernel.send(kernel.start(Role.CONSUMER), Kind.REQUEST, "urn:uuid:sent")
    return NegotiationRow(
        participant=TOWN,
        id=f"urn:uuid:case{number}",
        counterparty=PEER,
        address="https://peer.example",
        kernel=step.negotiation,
        version=1,
        dataset="https://peer.example/d",
        offer="urn:uuid:offer",
        policy=TERMS,
        purpose="p",
        action=None,
        agreement=None,
        reason=None,
        created_at=1,
        changed_at=1,
    )


class Noting:
    """A transaction that keeps the statements that change something."""

    def __init__(self, tx: Tx) -> None:
        self._tx, self.ran = tx, list[str]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    def run(self, sql: str, /, **values: object) -> int:
        self.ran.append(sql)
        return self._tx.run(sql, **values)


def read(tx: Tx, number: int = 1) -> NegotiationRow:
    found = store.case(tx, TOWN, f"urn:uuid:case{number}", lock=True)
    assert found is not None
    return found


def saved(tx: Tx, change: dict[str, Any], number: int = 1) -> str:
    """The statement that saves the case with this change; what is read afterwards is what was saved."""
    noting: Any = Noting(tx)
    case = replace(read(tx, number), **change)
    after = store.save_case(noting, case)
    assert replace(read(tx, number), changed_at=after.changed_at, asked=after.asked) == after
    return noting.ran[0]


SELDOM = ("peer_pid = ", "settled = ", "policy = ")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({}, []),
        ({"agreement": "urn:uuid:a"}, []),
        ({"policy": {**TERMS, "duty": [{"action": "inform"}]}}, ["policy = "]),
        ({"policy": {"duty": [], **TERMS}}, ["policy = "]),
        ({"purpose": "another"}, ["policy = "]),
        ({"kernel": kernel.acked(opened().kernel, "urn:uuid:sent", "urn:uuid:theirs").negotiation}, ["peer_pid = "]),
    ],
)
async def test_only_what_changed_is_named(any_db: Database, change: dict[str, Any], named: list[str]) -> None:
    """Terms that say the same in another order are other terms: they go out as they are written."""
    await any_db.write(TOWN, store.insert_case, opened())
    statement = await any_db.write(TOWN, saved, change)
    assert [part for part in SELDOM if part in statement] == named


async def test_the_order_of_terms_is_kept(any_db: Database) -> None:
    await any_db.write(TOWN, store.insert_case, opened())
    await any_db.write(TOWN, saved, {"policy": {"duty": [], **TERMS}})
    assert list((await any_db.write(TOWN, read)).policy) == ["duty", "@id", "permission"]


async def test_what_was_never_saved_is_inserted_as_it_stands_by_then(any_db: Database) -> None:
    """>> a request is decided before it is saved << one row with all that came of it, as a change of it would read."""
    said = {"agreement": "urn:uuid:a", "deferred": ("/permission/0",), "reason": {"de": ["Nein."], "en": ["No."]}}
    case = replace(opened(), states=("REQUESTED", "AGREED"), standing=TERMS, **said)
    after = await any_db.write(TOWN, store.save_case, case)
    found = await any_db.write(TOWN, read)
    assert (after.version, found.version) == (1, 1)
    assert replace(found, changed_at=1, created_at=1, asked=True) == replace(
        case, states=after.states, stored=found.stored
    )


async def test_the_same_first_message_taken_twice_is_one_row(any_db: Database) -> None:
    """>> another replica has saved it meanwhile << the unit runs again, and finds it."""
    await any_db.write(TOWN, store.save_case, opened())
    with pytest.raises(Unavailable, match="contended"):
        await any_db.write(TOWN, store.save_case, opened())


def waiting(tx: Tx) -> list[str]:
    rows = tx.all("SELECT subject FROM question WHERE participant = :p AND answered_at IS NULL ORDER BY 1", p=TOWN)
    return [str(row["subject"]) for row in rows]


def goes_on(tx: Tx, case_id: str) -> None:
    case = store.case(tx, TOWN, case_id, lock=True)
    assert case is not None
    commit(tx, process(case), [fx.Note("went on")])


async def test_a_question_is_answered_by_the_next_step_of_its_negotiation(any_db: Database) -> None:
    """Of one about which nothing waits no question is looked for, and those of others stay."""
    first, second = opened(1), opened(2)
    for case in (first, second):
        await any_db.write(TOWN, store.insert_case, case)
        await any_db.write(TOWN, ask, TOWN, case.id, "proposed")
    await any_db.write(TOWN, goes_on, first.id)
    assert await any_db.read(TOWN, waiting) == [second.id]
    await any_db.write(TOWN, ask, TOWN, first.id, "undeliverable")
    assert await any_db.read(TOWN, waiting) == [first.id, second.id]
    await any_db.write(TOWN, goes_on, first.id)
    assert await any_db.read(TOWN, waiting) == [second.id]


async def test_whether_a_question_waits_is_read_with_the_row_on_sqlite_alone(any_db: Database) -> None:
    """On PostgreSQL a row that had to be waited for is newer than the rest of its statement."""
    unknown = any_db.dialect == "postgres"
    await any_db.write(TOWN, store.insert_case, opened())
    assert (await any_db.write(TOWN, read)).asked is unknown
    await any_db.write(TOWN, ask, TOWN, opened().id, "proposed")
    assert (await any_db.write(TOWN, read)).asked is True


@pytest.mark.parametrize(("first", "second"), [("urn:uuid:1", "1"), ("1", "urn:uuid:1"), ("1", "1")])
async def test_an_agreement_has_one_name_in_two_spellings(any_db: Database, first: str, second: str) -> None:
    case = opened()
    await any_db.write(TOWN, store.insert_case, case)
    assert await any_db.write(TOWN, store.insert_agreement, drawn(case, first))
    assert not await any_db.write(TOWN, store.insert_agreement, drawn(case, second))
    assert await any_db.write(TOWN, store.insert_agreement, drawn(case, "urn:uuid:2"))
    assert [one.id for one in await any_db.read(TOWN, store.agreements, TOWN)] == sorted([first, "urn:uuid:2"])


async def test_an_agreement_without_a_name_is_none(any_db: Database) -> None:
    await any_db.write(TOWN, store.insert_case, opened())
    assert not await any_db.write(TOWN, store.insert_agreement, drawn(opened(), "urn:uuid:"))


def drawn(case: NegotiationRow, name: str) -> Agreement:
    return Agreement(
        participant=TOWN,
        id=name,
        negotiation=case.id,
        role="consumer",
        counterparty=PEER,
        dataset=case.dataset,
        state="signed",
        document=b"{}",
        digest=sealing.digest(b"{}"),
        provider_jws=None,
        consumer_jws=None,
        facts={},
        expires_at=None,
        created_at=1,
        finalized_at=None,
        replaces="sha256:1",
    )


async def test_a_negotiation_is_read_with_the_agreement_that_came_of_it(any_db: Database) -> None:
    """And of another peer, or of one that is not there, nothing."""
    await any_db.write(TOWN, store.insert_case, opened())
    mine, other = opened().id, ("did:web:other.example",)
    found = await any_db.write(TOWN, store.case_with_agreement, TOWN, mine)
    assert found is not None
    assert found[1] is None
    await any_db.write(TOWN, store.insert_agreement, drawn(opened(), "urn:uuid:1"))
    await any_db.write(TOWN, saved, {"agreement": "urn:uuid:1"})
    found = await any_db.write(TOWN, store.case_with_agreement, TOWN, mine, (PEER,))
    assert found is not None
    assert found[0] == await any_db.write(TOWN, lambda tx: replace(read(tx), asked=False))
    assert found[1] == await any_db.read(TOWN, store.agreement, TOWN, "urn:uuid:1")
    for case_id, among in ((mine, other), ("urn:uuid:none", None)):
        assert await any_db.write(TOWN, store.case_with_agreement, TOWN, case_id, among) is None


async def test_whoever_waited_for_a_negotiation_reads_what_came_of_it_meanwhile(postgres_db: Database) -> None:
    """>> an agreement is drawn up while another unit waits for the lock << that one has it, and the question too."""
    locked, go = threading.Event(), threading.Event()

    def draws_up(tx: Tx) -> None:
        case = read(tx)
        locked.set()
        assert go.wait(PATIENCE_S)
        store.insert_agreement(tx, drawn(case, "urn:uuid:1"))
        store.save_case(tx, replace(case, agreement="urn:uuid:1"))
        ask(tx, TOWN, case.id, "proposed")

    async def one_waits() -> bool:
        waiting = (
            "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return await postgres_db.read(TOWN, lambda tx: tx.all(waiting)[0]["n"] == 1)

    await postgres_db.write(TOWN, store.insert_case, opened())
    first = asyncio.ensure_future(postgres_db.write(TOWN, draws_up))
    assert await asyncio.to_thread(locked.wait, PATIENCE_S)
    second = asyncio.ensure_future(postgres_db.write(TOWN, store.case_with_agreement, TOWN, opened().id))
    await eventually_said(one_waits)
    go.set()
    await first
    found = await second
    assert found is not None
    assert found[1] is not None
    assert (found[0].agreement, found[0].asked, found[1].id) == ("urn:uuid:1", True, "urn:uuid:1")


async def test_a_negotiation_is_read_with_an_object_of_it(any_db: Database) -> None:
    await any_db.write(TOWN, store.insert_case, opened())
    item = EvidenceObject(name="a", sha256=sealing.digest(b"a"), media_type="text/plain", body=b"a")
    mine = opened().id
    found = await any_db.read(TOWN, store.case_with_object, TOWN, mine, "a")
    assert found is not None
    assert found[1] is None
    await any_db.write(TOWN, object_store.keep_object, TOWN, mine, PEER, item)
    found = await any_db.read(TOWN, store.case_with_object, TOWN, mine, "a")
    assert found is not None
    assert (found[0].id, found[1]) == (mine, item)
    assert await any_db.read(TOWN, store.case_with_object, TOWN, "urn:uuid:none", "a") is None


@pytest.mark.parametrize("role", [Role.PROVIDER, Role.CONSUMER])
async def test_what_a_peer_began_is_found_and_counted(any_db: Database, role: Role) -> None:
    """>> two that are open, one that is over << each by the pid that its peer gave it, and two are open."""
    for number, over in ((1, False), (2, False), (3, True)):
        state = State.TERMINATED if over else State.REQUESTED if role is Role.PROVIDER else State.OFFERED
        begun = replace(kernel.start(role), state=state, peer_pid=f"theirs{number}")
        case = replace(opened(number), kernel=begun, proposed=role is Role.CONSUMER)
        await any_db.write(TOWN, store.insert_case, case)
    found = await any_db.write(TOWN, store.begun, TOWN, role, PEER, "theirs3")
    assert found.case is not None
    assert (found.case.id, found.unsettled) == (opened(3).id, 2)
    assert (await any_db.write(TOWN, store.begun, TOWN, role, PEER, "theirs4")) == (None, 2)
    other = Role.CONSUMER if role is Role.PROVIDER else Role.PROVIDER
    assert (await any_db.write(TOWN, store.begun, TOWN, other, PEER, "theirs1")) == (None, 2)
    assert (await any_db.write(TOWN, store.begun, TOWN, role, "did:web:other.example", "theirs1")) == (None, 0)
