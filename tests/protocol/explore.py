"""Two peers of the real kernel, joined by the worst network there is, explored exhaustively.

A message once sent may arrive at any later time, any number of times, in any order, or never; so may every answer.
The joint state is (kernel, kernel, all ever sent, all ever answered, decisions left). Kernels are numbered and
their steps remembered, so a joint state is a tuple of small numbers.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from connector.protocol.effects import CloseFlow, Illegal, OpenFlow, Problem
from connector.protocol.process import Role

PROBLEM = Problem(400)
SIDES = (Role.CONSUMER, Role.PROVIDER)


@dataclass(frozen=True)
class Kernel:
    """The functions of one kernel; a mutant replaces one of them."""

    kinds: tuple[Any, ...]
    send: Callable[..., Any]
    acked: Callable[..., Any]
    refused: Callable[..., Any]
    received: Callable[..., Any]
    shown: Callable[[Any], Any]
    repaired: Callable[..., Any] | None = None


@dataclass(frozen=True, slots=True)
class Joint:
    """Both kernels, both sides' messages sent and answers given (bit sets), decisions left, flows open."""

    peers: tuple[int, int]
    sent: int
    answers: int
    left: tuple[int, int]
    count: tuple[int, int]
    flows: tuple[bool, ...]


@dataclass
class World:
    """The explorer. `repair` says whether doubts are resolved by asking the peer."""

    kernel: Kernel
    repair: bool = True
    values: list[Any] = field(default_factory=list)
    numbers: dict[Any, int] = field(default_factory=dict)
    messages: list[tuple[int, str, Any]] = field(default_factory=list)  # side, sent_id, kind
    bits: dict[tuple[int, str, Any], int] = field(default_factory=dict)
    memo: dict[Any, Any] = field(default_factory=dict)
    parents: dict[Joint, tuple[Joint | None, str]] = field(default_factory=dict)

    def explore(self, starts: Iterable[Joint], visit: Callable[["World", Joint], None]) -> int:
        """Visits every joint state that can be reached and returns their number."""
        queue = deque(starts)
        for joint in queue:
            self.parents[joint] = (None, "start")
        while queue:
            joint = queue.popleft()
            visit(self, joint)
            for label, after in self.moves(joint):
                if after not in self.parents:
                    self.parents[after] = (joint, label)
                    queue.append(after)
        return len(self.parents)

    def begin(self, peers: tuple[Any, ...], left: int, flows: tuple[bool, ...] = (False, False)) -> Joint:
        pair = (self.number(peers[0]), self.number(peers[1]))
        return Joint(pair, 0, 0, (left, left), (0, 0), flows)

    def decided(self, joint: Joint, side: int, kind: Any) -> Joint:
        """The state after a decision that does not count."""
        step = self.step("send", joint.peers[side], kind, self.name(joint, side))
        assert step is not None
        return self.after(joint, side, step, count=1)

    def moves(self, joint: Joint) -> Iterator[tuple[str, Joint]]:
        for side in (0, 1):
            yield from self.decisions(joint, side)
            yield from self.arrivals(joint, side)
            yield from self.answered(joint, side)
            yield from self.repairs(joint, side)

    def decisions(self, joint: Joint, side: int) -> Iterator[tuple[str, Joint]]:
        value = self.values[joint.peers[side]]
        if not joint.left[side] or (value.state is None and value.pending is None):
            return  # the peer of a first message has no process before that message comes
        name = self.name(joint, side)
        for kind in self.kernel.kinds:
            step = self.step("send", joint.peers[side], kind, name)
            if step is not None:
                yield f"{SIDES[side]} decides {kind}", self.after(joint, side, step, count=1, spent=1)

    def arrivals(self, joint: Joint, side: int) -> Iterator[tuple[str, Joint]]:
        for index in _set(joint.sent):
            moves, name, kind = self.messages[index]
            if moves == side:
                continue
            step = self.step("received", joint.peers[side], kind, name, name)
            if step is None:
                answers = joint.answers | 2 << 2 * index
                yield f"{SIDES[side]} refuses {kind} {name}", self.with_answers(joint, answers)
            else:
                taken = self.after(joint, side, step)
                yield f"{SIDES[side]} takes {kind} {name}", self.with_answers(taken, joint.answers | 1 << 2 * index)

    def answered(self, joint: Joint, side: int) -> Iterator[tuple[str, Joint]]:
        for bit in _set(joint.answers):
            moves, name, kind = self.messages[bit >> 1]
            if moves != side:
                continue
            if bit & 1:
                step = self.step("refused", joint.peers[side], name, PROBLEM)
            else:
                step = self.step("acked", joint.peers[side], name)
            yield f"{SIDES[side]} hears {'no' if bit & 1 else 'yes'} to {kind} {name}", self.after(joint, side, step)

    def repairs(self, joint: Joint, side: int) -> Iterator[tuple[str, Joint]]:
        """A doubtful side with nothing unanswered asks, late enough that no copy of its finished rows is under way."""
        mine = self.values[joint.peers[side]]
        if not self.repair or not getattr(mine, "doubt", False) or mine.pending is not None:
            return
        theirs = self.kernel.shown(self.values[joint.peers[1 - side]])
        step = self.step("repaired", joint.peers[side], theirs, self.name(joint, side))
        quiet = sum(1 << index for index in _set(joint.sent) if self.messages[index][0] != side)
        gone = Joint(joint.peers, quiet, joint.answers, joint.left, joint.count, joint.flows)
        yield f"{SIDES[side]} asks and sees {theirs}", self.after(gone, side, step, count=1)

    def settled(self, joint: Joint, rounds: int = 20) -> bool:
        """Whether both sides come to rest in the same state if nothing is lost and nobody decides any more."""
        peers = list(joint.peers)
        for side in (0, 1) * rounds:
            mine = self.values[peers[side]]
            if mine.pending is not None:
                row = mine.pending
                taken = self.step("received", peers[1 - side], row.kind, row.sent_id, row.sent_id)
                peers[1 - side] = peers[1 - side] if taken is None else taken[0]
                said = ("refused", row.sent_id, PROBLEM) if taken is None else ("acked", row.sent_id)
                peers[side] = self.step(said[0], peers[side], *said[1:])[0]
            elif self.repair and getattr(mine, "doubt", False):
                theirs = self.kernel.shown(self.values[peers[1 - side]])
                peers[side] = self.step("repaired", peers[side], theirs, f"{'cp'[side]}!")[0]
        return self.values[peers[0]].state == self.values[peers[1]].state

    def after(self, joint: Joint, side: int, step: tuple[int, int], count: int = 0, spent: int = 0) -> Joint:
        number, flow = step
        value = self.values[number]
        sent = joint.sent
        if value.pending is not None:
            sent |= 1 << self.bit((side, value.pending.sent_id, value.pending.kind))
        flows = joint.flows if flow < 0 else _replaced(joint.flows, side, bool(flow))
        return Joint(
            _replaced(joint.peers, side, number),
            sent,
            joint.answers,
            _replaced(joint.left, side, joint.left[side] - spent),
            _replaced(joint.count, side, joint.count[side] + count),
            flows,
        )

    def with_answers(self, joint: Joint, answers: int) -> Joint:
        return Joint(joint.peers, joint.sent, answers, joint.left, joint.count, joint.flows)

    def step(self, name: str, number: int, *args: Any) -> Any:
        """The kernel's step from one interned value to the next, with its word on the data flow; None if illegal."""
        key = (name, number, args)
        if key not in self.memo:
            try:
                step = getattr(self.kernel, name)(self.values[number], *args)
            except Illegal:
                self.memo[key] = None
            else:
                self.memo[key] = (self.number(step[0]), _flow(step[1]))
        return self.memo[key]

    def name(self, joint: Joint, side: int) -> str:
        return f"{'cp'[side]}{joint.count[side] + 1}"

    def number(self, value: Any) -> int:
        if value not in self.numbers:
            self.numbers[value] = len(self.values)
            self.values.append(value)
        return self.numbers[value]

    def bit(self, message: tuple[int, str, Any]) -> int:
        if message not in self.bits:
            self.bits[message] = len(self.messages)
            self.messages.append(message)
        return self.bits[message]

    def pair(self, joint: Joint) -> tuple[Any, Any]:
        return self.values[joint.peers[0]], self.values[joint.peers[1]]

    def trace(self, joint: Joint) -> str:
        """How the explorer came here: the transcript that a failing test prints."""
        lines: list[str] = []
        at: Joint | None = joint
        while at is not None:
            before, label = self.parents[at]
            consumer, provider = self.pair(at)
            lines.append(f"{label:45} {consumer.state} {consumer.pending} | {provider.state} {provider.pending}")
            at = before
        return "\n".join(reversed(lines))


def _flow(effects: tuple[Any, ...]) -> int:
    """1 opens, 0 closes, -1 says nothing of the data flow."""
    said = [isinstance(effect, OpenFlow) for effect in effects if isinstance(effect, OpenFlow | CloseFlow)]
    return said[-1] if said else -1


def _set(bits: int) -> Iterator[int]:
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def _replaced(pair: tuple[Any, Any], side: int, value: Any) -> tuple[Any, Any]:
    return (value, pair[1]) if side == 0 else (pair[0], value)
