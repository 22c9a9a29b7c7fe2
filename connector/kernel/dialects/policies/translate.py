"""What the words of EDC, sovity and Catena-X mean in ours: translated, never evaluated literally (spec/policy.md 13.2).

Every translation is listed with the place, what stood there and what it was read as. What has no counterpart stays as
it was written, which the kernel never satisfies, and is listed as well. A translation never makes a rule wider: where a
word of theirs is answered by a credential that we do not hold, it is left alone.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from connector.foundation.language import say
from connector.foundation.language.reasons import plain
from connector.kernel.dialects.jsonld.contexts import CONTRACTUAL, CREDENTIALS, CX, CX_OLD, DAYS, EDC, ENDS, TX
from connector.kernel.dialects.jsonld.nodes import NAMELESS
from connector.kernel.dialects.policies import parties
from connector.kernel.policy.odrl.mentions import divided
from connector.kernel.policy.odrl.names import HANSE, ODRL, PREFIXES, STRUCTURE, XSD, expand, member
from connector.kernel.policy.odrl.values import DATATYPES, moment
from connector.kernel.protocol.shape import point

NOTES = 500
"""Notes that one document may have; what would be more is not listed one by one."""
_LONGEST = 65_536
_DEPTH = 100

Dialect = str
_DATE_TIME, _ELAPSED = "odrl:dateTime", "odrl:elapsedTime"
_PARTICIPANT = HANSE + "participant"
_SPACES = (EDC, CX, CX_OLD, TX)
_FOREIGN_PREFIXES = frozenset({"edc", "tx", "cx-policy"})
_BARE = frozenset({"REFERRING_CONNECTOR", "POLICY_EVALUATION_TIME"})
_WORDS = {
    "EQ": "eq",
    "NEQ": "neq",
    "GT": "gt",
    "GEQ": "gteq",
    "LT": "lt",
    "LEQ": "lteq",
    "IN": "isAnyOf",
    "HAS_PART": "hasPart",
    "IS_A": "isA",
    "IS_ALL_OF": "isAllOf",
    "IS_ANY_OF": "isAnyOf",
    "IS_NONE_OF": "isNoneOf",
}
"""EDC's own names of operators; its `IN` looks into a list."""
_SETS = frozenset({"isAllOf", "isAnyOf", "isNoneOf", "isPartOf", "hasPart"})
_COMPARED = ("leftOperand", "operator", "rightOperand")
_POSITIVE = frozenset({"eq", "isAnyOf"})
_RELATIVE = re.compile(r"contract[aA]greement\+([0-9]{1,9})([smhd])")
_UNITS: Mapping[str, str] = {"s": "PT{}S", "m": "PT{}M", "h": "PT{}H", "d": "P{}D"}
_DAYS = re.compile("[0-9]{1,6}")
_PLAIN = frozenset({XSD + "string", XSD + "anyURI"})
_VALUES = _PLAIN.union(*DATATYPES.values())
"""Datatypes of a literal that is a name, and of one that is compared."""


class Note(Struct, frozen=True):
    """One thing that was read as something else, or that people must know; `code` is a key below `dialects.note.`."""

    pointer: str
    code: str
    before: str = ""
    after: str = ""


class Foreign(Struct, frozen=True, kw_only=True):
    """One policy in wire form. `dialect`: `wire`, `json-ld`, `rdf`, `edc`, `sovity` or `cx`; `place` in its source."""

    document: dict[str, Any]
    dialect: str
    notes: tuple[Note, ...] = ()
    place: str = ""


class Atom(Struct):
    """A comparison on its way into our words; `right` are its operands."""

    left: str
    operator: str
    right: list[Any]
    pointer: str


def translate(document: Mapping[str, Any], *, edc: bool) -> tuple[dict[str, Any], list[Note]]:
    """The document in our words. `edc`: it came through EDC, whose `isPartOf` means "in this list"."""
    found: list[Note] = []
    made = _Translator(found, edc).value(document, "", 0)
    return made, found[:NOTES]


def translated(document: dict[str, Any], place: str, form: str, notes: Sequence[Note] = ()) -> Foreign:
    """A policy in wire form in our words; `form` is its dialect if it uses nobody's."""
    words = dialect(document)
    made, found = translate(document, edc=bool(words))
    return Foreign(document=made, dialect=words or form, notes=(*notes, *found), place=place)


