"""Cases: each rule template as it goes over the wire, allowed to whom it is meant for and refused to others."""

from collections.abc import Iterator
from typing import NamedTuple

from connector.catalogue.templates.templates import fill, template
from tests.suites.municipal.form import NOW, TOWN, Case, Deed, Expected, Fact, H, O, Request, State, fact, off, on

_OTHER, _HASH = "did:web:provider.example", "5e" * 32
_USE, _SPREAD, _TRAIN = O + "use", O + "distribute", H + "aiTraining"
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
_OFF2, _OFF3 = (_OFF,) * 2, (_OFF,) * 3


def _processing(conditions: str) -> tuple[Expected, ...]:
    """Of template 5 when data are asked for, under conditions met or not."""
    use = off if "-" in conditions else on
    return (use(f"a+ {conditions}"), *_OFF2, off("a- -"), _OWED, _OWED)


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
            Try("a municipality plans heat", True, (on("a+ +(++++)"), *_OFF2, _OWED)),
            Try("a firm", False, (off("a+ -(-+++)"), *_OFF2, _OWED), (_FIRM,)),
            Try("another purpose", False, (off("a+ -(+-++)"), *_OFF2, _OWED), (_SALE,)),
            Try("no purpose", False, (off("a+ -(+-++)"), *_OFF2, _OWED), (fact("odrl:purpose"),)),
            Try("passing on", False, (on("a+ +(++++)"), on(), off("a-"), _OWED), action=_SPREAD),
            Try("AI training", False, (on("a+ +(++++)"), off("a-"), on(), _OWED), action=_TRAIN),
            Try(
                "six seconds later",
                False,
                (off("a+ -(+++-)"), *_OFF2, _OWED),
                more=(("now", "2026-11-24T08:00:04.001Z"),),
            ),
            Try(
                "after the last day, undeleted",
                False,
                (off("a+ -(++-+)"), *_OFF2, on("", "Violated")),
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
            Try("ended, deletion not due yet", False, (off("a+ -(++-)"), *_OFF2, _OWED), more=(("now", _LAST),)),
            Try("ended, deletion overdue", False, (off("a+ -(++-)"), *_OFF2, on("", "Violated"))),
            Try(
                "ended, deleted late", False, (off("a+ -(++-)"), *_OFF2, on("", "Healed")), more=(("deeds", (_LATE,)),)
            ),
        ),
        (("now", "2028-02-04T00:00:00.000Z"),),
    ),
    Sheet(
        "state-authorities",
        {"area": "DE-NW"},
        (fact("adminLevel", H + "stateLevel"), fact("participantLocation", H + "DE-NW")),
        (
            Try("an authority of the state", True, (on("a+ + +"), _OFF)),
            Try(
                "a municipality of the state",
                False,
                (off("a+ - +"), _OFF),
                (fact("adminLevel", H + "municipalLevel"),),
            ),
            Try(
                "an authority of another state",
                False,
                (off("a+ + -"), _OFF),
                (fact("participantLocation", H + "DE-BY"),),
            ),
            Try("seated nobody knows where", False, (off("a+ + -"), _OFF), (fact("participantLocation"),)),
            Try("passing on", False, (on("a+ + +"), on()), action=_SPREAD),
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
            Try("passing on", False, (on("a+ + + + +"), on(), _OFF, off("a- -"), _OWED, _OWED), action=_SPREAD),
            Try(
                "a further processor, nobody consented",
                False,
                (on("a+ + + + +"), *_OFF2, on("a+ -"), _OWED, _OWED),
                action=_ENGAGE,
            ),
            Try(
                "a further processor, somebody else consented",
                False,
                (on("a+ + + + +"), *_OFF2, on("a+ +"), _OWED, _OWED),
                (fact("consentingParty", "did:web:else.example", source="verified-credential"),),
                action=_ENGAGE,
            ),
            Try(
                "a further processor, the controller consented",
                True,
                (on("a+ + + + +"), *_OFF2, off("a+ -"), _OWED, _OWED),
                (fact("consentingParty", _OTHER, source="verified-credential"),),
                action=_ENGAGE,
            ),
            Try(
                "ended, neither returned nor deleted in time",
                False,
                (on("a+ + + + +"), *_OFF2, off("a- -"), on("", "Violated"), on("", "Violated")),
                more=_ENDED,
            ),
            Try(
                "ended, deleted and not returned",
                False,
                (on("a+ + + + +"), *_OFF2, off("a- -"), on("", "Violated"), on("", "Fulfilled")),
                more=(*_ENDED, ("deeds", (_GONE,))),
            ),
            Try(
                "ended, returned and deleted",
                True,
                (on("a+ + + + +"), *_OFF2, off("a- -"), on("", "Fulfilled"), on("", "Fulfilled")),
                more=(*_ENDED, ("deeds", (_BACK, _GONE))),
            ),
        ),
    ),
    Sheet(
        "research",
        {"inform": _OTHER},
        (_kind("university"), _purpose("research")),
        (
            Try("a university does research", True, (on("a+ + +", "NonSet"), *_OFF3)),
            Try("a firm does research", False, (off("a+ - +", "NonSet"), *_OFF3), (_FIRM,)),
            Try("for a product", False, (off("a+ + -", "NonSet"), *_OFF3), (_SALE,)),
            Try(
                "to recognise people",
                False,
                (on("a+ + +", "NonSet"), *_OFF2, on()),
                action=H + "reidentify",
            ),
            Try("passing on", False, (on("a+ + +", "NonSet"), on(), *_OFF2), action=_SPREAD),
        ),
    ),
    Sheet(
        "statistics",
        {},
        (_kind("statisticsOffice"),),
        (
            Try("the statistics office", True, (on("a+ +", "NonSet"), *_OFF3)),
            Try("a municipality", False, (off("a+ -", "NonSet"), *_OFF3), (_TOWN,)),
            Try("this plane suppresses nothing", False, (off("a+ +", "NonSet"), *_OFF3), more=(("can", ()),)),
            Try("to link the data", False, (on("a+ +", "NonSet"), _OFF, on(), _OFF), action=H + "link"),
            Try("passing on", False, (on("a+ +", "NonSet"), on(), *_OFF2), action=_SPREAD),
        ),
        (("can", (H + "suppressCells",)),),
    ),
    Sheet(
        "anonymised",
        {"legal-basis": "publicTaskBasis", "drop": "$.name, $.birth"},
        (fact("legalBasis", H + "publicTaskBasis", source="declared"),),
        (
            Try("on the legal basis", True, (on("a+ +", "NonSet", "NonSet"), *_OFF2)),
            Try(
                "on another",
                False,
                (off("a+ -", "NonSet", "NonSet"), *_OFF2),
                (fact("legalBasis", H + "consentBasis"),),
            ),
            Try("on none", False, (off("a+ -", "NonSet", "NonSet"), *_OFF2), (fact("legalBasis"),)),
            Try(
                "this plane only drops fields",
                False,
                (off("a+ +", "NonSet", "NonSet"), *_OFF2),
                more=(("can", (H + "dropFields",)),),
            ),
            Try("passing on", False, (on("a+ +", "NonSet", "NonSet"), on(), _OFF), action=_SPREAD),
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
            Try("within period and count", True, (on("a+ +(+++)"), _OFF, _OWED)),
            Try("once too often", False, (off("a+ -(++-)"), _OFF, _OWED), more=(("uses", (("", 3),)),)),
            Try("too early", False, (off("a+ -(-++)"), _OFF, _OWED), more=(("now", "2026-11-19T22:59:59.999Z"),)),
            Try("too late", False, (off("a+ -(+-+)"), _OFF, _OWED), more=(("now", "2026-11-30T23:00:00.000Z"),)),
            Try(
                "ended a week ago, undeleted",
                False,
                (on("a+ +(+++)"), _OFF, on("", "Violated")),
                more=(("agreement_end", "2026-11-17T07:59:59.000Z"),),
            ),
            Try("passing on", False, (on("a+ +(+++)"), on(), _OWED), action=_SPREAD),
        ),
        (("uses", (("", 2),)),),
    ),
    Sheet(
        "api-quota",
        {"count": "2", "endpoint": "https://api.town.example/level"},
        (fact("odrl:virtualLocation", "https://api.town.example/level"),),
        (
            Try("second query of the day", True, (on("a+ +(+++)"), _OFF)),
            Try("third query of the day", False, (off("a+ -(-++)"), _OFF), more=(("uses", (("P1D", 3), ("", 3))),)),
            Try(
                "another endpoint",
                False,
                (off("a+ -(++-)"), _OFF),
                (fact("odrl:virtualLocation", "https://a.example/x"),),
            ),
            Try("passing on", False, (on("a+ +(+++)"), on()), action=_SPREAD),
        ),
        (("uses", (("P1D", 2), ("", 900))),),
    ),
    Sheet(
        "disaster",
        {},
        (fact("eventState", H + "active"), fact("role", H + "emergencyService", source="verified-credential")),
        (
            Try("emergency service, going on", True, (on("a+ + +", "NonSet"), _OFF, _OWED)),
            Try(
                "emergency service, over",
                False,
                (off("a+ - +", "NonSet"), _OFF, _OWED),
                (fact("eventState", H + "over"),),
            ),
            Try(
                "somebody else, going on",
                False,
                (off("a+ + -", "NonSet"), _OFF, _OWED),
                (fact("role", H + "auditOffice"),),
            ),
            Try("passing on", False, (on("a+ + +", "NonSet"), on(), _OWED), action=_SPREAD),
        ),
    ),
    Sheet(
        "critical-infrastructure",
        {"participants": f"{TOWN}, {_OTHER}"},
        (fact("securityProfile", H + "trustPlusSecurity"), fact("odrl:deliveryChannel", H + "api")),
        (
            Try("named, audited, by the interface", True, (on("a+ + + +", "NonSet"), off("a-"))),
            Try(
                "less audited",
                False,
                (off("a+ + - +", "NonSet"), off("a-")),
                (fact("securityProfile", H + "baseSecurity"),),
            ),
            Try(
                "as a download",
                False,
                (off("a+ + + -", "NonSet"), off("a-")),
                (fact("odrl:deliveryChannel", H + "download"),),
            ),
            Try("this plane generalises nothing", False, (off("a+ + + +", "NonSet"), off("a-")), more=(("can", ()),)),
            Try("passing on", False, (on("a+ + + +", "NonSet"), on()), action=_SPREAD),
        ),
        (("can", (H + "generalise",)),),
    ),
    Sheet(
        "critical-infrastructure",
        {"participants": _OTHER},
        (fact("securityProfile", H + "trustPlusSecurity"), fact("odrl:deliveryChannel", H + "api")),
        (Try("not named", False, (off("a+ - + +", "NonSet"), off("a-"))),),
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
            Try("paid", True, (on("a+", "Fulfilled"), _OFF), more=(("deeds", (_PAID,)),)),
            Try("not paid", False, (off("a+", "NonSet"), _OFF)),
            Try("paid a cent too little", False, (off("a+", "NonSet"), _OFF), more=(("deeds", (_CHEAP,)),)),
            Try(
                "paid, and passing on",
                False,
                (on("a+", "Fulfilled"), on()),
                action=_SPREAD,
                more=(("deeds", (_PAID,)),),
            ),
        ),
    ),
    Sheet(
        "participation",
        {"until": "31.12.2027", "agreement": "urn:hanse:suite:return"},
        (_kind("municipalEnterprise"), _HEAT, fact("reciprocalAgreement", "urn:hanse:suite:return")),
        (
            Try("a utility, with its agreement", True, (on("a+ +(++++)"), *_OFF2, _OWED)),
            Try("without it", False, (off("a+ -(+++-)"), *_OFF2, _OWED), (fact("reciprocalAgreement"),)),
            Try("a firm", False, (off("a+ -(-+++)"), *_OFF2, _OWED), (_FIRM,)),
            Try("passing on", False, (on("a+ +(++++)"), on(), off("a-"), _OWED), action=_SPREAD),
        ),
    ),
    Sheet(
        "named-partners",
        {"participants": f"{TOWN}, {_OTHER}", "until": "31.12.2027"},
        (_FIRM,),
        (
            Try("a named firm", True, (on("a+ + +"), _OFF)),
            Try("a named municipality", True, (on("a+ + +"), _OFF), (_TOWN,)),
            Try("a named one of no known kind", True, (on("a+ + +"), _OFF), (fact("participantKind"),)),
            Try(
                "after the last day",
                False,
                (off("a+ + -"), _OFF),
                more=(("now", "2027-12-31T23:00:00.000Z"),),
            ),
            Try("passing on", False, (on("a+ + +"), on()), action=_SPREAD),
        ),
    ),
    Sheet(
        "named-partners",
        {"participants": _OTHER},
        (_TOWN,),
        (Try("not named", False, (off("a+ -"), _OFF)),),
    ),
    Sheet(
        "county",
        {"county": "05515"},
        (_TOWN, fact("regionalKey", *_KEYS, source="verified-credential")),
        (
            Try("a municipality of the county", True, (on("a+ + +"), _OFF)),
            Try("the county", True, (on("a+ + +"), _OFF), (_kind("county"),)),
            Try("a firm seated there", False, (off("a+ - +"), _OFF), (_FIRM,)),
            Try(
                "a municipality of the next county",
                False,
                (off("a+ + -"), _OFF),
                (fact("regionalKey", "05", "055", "05554", "055540004", "055540004004", source="verified-credential"),),
            ),
            Try(
                "the state's own seat",
                False,
                (off("a+ + -"), _OFF),
                (fact("regionalKey", "05", "050", "05000", "050000000", "050000000000", source="verified-credential"),),
            ),
            Try("a municipality without a key", False, (off("a+ + -"), _OFF), (fact("regionalKey"),)),
            Try("passing on", False, (on("a+ + +"), on()), action=_SPREAD),
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
