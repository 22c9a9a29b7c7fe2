"""Cases: counts and windows, duties by their time class, deadlines and healing, remedies, suspension."""

from collections.abc import Iterator

from tests.suites.municipal.form import (
    MUNICIPAL,
    NO,
    TOWN,
    UNKNOWN,
    YES,
    Case,
    Deed,
    Deontic,
    Document,
    H,
    O,
    Request,
    State,
    atom,
    duty,
    may,
    off,
    on,
    policy,
    rule,
)

_DUTY = "/permission/0/duty/0"
_HERE = (MUNICIPAL,)


def _at(day: int, hour: int = 8) -> str:
    """A moment of November 2026; the cases are decided on the 24th at eight."""
    return f"2026-11-{day:02}T{hour:02}:00:00.000Z"


def _done(action: str, day: int, *values: tuple[str, str], of: str = "", hour: int = 8) -> Deed:
    return Deed(action=action, at=_at(day, hour), by=TOWN, of=of, values=values)


def _counts() -> Iterator[Case]:
    limit, window = atom("odrl:count", "lteq", "3"), atom("odrl:timeInterval", "eq", "P1D")
    for n, yes in ((1, True), (3, True), (4, False)):
        yield Case(
            title=f"use number {n} of 3",
            policy=may(limit),
            rules=(on("a+ +") if yes else off("a+ -"),),
            permit=yes,
            state=State(uses=(("", n),)),
        )
    yield Case(title="nobody counted", policy=may(limit), rules=(off("a+ -"),), permit=False)
    month = atom("odrl:timeInterval", "eq", "P1M")
    for window_of, name, uses, yes in (
        (window, "P1D", (("", 100), ("P1D", 3)), True),
        (window, "P1D", (("", 100), ("P1D", 4)), False),
        (month, "P1M", (("P1D", 1), ("P1M", 3)), True),
        (month, "P1M", (("P1D", 1), ("P1M", 4)), False),
        (window, "P1D", (("", 1),), False),
    ):
        sign, counted = "+" if yes else "-", ", ".join(f"{n} per {span or 'agreement'}" for span, n in uses)
        yield Case(
            title=f"3 uses per {name}, counted are {counted}",
            policy=may({"and": [limit, window_of]}),
            rules=(on("a+ +(++)") if yes else off(f"a+ -({sign}+)"),),
            permit=yes,
            state=State(uses=uses),
        )


_TEN = duty("odrl:compensate", atom("odrl:payAmount", "eq", "10.00"))
_BEFORE: tuple[tuple[str, Document, tuple[Deed, ...], bool, Deontic], ...] = (
    ("not paid", duty("odrl:compensate"), (), False, "NonSet"),
    ("paid", duty("odrl:compensate"), (_done(O + "compensate", 23),), True, "Fulfilled"),
    ("no consent", duty("odrl:obtainConsent"), (), False, "NonSet"),
    ("consent", duty("odrl:obtainConsent"), (_done(O + "obtainConsent", 23),), True, "Fulfilled"),
    ("not reviewed", duty("odrl:reviewPolicy"), (), False, "NonSet"),
    ("not signed", duty(H + "sign"), (), False, "NonSet"),
    ("signed", duty(H + "sign"), (_done(H + "sign", 23),), True, "Fulfilled"),
    ("an unknown duty", duty("urn:hanse:suite:sing"), (), False, "NonSet"),
    ("another duty done", duty("odrl:compensate"), (_done(O + "inform", 23),), False, "NonSet"),
    ("paid, as asked", _TEN, (_done(O + "compensate", 23, (O + "payAmount", "10")),), True, "Fulfilled"),
    ("paid too little", _TEN, (_done(O + "compensate", 23, (O + "payAmount", "9.99")),), False, "NonSet"),
    ("paid, nobody knows how much", _TEN, (_done(O + "compensate", 23),), False, "NonSet"),
    ("paid for a rule", duty("odrl:compensate"), (_done(O + "compensate", 23, of="/permission/0"),), False, "NonSet"),
    ("paid for this duty", duty("odrl:compensate"), (_done(O + "compensate", 23, of=_DUTY),), True, "Fulfilled"),
    ("not paid, but the condition fails", duty("odrl:compensate", NO), (), True, "NonSet"),
    ("not paid, and the condition holds", duty("odrl:compensate", YES), (), False, "NonSet"),
    ("not paid, and the condition is unknown", duty("odrl:compensate", UNKNOWN), (), False, "NonSet"),
)
_DURING: tuple[tuple[str, Document, tuple[str, ...], bool], ...] = (
    ("anonymised here", duty("odrl:anonymize"), (O + "anonymize",), True),
    ("not anonymised here", duty("odrl:anonymize"), (H + "suppressCells",), False),
    ("cells suppressed here", duty(H + "suppressCells", atom("kAnonymity", "gteq", "3")), (H + "suppressCells",), True),
    ("cells not suppressed here", duty(H + "suppressCells", atom("kAnonymity", "gteq", "3")), (), False),
    ("fields dropped here", duty(H + "dropFields", atom("fields", "isAllOf", "$.name")), (H + "dropFields",), True),
    ("fields not dropped here", duty(H + "dropFields", atom("fields", "isAllOf", "$.name")), (), False),
    ("odrl:aggregate is not our aggregate", duty("odrl:aggregate"), (H + "aggregate",), False),
    ("a watermark, but the condition fails", duty("odrl:watermark", NO), (), True),
)


