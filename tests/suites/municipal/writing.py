"""A case as files: policy, request, state of the world, and the case with its expected report, in the FORCE layout.

Every IRI is derived from what it names (UUID version 5), so that a case that does not change keeps its files, and a
policy, request or state that two cases share is one file.
"""

import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from tests.suites.municipal.form import Case, Deed, Document, Expected, Fact, O, Request, State
from tests.suites.municipal.turtle import Pair, document, iri, moment, node, text

_SPACE = uuid.UUID("8c1ff9f1-5a7b-5d55-9b0e-6c3f0c4d7a10")
_LICENCE = "<http://creativecommons.org/publicdomain/zero/1.0/>"
_LOGIC = ("and", "or", "xone", "andSequence")
_RULES = ("permission", "prohibition", "obligation")
_REPORTS = {"permission": "PermissionReport", "prohibition": "ProhibitionReport", "obligation": "DutyReport"}
_TOKEN = re.compile(r"([atp]?)([+-])|([()])")


def urn(*parts: Any) -> str:
    """The IRI of what these parts name."""
    return "urn:uuid:" + str(uuid.uuid5(_SPACE, json.dumps(parts, sort_keys=True, ensure_ascii=False)))


def _term(name: str) -> str:
    return O + name.removeprefix("odrl:") if name.startswith("odrl:") or ":" not in name else name


class _Policy:
    """Writes a policy; every rule, duty and constraint has an IRI, by its place (a JSON pointer)."""

    def __init__(self, policy: Document) -> None:
        self.policy, self.iri = policy, urn("policy", policy)
        self.nodes: list[str] = []

    def of(self, pointer: str) -> str:
        """The IRI of the part at this place."""
        return urn("policy", self.policy, pointer)

    def written(self) -> str:
        pairs: list[Pair] = [("a", "odrl:Set"), ("odrl:uid", f"<{self.iri}>"), ("dct:license", _LICENCE)]
        if profile := self.policy.get("profile"):
            pairs.append(("odrl:profile", f"<{profile}>"))
        if conflict := self.policy.get("odrl:conflict"):
            pairs.append(("odrl:conflict", iri(_term(conflict["@id"]))))
        pairs += [pair for kind in _RULES for pair in self._each(self.policy, kind, "", self._rule)]
        return document([node(f"<{self.iri}>", pairs), *reversed(self.nodes)])

    def _each(
        self, value: Document, name: str, at: str, write: Callable[[Document, str, str], None], key: str = ""
    ) -> list[Pair]:
        found = []
        for index, entry in enumerate(value.get(key or name, ())):
            place = f"{at}/{name}/{index}"
            write(entry, place, name)
            found.append((f"odrl:{name}", f"<{self.of(place)}>"))
        return found

    def _add(self, place: str, pairs: Iterable[Pair]) -> None:
        self.nodes.append(node(f"<{self.of(place)}>", pairs))

    def _rule(self, rule: Document, at: str, kind: str) -> None:
        named = {"permission": "odrl:Permission", "prohibition": "odrl:Prohibition"}.get(kind, "odrl:Duty")
        pairs: list[Pair] = [("a", named), ("odrl:action", self._action(rule["action"], at))]
        whoms = [name for name in ("assignee", "target") if name in rule]
        pairs += [(f"odrl:{name}", self._whom(rule[name], f"{at}/{name}")) for name in whoms]
        pairs += self._each(rule, "constraint", at, self._constraint)
        pairs += self._each(rule, "duty", at, self._rule)
        pairs += self._each(rule, "remedy", at, self._rule)
        pairs += self._each(rule, "consequence", at, self._rule, "odrl:consequence")
        self._add(at, pairs)

    def _action(self, action: Any, at: str) -> str:
        if isinstance(action, str):
            return iri(_term(action))
        pairs = [("a", "odrl:Action"), ("rdf:value", iri(_term(action["rdf:value"])))]
        self._add(f"{at}/action", [*pairs, *self._each(action, "refinement", f"{at}/action", self._constraint)])
        return f"<{self.of(f'{at}/action')}>"

    def _whom(self, whom: Any, at: str) -> str:
        if isinstance(whom, str):
            return f"<{whom}>"
        pairs = [("a", f"odrl:{whom['@type']}"), ("odrl:source", f"<{whom['source']}>")]
        pairs += self._each(whom, "refinement", at, self._constraint)
        self.nodes.append(node(f"<{whom['@id']}>", pairs))
        return f"<{whom['@id']}>"

    def _constraint(self, clause: Document, at: str, _name: str = "") -> None:
        if logic := next((name for name in _LOGIC if name in clause), ""):
            parts = [value for _, value in self._each(clause, logic, at, self._constraint)]
            if logic == "andSequence":
                parts = [f"( {' '.join(parts)} )"]
            self._add(at, [("a", "odrl:LogicalConstraint"), *((f"odrl:{logic}", part) for part in parts)])
            return
        right = clause["rightOperand"]
        pairs: list[Pair] = [("a", "odrl:Constraint"), ("odrl:leftOperand", iri(_term(clause["leftOperand"])))]
        pairs.append(("odrl:operator", iri(_term(clause["operator"]))))
        pairs += [("odrl:rightOperand", _right(value)) for value in (right if isinstance(right, list) else [right])]
        pairs += [("odrl:unit", iri(clause["unit"]["@id"]))] if "unit" in clause else []
        pairs += [(iri(name), text(value)) for name, value in clause.items() if name.startswith("urn:")]
        self._add(at, pairs)


