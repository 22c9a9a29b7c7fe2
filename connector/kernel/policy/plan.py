"""What is made of a policy once, however many offers and agreements say the same in the same words.

A plan is a function of its text, the operands and the words alone: no clock, no participant, no requester is in it, so
that what it keeps for one can never answer for another (threat T112). Its key is the document without the two members
that are fresh in each deal and that nothing is decided by (`@id`, `timestamp`); parties, target and class stay in it.
A policy that speaks of itself by its name keeps that: something is decided by it (decision 0201).
The functions called here are the ones that define the answers; kept is only what they gave (decision 0085).
"""

import json
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from connector.kernel.policy.evaluation.digest import deal, digest
from connector.kernel.policy.evaluation.program import Program, compile
from connector.kernel.policy.odrl.model import Policy
from connector.kernel.policy.odrl.names import spellings
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.reader import TEXT
from connector.kernel.policy.odrl.registry import Registry
from connector.kernel.policy.wording.badges import KINDS, Badge, coverage
from connector.kernel.policy.wording.narrate import Statement

LARGE, LARGE_KEPT = 16_384, 16
"""Bytes of a document beyond which a policy is large: all of it is its key, and few such are kept."""
SIGNED_KEPT = 64
"""Agreements whose plan is found by their bytes."""
KEPT = ((2_048, 1_024), (LARGE, 64))
"""Plans of documents up to so many bytes that are kept, so that their number bounds their memory, too; what was not
asked for longest goes first."""
_OWN = ("@id", "timestamp")
_NAMES = frozenset({"@id", "@type", "target", "assigner", "assignee", "timestamp"})
_USUAL = _NAMES | {"@context", "profile", "conflict", "odrl:conflict", "permission", "prohibition", "obligation"}
"""Members among which none is another spelling of a name."""
T = TypeVar("T")
Clauses = tuple[tuple[str, Badge], ...]
Narrate = Callable[[Policy, str], tuple[Statement, ...]]


class Plan:
    """A parsed policy without its own id and time, and what follows from it; each part is made when it is asked for."""

    def __init__(self, policy: Policy, registry: Registry, narrated: Narrate, terms: "Callable[[], Plan]") -> None:
        self.policy, self._registry, self._narrated, self._terms = policy, registry, narrated, terms
        self._statements: dict[str, tuple[Statement, ...]] = {}
        self._clauses: dict[str, Clauses] = {}

    @cached_property
    def program(self) -> Program:
        return compile(self.policy, self._registry)

    @cached_property
    def terms(self) -> "Plan":
        """Of what an offer and its agreement have in common: without parties, target and class."""
        return self._terms()

    @cached_property
    def deal(self) -> str:
        """The digest by which terms are accepted."""
        return deal(self.policy)

    @cached_property
    def digest(self) -> str:
        """The digest of what the policy says, as decision records name it."""
        return digest(self.policy)

    @cached_property
    def operands(self) -> Mapping[str, Mapping[str, str]]:
        """Definition of each left operand that the policy uses: who vouches for its value and what type it has."""
        rows = coverage(self.policy, self._registry)
        used = {row.subject for row in rows if row.kind in ("constraint", "refinement")}
        found = {iri: self._registry.get(iri) for iri in sorted(used)}
        return {iri: {"source": o.source, "type": str(o.type)} for iri, o in found.items() if o is not None}

    def said(self, lang: str) -> tuple[Statement, ...]:
        """As the terms say it, of a class that binds somebody; nothing where a name of the deal makes them unclear.

        Where the class or the names of the deal say against whom or about what a rule is, it is said as decided.
        """
        if self.policy.kind not in KINDS or self.policy.extras != self.terms.policy.extras:
            return ()
        same = about(self.policy) == about(self.terms.policy)
        return (self.terms if same else self).statements(lang)

    def clauses(self, lang: str) -> Clauses:
        """Sentence and badge of each clause."""
        found = self._clauses.get(lang)
        if found is None:
            found = self._clauses[lang] = tuple((one.sentence, one.badge) for one in self.said(lang))
        return found

    def statements(self, lang: str) -> tuple[Statement, ...]:
        """What it says in a language; empty if it cannot be said completely."""
        found = self._statements.get(lang)
        if found is None:
            found = self._statements[lang] = self._narrated(self.policy, lang)
        return found