def _of_permissions() -> Iterator[Case]:
    for title, owed, deeds, yes, deontic in _BEFORE:
        yield Case(
            title=f"before the access: {title}",
            policy=policy(rule("odrl:use", duty=[owed])),
            rules=((on if yes else off)("a+", deontic),),
            permit=yes,
            state=State(facts=_HERE, deeds=deeds),
        )
    for title, owed, can, yes in _DURING:
        yield Case(
            title=f"during the access: {title}",
            policy=policy(rule("odrl:use", duty=[owed])),
            rules=((on if yes else off)("a+", "NonSet"),),
            permit=yes,
            state=State(facts=_HERE, can=can),
        )
    yield Case(
        title="the first permission whose duty this plane executes",
        policy=policy(rule("odrl:use", duty=[duty("odrl:anonymize")]), rule("odrl:use", duty=[duty("odrl:attribute")])),
        rules=(off("a+", "NonSet"), on("a+", "NonSet")),
        permit=True,
    )


def _by(day: int, operator: str = "lt") -> Document:
    return atom("dueBy", operator, _at(day))


def _within(text: str) -> Document:
    return atom("dueWithin", "lteq", text)


_PAY = duty("odrl:compensate")
_AFTER: tuple[tuple[str, Document, tuple[Deed, ...], bool, Deontic], ...] = (
    ("attribution not shown yet", duty("odrl:attribute"), (), True, "NonSet"),
    ("informed", duty("odrl:inform"), (_done(O + "inform", 20),), True, "Fulfilled"),
    ("deletion is due later", duty("odrl:delete", _by(25)), (), True, "NonSet"),
    ("deletion is overdue", duty("odrl:delete", _by(20)), (), False, "Violated"),
    ("deleted in time", duty("odrl:delete", _by(20)), (_done(O + "delete", 19),), True, "Fulfilled"),
    ("deleted late", duty("odrl:delete", _by(20)), (_done(O + "delete", 21),), True, "Healed"),
    (
        "deleted late, consequence open",
        duty("odrl:delete", _by(20), **{"odrl:consequence": [_PAY]}),
        (_done(O + "delete", 21),),
        False,
        "Violated",
    ),
    (
        "deleted late, consequence done",
        duty("odrl:delete", _by(20), **{"odrl:consequence": [_PAY]}),
        (_done(O + "delete", 21), _done(O + "compensate", 22)),
        True,
        "Healed",
    ),
    (
        "deleted late, consequence done within two days of the violation",
        duty("odrl:delete", _by(20), **{"odrl:consequence": [duty("odrl:compensate", _within("violation+P2D"))]}),
        (_done(O + "delete", 21), _done(O + "compensate", 22)),
        True,
        "Healed",
    ),
    (
        "deleted late, consequence done before the violation",
        duty("odrl:delete", _by(20), **{"odrl:consequence": [_PAY]}),
        (_done(O + "delete", 21), _done(O + "compensate", 19)),
        False,
        "Violated",
    ),
    (
        "consequence done, but never deleted",
        duty("odrl:delete", _by(20), **{"odrl:consequence": [_PAY]}),
        (_done(O + "compensate", 22),),
        False,
        "Violated",
    ),
)


def _after() -> Iterator[Case]:
    for title, owed, deeds, yes, deontic in _AFTER:
        yield Case(
            title=f"after the access: {title}",
            policy=policy(rule("odrl:use", duty=[owed])),
            rules=((on if yes else off)("a+", deontic),),
            permit=yes,
            state=State(facts=_HERE, deeds=deeds),
        )


