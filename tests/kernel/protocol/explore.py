"""Two peers of the real kernel, joined by the worst network there is, explored exhaustively.

A message once sent may arrive at any later time, any number of times, in any order, or never; so may every answer.
The joint state is (kernel, kernel, all ever sent, all ever answered, decisions left). Kernels are numbered and
their steps remembered, so a joint state is a tuple of small numbers.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from connector.kernel.protocol.effects import CloseFlow, Illegal, OpenFlow, Problem
from connector.kernel.protocol.process import Role

PROBLEM = Problem(400)
SIDES = (Role.CONSUMER, Role.PROVIDER)
Label = tuple[Any, ...]
"""The words of what happened: a million of them are made, and put together for the one trace that is shown."""


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


class Joint(NamedTuple):
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
    said: list[int] = field(default_factory=lambda: [0, 0])  # of all sent, the bits of each side's
    asked: list[int] = field(default_factory=lambda: [0, 0])  # of all answered, the bits of answers to each side
    memo: dict[Any, Any] = field(default_factory=dict)
    parents: dict[Joint, Joint | None] = field(default_factory=dict)

    def explore(self, starts: Iterable[Joint], visit: Callable[["World", Joint], None]) -> int:
        """Visits every joint state that can be reached and returns their number."""
        queue = deque(starts)
        for joint in queue:
            self.parents[joint] = None
        while queue:
            joint = queue.popleft()
            visit(self, joint)
            for _, after in self.moves(joint):
                if after not in self.parents:
                    self.parents[after] = joint
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

    def moves(self, joint: Joint) -> Iterator[tuple[Label, Joint]]:
        for side in (0, 1):
            yield from self.decisions(joint, side)
            yield from self.arrivals(joint, side)
            yield from self.answered(joint, side)
            yield from self.repairs(joint, side)

    def decisions(self, joint: Joint, side: int) -> Iterator[tuple[Label, Joint]]:
        value = self.values[joint.peers[side]]
        if not joint.left[side] or (value.state is None and value.pending is None):
            return  # the peer of a first message has no process before that message comes
        name = self.name(joint, side)
        for kind in self.kernel.kinds:
            step = self.step("send", joint.peers[side], kind, name)
            if step is not None:
                yield (SIDES[side], "decides", kind), self.after(joint, side, step, count=1, spent=1)

    def arrivals(self, joint: Joint, side: int) -> Iterator[tuple[Label, Joint]]:
        for index in _set(joint.sent & self.said[1 - side]):
            _, name, kind = self.messages[index]
            step = self.step("received", joint.peers[side], kind, name, name)
            answers = joint.answers | (2 if step is None else 1) << 2 * index
            heard = joint if answers == joint.answers else joint._replace(answers=answers)
            if step is None:
                yield (SIDES[side], "refuses", kind, name), heard
            else:
                yield (SIDES[side], "takes", kind, name), self.after(heard, side, step)

    def answered(self, joint: Joint, side: int) -> Iterator[tuple[Label, Joint]]:
        for bit in _set(joint.answers & self.asked[side]):
            _, name, kind = self.messages[bit >> 1]
            if bit & 1:
                step = self.step("refused", joint.peers[side], name, PROBLEM)
            else:
                step = self.step("acked", joint.peers[side], name)
            if step[0] != joint.peers[side] or step[1] >= 0:
                word = "no" if bit & 1 else "yes"
                yield (SIDES[side], "hears", word, "to", kind, name), self.after(joint, side, step)

    def repairs(self, joint: Joint, side: int) -> Iterator[tuple[Label, Joint]]:
        """A doubtful side with nothing unanswered asks, late enough that no copy of its finished rows is under way."""
        mine = self.values[joint.peers[side]]
        if not self.repair or not getattr(mine, "doubt", False) or mine.pending is not None:
            return
        theirs = self.kernel.shown(self.values[joint.peers[1 - side]])
        step = self.step("repaired", joint.peers[side], theirs, self.name(joint, side))
        gone = joint._replace(sent=joint.sent & self.said[1 - side])
        yield (SIDES[side], "asks and sees", theirs), self.after(gone, side, step, count=1)

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
        if number == joint.peers[side] and flow < 0 and not count:
            return joint
        pending, sent = self.values[number].pending, joint.sent
        if pending is not None:
            sent |= 1 << self.bit((side, pending.sent_id, pending.kind))
        return Joint(
            _replaced(joint.peers, side, number),
            sent,
            joint.answers,
            _replaced(joint.left, side, joint.left[side] - spent) if spent else joint.left,
            _replaced(joint.count, side, joint.count[side] + count) if count else joint.count,
            joint.flows if flow < 0 else _replaced(joint.flows, side, bool(flow)),
        )

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
            self.said[message[0]] |= 1 << self.bits[message]
            self.asked[message[0]] |= 3 << 2 * self.bits[message]
        return self.bits[message]

    def pair(self, joint: Joint) -> tuple[Any, Any]:
        return self.values[joint.peers[0]], self.values[joint.peers[1]]

    def trace(self, joint: Joint) -> str:
        """How the explorer came here: the transcript that a failing test prints."""
        lines: list[str] = []
        at: Joint | None = joint
        while at is not None:
            before = self.parents[at]
            label = "start" if before is None else self._way(before, at)
            consumer, provider = self.pair(at)
            lines.append(f"{label:45} {consumer.state} {consumer.pending} | {provider.state} {provider.pending}")
            at = before
        return "\n".join(reversed(lines))

    def _way(self, before: Joint, after: Joint) -> str:
        return " ".join(str(word) for word in next(how for how, there in self.moves(before) if there == after))


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