def _right(value: Any) -> str:
    if isinstance(value, dict):
        return text(value["@value"], str(value.get("@type", "")).rpartition("#")[2])
    return _value(value)


def _value(value: str) -> str:
    """IRIs as such, everything else as a plain string."""
    is_iri = re.match(r"(https?:|urn:|did:)\S+$", value) is not None
    return iri(value) if is_iri else text(value)


def _request(request: Request) -> str:
    name, rule = urn("request", msgspec.to_builtins(request)), urn("request rule", msgspec.to_builtins(request))
    pairs = [("a", "odrl:Request"), ("odrl:uid", f"<{name}>"), ("odrl:permission", f"<{rule}>")]
    asked = [("odrl:assignee", f"<{request.assignee}>"), ("odrl:action", iri(request.action))]
    asked.append(("odrl:target", f"<{request.target}>"))
    return document([node(f"<{name}>", pairs), node(f"<{rule}>", [("a", "odrl:Permission"), *asked])])


class _State:
    """Writes the state of the world; `of` gives the IRI of a part of the policy."""

    def __init__(self, state: State, of: Callable[[str], str]) -> None:
        named = {place: of(place) for place in sorted({deed.of for deed in state.deeds if deed.of})}
        self.state, self.named, self.iri = state, named, urn("sotw", msgspec.to_builtins(state), named)

    def written(self) -> str:
        parts = dict(self._parts())
        state = self.state
        pairs: list[Pair] = [("a", "ex:Sotw"), ("ex:includes", "temp:currentTime")]
        pairs += [("ex:includes", name) for name in parts]
        for name, value in (
            ("agreementAt", state.agreement_at),
            ("agreementEnd", state.agreement_end),
            ("firstAccess", state.first_access),
            ("eventEnd", state.event_end),
        ):
            pairs += [(f"hanse:{name}", moment(value))] if value else []
        pairs += [("hanse:canExecute", iri(action)) for action in state.can]
        now = node("temp:currentTime", [("dct:issued", moment(state.now))])
        return document([node(f"<{self.iri}>", pairs), now, *parts.values()])

    def _parts(self) -> Iterator[tuple[str, str]]:
        for index, fact in enumerate(self.state.facts):
            yield self._one("fact", index, _fact(fact))
        for index, deed in enumerate(self.state.deeds):
            yield self._one("deed", index, self._deed(deed))
        for index, (window, n) in enumerate(self.state.uses):
            counted = [("hanse:window", text(window))] if window else []
            yield self._one("uses", index, [("a", "hanse:Uses"), *counted, ("hanse:uses", str(n))])
        for member, group in self.state.members:
            yield f"<{member}>", node(f"<{member}>", [("odrl:partOf", f"<{group}>")])

    def _one(self, kind: str, index: int, pairs: Iterable[Pair]) -> tuple[str, str]:
        name = f"<{urn(self.iri, kind, index)}>"
        return name, node(name, pairs)

    def _deed(self, deed: Deed) -> Iterator[Pair]:
        yield "a", "hanse:Deed"
        yield "hanse:action", iri(deed.action)
        yield "hanse:at", moment(deed.at)
        if deed.by:
            yield "hanse:by", f"<{deed.by}>"
        if deed.of:
            yield "hanse:for", f"<{self.named[deed.of]}>"
        for left, value in deed.values:
            yield "hanse:parameter", f"[ hanse:leftOperand {iri(left)} ; hanse:value {_value(value)} ]"


def _fact(fact: Fact) -> Iterator[Pair]:
    yield "a", "hanse:Fact"
    yield "hanse:leftOperand", iri(fact.left)
    yield from (("hanse:value", _value(value)) for value in fact.values)
    if fact.unit:
        yield "hanse:unit", iri(fact.unit)
    if fact.source != "measured":
        yield "hanse:source", text(fact.source)


def tree(premises: str) -> list[Any]:
    """`a+ -(+-)` as `[("a", "+"), ["-", ["+"], ["-"]]]`: signs of what the rule has, then a list a constraint."""
    found: list[Any] = []
    stack = [found]
    for letter, sign, bracket in _TOKEN.findall(premises):
        if bracket == "(":
            stack.append(stack[-1][-1])
        elif bracket == ")":
            stack.pop()
        else:
            stack[-1].append((letter, sign) if letter else [sign])
    return found


