"""Every message in every state that a negotiation or transfer of ours can be in, in both roles, against the tables.

The states are those that the kernels can reach; each is put in place, told one message at the real handlers, looked at
and taken back. What is legal is computed here from `STEPS` alone.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from connector.exchange.contracts import store as cases
from connector.exchange.transfer import store as processes
from connector.foundation.ids import new_id
from connector.foundation.storage.database import Tx
from connector.kernel.protocol import negotiation, transfer
from connector.kernel.protocol.effects import Illegal, Problem
from connector.kernel.protocol.process import Memory, Role
from tests.fuzz.ground import NEGOTIATION, PEER, STRANGER, TOWN, TRANSFER, Ground, Said
from tests.fuzz.trial import Trial
from tests.testkit.door import Door

PID = "urn:uuid:00000000-0000-4000-8000-000000000000"
NO = Problem(400, "no")


class Kernel(NamedTuple):
    """The functions of one kernel, and what it calls its value in a step."""

    kinds: tuple[Any, ...]
    send: Callable[..., Any]
    acked: Callable[..., Any]
    refused: Callable[..., Any]
    received: Callable[..., Any]
    value: str


NEGOTIATIONS = Kernel(
    tuple(negotiation.Kind),
    negotiation.send,
    negotiation.acked,
    negotiation.refused,
    negotiation.received,
    "negotiation",
)
TRANSFERS = Kernel(tuple(transfer.Kind), transfer.send, transfer.acked, transfer.refused, transfer.received, "transfer")


def reachable(kernel: Kernel, start: Any) -> list[Any]:
    """Every value that decisions, answers and messages lead to; memories are left out, so that they are few."""
    found, open_ = [], [start]
    while open_:
        here = open_.pop()
        for step in _steps(kernel, here):
            after = replace(getattr(step, kernel.value), memory=Memory())
            if after not in found:
                found.append(after)
                open_.append(after)
    return found


def _steps(kernel: Kernel, here: Any) -> Iterator[Any]:
    moves: list[Callable[[], Any]] = []
    for kind in kernel.kinds:
        sent = "second" if here.pending is not None else "first"
        moves.append(lambda kind=kind, sent=sent: kernel.send(here, kind, sent))
        moves.append(lambda kind=kind: kernel.received(here, kind, None, "x", PID))
    if here.pending is not None:
        moves.append(lambda: kernel.acked(here, here.pending.sent_id, PID))
        moves.append(lambda: kernel.refused(here, here.pending.sent_id, NO))
    for move in moves:
        try:
            yield move()
        except Illegal:
            continue


def named(state: Any) -> str:
    waits = "".join(f" {row.kind}{mark}" for row, mark in ((state.pending, "?"), (state.ending, "!")) if row)
    marks = ("" if state.peer_pid else " pid unknown") + (" doubt" if getattr(state, "doubt", False) else "")
    return f"{state.role} {state.state}{waits}{marks}"


NEGOTIATING = [one for role in Role for one in reachable(NEGOTIATIONS, negotiation.start(role))]
TRANSFERRING = [one for role in Role for owner in Role for one in reachable(TRANSFERS, transfer.start(role, owner))]


def after_message(state: negotiation.Negotiation, kind: negotiation.Kind) -> negotiation.State | None:
    """What the table says of the peer's message; None: illegal. An unanswered message of ours may have been taken."""
    moves, steps = state.role.other, negotiation.STEPS
    if negotiation.terminating(state) and kind is not negotiation.Kind.TERMINATE:
        return None
    if (state.role, state.state, kind) == (Role.PROVIDER, negotiation.State.VERIFIED, negotiation.Kind.VERIFY):
        return state.state  # heard again: it says nothing new
    if state.pending is None:
        return steps.get((moves, state.state, kind))
    taken = steps.get((state.role, state.state, state.pending.kind))
    if kind is negotiation.Kind.TERMINATE:
        return steps.get((moves, taken, kind)) or steps.get((moves, state.state, kind))
    return steps.get((moves, taken, kind))


def after_word(state: transfer.Transfer, kind: transfer.Kind) -> transfer.State | None:
    """The same for transfers: what fits before our unanswered message must not be weaker than that (rule 7)."""

    def step(moves: Role, at: transfer.State | None, kind: transfer.Kind) -> transfer.State | None:
        if (moves, at, kind) == (state.owner, transfer.State.STARTED, transfer.Kind.START):
            return transfer.State.STARTED
        return transfer.STEPS.get((moves, at, kind))

    moves, pending = state.role.other, state.pending
    if transfer.terminating(state) and kind is not transfer.Kind.TERMINATE:
        return None
    here = step(moves, state.state, kind)
    if pending is None:
        return here
    if here is not None:
        return here if transfer.STRENGTH[kind] >= transfer.STRENGTH[pending.kind] else None
    return step(moves, step(state.role, state.state, pending.kind), kind)


