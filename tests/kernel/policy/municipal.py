"""The states of the world of the municipal suite as our engine takes them, straight from its table."""

from typing import Any

from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy.odrl.operands import REGISTRY
from connector.kernel.policy.odrl.state_of_world import Deed, Fact, Value, World
from connector.kernel.policy.odrl.values import TEXTS, Type, decimal, duration, instant, integer
from tests.suites.municipal.form import Case, State


def value(left: str, texts: tuple[str, ...]) -> Value:
    type = REGISTRY[left].type
    if type in TEXTS:
        return frozenset(text.lower() if type is Type.LANGUAGE else text for text in texts)
    read: Any = {Type.INSTANT: instant, Type.DURATION: duration, Type.INTEGER: integer, Type.DECIMAL: decimal}[type]
    return int(read(texts[0]).start)


def at(text: str) -> int | None:
    found = instant(text) if text else None
    return found.start if found else None


def known(state: State) -> dict[str, Fact]:
    return {f.left: Fact(value(f.left, f.values), unit=f.unit) for f in state.facts}


def world(case: Case, vocabulary: Vocabulary) -> World:
    """The state of the world as our engine takes it, straight from the table."""
    state, asked = case.state, case.request
    facts = known(state)
    purpose = facts.pop("http://www.w3.org/ns/odrl/2/purpose", None)
    deeds = tuple(
        Deed(
            action=deed.action,
            at=at(deed.at) or 0,
            party=deed.by,
            rule=deed.of,
            values={left: value(left, (text,)) for left, text in deed.values},
        )
        for deed in state.deeds
    )
    return World(
        now=at(state.now) or 0,
        participant=asked.assignee,
        action=asked.action,
        target=asked.target,
        facts=facts,
        parties=frozenset(group for member, group in state.members if member == asked.assignee),
        assets=frozenset(group for member, group in state.members if member == asked.target),
        purpose=next(iter(purpose.value)) if purpose and isinstance(purpose.value, frozenset) else None,
        purpose_source="declared" if purpose else None,
        agreement_at=at(state.agreement_at),
        agreement_end=at(state.agreement_end),
        first_access=at(state.first_access),
        event_end=at(state.event_end),
        uses=dict(state.uses),
        deeds=deeds,
        can=frozenset(state.can),
        closure=vocabulary.closure,
    )
