"""What a case of the municipal suite consists of, and the short notation in which its expectation is stated."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

H = "https://w3id.org/hanse/v1#"
O = "http://www.w3.org/ns/odrl/2/"  # noqa: E741 - short, because it stands in every row
TOWN = "did:web:town.example"
DATA = "urn:hanse:suite:dataset"
NOW = "2026-11-24T08:00:00.000Z"
Document = dict[str, Any]
Deontic = Literal["NonSet", "Fulfilled", "Violated", "Healed"]


class Fact(Struct, frozen=True):
    """The value of a left operand: IRIs and texts, several are a set."""

    left: str
    values: tuple[str, ...]
    unit: str = ""
    source: str = "measured"


class Deed(Struct, frozen=True, kw_only=True):
    """Something that was done; `of` is the place of the rule or duty it answers (a JSON pointer into the policy)."""

    action: str
    at: str
    by: str = ""
    of: str = ""
    values: tuple[tuple[str, str], ...] = ()


class State(Struct, frozen=True, kw_only=True):
    """The state of the world; instants as xsd:dateTime. `members` are (member, collection)."""

    now: str = NOW
    facts: tuple[Fact, ...] = ()
    deeds: tuple[Deed, ...] = ()
    uses: tuple[tuple[str, int], ...] = ()
    members: tuple[tuple[str, str], ...] = ()
    can: tuple[str, ...] = ()
    agreement_at: str = ""
    agreement_end: str = ""
    first_access: str = ""
    event_end: str = ""


class Request(Struct, frozen=True, kw_only=True):
    action: str = O + "use"
    assignee: str = TOWN
    target: str = DATA


class Expected(Struct, frozen=True):
    """A rule as it should be reported.

    `premises` has `a`, `t` and `p` for action, target and party with `+` or `-` behind, then one sign per constraint, a
    logical one with its parts in brackets: `a+ p- -(+-) +`. `duties` are the states of its duties or remedies, or of
    itself if it is an obligation.
    """

    active: bool
    premises: str = "a+"
    duties: tuple[Deontic, ...] = ()


class Case(Struct, frozen=True, kw_only=True):
    """One case; `rules` in the order permissions, prohibitions, obligations."""

    title: str
    policy: Document
    rules: tuple[Expected, ...]
    permit: bool
    state: State = State()
    request: Request = Request()


def on(premises: str = "a+", *duties: Deontic) -> Expected:
    """The rule is active."""
    return Expected(True, premises, duties)


def off(premises: str = "a+", *duties: Deontic) -> Expected:
    """The rule is inactive."""
    return Expected(False, premises, duties)


def hanse(*names: str) -> tuple[str, ...]:
    """The IRIs of concepts of ours."""
    return tuple(H + name for name in names)


def operand(name: str) -> str:
    """`odrl:count` or a name of ours as full IRI."""
    return O + name[5:] if name.startswith("odrl:") else H + name


def fact(name: str, *values: str, unit: str = "", source: str = "measured") -> Fact:
    return Fact(operand(name), values, unit, source)


def typed(text: str, datatype: str) -> Document:
    """A typed literal; `datatype` is a local name of XML Schema."""
    return {"@value": text, "@type": "http://www.w3.org/2001/XMLSchema#" + datatype}


def literal(text: str) -> Document:
    """A plain string, also where the text is an IRI."""
    return {"@value": text}


def atom(left: str, operator: str, *right: Any, **more: Any) -> Document:
    """A constraint; the operand as `odrl:count` or a name of ours."""
    name = left if left.startswith("odrl:") or "://" in left else H + left
    return {
        "leftOperand": name,
        "operator": operator,
        "rightOperand": right[0] if len(right) == 1 else [*right],
        **more,
    }


def duty(action: str, *constraints: Document, **more: Any) -> Document:
    return {"action": action, **({"constraint": [*constraints]} if constraints else {}), **more}


rule = duty


def policy(
    *permissions: Document, no: Sequence[Document] = (), must: Sequence[Document] = (), conflict: str = "odrl:prohibit"
) -> Document:
    """A set of rules: permissions, prohibitions (`no`), obligations (`must`)."""
    document: Document = {"@type": "Set", "profile": "https://w3id.org/hanse/v1"}
    document |= {"odrl:conflict": {"@id": conflict}} if conflict else {}
    rows = {"permission": permissions, "prohibition": no, "obligation": must}
    return document | {kind: [*rules] for kind, rules in rows.items() if rules}


def may(*constraints: Document, **more: Any) -> Document:
    """A policy with one permission to use."""
    return policy(rule("odrl:use", *constraints, **more))


UNKNOWN = atom("odrl:industry", "eq", H + "unheardOf")
"""A constraint whose value nobody states: unknown."""
YES = atom("participantKind", "eq", H + "municipality")
NO = atom("participantKind", "eq", H + "company")
MUNICIPAL = fact("participantKind", H + "municipality", source="verified-credential")
SIGNS: Mapping[str, Document] = {"+": YES, "-": NO, "?": UNKNOWN}
"""The requester of these is a municipality."""
