"""The coverage report: every clause once, with what decides it and no badge that promises too much."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.exchange.transfer.decision.state_of_world import SUPPLIED
from connector.kernel.policy.odrl.model import Action, Atom, Clause, Collection, Duty, Logic, Policy, Rule, Whom
from connector.kernel.policy.odrl.names import ACTIONS
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Deed, Fact, World
from connector.kernel.policy.wording.badges import Coverage, coverage, plain, weakest
from tests.fuzz.effort import amount
from tests.kernel.policy.cases import KIND, NOW, ODD, ODRL, H, atom, use
from tests.kernel.policy.deciding import decide
from tests.kernel.policy.drafts import few, granting, policies
from tests.kernel.policy.rich import RICH

SUSPEND = {"odrl:consequence": {"action": H + "suspendAccess"}}
DUE = atom(H + "dueBy", "lt", "2028-01-01T00:00:00+01:00")


def row(document: Any, where: str, **means: Any) -> Coverage:
    return next(found for found in coverage(parse(document), **means) if found.where == where)


CONDITION = "/permissions/0/constraints/0"
DUTY, OBLIGATION = "/permissions/0/duties/0", "/obligations/0"


def duty(action: str, *constraints: object, **more: object) -> dict[str, Any]:
    return use() | {"permission": {"action": "use", "duty": {"action": action, "constraint": list(constraints)} | more}}


def obligation(action: str, *constraints: object, **more: object) -> dict[str, Any]:
    return use(obligation={"action": action, "constraint": list(constraints)} | more)


@pytest.mark.parametrize(
    ("document", "where", "badge", "notes"),
    [
        (use(KIND), CONDITION, "enforced", ()),
        (use(atom("odrl:dateTime", "lt", "2028-01-01T00:00:00+01:00")), CONDITION, "enforced", ()),
        (use(atom("odrl:dateTime", "lt", "2028-01-01T00:00:00")), CONDITION, "enforced", ("read-as-utc",)),
        (use(atom("odrl:count", "lteq", "9")), CONDITION, "enforced", ()),
        (use(atom(H + "memberOf", "eq", "https://t.de/groups/p")), CONDITION, "enforced", ("own-group",)),
        (use(atom(H + "memberOf", "eq", "https://k.de/space/groups/p")), CONDITION, "enforced", ()),
        (use(atom(H + "memberOf", "eq", "https://k.de/space")), CONDITION, "enforced", ()),
        (use(atom("odrl:purpose", "eq", H + "research")), CONDITION, "contractual", ("declared",)),
        (use(ODD), CONDITION, "contractual", ("not-understood",)),
        (use({"@id": "urn:c"}), CONDITION, "contractual", ("not-understood",)),
        (use(atom(H + "kAnonymity", "gteq", "3")), CONDITION, "contractual", ("not-understood",)),
        (use({"or": [KIND, atom("odrl:count", "lteq", "9")]}), CONDITION, "enforced", ()),
        (use({"or": [KIND, atom("odrl:purpose", "eq", H + "research")]}), CONDITION, "contractual", ()),
        (use({"andSequence": [KIND, KIND]}), CONDITION, "contractual", ("order-not-checked",)),
        (use(permission={"action": "odrl:sell", "constraint": KIND}), CONDITION, "contractual", ("after-delivery",)),
        (use(permission={"action": "odrl:distribute"}), "/permissions/0", "contractual", ("after-delivery",)),
        (use(permission={"action": "ex:fly"}), "/permissions/0", "contractual", ("not-understood",)),
        (use(permission={"action": "use", "assignee": "did:web:x"}), "/permissions/0/parties/0", "enforced", ()),
        (use(prohibition={"action": "use", "constraint": KIND}), "/prohibitions/0", "enforced", ()),
        (use(prohibition={"action": "use", "assignee": "urn:group"}), "/prohibitions/0", "contractual", ()),
        (
            use(prohibition={"action": "use", "assignee": "urn:group"}),
            "/prohibitions/0/parties/0",
            "contractual",
            ("membership-unknown",),
        ),
        (
            use(permission={"action": "use", "assignee": {"@type": "PartyCollection", "source": "urn:group"}}),
            "/permissions/0/parties/0",
            "contractual",
            ("membership-unknown",),
        ),
        (use(permission={"action": "use", "target": "urn:data"}), "/permissions/0/targets/0", "enforced", ()),
        (use(prohibition={"action": "use", "constraint": ODD}), "/prohibitions/0", "contractual", ()),
        (use(prohibition={"action": "odrl:sell"}), "/prohibitions/0", "contractual", ("after-delivery",)),
        (use(prohibition={"action": "odrl:sell"}), "/conflict", "enforced", ()),
        (
            use(prohibition={"action": "use"}, **{"odrl:conflict": {"@id": "odrl:perm"}}),
            "/prohibitions/0",
            "contractual",
            ("permission-wins",),
        ),
        (
            use(prohibition={"action": "odrl:sell", "odrl:remedy": {"action": H + "suspendAccess"}}),
            "/prohibitions/0",
            "contractual",
            ("after-delivery", "suspends-if-known"),
        ),
        (
            use(permission={"action": "use", "constraint": KIND, "ex:odd": "x"}),
            CONDITION,
            "contractual",
            ("rule-not-understood",),
        ),
        (
            use(permission={"action": "odrl:sell", "duty": {"action": "odrl:compensate"}}),
            DUTY,
            "contractual",
            ("after-delivery",),
        ),
        (duty("odrl:compensate"), DUTY, "enforced", ("receipt",)),
        (duty("odrl:compensate", atom("odrl:purpose", "eq", H + "research")), DUTY, "contractual", ("receipt",)),
        (duty("odrl:anonymize"), DUTY, "contractual", ("cannot-execute",)),
        (duty("odrl:attribute"), DUTY, "contractual", ("no-deadline",)),
        (duty("odrl:inform", DUE), DUTY, "monitored", ("stops-access",)),
        (duty("ex:dance", DUE), DUTY, "contractual", ("not-understood",)),
        (
            duty("odrl:compensate", atom("odrl:payAmount", "eq", "viel")),
            DUTY,
            "contractual",
            ("not-understood", "receipt"),
        ),
        (obligation("odrl:delete", DUE, **SUSPEND), OBLIGATION, "monitored", ("suspends",)),
        (obligation("odrl:delete", DUE, **SUSPEND), f"{OBLIGATION}/constraints/0", "monitored", ()),
        (obligation("odrl:delete", DUE, **SUSPEND), f"{OBLIGATION}/consequences/0", "monitored", ()),
        (obligation("odrl:delete", DUE, KIND, **SUSPEND), OBLIGATION, "monitored", ("suspends",)),
        (obligation("odrl:delete", DUE, ODD, **SUSPEND), OBLIGATION, "contractual", ("suspends",)),
        (obligation("odrl:delete", **SUSPEND), OBLIGATION, "contractual", ("no-deadline",)),
        (obligation("odrl:delete", **SUSPEND), f"{OBLIGATION}/consequences/0", "contractual", ()),
        (obligation("odrl:delete", DUE), OBLIGATION, "contractual", ("no-consequence",)),
        (obligation("odrl:compensate"), OBLIGATION, "contractual", ("no-deadline",)),
        (use(**{"ex:unless": "x"}), "/extras/ex:unless", "contractual", ("not-understood",)),
        (use(profile="urn:p"), "/profiles/urn:p", "contractual", ("not-understood",)),
        (use(**{"dct:isReplacedBy": "urn:newer"}), "/replaced_by", "contractual", ("replaced",)),
        (use(**{"@type": "Ticket"}), "/kind", "contractual", ("not-understood",)),
        (use(atom(H + "participantKind", "eq", "https://t.de/groups/p")), CONDITION, "enforced", ()),
        (use({"or": [KIND], "ex:odd": "x"}), CONDITION, "contractual", ()),
        (use({"or": [KIND], "ex:odd": "x"}), f"{CONDITION}/extras/ex:odd", "contractual", ("not-understood",)),
        (obligation("odrl:delete", {"and": [DUE]}, **SUSPEND), OBLIGATION, "monitored", ("suspends",)),
        (obligation("odrl:delete", {"and": [DUE]}, **SUSPEND), f"{OBLIGATION}/constraints/0", "monitored", ()),
        (
            obligation("odrl:delete", {"and": [DUE]}, **SUSPEND),
            f"{OBLIGATION}/constraints/0/clauses/0",
            "monitored",
            (),
        ),
        (
            obligation(
                "odrl:delete", DUE, **{"odrl:consequence": [{"action": H + "suspendAccess"}, {"action": "ex:x"}]}
            ),
            f"{OBLIGATION}/consequences/1",
            "contractual",
            ("not-understood",),
        ),
    ],
    ids=str,
)
def test_what_may_be_promised_of_a_clause(document: Any, where: str, badge: str, notes: tuple[str, ...]) -> None:
    """Measured or verified at our gate: enforced. A breach with a consequence here: monitored. Else by contract."""
    found = row(document, where)
    assert (found.badge, found.notes) == (badge, notes)


def test_the_weakest_badge_is_that_of_the_whole() -> None:
    assert weakest(["enforced", "monitored"]) == weakest(["monitored", "enforced"]) == "monitored"
    assert weakest(["monitored", "contractual"]) == weakest(["contractual", "monitored"]) == "contractual"


def test_a_during_duty_is_enforced_only_where_it_is_executed() -> None:
    """>> a data plane that anonymises  << enforced, its parameter too; another plane's skill does not count."""
    document = duty("odrl:anonymize", atom(H + "kAnonymity", "gteq", "3"))
    assert row(document, DUTY, can={ODRL + "anonymize"}).badge == "enforced"
    assert row(document, f"{DUTY}/constraints/0", can={ODRL + "anonymize"}).badge == "enforced"
    assert row(document, DUTY, can={ODRL + "watermark"}).badge == "contractual"


