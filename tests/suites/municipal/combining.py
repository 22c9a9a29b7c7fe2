"""Cases: logical constraints over satisfied, unsatisfied and unknown parts, and what is not understood at all."""

from collections.abc import Iterator

from tests.suites.municipal.form import (
    DATA,
    MUNICIPAL,
    NO,
    SIGNS,
    TOWN,
    UNKNOWN,
    YES,
    Case,
    Document,
    H,
    O,
    Request,
    State,
    atom,
    fact,
    may,
    off,
    on,
    policy,
    rule,
)

_TRUTH: tuple[tuple[str, str, str], ...] = (
    ("and", "++", "+"),
    ("and", "+-", "-"),
    ("and", "--", "-"),
    ("and", "+?", "?"),
    ("and", "-?", "-"),
    ("and", "++?", "?"),
    ("or", "++", "+"),
    ("or", "+-", "+"),
    ("or", "--", "-"),
    ("or", "+?", "+"),
    ("or", "-?", "?"),
    ("or", "??", "?"),
    ("xone", "+-", "+"),
    ("xone", "++", "-"),
    ("xone", "--", "-"),
    ("xone", "+?", "?"),
    ("xone", "-?", "?"),
    ("xone", "++?", "-"),
    ("xone", "+--", "+"),
    ("xone", "+++", "-"),
    ("andSequence", "++", "+"),
    ("andSequence", "+-", "-"),
    ("andSequence", "-+", "-"),
    ("andSequence", "+?", "?"),
    ("andSequence", "-?", "-"),
)
"""Operator, its parts, and what Kleene's logic makes of them; `andSequence` without timestamps is read as `and`."""
_HERE = State(facts=(MUNICIPAL,))
_SAID = {"+": "satisfied", "-": "unsatisfied", "?": "unknown"}


def _logic(operator: str, signs: str) -> Document:
    return {operator: [dict(SIGNS[sign]) for sign in signs]}


def _premise(signs: str, sign: str) -> str:
    parts = "".join("+" if each == "+" else "-" for each in signs)
    return f"{'+' if sign == '+' else '-'}({parts})"


def _truth() -> Iterator[Case]:
    for operator, signs, sign in _TRUTH:
        premises = "a+ " + _premise(signs, sign)
        said = f"{operator} of {', '.join(_SAID[each] for each in signs)} is {_SAID[sign]}"
        yield Case(
            title=f"{said}: permission",
            policy=may(_logic(operator, signs)),
            rules=(on(premises) if sign == "+" else off(premises),),
            permit=sign == "+",
            state=_HERE,
        )
        yield Case(
            title=f"{said}: prohibition",
            policy=policy(rule("odrl:use"), no=[rule("odrl:use", _logic(operator, signs))]),
            rules=(on(), off(premises) if sign == "-" else on(premises)),
            permit=sign == "-",
            state=_HERE,
        )


def _nested() -> Iterator[Case]:
    either = {"or": [_logic("and", "+-"), _logic("xone", "-+")]}
    yield Case(
        title="or of a failed and, and a satisfied xone",
        policy=may(either),
        rules=(on("a+ +(-(+-)+(-+))"),),
        permit=True,
        state=_HERE,
    )
    yield Case(
        title="xone of a satisfied or, and an unknown and",
        policy=may({"xone": [_logic("or", "+-"), _logic("and", "+?")]}),
        rules=(off("a+ -(+(+-)-(+-))"),),
        permit=False,
        state=_HERE,
    )
    yield Case(
        title="several constraints of a rule are an and",
        policy=may(YES, NO),
        rules=(off("a+ + -"),),
        permit=False,
        state=_HERE,
    )
    yield Case(
        title="an unknown constraint beside a failed one does not activate a prohibition",
        policy=policy(rule("odrl:use"), no=[rule("odrl:use", UNKNOWN, NO)]),
        rules=(on(), off("a+ - -")),
        permit=True,
        state=_HERE,
    )