_DELETED = _done(O + "delete", 20)
_UNDATED = "agreement unknown"
_DEADLINES: tuple[tuple[str, Document, State, Deontic], ...] = (
    ("by the 25th, not yet", _by(25), State(), "NonSet"),
    ("by the 20th, not done", _by(20), State(), "Violated"),
    ("before the very moment, done at it", _by(20), State(deeds=(_DELETED,)), "Healed"),
    ("at the very moment, done at it", _by(20, "lteq"), State(deeds=(_DELETED,)), "Fulfilled"),
    ("10 days after the agreement, on day 13", _within("agreement+P10D"), State(agreement_at=_at(11)), "Violated"),
    ("20 days after the agreement, on day 13", _within("agreement+P20D"), State(agreement_at=_at(11)), "NonSet"),
    (_UNDATED, _within("agreement+P10D"), State(), "NonSet"),
    ("the agreement goes on", _within("agreementEnd+P1D"), State(agreement_at=_at(1)), "NonSet"),
    ("3 days after its end, on day 2", _within("agreementEnd+P3D"), State(agreement_end=_at(22)), "NonSet"),
    ("3 days after its end, on day 4", _within("agreementEnd+P3D"), State(agreement_end=_at(20)), "Violated"),
    ("a week after the event, on day 9", _within("eventEnd+P7D"), State(event_end=_at(15)), "Violated"),
    ("a week after the event, on day 4", _within("eventEnd+P7D"), State(event_end=_at(20)), "NonSet"),
    ("5 hours after first use, 6 hours later", _within("firstAccess+PT5H"), State(first_access=_at(24, 2)), "Violated"),
    ("7 hours after first use, 6 hours later", _within("firstAccess+PT7H"), State(first_access=_at(24, 2)), "NonSet"),
    ("no deadline", YES, State(facts=_HERE), "NonSet"),
    ("dateTime is no deadline", atom("odrl:dateTime", "lteq", _at(20)), State(), "NonSet"),
)


def _obligations() -> Iterator[Case]:
    stop = {"odrl:consequence": [duty(H + "suspendAccess")]}
    for title, deadline, state, deontic in _DEADLINES:
        active = on if deadline["leftOperand"] != "odrl:dateTime" else off
        yield Case(
            title=f"obligation to delete, {title}",
            policy=policy(rule("odrl:use"), must=[duty("odrl:delete", deadline)]),
            rules=(on(), active("", deontic)),
            permit=True,
            state=state,
        )
        yield Case(
            title=f"the same with suspension, {title}",
            policy=policy(rule("odrl:use"), must=[duty("odrl:delete", deadline, **stop)]),
            rules=(on(), active("", deontic)),
            # Whoever accesses data has agreed: when is unknown, and so whether the deadline has passed.
            permit=deontic != "Violated" and title != _UNDATED,
            state=state,
        )
    yield Case(
        title="an obligation whose condition fails is inactive and blocks nothing",
        policy=policy(rule("odrl:use"), must=[duty("odrl:delete", _by(20), NO, **stop)]),
        rules=(on(), off("", "NonSet")),
        permit=True,
        state=State(facts=_HERE),
    )
    yield Case(
        title="an obligation whose condition is unknown is active and blocks",
        policy=policy(rule("odrl:use"), must=[duty("odrl:delete", _by(20), UNKNOWN, **stop)]),
        rules=(on(), on("", "Violated")),
        permit=False,
    )
    yield Case(
        title="a suspension is lifted when what was owed has been done late",
        policy=policy(rule("odrl:use"), must=[duty("odrl:delete", _by(20), **stop)]),
        rules=(on(), on("", "Healed")),
        permit=True,
        state=State(deeds=(_done(O + "delete", 22),)),
    )
    yield Case(
        title="suspension and a fine: both the late deed and the fine lift it",
        policy=policy(
            rule("odrl:use"),
            must=[duty("odrl:delete", _by(20), **{"odrl:consequence": [_PAY, duty(H + "suspendAccess")]})],
        ),
        rules=(on(), on("", "Violated")),
        permit=False,
        state=State(deeds=(_done(O + "delete", 22),)),
    )


def _remedies() -> Iterator[Case]:
    document = policy(rule("odrl:use"), no=[rule("odrl:distribute", remedy=[duty("odrl:inform")])])
    passed_on = _done(O + "distribute", 20, of="/prohibition/0")
    yield Case(
        title="a forbidden act that nobody did: no remedy is owed",
        policy=document,
        rules=(on(), off("a-", "NonSet")),
        permit=True,
    )
    outcomes: tuple[tuple[str, tuple[Deed, ...], Deontic], ...] = (
        ("the remedy is owed", (), "NonSet"),
        ("the remedy was done", (_done(O + "inform", 21),), "Fulfilled"),
        ("telling beforehand is no remedy", (_done(O + "inform", 19),), "NonSet"),
    )
    for title, told, deontic in outcomes:
        yield Case(
            title=f"a forbidden act was done: {title}",
            policy=document,
            rules=(on(), off("a-", deontic)),
            permit=True,
            state=State(deeds=(passed_on, *told)),
        )
    yield Case(
        title="a request for the forbidden act is refused",
        policy=document,
        rules=(on(), on("a+", "NonSet")),
        permit=False,
        request=Request(action=O + "distribute"),
    )


def cases() -> Iterator[Case]:
    for part in (_counts, _of_permissions, _after, _obligations, _remedies):
        yield from part()