def test_a_value_that_nobody_can_supply_is_not_promised() -> None:
    """>> a house without any source for the kind of participant  << by contract, and it says why."""
    assert row(use(KIND), CONDITION, supplied={H + "participantKind"}).badge == "enforced"
    found = row(use(KIND), CONDITION, supplied=frozenset())
    assert (found.badge, found.notes) == ("contractual", ("nobody-supplies",))


def test_the_report_says_who_vouches_and_when_it_is_decided() -> None:
    """Source and first phase of each clause, as registered."""
    found = row(use(atom("odrl:purpose", "eq", H + "research")), CONDITION)
    assert (found.subject, found.source, found.phase) == (ODRL + "purpose", "declared", "negotiation")
    named = use(permission={"action": "use", "assignee": "did:web:x", "target": "urn:data"})
    sources = [row(named, f"/permissions/0/{who}/0").source for who in ("parties", "targets")]
    assert sources == ["verified-credential", "measured"]


def test_the_report_is_stable_json() -> None:
    """Both sides sign it: the same policy gives the same bytes, whatever its ids."""
    one, other = use(KIND), use(KIND | {"@id": "urn:uuid:1"})
    texts = [json.dumps(plain(coverage(parse(each)))) for each in (one, other)]
    assert texts[0] == texts[1]


