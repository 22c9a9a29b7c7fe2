"""Cases: each rule template as it goes over the wire, allowed to whom it is meant for and refused to others."""

from collections.abc import Iterator
from typing import NamedTuple

from connector.data.catalogue.templates.templates import fill, template
from tests.suites.municipal.form import NOW, TOWN, Case, Deed, Expected, Fact, H, O, Request, State, fact, off, on

_OTHER, _HASH = "did:web:provider.example", "5e" * 32
_USE, _SPREAD, _TRAIN = O + "use", O + "distribute", H + "aiTraining"
_CC = "http://creativecommons.org/ns#"
_ON = (_SPREAD, O + "present", O + "grantUse", O + "nextPolicy", _CC + "Distribution", _CC + "Sharing")
"""The names of passing on, in the order of the templates."""
_MADE = (_CC + "DerivativeWorks", _CC + "ShareAlike")
"""The names of passing on what was made of the data, which template 5 forbids behind them."""
_ENGAGE = H + "engageSubProcessor"
_KEYS = ("05", "055", "05515", "055150000", "055150000000")
"""The regional keys of all that a municipality of one county lies in."""


class Try(NamedTuple):
    """A request under a template: what is expected of its rules, and which facts it changes (an empty one is gone).

    Passing on is included in use (ODRL Vocabulary), so a permission to use covers it unless it is forbidden.
    """

    title: str
    permit: bool
    rules: tuple[Expected, ...]
    facts: tuple[Fact, ...] = ()
    action: str = _USE
    more: tuple[tuple[str, object], ...] = ()


class Sheet(NamedTuple):
    """A template with its slots, the facts of whom it is meant for, and requests under it."""

    id: str
    slots: dict[str, str]
    facts: tuple[Fact, ...]
    tries: tuple[Try, ...]
    more: tuple[tuple[str, object], ...] = ()


def _kind(name: str) -> Fact:
    return fact("participantKind", H + name, source="verified-credential")


def _purpose(name: str) -> Fact:
    return fact("odrl:purpose", H + name, source="declared")


_TOWN, _FIRM = _kind("municipality"), _kind("company")
_HEAT, _SALE = _purpose("heatPlanning"), _purpose("productDevelopment")
_AGREED = (("agreement_at", "2026-11-24T07:59:59.000Z"),)
_PAID = Deed(
    action=O + "compensate",
    at="2026-11-24T07:00:00.000Z",
    values=((O + "payAmount", "1250.50"), (H + "currency", "EUR"), (H + "feeStatute", "Satzung")),
)
_CHEAP = Deed(
    action=O + "compensate",
    at="2026-11-24T07:00:00.000Z",
    values=((O + "payAmount", "1250.49"), (H + "currency", "EUR"), (H + "feeStatute", "Satzung")),
)
_ENDED = (("agreement_end", "2026-10-01T07:59:59.000Z"),)
_BACK = Deed(action=H + "returnData", at="2026-10-05T00:00:00.000Z", by=TOWN)
_GONE = Deed(action=O + "delete", at="2026-10-06T00:00:00.000Z", by=TOWN)
_LATE = Deed(action=O + "delete", at="2028-02-03T00:00:00.000Z", by=TOWN)
_LAST = "2028-01-31T22:59:59.999Z"
"""The last moment in which template 3, until 31.12.2027, waits for the deletion."""
_OFF, _OWED = off("a-"), on("", "NonSet")
_OFF2 = (_OFF,) * 2
_KEPT, _KEPT5 = (_OFF,) * len(_ON), (_OFF,) * len(_ON + _MADE)
"""Nobody passes anything on."""


def _passing(
    rule: Expected, *others: Expected, names: tuple[str, ...] = _ON, more: tuple[tuple[str, object], ...] = ()
) -> tuple[Try, ...]:
    """Requests to pass on by each name: the permission holds, one prohibition stands against it."""
    return tuple(
        Try(
            "passing on" if name == _SPREAD else f"passing on by the name of {name.removeprefix(O).removeprefix(_CC)}",
            False,
            (rule, *(on() if each == name else _OFF for each in names), *others),
            action=name,
            more=more,
        )
        for name in names
    )


def _processing(conditions: str) -> tuple[Expected, ...]:
    """Of template 5 when data are asked for, under conditions met or not."""
    use = off if "-" in conditions else on
    return (use(f"a+ {conditions}"), *_KEPT5, _OFF, off("a- -"), _OWED, _OWED)