def understood(document: Mapping[str, Any]) -> Foreign:
    """A policy that came in a message of the protocol, plain as it is, in our words.

    What it says in one place of a name that stands in another is not joined here, so that nobody understands it; our
    words may have it in a place where that no longer shows.
    """
    found = translated(dict(document), "", "wire")
    if unclear := set(divided(document)) - set(divided(found.document)):
        found.document[NAMELESS + "divided"] = sorted(unclear)
    return found


def told(note: Note, lang: str) -> str:
    """The note in one sentence; what a stranger wrote comes into it short and on one line."""
    facts = {"pointer": note.pointer or "/", "before": note.before, "after": note.after}
    return say(f"dialects.note.{note.code}", lang, **{name: plain(text, 300) for name, text in facts.items()})


class _Translator:
    def __init__(self, notes: list[Note], edc: bool) -> None:
        self._notes, self._edc = notes, edc

    def value(self, value: Any, at: str, depth: int) -> Any:
        if depth > _DEPTH:
            return value
        if isinstance(value, list):
            return [self.value(item, point(at, index), depth + 1) for index, item in enumerate(value)]
        if not isinstance(value, Mapping):
            return value
        names = {member(key): key for key in value if isinstance(key, str)}
        for name, key in names.items():
            if not name.isalnum() and (word := parties.local(name)) in STRUCTURE:
                place = point(at, key)
                self._note(place, "familiar", word, name)
        made = {key: self._member(member(key), item, point(at, key), depth) for key, item in value.items()}
        for name, key in names.items():
            if name in parties.TERMS:
                made[key], said = parties.term(made[key])
                made |= {NAMELESS + name: said} if said else {}
        return self._atom(made, names, at) if "leftOperand" in names else made

    def _member(self, name: str, item: Any, at: str, depth: int) -> Any:
        if name == "action":
            return self._named(parties.action(self._actions(item, at)), at, depth)
        if name == "rightOperand":
            return parties.operand(item)
        if name in parties.WHO:
            return self._named(parties.named(item), at, depth)
        if name == "leftOperand" and parties.nameless(item):
            self._note(at, "nameless")
        return item if name in ("leftOperand", "@context") else self.value(item, at, depth + 1)

    def _named(self, item: Any, at: str, depth: int) -> Any:
        """Parties, assets or actions; what has no name is told."""
        if any(map(parties.nameless, item if isinstance(item, list) else [item])):
            self._note(at, "nameless")
        return self.value(item, at, depth + 1)

    def _note(self, pointer: str, code: str, before: object = "", after: object = "") -> None:
        if len(self._notes) < NOTES:
            self._notes.append(Note(pointer, code, str(before)[:300], str(after)[:300]))

    def _actions(self, item: Any, at: str) -> Any:
        if isinstance(item, list):
            return [self._actions(one, at) for one in item]
        if isinstance(item, Mapping) and item.keys() in ({"@list"}, {"@set"}):
            return {key: self._actions(inner, at) for key, inner in item.items()}
        if isinstance(item, Mapping) and {member(key) for key in item} - {"@type"} == {"type"}:
            # EDC before 0.2 wraps the action in an object with nothing but its type.
            item = _term(next(value for key, value in item.items() if member(key) == "type"))
        if (text := _term(item)) and _local(text) == "USE":
            self._note(at, "action", text, "use")
            return "use"
        return item

    def _atom(self, made: dict[str, Any], names: Mapping[str, str], at: str) -> dict[str, Any]:
        left, operator = _term(made[names["leftOperand"]]), _term(made.get(names.get("operator", ""), ""))
        right = made.get(names.get("rightOperand", ""))
        if not left or not operator or right is None:
            return made
        values = _listed(right)
        atom = Atom(left, operator, values, at)
        before = Atom(left, operator, list(values), at)
        self._operator(atom)
        self._list(atom)
        self._left(atom)
        self._instants(atom)
        if (atom.left, atom.operator, atom.right) == (before.left, before.operator, before.right):
            return made
        kept = {key: item for key, item in made.items() if member(key) not in _COMPARED}
        single = atom.right[0] if len(atom.right) == 1 and not isinstance(right, list) else atom.right
        return {**kept, "leftOperand": atom.left, "operator": atom.operator, "rightOperand": single}

    def _operator(self, atom: Atom) -> None:
        word = _local(atom.operator)
        if word in _WORDS:
            self._note(atom.pointer, "operator", word, _WORDS[word])
            atom.operator = _WORDS[word]
        elif word == "isPartOf" and expand(atom.operator) == ODRL + "isPartOf" and self._is_list(atom):
            if _forbids(atom.pointer):
                return  # what lies within the list stays forbidden as well
            self._note(atom.pointer, "in-list", "isPartOf", "isAnyOf")
            atom.operator = "isAnyOf"

    def _is_list(self, atom: Atom) -> bool:
        """EDC writes its `IN` as `isPartOf`; only about our own concepts can it mean a hierarchy."""
        ours = [atom.left, *(_term(value) for value in atom.right)]
        return (self._edc or atom.left.startswith(_SPACES)) and not any(text.startswith(HANSE) for text in ours)

    def _list(self, atom: Atom) -> None:
        """EDC keeps a right operand as text, so several of them arrive as their own JSON."""
        if len(atom.right) != 1 or expand(atom.operator).removeprefix(ODRL) not in _SETS:
            return
        text = _text(atom.right[0])
        if not text.startswith("[") or len(text) > _LONGEST:
            return
        try:
            entries = json.loads(text)
        except (ValueError, RecursionError):
            return
        flat = isinstance(entries, list) and not any(isinstance(entry, list) for entry in entries)
        found = [_term(entry) for entry in entries] if flat else []
        if found and all(found):
            self._note(atom.pointer, "list", text, ", ".join(found))
            atom.right = list(found)

    def _left(self, atom: Atom) -> None:
        """Without its namespace a word of Catena-X or EDC could be anybody's; sovity writes its two bare."""
        name = _local(atom.left)
        named = atom.left.startswith(_SPACES) or atom.left.partition(":")[0] in _FOREIGN_PREFIXES
        if (named or name in _BARE) and (rule := _rule(name)) is not None:
            rule(self, atom, name)

    def _contractual(self, atom: Atom, name: str) -> None:
        self._note(atom.pointer, "contractual", name)

    def _credential(self, atom: Atom, name: str) -> None:
        """A business partner number is no DID; only where a DID stands, the clause is about the participant."""
        dids = all(_term(value).startswith("did:") for value in atom.right)
        if name == "BusinessPartnerNumber" and dids and atom.operator in _POSITIVE:
            self._becomes(atom, _PARTICIPANT, atom.operator, atom.right)
        else:
            self._note(atom.pointer, "credential", name)

    def _end(self, atom: Atom, name: str) -> None:
        """`eq` an end means "until then" (spec/policy.md 13.2); a prohibition would end then: nobody wrote that."""
        if (expand(atom.operator) != ODRL + "eq" and atom.operator != "eq") or _forbids(atom.pointer):
            self._note(atom.pointer, "kept", name)
            return
        self._becomes(atom, _DATE_TIME, "lteq", atom.right)

    def _days(self, atom: Atom, name: str) -> None:
        text = _worth(atom.right[0]) if len(atom.right) == 1 else ""
        until = (expand(atom.operator) == ODRL + "eq" or atom.operator == "eq") and not _forbids(atom.pointer)
        if not until or not _DAYS.fullmatch(text):
            self._note(atom.pointer, "kept", name)
            return
        self._becomes(atom, _ELAPSED, "lt", [f"P{int(text)}D"])

    def _in_force(self, atom: Atom, name: str) -> None:
        text = _worth(atom.right[0]) if len(atom.right) == 1 else ""
        if relative := _RELATIVE.fullmatch(text):
            self._becomes(atom, _ELAPSED, atom.operator, [_UNITS[relative[2]].format(int(relative[1]))])
        elif moment(text) is not None:
            self._becomes(atom, _DATE_TIME, atom.operator, atom.right)
        else:
            self._note(atom.pointer, "kept", name)

    def _evaluation_time(self, atom: Atom, name: str) -> None:
        self._becomes(atom, _DATE_TIME, atom.operator, atom.right)

    def _connector(self, atom: Atom, name: str) -> None:
        """Whoever has none of these names is refused; "none of these" would let in everyone whom we name otherwise."""
        if atom.operator in _POSITIVE or expand(atom.operator).removeprefix(ODRL) in _POSITIVE:
            self._becomes(atom, _PARTICIPANT, atom.operator, atom.right)
        else:
            self._note(atom.pointer, "kept", name)

    def _becomes(self, atom: Atom, left: str, operator: str, right: list[Any]) -> None:
        before = _said(atom)
        atom.left, atom.operator, atom.right = left, operator, right
        self._note(atom.pointer, "operand", before, _said(atom))

    def _instants(self, atom: Atom) -> None:
        if expand(atom.left) != ODRL + "dateTime":
            return
        for value in atom.right:
            if (found := moment(text := _worth(value))) is None:
                continue
            if found[1]:
                self._note(atom.pointer, "whole-day", text)
            elif not re.search(r"(Z|[+-][0-9]{2}:[0-9]{2})$", text):
                self._note(atom.pointer, "no-offset", text)