def places(policy: Policy) -> Iterator[tuple[str, str]]:
    """(place, kind) of every clause of the typed policy, written down a second time and independently."""
    yield from ((f"/extras/{name}", "extra") for name, _ in policy.extras)
    yield from ((f"/profiles/{name}", "profile") for name in policy.profiles if name != "https://w3id.org/hanse/v1")
    for kind, rules in (("permission", policy.permissions), ("prohibition", policy.prohibitions)):
        for index, rule in enumerate(rules):
            yield from in_rule(rule, f"/{kind}s/{index}", kind)
    for index, each in enumerate(policy.obligations):
        yield from in_duty(each, f"/obligations/{index}", "obligation")
    if policy.prohibitions:
        yield "/conflict", "conflict"


def in_rule(rule: Rule, where: str, kind: str) -> Iterator[tuple[str, str]]:
    yield from common(rule, where, kind)
    for index, each in enumerate(rule.duties):
        yield from in_duty(each, f"{where}/duties/{index}", "duty")
    for index, each in enumerate(rule.remedies):
        yield from in_duty(each, f"{where}/remedies/{index}", "remedy")


def in_duty(found: Duty, where: str, kind: str) -> Iterator[tuple[str, str]]:
    yield from common(found, where, kind)
    for index, each in enumerate(found.consequences):
        yield from in_duty(each, f"{where}/consequences/{index}", "consequence")