class Plans:
    """The plans of one engine: thrown away with it, so that vocabulary, operands and words never outlive it."""

    def __init__(self, registry: Registry, narrated: Narrate) -> None:
        self._registry, self._narrated = registry, narrated
        self._of = kept_by_size(self._made)
        self._signed = lru_cache(maxsize=SIGNED_KEPT)(self._read)

    def plan(self, document: Mapping[str, Any]) -> Plan:
        """Of an offer or agreement, its parties and target included. Raises PolicyError."""
        text = _text(without_own_names(document))
        return self._of(_text(document) if len(text) > LARGE or _speaks_of_itself(document, text) else text)

    def signed(self, document: bytes) -> Plan:
        """Of an agreement in the bytes that are signed: each is asked for several times while it is made. Raises
        PolicyError."""
        return self._signed(document) if len(document) <= LARGE else self._read(document)

    def _read(self, document: bytes) -> Plan:
        return self.plan(msgspec.json.decode(document))

    def terms(self, document: Mapping[str, Any]) -> Plan:
        """Of what an offer and its agreement have in common. Raises PolicyError."""
        return self._of(_terms(document))

    def _made(self, text: bytes) -> Plan:
        document = json.loads(text)
        terms = _terms(document)
        return Plan(parse(document, self._registry), self._registry, self._narrated, lambda: self._of(terms))


def kept_by_size(make: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """The same function, whose answers are kept: many of short texts, fewer of longer ones, very few of large ones.

    What is made of a policy takes some twenty times the memory of its text, and a peer writes that.
    """
    kept = [(size, lru_cache(maxsize=most)(make)) for size, most in KEPT]
    large = lru_cache(maxsize=LARGE_KEPT)(make)

    def made(text: bytes) -> T:
        for size, known in kept:
            if len(text) <= size:
                return known(text)
        return large(text)

    return made


def about(policy: Policy) -> list[object]:
    """Whom and what each rule and obligation is about."""
    rules = policy.permissions + policy.prohibitions
    duties: list[object] = [(one.parties, one.targets, one.assigners) for one in policy.obligations]
    return [*((rule.named, rule.assigners) for rule in rules), *duties]


def without_names(document: Mapping[str, Any]) -> dict[str, Any]:
    """Without the members that name one deal: the sentences of an offer and of its agreement are the same."""
    return {name: value for name, value in document.items() if name not in _NAMES}


def without_own_names(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document without its own id and time, if parsing would find nothing wrong with them."""
    if not document.keys() <= _USUAL:
        return document
    for name in _OWN:
        value = document.get(name, "")
        if not isinstance(value, str) or len(value) > TEXT or not value.isascii():
            return document
    return {name: value for name, value in document.items() if name not in _OWN}


def named(policy: Policy, document: Mapping[str, Any]) -> Policy:
    """The policy of a plan as the document names it."""
    if without_own_names(document) is document:
        return policy
    return replace(policy, id=document.get("@id", ""), timestamp=document.get("timestamp", ""))


def _terms(document: Mapping[str, Any]) -> bytes:
    rest = without_names(document)
    text = _text(rest)
    return _text({**rest, "@id": document["@id"]}) if _speaks_of_itself(document, text) else text


def _speaks_of_itself(document: Mapping[str, Any], rest: bytes) -> bool:
    """Whether its own name stands, in any spelling, in what is left without it."""
    name = document.get("@id")
    return isinstance(name, str) and any(one in rest for spelt in spellings(name) for one in _quoted(spelt))


def _quoted(text: str) -> tuple[bytes, ...]:
    """As either writer of `_text` has it."""
    return tuple(json.dumps(text, ensure_ascii=only).encode(errors="replace") for only in (False, True))


def _text(document: Mapping[str, Any]) -> bytes:
    """One text for equal documents, and for no others.

    Where the fast writer makes one of several values (NaN and null) or cannot write what JSON escapes, the slow one
    writes; parsing then says what is wrong with it.
    """
    try:
        text = msgspec.json.encode(document, order="sorted")
    except (UnicodeEncodeError, RecursionError):
        text = b"null"
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() if b"null" in text else text