_STRANGE: tuple[tuple[str, Document], ...] = (
    ("left operand", atom("urn:hanse:suite:mood", "eq", "good")),
    ("operator", atom("participantKind", "urn:hanse:suite:resembles", H + "municipality")),
    ("unit", atom("odrl:count", "lteq", "10", unit={"@id": "urn:hanse:suite:dozen"})),
    ("member", atom("participantKind", "eq", H + "municipality", **{"urn:hanse:suite:unless": "sunday"})),
)


def _not_understood() -> Iterator[Case]:
    state = State(facts=(MUNICIPAL,), uses=(("", 1),))
    for what, constraint in _STRANGE:
        yield Case(
            title=f"unknown {what}: a permission is inactive",
            policy=may(constraint),
            rules=(off("a+ -"),),
            permit=False,
            state=state,
        )
        yield Case(
            title=f"unknown {what}: a prohibition is active",
            policy=policy(rule("odrl:use"), no=[rule("odrl:use", constraint)]),
            rules=(on(), on("a+ -")),
            permit=False,
            state=state,
        )
    yield Case(
        title="unknown action: a permission matches nothing",
        policy=policy(rule("urn:hanse:suite:ponder")),
        rules=(off("a-"),),
        permit=False,
    )
    yield Case(
        title="unknown action: a prohibition matches everything",
        policy=policy(rule("odrl:use"), no=[rule("urn:hanse:suite:ponder")]),
        rules=(on(), on("a-")),
        permit=False,
    )
    yield Case(
        title="a request for an unknown action matches no permission",
        policy=policy(rule("odrl:use")),
        rules=(off("a-"),),
        permit=False,
        request=Request(action="urn:hanse:suite:ponder"),
    )


def _actions() -> Iterator[Case]:
    for asked, allowed, yes in (
        (O + "use", "odrl:use", True),
        (O + "read", "odrl:use", True),
        (O + "use", "odrl:read", False),
        (O + "display", "odrl:play", True),
        (H + "aiTraining", "odrl:use", True),
        (O + "sell", "odrl:transfer", True),
        (O + "sell", "odrl:use", False),
        ("http://creativecommons.org/ns#CommercialUse", "odrl:use", True),
    ):
        name = asked.rpartition("#" if "#" in asked else "/")[2]
        yield Case(
            title=f"{name} under a permission to {allowed}",
            policy=policy(rule(allowed)),
            rules=(on() if yes else off("a-"),),
            permit=yes,
            request=Request(action=asked),
        )


def _refinements() -> Iterator[Case]:
    def fine(limit: str) -> Document:
        return {"rdf:value": "odrl:print", "refinement": [atom("odrl:relativeSize", "lteq", limit)]}

    size = (fact("odrl:relativeSize", "20"),)
    for title, action, facts, sign in (
        ("holds", fine("25"), size, "+"),
        ("fails", fine("10"), size, "-"),
        ("is unknown", fine("25"), (), "?"),
    ):
        state, request = State(facts=facts), Request(action=O + "print")
        yield Case(
            title=f"an action whose refinement {title}: permission",
            policy=policy({"action": action}),
            rules=(on() if sign == "+" else off("a-"),),
            permit=sign == "+",
            state=state,
            request=request,
        )
        yield Case(
            title=f"an action whose refinement {title}: prohibition",
            policy=policy(rule("odrl:use"), no=[{"action": action}]),
            rules=(on(), off("a-") if sign == "-" else on("a+" if sign == "+" else "a-")),
            permit=sign == "-",
            state=state,
            request=request,
        )


_GROUP, _POOL = "urn:hanse:suite:group", "urn:hanse:suite:pool"


def _collection(kind: str, iri: str, *refinements: Document) -> Document:
    more = {"refinement": [*refinements]} if refinements else {}
    return {"@type": kind, "@id": iri + ":members", "source": iri, **more}