def common(found: Rule | Duty, where: str, kind: str) -> Iterator[tuple[str, str]]:
    yield where, kind
    yield from ((f"{where}/extras/{name}", "extra") for name, _ in found.extras)
    yield from in_action(found.action, where)
    for index, clause in enumerate(found.constraints):
        yield from in_clause(clause, f"{where}/constraints/{index}", "constraint")
    for word, name, whoms in (
        ("parties", "party", found.parties),
        ("targets", "target", found.targets),
        ("assigners", "assigner", found.assigners),
    ):
        for index, whom in enumerate(whoms):
            yield from in_whom(whom, f"{where}/{word}/{index}", name)


def in_action(action: Action, where: str) -> Iterator[tuple[str, str]]:
    yield from ((f"{where}/action/extras/{name}", "extra") for name, _ in action.extras)
    for index, clause in enumerate(action.refinements):
        yield from in_clause(clause, f"{where}/action/refinements/{index}", "refinement")


def in_whom(whom: Whom, where: str, kind: str) -> Iterator[tuple[str, str]]:
    yield where, kind
    if isinstance(whom, Collection):
        yield from ((f"{where}/extras/{name}", "extra") for name, _ in whom.extras)
        for index, clause in enumerate(whom.refinements):
            yield from in_clause(clause, f"{where}/refinements/{index}", "refinement")


def in_clause(clause: Clause, where: str, kind: str) -> Iterator[tuple[str, str]]:
    if isinstance(clause, Logic):
        yield where, "logic"
        yield from ((f"{where}/extras/{name}", "extra") for name, _ in clause.extras)
        for index, inner in enumerate(clause.clauses):
            yield from in_clause(inner, f"{where}/clauses/{index}", kind)
    else:
        yield where, kind if isinstance(clause, Atom) else "odd"


def test_what_random_policies_seldom_hold_stands_in_the_report_too() -> None:
    """>> a policy with every construct; members nobody knows, on an action, a group and a duty << each once."""
    odd = {"ex:odd": "x"}
    towns = {"@type": "PartyCollection", "source": "urn:group", **odd}
    told = {"action": {"@id": "odrl:inform", **odd}, "assigner": "did:web:c", "constraint": {"and": [DUE]}, **odd}
    for document in (RICH, use(permission={"action": "use", "assigner": "did:web:c", "assignee": towns, "duty": told})):
        policy = parse(document)
        found = [(found.where, found.kind) for found in coverage(policy)]
        assert sorted(found) == sorted(places(policy))


@settings(max_examples=amount(60, 200), deadline=None)
@given(document=policies)
def test_every_clause_stands_in_the_report_exactly_once(document: Any) -> None:
    """Whatever the policy: nothing is left out, nothing stands there twice."""
    policy = parse(document)
    found = [(found.where, found.kind) for found in coverage(policy)]
    assert sorted(found) == sorted(places(policy))


@settings(max_examples=amount(60, 200), deadline=None)
@given(document=policies)
def test_nothing_unknown_declared_or_later_is_enforced(document: Any) -> None:
    """An enforced clause is about a known term, and its value is measured or from a verified credential."""
    for found in coverage(parse(document), can=frozenset(ACTIONS)):
        if found.badge != "enforced":
            continue
        assert set(found.notes) <= {"read-as-utc", "receipt", "suspends-if-known"}
        if found.kind in ("permission", "prohibition"):
            assert found.subject == ODRL + "use"
        if found.kind in ("constraint", "refinement"):
            operand = BUILT_IN.get(found.subject)
            assert operand is not None
            assert operand.in_duty == "parameter" or operand.source != "declared"


