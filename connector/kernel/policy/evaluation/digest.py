"""The digest by which two policies are the same deal: typed and blind to order, because peers re-serialise (T22).

Left out is what names one message, one deal or one node (@id, uid, @type, target, assigner, assignee, timestamp) and
what is derived (role, window, flags); what only documents a policy is kept. Lists are sorted; only `andSequence` has an
order.
"""

import hashlib

import msgspec

from connector.kernel.policy.evaluation.duty import parts
from connector.kernel.policy.evaluation.fees import owing
from connector.kernel.policy.odrl.model import Action, Atom, Clause, Duty, Logic, Odd, Policy, Rule, Whom
from connector.kernel.policy.odrl.values import Due, Span


def _sorted(parts: list[object]) -> list[object]:
    return sorted(parts, key=lambda part: msgspec.json.encode(part, order="sorted"))


def _value(atom: Atom) -> object:
    match atom.value:
        case None:
            return ["raw", _sorted([[term.text, term.datatype, term.language] for term in atom.right])]
        case Span(start, end):
            return ["span", start, end]
        case Due(anchor, ms):
            return ["due", anchor, ms]
        case texts:
            return ["set", sorted(texts), sorted({term.language for term in atom.right})]


def _clause(clause: Clause) -> object:
    match clause:
        case Atom():
            return ["atom", clause.left, clause.operator, _value(clause), clause.unit, clause.extras]
        case Logic():
            parts = [_clause(inner) for inner in clause.clauses]
            return [clause.operator, parts if clause.operator == "andSequence" else _sorted(parts), clause.extras]
        case Odd():
            return ["odd", clause.text]


def _clauses(clauses: tuple[Clause, ...]) -> list[object]:
    return _sorted([_clause(clause) for clause in clauses])


def _action(action: Action) -> object:
    return [action.iri, _clauses(action.refinements), action.extras]


def _whoms(whoms: tuple[Whom, ...]) -> list[object]:
    return _sorted([w if isinstance(w, str) else [w.source, _clauses(w.refinements), w.extras] for w in whoms])


def _assigners(rule: Rule | Duty) -> list[object]:
    """Absent where there are none, so that policies written before they were read keep their digest."""
    return [_whoms(rule.assigners)] if rule.assigners else []


def _scope(rule: Rule) -> list[object]:
    both = rule.policy_parties or rule.policy_targets
    more = [[_whoms(rule.policy_parties), _whoms(rule.policy_targets)]] if both else []
    return [_whoms(rule.parties), _whoms(rule.targets), rule.extras, *_assigners(rule), *more]


def _duty(duty: Duty) -> object:
    named = duty.parties or duty.targets or duty.assigners
    scope = [_whoms(duty.parties), _whoms(duty.targets), _whoms(duty.assigners)] if named else []
    return [_action(duty.action), _clauses(duty.constraints), _duties(duty.consequences), duty.extras, *scope]


def _duties(duties: tuple[Duty, ...]) -> list[object]:
    return _sorted([_duty(duty) for duty in duties])


def _rule(rule: Rule) -> object:
    duties = _duties(rule.duties), _duties(rule.remedies)
    return [_action(rule.action), _clauses(rule.constraints), *duties, *_scope(rule)]


def _rules(rules: tuple[Rule, ...]) -> list[object]:
    return _sorted([_rule(rule) for rule in rules])


def canonical_rule(said: Rule | Duty) -> bytes:
    """What a rule or duty says, whatever the order in which it is written."""
    return msgspec.json.encode(_rule(said) if isinstance(said, Rule) else _duty(said), order="sorted")


def canonical_fees(policy: Policy) -> dict[object, list[object]]:
    """Each fee of a policy (`fees.same`), with what it says and where it stands; in the order of these words."""
    return _canonical(owing(policy))


def _canonical(found: dict[object, list[tuple[Rule | Duty, Duty]]]) -> dict[object, list[object]]:
    owners: dict[int, str] = {}

    def tell(owner: Rule | Duty) -> str:
        if id(owner) not in owners:
            owners[id(owner)] = hashlib.sha256(canonical_rule(owner)).hexdigest()
        return owners[id(owner)]

    said: dict[object, list[object]] = {
        key: [_duty(places[0][1]), sorted(tell(owner) for owner, _ in places)] for key, places in found.items()
    }
    return dict(sorted(said.items(), key=lambda item: msgspec.json.encode(item[1], order="sorted")))


def shared(policy: Policy) -> list[object]:
    """The fees that are owed once in several places, by a name or several actions of one rule (decision 0042)."""
    return list(_canonical({key: places for key, places in owing(policy).items() if len(places) > 1}).values())


def sharing(policy: Policy) -> list[object]:
    """All that decides which fee a payment is for, equal where the same payments settle the same fees; empty if there
    is but one, for which every payment is.
    """
    found = owing(policy)
    each_time = any(limit.anchor == "access" for places in found.values() for limit in parts(places[0][1]).limits)
    return list(_canonical(found).values()) if len(found) > 1 or each_time else []


def canonical(policy: Policy) -> bytes:
    """The bytes whose SHA-256 is the digest."""
    return msgspec.json.encode(
        {
            "profile": policy.profiles,
            "conflict": policy.conflict,
            "permission": _rules(policy.permissions),
            "prohibition": _rules(policy.prohibitions),
            "obligation": _duties(policy.obligations),
            "other": sorted(policy.notes + policy.extras),
        },
        order="sorted",
    )


def digest(policy: Policy) -> str:
    """Lower-case hex SHA-256 of what the policy says."""
    return hashlib.sha256(canonical(policy)).hexdigest()


def deal(policy: Policy) -> str:
    """The digest by which terms are accepted: that of the policy, and which of its fees are one, if some are."""
    said = digest(policy)
    return hashlib.sha256(msgspec.json.encode([said, joint])).hexdigest() if (joint := shared(policy)) else said
