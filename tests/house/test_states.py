"""The state diagrams of the handbook are drawn from the kernel's tables and are current.

`python tests/house/test_states.py` draws them anew: what is legal from `STEPS`, what happens while a message has no
answer by asking the kernel's own functions.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import pytest

from connector.kernel.protocol import negotiation, transfer
from connector.kernel.protocol.effects import Illegal, Problem
from connector.kernel.protocol.process import Role
from tests.testkit.places import ROOT

PAGE = ROOT / "connector/docs/states.md"
HEAD = """\
# States of negotiations and transfers

Drawn from `STEPS` of `connector/kernel/protocol/negotiation.py` and `connector/kernel/protocol/transfer.py`, and from
what their functions answer, by `python tests/house/test_states.py`; a test fails when they differ.
What is not drawn is illegal.

One diagram per machine and role: *says* is what this side may send, *hears* what it takes from the other. A message of
ours is *unanswered* until the peer's 2xx for this very row or the peer's next message. The tables say what holds
meanwhile: what a GET shows, where an answer (2xx) and a final refusal (4xx) lead, and what is heard as an answer, or
although it crossed our message. `?` marks a state that is then asked for at the peer and mended. In the tables of
transfers this side is the owner of the data address.
"""
ONLY_OWNER = {("STARTED", "START")}
ONLY_AGAIN = {("VERIFIED", "VERIFY")}


class Machine(NamedTuple):
    """One kernel: its module, how a process is made, what is legal besides the table, and what is heard again."""

    title: str
    kernel: Any
    made: Callable[[Role], Any]
    beside: frozenset[tuple[Role, Any, Any]]
    again: frozenset[tuple[Role, Any, Any]] = frozenset()

    def steps(self) -> dict[tuple[Role, Any, Any], Any]:
        """(sender, state, message) -> state; the owner of a data address may start again where it is started."""
        return {**self.kernel.STEPS, **{key: key[1] for key in sorted(self.beside, key=str)}}


_STARTED, _START = transfer.State.STARTED, transfer.Kind.START
MACHINES = (
    Machine(
        "Negotiation",
        negotiation,
        lambda role: negotiation.start(role),
        frozenset(),
        frozenset({(Role.CONSUMER, negotiation.State.VERIFIED, negotiation.Kind.VERIFY)}),
    ),
    Machine(
        "Transfer",
        transfer,
        lambda role: transfer.start(role, owner=role),
        frozenset((role, _STARTED, _START) for role in Role),
    ),
)


def arrows(machine: Machine, role: Role) -> Iterator[str]:
    """One line per pair of states, in the order of the table."""
    labels: dict[tuple[str, str], list[str]] = {}
    again = {key: key[1] for key in machine.again if key[0] is not role}
    for (sender, state, kind), after in {**machine.steps(), **again}.items():
        verb = "says" if sender is role else "hears"
        note = " (owner of the address)" if (str(state), str(kind)) in ONLY_OWNER else ""
        note = " (again)" if (str(state), str(kind)) in ONLY_AGAIN else note
        pair = (str(state) if state else "[*]", str(after))
        labels.setdefault(pair, []).append(f"{verb} {kind}{note}")
    for (before, after), said in labels.items():
        yield f"    {before} --> {after}: {', '.join(said)}"


def diagram(machine: Machine, role: Role) -> str:
    ends = [f"    {state} --> [*]" for state in machine.kernel.State if state in machine.kernel.TERMINAL]
    return "\n".join(["```mermaid", "stateDiagram-v2", *arrows(machine, role), *ends, "```", ""])


def standing(machine: Machine, role: Role, state: Any) -> Any:
    """A process of this side in `state`, with nothing unanswered."""
    made = machine.made(role)
    return type(made)(**{name: getattr(made, name) for name in made.__struct_fields__} | {"state": state})


def shown(process: Any) -> str:
    """A state as the tables write it."""
    waits = f", then {process.pending.kind}" if process.pending is not None else ""
    return f"{process.state or 'none'}{'?' if getattr(process, 'doubt', False) else ''}{waits}"


def unanswered(machine: Machine, role: Role) -> Iterator[tuple[str, ...]]:
    """One row per message that this side may say: what the kernel makes of each thing that can happen next."""
    kernel = machine.kernel
    for sender, state, kind in machine.steps():
        if sender is not role:
            continue
        waiting = kernel.send(standing(machine, role, state), kind, "row")[0]
        heard = []
        for other in kernel.Kind:
            try:
                heard.append(f"{other} → {shown(kernel.received(waiting, other, 'id', 'digest')[0])}")
            except Illegal:
                continue
        answered = shown(kernel.acked(waiting, "row")[0])
        refused = shown(kernel.refused(waiting, "row", Problem(status=400, code="400"))[0])
        yield str(state or "none"), str(kind), str(kernel.shown(waiting)), answered, refused, ", ".join(heard) or "–"


def table(rows: Iterable[tuple[str, ...]]) -> str:
    head = ("in", "we said", "a GET shows", "answered", "refused", "heard meanwhile")
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for machine in MACHINES:
        for role in Role:
            parts.append(f"## {machine.title}, {role}\n\n{diagram(machine, role)}")
            parts.append(f"While our message is unanswered:\n\n{table(unanswered(machine, role))}")
    return "\n".join(parts)


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tests/house/test_states.py"


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("machine", MACHINES, ids=lambda one: one.title)
def test_what_is_drawn_is_what_the_kernel_does(machine: Machine, role: Role) -> None:
    """Every state with every message, said and heard: drawn if and only if the functions take it."""
    drawn = list(arrows(machine, role))
    for state in (None, *machine.kernel.State):
        for kind in machine.kernel.Kind:
            process, name = standing(machine, role, state), str(state) if state else "[*]"
            for verb, taken in (("says", _says(machine, process, kind)), ("hears", _hears(machine, process, kind))):
                lines = [line for line in drawn if line.startswith(f"    {name} --> {taken}: ")]
                assert any(f"{verb} {kind}" in line for line in lines) == (taken is not None), (name, verb, kind)


def _says(machine: Machine, process: Any, kind: Any) -> Any:
    try:
        return machine.kernel.acked(machine.kernel.send(process, kind, "row")[0], "row")[0].state
    except Illegal:
        return None


def _hears(machine: Machine, process: Any, kind: Any) -> Any:
    """The address belongs to who says START again, so that each side is asked as the one that does not own it."""
    heard = process
    if hasattr(process, "owner"):
        heard = type(process)(
            **{name: getattr(process, name) for name in process.__struct_fields__} | {"owner": process.role.other}
        )
    try:
        return machine.kernel.received(heard, kind, "id", "digest")[0].state
    except Illegal:
        return None


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