worlds = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["county", "municipality", "company"]),
        "groups": st.sampled_from([frozenset(), frozenset({"urn:ikz"})]),
        "uses": st.sampled_from([1, 9]),
        "can": st.sampled_from([frozenset[str](), frozenset({ODRL + "anonymize"})]),
        "deeds": few(st.sampled_from([ODRL + "compensate", ODRL + "delete"]).map(lambda a: Deed(action=a, at=NOW - 1))),
    }
)


@settings(max_examples=amount(60, 200), deadline=None)
@given(document=granting | policies, asked=worlds)
def test_what_is_called_enforced_is_enforced_by_the_engine(document: Any, asked: dict[str, Any]) -> None:
    """>> any policy and request  << where data flow, each enforced clause was met and no enforced ban stood."""
    policy = parse(document)
    facts = {H + "participantKind": Fact(frozenset({H + asked["kind"]})), H + "memberOf": Fact(asked["groups"])}
    world = World(
        now=NOW,
        participant="did:web:firm",
        parties=asked["groups"],
        facts=facts,
        agreement_at=NOW - 6000,
        uses={"": asked["uses"]},
        can=asked["can"],
        deeds=tuple(asked["deeds"]),
    )
    decision = decide(policy, world, "access")
    if not decision.permit:
        return
    badges = {row.where: row.badge for row in coverage(policy, can=asked["can"])}
    permissions = [node for node in decision.tree.children if node.kind == "permission"]
    place = next(i for i, node in enumerate(permissions) if node.state == "yes" and node.pointer == decision.rule)
    rule, states = policy.permissions[place], {id(node.item): node.state for node in permissions[place].children}
    for index, clause in enumerate(rule.constraints):
        assert badges[f"/permissions/{place}/constraints/{index}"] != "enforced" or states[id(clause)] == "yes"
    for index, each in enumerate(rule.duties):
        if badges[f"/permissions/{place}/duties/{index}"] == "enforced":
            assert states[id(each)] == "yes"
    for index, node in enumerate(node for node in decision.tree.children if node.kind == "prohibition"):
        assert badges[f"/prohibitions/{index}"] != "enforced" or node.state != "yes"


def test_a_large_policy_is_one_pass() -> None:
    """Ten times the clauses give ten times the rows, and each row is looked at a bounded number of times."""
    sizes = [len(coverage(parse(use({"or": [KIND] * n})))) for n in (10, 100)]
    assert sizes == [12, 102]


@pytest.mark.parametrize("due", ["eventEnd+P30D", "access+P30D"])
def test_bug_a_deadline_after_an_event_was_called_monitored(due: str) -> None:
    """>> a duty due after the end of an event, which nobody here knows  << not monitored; after access: it is."""
    within = atom(H + "dueWithin", "lteq", due)
    known = due.startswith("access")
    for document, where in (
        (obligation("odrl:delete", within, **SUSPEND), OBLIGATION),
        (duty("odrl:inform", within), DUTY),
    ):
        found = row(document, where, supplied=SUPPLIED)
        assert found.badge == ("monitored" if known else "contractual")
        assert ("nobody-supplies" in found.notes) is not known
        deadline = row(document, where + "/constraints/0", supplied=SUPPLIED)
        assert ("nobody-supplies" in deadline.notes) is not known
        assert deadline.badge == found.badge


def test_bug_an_amount_as_a_condition_was_called_enforced() -> None:
    """>> a permission if at most five euros  << nobody here ever knows an amount but of a duty that was done."""
    found = row(use(atom("odrl:payAmount", "lteq", "5", unit="EUR")), CONDITION, supplied=SUPPLIED)
    assert (found.badge, found.notes) == ("contractual", ("nobody-supplies",))