_Rule = Callable[[_Translator, Atom, str], None]


def _rule(name: str) -> _Rule | None:
    if name in CONTRACTUAL:
        return _Translator._contractual
    if name in CREDENTIALS:
        return _Translator._credential
    if name in ENDS:
        return _Translator._end
    if name in DAYS:
        return _Translator._days
    return {
        "inForceDate": _Translator._in_force,
        "POLICY_EVALUATION_TIME": _Translator._evaluation_time,
        "REFERRING_CONNECTOR": _Translator._connector,
    }.get(name)


def dialect(document: Mapping[str, Any]) -> Dialect:
    """Whose words a policy uses: `cx`, `sovity`, `edc` or nobody's in particular. A prefix that is only declared, and
    what stands in a title or comment, is no use of them."""
    used = set(_used(document))
    if any(name.startswith((CX, CX_OLD, "cx-policy:")) for name in used):
        return "cx"
    if _BARE & set(map(_local, used)):
        return "sovity"
    theirs = any(name.startswith((EDC, TX, "edc:", "tx:")) or _local(name) in _ONLY_EDC for name in used)
    return "edc" if theirs else ""


_ONLY_EDC = frozenset({"GEQ", "LEQ", "IN", "IS_ANY_OF", "USE"})
_USING = frozenset({"leftOperand", "operator", "action", "profile", "type"})
"""Members whose values are words of a dialect; `type` is how EDC once wrote an action."""


