"""Words for the parts of a rule: clauses, values, actions, parties, in one language and under one registry.

Every text comes from the message catalogues and from concept labels; None means "cannot be said completely", and then
the whole policy is not summarised (spec/policy.md 11.3). What is said once of a clause is kept, because a reason tree
is made for every refusal.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from connector.kernel.policy.evaluation.fees import unnamed
from connector.kernel.policy.odrl.identifiers import REGIONAL_KEY
from connector.kernel.policy.odrl.model import Action, Atom, Clause, Duty, Logic, Odd, Term, Whom
from connector.kernel.policy.odrl.names import ACTIONS, HANSE, ODRL, OPERATORS
from connector.kernel.policy.odrl.operands import BUILT_IN, Operand, Registry
from connector.kernel.policy.odrl.values import Due, Span, Type
from connector.kernel.policy.wording.figures import Say as Say
from connector.kernel.policy.wording.figures import decimal, instant_text, joined, length, now_text, number
from connector.kernel.policy.wording.marks import MARKS

Labels = Mapping[str, str]
"""Concept IRI -> label."""

_CLOCK, _MONEY, _LICENCE = ODRL + "dateTime", ODRL + "payAmount", HANSE + "licence"
_SAME_NAME = {HANSE + "aggregate": "aggregate-own"}
"""Own terms whose local name is that of a foreign one."""
_JOIN = {"isNoneOf": "nor", **dict.fromkeys(("isAllOf", "hasPart", "not-isAllOf", "not-hasPart"), "and")}
_MOST_KEPT, _LONGEST_KEPT = 16_384, 1_000


def local(iri: str) -> str:
    """What follows the last `#` or `/`."""
    return iri.rpartition("#")[2] if "#" in iri else iri.rpartition("/")[2]


class Words:
    """`say` gives the messages of one language, `labels` its concepts; `registry` says what each operand is."""

    def __init__(self, say: Say, labels: Labels, registry: Registry = BUILT_IN) -> None:
        self.say, self.labels, self.registry = say, labels, registry
        self._kept: dict[int, tuple[Clause, str | None]] = {}
        self._fixed: dict[str, str] = {}
        self.lines: dict[tuple[object, ...], tuple[object, str]] = {}
        """Lines of reason trees with what they are about; see `outline`."""
        self._second: tuple[int, str] = (0, "")
        self.marks = {one: f"{say(f'policy.tree.mark-{one}'):<9}" for one in MARKS}
        """How the answer to a step is shown, padded to one width."""

    def fixed(self, key: str) -> str:
        """A message without placeholders."""
        text = self._fixed.get(key)
        if text is None:
            text = self._fixed[key] = self.say(key)
        return text

    def keep(self, key: tuple[object, ...], item: object, text: str) -> None:
        """Keep a line of usual length; `item` is held so that its identity in `key` stays its own."""
        if len(text) <= _LONGEST_KEPT:
            if len(self.lines) >= _MOST_KEPT:
                self.lines.clear()
            self.lines[key] = (item, text)

    def moment(self, now: int) -> str:
        """An instant (ms) in local time to the second; many decisions are made in one."""
        second, text = self._second
        if not text or second != now // 1000:
            text = now_text(now, self.say)
            self._second = (now // 1000, text)
        return text

    def spoken(self, key: str, /, **facts: object) -> str | None:
        """The message, or None if the catalogue has none."""
        try:
            return self.say(key, **facts)
        except LookupError:
            return None

    def operand(self, iri: str) -> str | None:
        """The label of a registered operand."""
        return self.spoken(f"policy.operand.{local(iri)}") if self.registry.get(iri) else None

    def action(self, iri: str) -> str | None:
        """The label of a known action."""
        if iri not in ACTIONS:
            return None
        key = f"policy.action.{_SAME_NAME.get(iri) or local(iri)}"
        return self._fixed.get(key) or self._keep(key, self.spoken(key))

    def about(self, key: str, iri: str) -> str:
        """A message about one action; those about known actions are kept."""
        place = f"{key} {iri}"
        text = self._fixed.get(place)
        if text is None:
            text = self.say(key, action=self.action_text(iri))
            if iri in ACTIONS:
                self._fixed[place] = text
        return text

    def _keep(self, key: str, text: str | None) -> str | None:
        if text is not None:
            self._fixed[key] = text
        return text

    def action_text(self, iri: str) -> str:
        """The label of an action, or the action as written."""
        return self.action(iri) or iri

    def clause(self, clause: Clause) -> str | None:
        """The clause in words, None if any part of it is not understood."""
        kept = self._kept.get(id(clause))
        if kept is not None and kept[0] is clause:
            return kept[1]
        text = self._clause(clause)
        # Only single comparisons of usual length are kept, so that no policy of a stranger fills the memory.
        if isinstance(clause, Atom) and len(text or "") <= _LONGEST_KEPT and len(clause.right) <= _LONGEST_KEPT // 10:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[id(clause)] = (clause, text)
        return text

    def understood(self, clause: Clause) -> bool:
        """Whether the engine can decide it, whether or not there are words for it."""
        if not isinstance(clause, Atom):
            return isinstance(clause, Logic) and not clause.extras
        return self.registry.get(clause.left) is not None and clause.value is not None and not clause.extras

    def clause_text(self, clause: Clause) -> str:
        """The clause in words; where it cannot be said completely the parts that can, and the others as written."""
        return self.clause(clause) or self._as_written(clause)

    def _as_written(self, clause: Clause) -> str:
        match clause:
            case Atom():
                return self._atom_as_written(clause)
            case Logic():
                parts = [self.say("policy.format.nested", clauses=self.clause_text(one)) for one in clause.clauses]
                text = self.say(f"policy.logic.{clause.operator}", clauses="; ".join(parts))
                return self._besides(text, clause.extras)
            case Odd():
                name = _referred(clause)
                return self.say(f"policy.format.{'referred' if name else 'foreign'}-clause", name=name)

    def _atom_as_written(self, atom: Atom) -> str:
        label = self.operand(atom.left) or atom.left
        found = [self._term(term) for term in dict.fromkeys(atom.right)]
        values = joined(found, _JOIN.get(atom.operator, "or"), self.say) or self.fixed("policy.format.no-value")
        known = self.spoken(f"policy.operator.{atom.operator}", operand=label, values=values)
        text = known if atom.operator in OPERATORS and known else f"{label} {atom.operator} {values}"
        if atom.unit:
            text = self.say("policy.format.in-unit", clause=text, unit=self.unit(atom.unit))
        return self._besides(text, [extra for extra in atom.extras if extra[0] != "rightOperand"])

    def _besides(self, text: str, others: Sequence[tuple[str, str]]) -> str:
        """The text, and which members stand beside it that nobody understands."""
        names = ", ".join(name for name, _ in others)
        return self.say("policy.format.besides", clause=text, names=names) if names else text

    def _term(self, term: Term) -> str:
        """One value: by its label, or as written; what is no single value has no words."""
        if term.datatype == "json":
            return self.fixed("policy.format.foreign-value")
        if (label := self.labels.get(term.text)) is not None:
            return label
        return term.text if _plain(term.text) else self.say("policy.format.quoted", text=term.text)

    def clauses(self, clauses: Sequence[Clause]) -> list[str] | None:
        """Every clause in words, or None if one has none."""
        return complete([self.clause(clause) for clause in self.telling(clauses)])

    def telling(self, clauses: Sequence[Clause]) -> list[Clause]:
        """Without the windows that a count beside them already names."""
        windows = {atom.window for atom in clauses if isinstance(atom, Atom) and atom.window}
        return [c for c in clauses if not (windows and isinstance(c, Atom) and _is_window(c, windows))]

    def action_refined(self, found: Action) -> str | None:
        """The label of an action together with its refinements."""
        label, texts = self.action(found.iri), self.clauses(found.refinements)
        if label is None or texts is None or found.extras:
            return None
        return self.say("policy.format.refined", action=label, clauses="; ".join(texts)) if texts else label

    def manner(self, duty: Duty) -> str:
        """How a duty is to be done, in brackets behind its name; of a fee also that the rule leaves open how much."""
        ways = [*duty.action.refinements, *(one for one in duty.constraints if _parameter(one))]
        said = [self.clause_text(one) for one in ways]
        if unnamed(duty):
            said.append(self.fixed("policy.format.unnamed-fee"))
        return self.say("policy.format.manner", clauses="; ".join(said)) if said else ""

    def whom(self, found: Whom) -> str | None:
        """A party or asset: its label or identifier, or the members of a collection and what is asked of them."""
        if isinstance(found, str):
            return self.labels.get(found, found) if _plain(found) else None
        texts = self.clauses(found.refinements)
        if texts is None or found.extras or not _plain(found.source):
            return None
        source = self.labels.get(found.source, found.source)
        key = "members-if" if texts else "members"
        return self.say(f"policy.format.{key}", source=source, clauses="; ".join(texts))

    def whom_text(self, found: Whom) -> str:
        """The same; where it cannot be said completely the parts that can, and the others as written."""
        if (said := self.whom(found)) is not None or isinstance(found, str):
            return said or self.say("policy.format.quoted", text=found)
        source = self.labels.get(found.source, found.source) or self.fixed("policy.format.nameless")
        texts = "; ".join(self.clause_text(clause) for clause in self.telling(found.refinements))
        text = self.say(f"policy.format.members{'-if' if texts else ''}", source=source, clauses=texts)
        return self._besides(text, found.extras)

    def value(self, value: int | frozenset[str], operand: Operand | None, unit: str = "") -> str:
        """A value of the world in words."""
        if isinstance(value, frozenset):
            if value and operand is not None and operand.range == REGIONAL_KEY:
                return self.say("policy.format.regional-key", keys=joined(_seats(value), "and", self.say))
            return joined([self.labels.get(text, text) for text in sorted(value)], "and", self.say)
        return self._measured(value, operand, unit)

    def _measured(self, value: int, operand: Operand | None, unit: str) -> str:
        kind = operand.type if operand else Type.INTEGER
        if kind is Type.DURATION:
            return length(value, self.say)
        money = operand is not None and operand.iri == _MONEY
        text = decimal(value, self.say, cents=money) if kind is Type.DECIMAL else number(value, self.say)
        return f"{text} {self.unit(unit)}" if unit else text

    def unit(self, iri: str) -> str:
        """The name of a unit of measurement or currency, or the unit as written."""
        return self.labels.get(iri) or self.spoken(f"policy.measure.{local(iri)}") or iri

    def _clause(self, clause: Clause) -> str | None:
        match clause:
            case Atom():
                return self._atom(clause)
            case Logic():
                return self._logic(clause)
            case Odd():
                return None

    def _logic(self, clause: Logic) -> str | None:
        if clause.extras or (found := self.clauses(clause.clauses)) is None:
            return None
        parts = [self.say("policy.format.nested", clauses=text) if len(found) > 1 else text for text in found]
        return self.spoken(f"policy.logic.{clause.operator}", clauses="; ".join(parts))

    def _atom(self, atom: Atom) -> str | None:
        operand, label = self.registry.get(atom.left), self.operand(atom.left)
        if operand is None or label is None or atom.value is None or atom.extras or not atom.right:
            return None
        if atom.role == "window":
            return self.spoken(f"policy.window.{atom.right[0].text}")
        if atom.role == "deadline":
            return self._deadline(atom, operand)
        if operand.type is Type.INSTANT:
            return instant_text(atom, self.say, "instant" if atom.left == _CLOCK else "point", label)
        values = self._values(atom, operand)
        if values is None or (atom.window and (label := self._per_window(label, atom.window)) is None):
            return None
        operator = "neq" if atom.operator == "isNoneOf" and len(atom.right) == 1 else atom.operator
        return self.spoken(f"policy.operator.{operator}", operand=label, values=values)

    def _per_window(self, label: str, window: str) -> str | None:
        return self.spoken(f"policy.window.count-{window}", operand=label)

    def _deadline(self, atom: Atom, operand: Operand) -> str | None:
        """By a day or moment, or within a time from a named anchor (spec/policy.md 2.5)."""
        if operand.type is Type.INSTANT:
            return instant_text(atom, self.say, "due", "") if atom.operator in ("lt", "lteq") else None
        if not isinstance(due := atom.value, Due) or atom.operator not in ("lt", "lteq"):
            return None
        key = f"policy.within.{atom.operator if due.ms else 'at-once'}"
        anchor = self.spoken(f"policy.anchor.{due.anchor}")
        return None if anchor is None else self.spoken(key, length=length(due.ms, self.say), anchor=anchor)

    def _values(self, atom: Atom, operand: Operand) -> str | None:
        if isinstance(atom.value, Span):
            if atom.unit and not _plain(atom.unit):
                return None
            return self._measured(atom.value.start, operand, atom.unit)
        words = self._texts(atom, operand)
        return None if words is None else joined(words, _JOIN.get(atom.operator, "or"), self.say)

    def _texts(self, atom: Atom, operand: Operand) -> list[str] | None:
        words = list(dict.fromkeys(term.text for term in atom.right))
        if operand.type is Type.TEXT:
            printable = all(word.isprintable() for word in words)
            return [self.say("policy.format.quoted", text=word) for word in words] if printable else None
        if not all(_plain(word) for word in words):
            return None
        if operand.type is Type.CONCEPT:
            return complete([self.labels.get(word) for word in words])
        return [self._name(word, operand.iri) for word in words]

    def _name(self, iri: str, operand: str) -> str:
        """The label of a concept or the name of a licence; else the IRI."""
        licence = self.spoken(f"policy.licence.{iri}") if operand == _LICENCE else None
        return self.labels.get(iri) or licence or iri


def _parameter(clause: Clause) -> bool:
    if isinstance(clause, Logic):
        return all(_parameter(one) for one in clause.clauses)
    return isinstance(clause, Atom) and clause.role == "parameter"


def _referred(clause: Odd) -> str:
    """The name of a clause that stands elsewhere; empty if it is another one."""
    found = msgspec.json.decode(clause.text)
    name = found.get("@id") if isinstance(found, dict) and len(found) == 1 else None
    return name if isinstance(name, str) and _plain(name) else ""


def _is_window(atom: Atom, windows: set[str]) -> bool:
    named = atom.role == "window" and atom.value is not None and not atom.extras
    return named and {term.text for term in atom.right} <= windows


def _plain(text: str) -> bool:
    """Fit to stand in a sentence: an identifier in which nobody can hide words of their own."""
    return bool(text) and text.isprintable() and " " not in text


def _seats(keys: frozenset[str]) -> list[str]:
    """The keys of seats without those of the areas that they lie in, with which they begin."""
    return [one for one, after in pairwise([*sorted(keys), ""]) if not after.startswith(one)]


def complete(words: Sequence[str | None]) -> list[str] | None:
    """The words, or None if one is missing."""
    found = [word for word in words if word is not None]
    return found if len(found) == len(words) else None
