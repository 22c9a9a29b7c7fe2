"""The state diagrams of the handbook are drawn from the kernel's tables and are current.

`python tests/house/test_states.py` draws them anew.
"""

from collections.abc import Mapping
from pathlib import Path

from connector.protocol import negotiation, transfer
from connector.protocol.process import Role

PAGE = Path(__file__).parents[2] / "connector/docs/states.md"
HEAD = """\
# States of negotiations and transfers

Drawn from `STEPS` of `connector/protocol/negotiation.py` and `connector/protocol/transfer.py` by
`python tests/house/test_states.py`; a test fails when they differ. Arrows: message (sender; C consumer, P provider).
What is not drawn is illegal.
"""
Table = Mapping[tuple[Role, "str | None", str], str]


def arrows(steps: Table) -> list[str]:
    """One line per pair of states, in the order of the table."""
    labels: dict[tuple[str, str], dict[str, list[str]]] = {}
    for (role, state, kind), after in steps.items():
        pair = (str(state) if state else "[*]", str(after))
        labels.setdefault(pair, {}).setdefault(str(kind), []).append(role.value[0].upper())
    return [
        f"    {before} --> {after}: {', '.join(f'{kind} ({chr(47).join(sorted(who))})' for kind, who in said.items())}"
        for (before, after), said in labels.items()
    ]


def diagram(title: str, steps: Table, terminal: frozenset[str]) -> str:
    ends = [f"    {state} --> [*]" for state in sorted(terminal)]
    return "\n".join([f"\n## {title}\n", "```mermaid", "stateDiagram-v2", *arrows(steps), *ends, "```", ""])


def page() -> str:
    """The whole page."""
    return (
        HEAD
        + diagram("Negotiation", negotiation.STEPS, negotiation.TERMINAL)
        + diagram("Transfer", transfer.STEPS, transfer.TERMINAL)
    )


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tests/house/test_states.py"


def test_every_step_is_drawn() -> None:
    drawn = page()
    for table in (negotiation.STEPS, transfer.STEPS):
        for (_, _, kind), after in table.items():
            assert f"--> {after}: " in drawn
            assert f"{kind} (" in drawn


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