def _used(document: Any) -> Iterator[str]:
    """The terms that a policy is written with; level by level, so that depth costs no stack."""
    level: list[tuple[str, Any]] = [("", document)]
    while level:
        below: list[tuple[str, Any]] = []
        for name, value in level:
            if name in _USING and (text := _term(value)):
                yield text
            if isinstance(value, Mapping):
                names = ((name if key in ("@list", "@set") else member(key), item) for key, item in value.items())
                below += [one for one in names if _speaks(name, one[0])]
            elif isinstance(value, list):
                below += [(name, item) for item in value]
        level = below


def _speaks(place: str, name: str) -> bool:
    """Whether a member of what stands there is said in words of the policy: neither a note, nor what is compared with,
    nor what only describes a party or asset."""
    return (
        name.isalnum() and name != "rightOperand" and (place not in parties.WHO or name in ("refinement", *parties.WHO))
    )


def _listed(value: Any) -> list[Any]:
    if isinstance(value, Mapping) and len(value) == 1 and ("@list" in value or "@set" in value):
        value = next(iter(value.values()))
    return list(value) if isinstance(value, list) else [value]


def _term(value: Any) -> str:
    """The text of a name or a plain literal; empty for anything else: text with a language or of another type is no
    name, and is none of ours by what stands in it."""
    return _worth(value, _PLAIN)


def _text(value: Any) -> str:
    """What is written as text; a name is none, nor is a literal of the type of names, whatever it looks like."""
    return "" if isinstance(value, Mapping) and "@id" in value else _worth(value, (XSD + "string",))


def _worth(value: Any, types: Collection[str] = _VALUES) -> str:
    """The text of a name, or of a literal of one of these types, without its datatype; empty for anything else."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, Mapping):
        kind = "" if "@id" in value else value.get("@type", "")
        if "@language" in value or not isinstance(kind, str) or (kind and expand(kind) not in types):
            return ""
        value = value.get("@id", value.get("@value"))
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)


def _local(text: str) -> str:
    for space in (*_SPACES, *PREFIXES.values()):
        if text.startswith(space):
            return text[len(space) :]
    prefix, colon, local = text.partition(":")
    return local if colon and (prefix == "odrl" or prefix in _FOREIGN_PREFIXES) else text


def _forbids(pointer: str) -> bool:
    """Whether a place lies in a prohibition: there a narrower condition would make the policy wider."""
    steps = (step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/"))
    return any(member(step) == "prohibition" for step in steps)


def _said(atom: Atom) -> str:
    return f"{_local(atom.left)} {_local(atom.operator)} {', '.join(_worth(value) for value in atom.right)}"