def _parties() -> Iterator[Case]:
    other = "did:web:other.example"
    for title, named, premises, yes in (
        ("the assignee", {"assignee": TOWN}, "a+ p+", True),
        ("another assignee", {"assignee": other}, "a+ p-", False),
        ("the target", {"target": DATA}, "a+ t+", True),
        ("another target", {"target": DATA + ":2"}, "a+ t-", False),
        ("assignee and target", {"assignee": TOWN, "target": DATA}, "a+ p+ t+", True),
    ):
        yield Case(
            title=f"a permission that names {title}",
            policy=policy(rule("odrl:use", **named)),
            rules=(on(premises) if yes else off(premises),),
            permit=yes,
        )
        yield Case(
            title=f"a prohibition that names {title}",
            policy=policy(rule("odrl:use"), no=[rule("odrl:use", **named)]),
            rules=(on(), on(premises) if yes else off(premises)),
            permit=not yes,
        )


def _members() -> Iterator[Case]:
    party, asset = _collection("PartyCollection", _GROUP), _collection("AssetCollection", _POOL)
    towns = _collection("PartyCollection", _GROUP, YES)
    inside = ((TOWN, _GROUP), (DATA, _POOL))
    for title, named, members, facts, premises, sign in (
        ("a group that the requester is in", {"assignee": party}, inside, (), "a+ p+", "+"),
        ("a group that the requester is not in", {"assignee": party}, (), (), "a+ p-", "-"),
        ("a pool that the dataset is in", {"target": asset}, inside, (), "a+ t+", "+"),
        ("a pool that the dataset is not in", {"target": asset}, (), (), "a+ t-", "-"),
        ("municipalities of a group", {"assignee": towns}, inside, (MUNICIPAL,), "a+ p+", "+"),
        (
            "municipalities, to a firm",
            {"assignee": towns},
            inside,
            (fact("participantKind", H + "company"),),
            "a+ p-",
            "-",
        ),
        ("municipalities, to nobody knows whom", {"assignee": towns}, inside, (), "a+ p-", "?"),
    ):
        state = State(members=members, facts=facts)
        yield Case(
            title=f"a permission to {title}",
            policy=policy(rule("odrl:use", **named)),
            rules=(on(premises) if sign == "+" else off(premises),),
            permit=sign == "+",
            state=state,
        )
        yield Case(
            title=f"a prohibition of {title}",
            policy=policy(rule("odrl:use"), no=[rule("odrl:use", **named)]),
            rules=(on(), off(premises) if sign == "-" else on(premises)),
            permit=sign == "-",
            state=state,
        )


def _conflicts() -> Iterator[Case]:
    for strategy, permit in (("perm", True), ("prohibit", False), ("invalid", False), ("", False)):
        name = strategy or "none stated (invalid)"
        conflict = f"odrl:{strategy}" if strategy else ""
        yield Case(
            title=f"a clash under the strategy {name}",
            policy=policy(rule("odrl:use", YES), no=[rule("odrl:use", YES)], conflict=conflict),
            rules=(on("a+ +"), on("a+ +")),
            permit=permit,
            state=_HERE,
        )
        yield Case(
            title=f"no clash under the strategy {name}: another action is forbidden",
            policy=policy(rule("odrl:use", YES), no=[rule("odrl:distribute")], conflict=conflict),
            rules=(on("a+ +"), off("a-")),
            permit=True,
            state=_HERE,
        )
    yield Case(
        title="one of two permissions suffices",
        policy=policy(rule("odrl:use", NO), rule("odrl:use", YES)),
        rules=(off("a+ -"), on("a+ +")),
        permit=True,
        state=_HERE,
    )
    yield Case(
        title="a policy without a permission permits nothing",
        policy=policy(no=[rule("odrl:distribute")]),
        rules=(off("a-"),),
        permit=False,
        state=_HERE,
    )


def cases() -> Iterator[Case]:
    for part in (_truth, _nested, _not_understood, _actions, _refinements, _parties, _members, _conflicts):
        yield from part()