_SHEETS: tuple[Sheet, ...] = (
    Sheet(
        "open-attribution",
        {"source": "Stadt Musterstadt"},
        (),
        (
            Try("anyone uses", True, (on("a+", "NonSet"), off("a-", "NonSet"), off("a-", "NonSet"))),
            Try(
                "anyone passes on", True, (on("a+", "NonSet"), on("a+", "NonSet"), off("a-", "NonSet")), action=_SPREAD
            ),
            Try("anyone sells", False, (off("a-", "NonSet"),) * 3, action=O + "sell"),
        ),
    ),
    Sheet(
        "municipalities-only",
        {},
        (_TOWN,),
        (
            Try("a municipality", True, (on("a+ +"),)),
            Try("a firm", False, (off("a+ -"),), (_FIRM,)),
            Try("nobody knows who", False, (off("a+ -"),), (fact("participantKind"),)),
            Try("a municipality passes on", True, (on("a+ +"),), action=_SPREAD),
        ),
    ),
    Sheet(
        "municipal-purpose",
        {"until": "31.12.2027", "valid-for": "PT5S"},
        (_TOWN, _HEAT),
        (
            Try("a municipality plans heat", True, (on("a+ +(++++)"), *_KEPT, _OFF, _OWED)),
            Try("a firm", False, (off("a+ -(-+++)"), *_KEPT, _OFF, _OWED), (_FIRM,)),
            Try("another purpose", False, (off("a+ -(+-++)"), *_KEPT, _OFF, _OWED), (_SALE,)),
            Try("no purpose", False, (off("a+ -(+-++)"), *_KEPT, _OFF, _OWED), (fact("odrl:purpose"),)),
            *_passing(on("a+ +(++++)"), _OFF, _OWED),
            Try("AI training", False, (on("a+ +(++++)"), *_KEPT, on(), _OWED), action=_TRAIN),
            Try(
                "six seconds later",
                False,
                (off("a+ -(+++-)"), *_KEPT, _OFF, _OWED),
                more=(("now", "2026-11-24T08:00:04.001Z"),),
            ),
            Try(
                "after the last day, undeleted",
                False,
                (off("a+ -(++-+)"), *_KEPT, _OFF, on("", "Violated")),
                more=(("now", "2028-02-01T00:00:00.000Z"), ("agreement_at", "2028-02-01T00:00:00.000Z")),
            ),
        ),
        _AGREED,
    ),
    Sheet(
        "municipal-purpose",
        {"until": "31.12.2027"},
        (_TOWN, _HEAT),
        (
            Try("ended, deletion not due yet", False, (off("a+ -(++-)"), *_KEPT, _OFF, _OWED), more=(("now", _LAST),)),
            Try("ended, deletion overdue", False, (off("a+ -(++-)"), *_KEPT, _OFF, on("", "Violated"))),
            Try(
                "ended, deleted late",
                False,
                (off("a+ -(++-)"), *_KEPT, _OFF, on("", "Healed")),
                more=(("deeds", (_LATE,)),),
            ),
        ),
        (("now", "2028-02-04T00:00:00.000Z"),),
    ),
    Sheet(
        "state-authorities",
        {"area": "DE-NW"},
        (fact("adminLevel", H + "stateLevel"), fact("participantLocation", H + "DE-NW")),
        (
            Try("an authority of the state", True, (on("a+ + +"), *_KEPT)),
            Try(
                "a municipality of the state",
                False,
                (off("a+ - +"), *_KEPT),
                (fact("adminLevel", H + "municipalLevel"),),
            ),
            Try(
                "an authority of another state",
                False,
                (off("a+ + -"), *_KEPT),
                (fact("participantLocation", H + "DE-BY"),),
            ),
            Try("seated nobody knows where", False, (off("a+ + -"), *_KEPT), (fact("participantLocation"),)),
            *_passing(on("a+ + +")),
        ),
    ),
    Sheet(
        "processor",
        {"controller": _OTHER, "avv": _HASH, "return-within": "P14D"},
        (
            _kind("municipalItProvider"),
            fact("onBehalfOf", _OTHER, source="verified-credential"),
            fact("avvHash", _HASH),
            fact("odrl:spatial", H + "DE", source="declared"),
        ),
        (
            Try("the processor", True, _processing("+ + + +")),
            Try("a private processor", True, _processing("+ + + +"), (_FIRM,)),
            Try("a municipality", False, _processing("- + + +"), (_TOWN,)),
            Try(
                "on behalf of another",
                False,
                _processing("+ - + +"),
                (fact("onBehalfOf", "did:web:else.example"),),
            ),
            Try("without the contract", False, _processing("+ + - +"), (fact("avvHash"),)),
            Try("in no known place", False, _processing("+ + + -"), (fact("odrl:spatial"),)),
            *_passing(on("a+ + + + +"), _OFF, off("a- -"), _OWED, _OWED, names=_ON + _MADE),
            Try(
                "a further processor, nobody consented",
                False,
                (on("a+ + + + +"), *_KEPT5, _OFF, on("a+ -"), _OWED, _OWED),
                action=_ENGAGE,
            ),
            Try(
                "a further processor, somebody else consented",
                False,
                (on("a+ + + + +"), *_KEPT5, _OFF, on("a+ +"), _OWED, _OWED),
                (fact("consentingParty", "did:web:else.example", source="verified-credential"),),
                action=_ENGAGE,
            ),
            Try(
                "a further processor, the controller consented",
                True,
                (on("a+ + + + +"), *_KEPT5, _OFF, off("a+ -"), _OWED, _OWED),
                (fact("consentingParty", _OTHER, source="verified-credential"),),
                action=_ENGAGE,
            ),
            Try(
                "ended, neither returned nor deleted in time",
                False,
                (on("a+ + + + +"), *_KEPT5, _OFF, off("a- -"), on("", "Violated"), on("", "Violated")),
                more=_ENDED,
            ),
            Try(
                "ended, deleted and not returned",
                False,
                (on("a+ + + + +"), *_KEPT5, _OFF, off("a- -"), on("", "Violated"), on("", "Fulfilled")),
                more=(*_ENDED, ("deeds", (_GONE,))),
            ),
            Try(
                "ended, returned and deleted",
                True,
                (on("a+ + + + +"), *_KEPT5, _OFF, off("a- -"), on("", "Fulfilled"), on("", "Fulfilled")),
                more=(*_ENDED, ("deeds", (_BACK, _GONE))),
            ),
        ),
    ),
    Sheet(
        "research",
        {"inform": _OTHER},
        (_kind("university"), _purpose("research")),
        (
            Try("a university does research", True, (on("a+ + +", "NonSet"), *_KEPT, *_OFF2)),
            Try("a firm does research", False, (off("a+ - +", "NonSet"), *_KEPT, *_OFF2), (_FIRM,)),
            Try("for a product", False, (off("a+ + -", "NonSet"), *_KEPT, *_OFF2), (_SALE,)),
            Try(
                "to recognise people",
                False,
                (on("a+ + +", "NonSet"), *_KEPT, _OFF, on()),
                action=H + "reidentify",
            ),
            *_passing(on("a+ + +", "NonSet"), *_OFF2),
        ),
    ),
    Sheet(
        "statistics",
        {},
        (_kind("statisticsOffice"),),
        (
            Try("the statistics office", True, (on("a+ +", "NonSet"), *_KEPT, *_OFF2)),
            Try("a municipality", False, (off("a+ -", "NonSet"), *_KEPT, *_OFF2), (_TOWN,)),
            Try("this plane suppresses nothing", False, (off("a+ +", "NonSet"), *_KEPT, *_OFF2), more=(("can", ()),)),
            Try("to link the data", False, (on("a+ +", "NonSet"), *_KEPT, on(), _OFF), action=H + "link"),
            *_passing(on("a+ +", "NonSet"), *_OFF2),
        ),
        (("can", (H + "suppressCells",)),),
    ),
    Sheet(
        "anonymised",
        {"legal-basis": "publicTaskBasis", "drop": "$.name, $.birth"},
        (fact("legalBasis", H + "publicTaskBasis", source="declared"),),
        (
            Try("on the legal basis", True, (on("a+ +", "NonSet", "NonSet"), *_KEPT, _OFF)),
            Try(
                "on another",
                False,
                (off("a+ -", "NonSet", "NonSet"), *_KEPT, _OFF),
                (fact("legalBasis", H + "consentBasis"),),
            ),
            Try("on none", False, (off("a+ -", "NonSet", "NonSet"), *_KEPT, _OFF), (fact("legalBasis"),)),
            Try(
                "this plane only drops fields",
                False,
                (off("a+ +", "NonSet", "NonSet"), *_KEPT, _OFF),
                more=(("can", (H + "dropFields",)),),
            ),
            *_passing(on("a+ +", "NonSet", "NonSet"), _OFF),
        ),
        (("can", (O + "anonymize", H + "dropFields")),),
    ),
    Sheet(
        "no-ai-training",
        {},
        (),
        (
            Try("anyone uses", True, (on(), off("a-"))),
            Try("anyone trains a model", False, (on(), on()), action=_TRAIN),
        ),
    ),
    Sheet(
        "ai-public-benefit",
        {"inform": _OTHER},
        (_HEAT,),
        (
            Try("training for a public purpose", True, (on("a+ +", "NonSet"), off("a-")), action=_TRAIN),
            Try("training for a product", False, (off("a+ -", "NonSet"), off("a-")), (_SALE,), action=_TRAIN),
            Try(
                "training for no stated purpose",
                False,
                (off("a+ -", "NonSet"), off("a-")),
                (fact("odrl:purpose"),),
                _TRAIN,
            ),
            Try("just using", False, (off("a- +", "NonSet"), off("a-"))),
            Try("passing the model on", False, (off("a- +", "NonSet"), on()), action=_SPREAD),
        ),
    ),
    Sheet(
        "pilot",
        {"from": "20.11.2026", "until": "30.11.2026", "count": "2"},
        (),
        (
            Try("within period and count", True, (on("a+ +(+++)"), *_KEPT, _OWED)),
            Try("once too often", False, (off("a+ -(++-)"), *_KEPT, _OWED), more=(("uses", (("", 3),)),)),
            Try("too early", False, (off("a+ -(-++)"), *_KEPT, _OWED), more=(("now", "2026-11-19T22:59:59.999Z"),)),
            Try("too late", False, (off("a+ -(+-+)"), *_KEPT, _OWED), more=(("now", "2026-11-30T23:00:00.000Z"),)),
            Try(
                "ended a week ago, undeleted",
                False,
                (on("a+ +(+++)"), *_KEPT, on("", "Violated")),
                more=(("agreement_end", "2026-11-17T07:59:59.000Z"),),
            ),
            *_passing(on("a+ +(+++)"), _OWED),
        ),
        (("uses", (("", 2),)),),
    ),
    Sheet(
        "api-quota",
        {"count": "2", "endpoint": "https://api.town.example/level"},
        (fact("odrl:virtualLocation", "https://api.town.example/level"),),
        (
            Try("second query of the day", True, (on("a+ +(+++)"), *_KEPT)),
            Try("third query of the day", False, (off("a+ -(-++)"), *_KEPT), more=(("uses", (("P1D", 3), ("", 3))),)),
            Try(
                "another endpoint",
                False,
                (off("a+ -(++-)"), *_KEPT),
                (fact("odrl:virtualLocation", "https://a.example/x"),),
            ),
            *_passing(on("a+ +(+++)")),
        ),
        (("uses", (("P1D", 2), ("", 900))),),
    ),
    Sheet(
        "disaster",
        {},
        (fact("eventState", H + "active"), fact("role", H + "emergencyService", source="verified-credential")),
        (
            Try("emergency service, going on", True, (on("a+ + +", "NonSet"), *_KEPT, _OWED)),
            Try(
                "emergency service, over",
                False,
                (off("a+ - +", "NonSet"), *_KEPT, _OWED),
                (fact("eventState", H + "over"),),
            ),
            Try(
                "somebody else, going on",
                False,
                (off("a+ + -", "NonSet"), *_KEPT, _OWED),
                (fact("role", H + "auditOffice"),),
            ),
            *_passing(on("a+ + +", "NonSet"), _OWED),
        ),
    ),
    Sheet(
        "critical-infrastructure",
        {"participants": f"{TOWN}, {_OTHER}"},
        (fact("securityProfile", H + "trustPlusSecurity"), fact("odrl:deliveryChannel", H + "api")),
        (
            Try("named, audited, by the interface", True, (on("a+ + + +", "NonSet"), *_KEPT)),
            Try(
                "less audited",
                False,
                (off("a+ + - +", "NonSet"), *_KEPT),
                (fact("securityProfile", H + "baseSecurity"),),
            ),
            Try(
                "as a download",
                False,
                (off("a+ + + -", "NonSet"), *_KEPT),
                (fact("odrl:deliveryChannel", H + "download"),),
            ),
            Try("this plane generalises nothing", False, (off("a+ + + +", "NonSet"), *_KEPT), more=(("can", ()),)),
            *_passing(on("a+ + + +", "NonSet")),
        ),
        (("can", (H + "generalise",)),),
    ),
    Sheet(
        "critical-infrastructure",
        {"participants": _OTHER},
        (fact("securityProfile", H + "trustPlusSecurity"), fact("odrl:deliveryChannel", H + "api")),
        (Try("not named", False, (off("a+ - + +", "NonSet"), *_KEPT)),),
        (("can", (H + "generalise",)),),
    ),
    Sheet(
        "onward-chain",
        {"policy": "urn:hanse:suite:next", "inform": _OTHER},
        (),
        (
            Try("using", True, (on("a+", "NonSet", "NonSet"), off("a-", "NonSet", "NonSet"))),
            Try("passing on", True, (on("a+", "NonSet", "NonSet"), on("a+", "NonSet", "NonSet")), action=_SPREAD),
            Try("selling", False, (off("a-", "NonSet", "NonSet"), off("a-", "NonSet", "NonSet")), action=O + "sell"),
        ),
    ),
    Sheet(
        "fee",
        {"amount": "1.250,50", "statute": "Satzung"},
        (),
        (
            Try("paid", True, (on("a+", "Fulfilled"), *_KEPT), more=(("deeds", (_PAID,)),)),
            Try("not paid", False, (off("a+", "NonSet"), *_KEPT)),
            Try("paid a cent too little", False, (off("a+", "NonSet"), *_KEPT), more=(("deeds", (_CHEAP,)),)),
            *_passing(on("a+", "Fulfilled"), more=(("deeds", (_PAID,)),)),
        ),
    ),
    Sheet(
        "participation",
        {"until": "31.12.2027", "agreement": "urn:hanse:suite:return"},
        (_kind("municipalEnterprise"), _HEAT, fact("reciprocalAgreement", "urn:hanse:suite:return")),
        (
            Try("a utility, with its agreement", True, (on("a+ +(++++)"), *_KEPT, _OFF, _OWED)),
            Try("without it", False, (off("a+ -(+++-)"), *_KEPT, _OFF, _OWED), (fact("reciprocalAgreement"),)),
            Try("a firm", False, (off("a+ -(-+++)"), *_KEPT, _OFF, _OWED), (_FIRM,)),
            *_passing(on("a+ +(++++)"), _OFF, _OWED),
        ),
    ),
    Sheet(
        "named-partners",
        {"participants": f"{TOWN}, {_OTHER}", "until": "31.12.2027"},
        (_FIRM,),
        (
            Try("a named firm", True, (on("a+ + +"), *_KEPT)),
            Try("a named municipality", True, (on("a+ + +"), *_KEPT), (_TOWN,)),
            Try("a named one of no known kind", True, (on("a+ + +"), *_KEPT), (fact("participantKind"),)),
            Try(
                "after the last day",
                False,
                (off("a+ + -"), *_KEPT),
                more=(("now", "2027-12-31T23:00:00.000Z"),),
            ),
            *_passing(on("a+ + +")),
        ),
    ),
    Sheet(
        "named-partners",
        {"participants": _OTHER},
        (_TOWN,),
        (Try("not named", False, (off("a+ -"), *_KEPT)),),
    ),
    Sheet(
        "county",
        {"county": "05515"},
        (_TOWN, fact("regionalKey", *_KEYS, source="verified-credential")),
        (
            Try("a municipality of the county", True, (on("a+ + +"), *_KEPT)),
            Try("the county", True, (on("a+ + +"), *_KEPT), (_kind("county"),)),
            Try("a firm seated there", False, (off("a+ - +"), *_KEPT), (_FIRM,)),
            Try(
                "a municipality of the next county",
                False,
                (off("a+ + -"), *_KEPT),
                (fact("regionalKey", "05", "055", "05554", "055540004", "055540004004", source="verified-credential"),),
            ),
            Try(
                "the state's own seat",
                False,
                (off("a+ + -"), *_KEPT),
                (fact("regionalKey", "05", "050", "05000", "050000000", "050000000000", source="verified-credential"),),
            ),
            Try("a municipality without a key", False, (off("a+ + -"), *_KEPT), (fact("regionalKey"),)),
            *_passing(on("a+ + +")),
        ),
    ),
)


def _state(sheet: Sheet, tried: Try) -> State:
    changed = {each.left: each for each in (*sheet.facts, *tried.facts)}
    known = tuple(each for each in changed.values() if each.values)
    return State(**{"now": NOW, "facts": known, **dict(sheet.more), **dict(tried.more)})  # type: ignore[arg-type]


def cases() -> Iterator[Case]:
    for sheet in _SHEETS:
        policy = {"@type": "Set", **fill(sheet.id, sheet.slots)}
        for tried in sheet.tries:
            yield Case(
                title=f"template {template(sheet.id).number} {sheet.id}: {tried.title}",
                policy=policy,
                rules=tried.rules,
                permit=tried.permit,
                state=_state(sheet, tried),
                request=Request(action=tried.action),
            )
