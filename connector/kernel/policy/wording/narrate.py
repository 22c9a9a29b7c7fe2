"""A whole policy in sentences, clause by clause in the order of the document, each with its badge.

None means that some part cannot be said; such a policy is never summarised and never accepted without a person
(spec/policy.md 11.3). A sentence comes from the same typed policy that is decided, its badge from the coverage report.
"""

from collections.abc import Collection as Several
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from connector.kernel.policy.odrl.model import Atom, Clause, Duty, Logic, Policy, Rule, Whom
from connector.kernel.policy.odrl.names import CONFLICTS, PREFIXES, PROFILES
from connector.kernel.policy.wording.badges import KINDS, Badge, Coverage, Note, coverage
from connector.kernel.policy.wording.figures import joined
from connector.kernel.policy.wording.words import Words, complete

PASSING_ON = frozenset(
    {PREFIXES["odrl"] + name for name in ("distribute", "present", "grantUse", "nextPolicy")}
    | {PREFIXES["cc"] + name for name in ("Distribution", "Sharing")}
)
"""Each name of passing on (decision 0178); people read them in one sentence where a policy forbids them all."""


class Statement(Struct, frozen=True):
    """One clause as people read it. A `level` above 0 belongs to the last statement of the level before.

    `where` is the place in the coverage report, `notes` are those it has there.
    """

    sentence: str
    badge: Badge
    level: int = 0
    where: str = ""
    notes: tuple[Note, ...] = ()


Said = list[Statement]


def narrate(
    policy: Policy, words: Words, can: Several[str] = frozenset(), supplied: Several[str] | None = None
) -> Said | None:
    """All clauses with badges, or None if any of it cannot be said; `can` and `supplied` as in `coverage`."""
    known = policy.conflict in CONFLICTS and PROFILES.issuperset(policy.profiles) and policy.kind in KINDS
    if not known or policy.extras or policy.replaced_by or not policy.permissions + policy.prohibitions:
        return None
    rows = coverage(policy, words.registry, can, supplied)
    return _Narrator(words, {row.where: row for row in rows}).policy(policy)