class Bench:
    """One door, one town on trial: puts a process into a state, tells it something, looks, and takes it back."""

    def __init__(self, ground: Ground, trial: Trial, door: Door) -> None:
        self.ground, self._trial, self._door = ground, trial, door
        trial.keep_refusals = False

    def negotiation(self, state: negotiation.Negotiation) -> Any:
        return self._place(replace(self.ground.cases[state.role], kernel=state), cases.save_case, cases.case)

    def transfer(self, state: transfer.Transfer) -> Any:
        process = self.ground.processes[state.role, "pull" if state.owner is Role.PROVIDER else "push"]
        return self._place(replace(process, kernel=state), processes.save, processes.process)

    def _place(self, process: Any, save: Callable[..., Any], load: Callable[..., Any]) -> Any:
        def put(tx: Tx) -> None:
            save(tx, process) if tx.scope == TOWN else None

        self._trial.before = put
        self._trial.after = lambda tx: load(tx, TOWN, process.id).kernel
        self._again = lambda kernel: self._place(replace(process, kernel=kernel), save, load)
        return process

    async def takes(self, said: Said, state: Any) -> None:
        """It leads to that state; said once more there, it gets the same answer and does nothing (rule 6)."""
        before, first = self._trial.before, await self._door.post(PEER, TOWN, said.path, said.body)
        assert first.status == 200, (said.path, first.body)
        reached: Any = self._trial.seen
        assert reached.state is state
        self._again(reached)
        second = await self._door.post(PEER, TOWN, said.path, said.body)
        assert (second.status, second.body, self._trial.touched) == (200, first.body, set())
        assert self._trial.seen == reached
        self._trial.before = before

    async def refuses(self, said: Said, status: int, caller: str = PEER) -> None:
        reply = await self._door.post(caller, TOWN, said.path, said.body)
        assert (reply.status, self._trial.touched) == (status, set()), (said.path, reply.body)
        room = "TransferError" if "/transfers/" in said.path else "ContractNegotiationError"
        assert reply.json["@type"] == room
        if caller == PEER:
            assert reply.json["providerPid"] == said.message["providerPid"]
            assert reply.json["consumerPid"] == said.message["consumerPid"]

    async def shows(self, path: str, state: str) -> None:
        reply = await self._door.get(PEER, TOWN, path)
        assert (reply.status, reply.json["state"]) == (200, state)
        assert (await self._door.get(STRANGER, TOWN, path)).status == 404

    async def refuses_wrong_pids(self, say: Callable[..., Said], state: Any, own: str) -> None:
        """Ours and theirs exchanged for others; the address of nobody; the right words from a stranger."""
        mine, peers = ("providerPid", "consumerPid") if state.role is Role.PROVIDER else ("consumerPid", "providerPid")
        await self.refuses(say(**{mine: new_id()}), 400)
        if state.peer_pid is not None:
            await self.refuses(say(**{peers: new_id()}), 400)
        right = say()
        await self.refuses(Said(right.path.replace(own, new_id()), right.message), 404)
        await self.refuses(right, 404, STRANGER)


@pytest.fixture
def bench(ground: Ground, trial: Trial, door: Door) -> Bench:
    return Bench(ground, trial, door)


def some(values: list[Any]) -> list[Any]:
    """Of each role (and owner) each state, and each message of ours that waits for its answer or ends it."""
    found, seen = [], set[tuple[object, ...]]()
    for one in values:
        whose = one.role, getattr(one, "owner", None)
        new = {(*whose, one.state), (*whose, one.pending and one.pending.kind), (*whose, "", bool(one.ending))} - seen
        seen |= new
        found += [one] if new else []
    return found


SOME_AND_ALL = pytest.mark.parametrize("chosen", [some, pytest.param(list, marks=pytest.mark.long)])
Chosen = Callable[[list[Any]], list[Any]]


@pytest.mark.threat("T33")
@SOME_AND_ALL
async def test_every_message_in_every_state_of_a_negotiation(bench: Bench, chosen: Chosen) -> None:
    """>> each kind in each state << 200 and the state of the table, or 400 with both pids and nothing changed."""
    taken = refused = 0
    for state in chosen(NEGOTIATING):
        case = bench.negotiation(state)
        for kind in NEGOTIATION:
            expected = after_message(state, negotiation.Kind[kind])
            if expected is None:
                await bench.refuses(bench.ground.about(case, kind), 400)
            else:
                await bench.takes(bench.ground.about(case, kind), expected)
            taken, refused = taken + (expected is not None), refused + (expected is None)
        await bench.shows(f"/2025-1/negotiations/{case.id}", str(negotiation.shown(state)))
    assert taken > (50 if chosen is list else 10)
    assert refused > (200 if chosen is list else 50)


@pytest.mark.threat("T33")
@SOME_AND_ALL
async def test_every_message_in_every_state_of_a_transfer(bench: Bench, chosen: Chosen) -> None:
    """The same for transfers."""
    taken = refused = 0
    for state in chosen(TRANSFERRING):
        process = bench.transfer(state)
        for kind in TRANSFER:
            expected = after_word(state, transfer.Kind[kind])
            if expected is None:
                await bench.refuses(bench.ground.on(process, kind), 400)
            else:
                await bench.takes(bench.ground.on(process, kind), expected)
            taken, refused = taken + (expected is not None), refused + (expected is None)
        await bench.shows(f"/2025-1/transfers/{process.id}", str(transfer.shown(state)))
    assert taken > (50 if chosen is list else 10)
    assert refused > (100 if chosen is list else 20)


@pytest.mark.threat("T17")
@pytest.mark.threat("T33")
@SOME_AND_ALL
async def test_wrong_pids_and_strangers_in_every_state(bench: Bench, chosen: Chosen) -> None:
    """>> what would be legal, with pids of others << 400; at nobody's address or from a stranger << 404; no change."""
    for state in chosen(NEGOTIATING):
        case = bench.negotiation(state)
        for kind in (one for one in NEGOTIATION if after_message(state, negotiation.Kind[one])):
            await bench.refuses_wrong_pids(partial(bench.ground.about, case, kind), state, case.id)
    for state in chosen(TRANSFERRING):
        process = bench.transfer(state)
        for kind in (one for one in TRANSFER if after_word(state, transfer.Kind[one])):
            await bench.refuses_wrong_pids(partial(bench.ground.on, process, kind), state, process.id)