class _Report:
    """Writes a case and what is expected of it."""

    def __init__(self, case: Case, policy: _Policy, sotw: str) -> None:
        self.case, self.policy, self.sotw = case, policy, sotw
        self.request = msgspec.to_builtins(case.request)
        self.iri = urn("case", policy.iri, urn("request", self.request), sotw)
        self.nodes: list[str] = []

    def written(self) -> str:
        case = self.case
        asked = urn("request", self.request)
        rules = [(kind, f"/{kind}/{i}") for kind in _RULES for i, _ in enumerate(case.policy.get(kind, ()))]
        head: list[Pair] = [("a", "ex:TestCase"), ("dct:title", text(case.title)), ("dct:license", _LICENCE)]
        head += [("ex:policy", f"<{self.policy.iri}>"), ("ex:request", f"<{asked}>"), ("ex:sotw", f"<{self.sotw}>")]
        head += [("ex:expectedReport", self._name("report")), ("hanse:dutyMode", '"classes"')]
        report: list[Pair] = [("a", "report:PolicyReport"), ("dct:created", moment(case.state.now))]
        report += [("report:policy", f"<{self.policy.iri}>"), ("report:policyRequest", f"<{asked}>")]
        report.append(("hanse:result", '"permit"' if case.permit else '"deny"'))
        for (kind, place), expected in zip(rules, case.rules, strict=True):
            report.append(("report:ruleReport", self._rule(kind, place, expected)))
        nodes = [node(f"<{self.iri}>", head), node(self._name("report"), report)]
        return document([*nodes, *self.nodes])

    def _name(self, *parts: str) -> str:
        return f"<{urn(self.iri, *parts)}>"

    def _rule(self, kind: str, place: str, expected: Expected) -> str:
        name, state = self._name(place), "Active" if expected.active else "Inactive"
        pairs: list[Pair] = [("a", f"report:{_REPORTS[kind]}"), ("report:attemptState", "report:Attempted")]
        pairs.append(("report:rule", f"<{self.policy.of(place)}>"))
        pairs.append(("report:ruleRequest", f"<{urn('request rule', self.request)}>"))
        position = len(self.nodes)
        if kind == "obligation":
            pairs.append(("report:deonticState", _deontic(expected.duties[0])))
        else:
            pairs += self._premises(place, tree(expected.premises))
            pairs += self._duties(place, "duty" if kind == "permission" else "remedy", expected)
        pairs.append(("report:activationState", f"report:{state}"))
        self.nodes.insert(position, node(name, pairs))
        return name

    def _premises(self, place: str, parts: list[Any]) -> Iterator[Pair]:
        index = 0
        for part in parts:
            if isinstance(part, tuple):
                kind = {"a": "Action", "t": "Target", "p": "Party"}[part[0]]
                name = self._name(place, kind)
                self.nodes.append(node(name, [("a", f"report:{kind}Report"), _satisfied(part[1])]))
                yield "report:premiseReport", name
            else:
                yield "report:premiseReport", self._constraint(f"{place}/constraint/{index}", part)
                index += 1

    def _constraint(self, place: str, part: list[Any]) -> str:
        clause = _at(self.case.policy, place)
        pairs: list[Pair] = [("a", "report:ConstraintReport"), ("report:constraint", f"<{self.policy.of(place)}>")]
        logic = next((name for name in _LOGIC if name in clause), "")
        for index, inner in enumerate(part[1:]):
            pairs.append(("report:premiseReport", self._constraint(f"{place}/{logic}/{index}", inner)))
        name = self._name(place)
        self.nodes.append(node(name, [*pairs, _satisfied(part[0])]))
        return name

    def _duties(self, place: str, kind: str, expected: Expected) -> Iterator[Pair]:
        for index, state in enumerate(expected.duties):
            at = f"{place}/{kind}/{index}"
            pairs = [("a", "report:DutyReport"), ("report:rule", f"<{self.policy.of(at)}>")]
            self.nodes.append(node(self._name(at), [*pairs, ("report:deonticState", _deontic(state))]))
            yield "report:conditionReport", self._name(at)


def _deontic(state: str) -> str:
    return "hanse:Healed" if state == "Healed" else f"report:{state}"


def _satisfied(sign: str) -> Pair:
    return "report:satisfactionState", "report:Satisfied" if sign == "+" else "report:Unsatisfied"


def _at(value: Any, pointer: str) -> Any:
    for key in pointer.split("/")[1:]:
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def _slug(title: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", title.lower()))[:60].strip("-")


def files(cases: Iterable[Case]) -> Mapping[str, str]:
    """Path below the suite's folder -> text. Policies, requests and states are numbered as they first occur."""
    found: dict[str, str] = {}
    numbers: dict[str, dict[str, int]] = {"policy": {}, "request": {}, "sotw": {}}

    def add(kind: str, folder: str, written: str) -> None:
        known = numbers[kind]
        if written not in known:
            known[written] = len(known) + 1
            found[f"data/{folder}/{kind}-{known[written]:03}.ttl"] = written

    for number, case in enumerate(cases, 1):
        policy = _Policy(case.policy)
        state = _State(case.state, policy.of)
        add("policy", "policies", policy.written())
        add("request", "requests", _request(case.request))
        add("sotw", "sotw", state.written())
        name = f"data/test_cases/testcase-{number:03}-{_slug(case.title)}.ttl"
        found[name] = _Report(case, policy, state.iri).written()
    return found