class _Narrator:
    def __init__(self, words: Words, rows: dict[str, Coverage]) -> None:
        self._words, self._say, self._rows = words, words.say, rows

    def policy(self, policy: Policy) -> Said | None:
        parts = [self._rule(rule, "permission", f"/permissions/{i}") for i, rule in enumerate(policy.permissions)]
        parts += self._prohibitions(policy.prohibitions)
        parts += [self._duty(duty, "obligation", 0, f"/obligations/{i}") for i, duty in enumerate(policy.obligations)]
        if policy.prohibitions:
            parts.append([self._statement(self._say(f"policy.sentence.conflict-{policy.conflict}"), 0, "/conflict")])
        return _joined(parts)

    def _prohibitions(self, rules: Sequence[Rule]) -> list[Said | None]:
        """One statement each; passing on without conditions, forbidden by each of its names, is one for all of them."""
        bare = [i for i, rule in enumerate(rules) if rule.action.iri in PASSING_ON and _bare(rule)]
        notes = {(self._rows[f"/prohibitions/{i}"].badge, self._rows[f"/prohibitions/{i}"].notes) for i in bare}
        if {rules[i].action.iri for i in bare} != PASSING_ON or len(notes) != 1:
            bare = []
        parts: list[Said | None] = []
        for i, rule in enumerate(rules):
            if i not in bare:
                parts.append(self._rule(rule, "prohibition", f"/prohibitions/{i}"))
            elif i == bare[0]:
                parts.append(self._passing_on([rules[one] for one in bare], f"/prohibitions/{i}"))
        return parts

    def _passing_on(self, rules: Sequence[Rule], where: str) -> Said | None:
        actions = complete([self._words.action(rule.action.iri) for rule in rules])
        if actions is None:
            return None
        names = joined(list(dict.fromkeys(actions)), "and", self._say)
        return [self._statement(self._say("policy.sentence.passing-on", actions=names), 0, where)]

    def _statement(self, sentence: str, level: int, where: str) -> Statement:
        row = self._rows[where]
        return Statement(sentence, row.badge, level, where, row.notes)

    def _rule(self, rule: Rule, kind: str, where: str) -> Said | None:
        """The head, then whom and what it is about, how, under which conditions, and its duties or remedies."""
        action = self._words.action(rule.action.iri)
        if action is None or rule.extras or rule.action.extras:
            return None
        conditions = self._flat(rule.constraints, f"{where}/constraints")
        key = f"policy.sentence.{kind}{'-if' if conditions else ''}"
        word = "condition" if kind == "permission" else "circumstance"
        parts: list[Said | None] = [[self._statement(self._say(key, action=action), 0, where)]]
        parts.append(self._scope(rule.parties, "party", f"{where}/parties"))
        parts.append(self._scope(rule.policy_parties, "party-too", f"{where}/policy_parties"))
        parts.append(self._scope(rule.targets, "target", f"{where}/targets"))
        parts.append(self._scope(rule.policy_targets, "target-too", f"{where}/policy_targets"))
        parts.append(self._scope(rule.assigners, "giver", f"{where}/assigners"))
        parts.append(self._clauses(self._flat(rule.action.refinements, f"{where}/action/refinements"), "manner"))
        parts.append(self._clauses(conditions, word))
        parts += [self._duty(duty, "duty", 1, f"{where}/duties/{i}") for i, duty in enumerate(rule.duties)]
        parts += [self._duty(duty, "remedy", 1, f"{where}/remedies/{i}") for i, duty in enumerate(rule.remedies)]
        return _joined(parts)

    def _clauses(self, clauses: Sequence[tuple[Clause, str]], word: str) -> Said | None:
        texts = complete([self._words.clause(clause) for clause, _ in clauses])
        if texts is None:
            return None
        return [
            self._statement(self._say(f"policy.sentence.{word}", clause=text), 1, where)
            for text, (_, where) in zip(texts, clauses, strict=True)
        ]

    def _scope(self, found: Sequence[Whom], word: str, where: str) -> Said | None:
        """Whom or what a rule is about; several of them are alternatives and stand in one statement each."""
        texts = complete([self._words.whom(one) for one in found])
        if texts is None:
            return None
        return [
            self._statement(self._say(f"policy.sentence.{word}", whom=text), 1, f"{where}/{i}")
            for i, text in enumerate(texts)
        ]

    def _flat(self, conditions: Sequence[Clause], where: str) -> list[tuple[Clause, str]]:
        """Conditions that all have to hold, one by one: the outer `and` needs no words."""
        told = {id(clause) for clause in self._words.telling(conditions)}
        found: list[tuple[Clause, str]] = []
        for index, clause in enumerate(conditions):
            if isinstance(clause, Logic) and clause.operator == "and" and not clause.extras:
                found += self._flat(clause.clauses, f"{where}/{index}/clauses")
            elif id(clause) in told:
                found.append((clause, f"{where}/{index}"))
        return found

    def _duty(self, duty: Duty, kind: str, level: int, where: str) -> Said | None:
        """One statement: what, how, until when, and in which case; then what follows if it is not done."""
        action = self._words.action_refined(duty.action)
        ways, conditions = self._sorted(duty.constraints)
        how, when = self._words.clauses(ways), self._words.clauses(conditions)
        if action is None or how is None or when is None or duty.extras:
            return None
        if when:
            how.append(self._say("policy.format.only-if", clauses="; ".join(when)))
        key = f"policy.sentence.{kind}{'-with' if how else ''}"
        sentence = self._say(key, action=action, clauses="; ".join(how))
        parts: list[Said | None] = [[self._statement(sentence, level, where)]]
        for whom, word, place in (
            (duty.parties, "by", "parties"),
            (duty.targets, "target", "targets"),
            (duty.assigners, "giver", "assigners"),
        ):
            said = self._scope(whom, word, f"{where}/{place}")
            parts.append(None if said is None else [replace(s, level=level + 1) for s in said])
        parts += [
            self._duty(consequence, "consequence", level + 1, f"{where}/consequences/{i}")
            for i, consequence in enumerate(duty.consequences)
        ]
        return _joined(parts)

    def _sorted(self, constraints: Sequence[Clause]) -> tuple[list[Clause], list[Clause]]:
        """How and until when a duty is to be done, and the conditions under which."""
        flat = [clause for clause, _ in self._flat(constraints, "")]
        ways: list[Clause] = [c for c in flat if isinstance(c, Atom) and c.role in ("parameter", "deadline")]
        chosen = {id(clause) for clause in ways}
        return ways, [clause for clause in flat if id(clause) not in chosen]


def _bare(rule: Rule) -> bool:
    """Whether a rule says nothing but its action."""
    return not (
        rule.named
        or rule.constraints
        or rule.action.refinements
        or rule.action.extras
        or rule.extras
        or rule.duties
        or rule.remedies
        or rule.assigners
    )


def _joined(parts: Sequence[Said | None]) -> Said | None:
    """All statements, None if a part has none."""
    found: Said = []
    for part in parts:
        if part is None:
            return None
        found += part
    return found
