"""An agreement takes the place of another: what it replaces, both texts side by side (spec/contracts.md 6.3).

Nothing is edited: the new one names the digest of the old one in its signed profile and its record, and the old one
ends when the new one comes into force. `compare` is a function of sentences alone; `document` is what is stored of it.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from connector.exchange.contracts.document import draft, sealing
from connector.exchange.contracts.model import EvidenceObject
from connector.kernel.policy.engine import PolicyEngine

COMPARISON = "comparison.json"
ALIKE = 0.6
"""From here on two sentences count as one clause that was changed: the share of words that they have in common."""
MOST = 200
"""Clauses compared by likeness; beyond, what is not the same is dropped and added."""
MOST_PAIRS = 500_000
"""The same for words: so many pairs of them cost some 50 ms, and the writer waits meanwhile."""
Change = Literal["kept", "changed", "added", "dropped"]


class Clause(msgspec.Struct, frozen=True):
    """One clause in both languages, and how far it is enforced."""

    de: str
    en: str
    badge: str


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a clause. `before` is None for one that was added, `after` for one that was dropped."""

    change: Change
    before: Clause | None
    after: Clause | None


def clauses(engine: PolicyEngine, policy: Mapping[str, Any]) -> list[Clause]:
    """The clauses of a policy in order; none if it cannot be said completely."""
    german, english = engine.clauses(policy, "de"), engine.clauses(policy, "en")
    return [Clause(de, en, badge) for (de, badge), (en, _) in zip(german, english, strict=True)]


def compare(old: Sequence[Clause], new: Sequence[Clause]) -> list[Row]:
    """Every clause of both exactly once: in the order of the new ones, then those that were dropped.

    The same sentence with another badge has changed: it means as much, but is enforced otherwise.
    """
    partner = _same(old, new)
    partner |= _alike(old, new, partner)
    rows = [_row(None if (at := partner.get(index)) is None else old[at], one) for index, one in enumerate(new)]
    gone = sorted(set(range(len(old))) - set(partner.values()))
    return [*rows, *(_row(old[index], None) for index in gone)]


def document(old: str, rows: Sequence[Row], case: str) -> EvidenceObject:
    """The comparison as it lay before whoever approved: canonical JSON, `replaces` the digest of the old agreement."""
    body = {"v": 1, "kind": "comparison", "replaces": old, "negotiation": case, "rows": msgspec.to_builtins(rows)}
    return draft.evidence_object(COMPARISON, "application/json", sealing.canonical(body))


def _same(old: Sequence[Clause], new: Sequence[Clause]) -> dict[int, int]:
    """By index of the new one: clauses in the same words, each used once, those with the same badge first."""
    found: dict[int, int] = {}
    used: set[int] = set()
    for key in (lambda one: (one.de, one.badge), lambda one: (one.de, "")):
        waiting: dict[tuple[str, str], deque[int]] = {}
        for index, one in enumerate(old):
            if index not in used:
                waiting.setdefault(key(one), deque()).append(index)
        for index, one in enumerate(new):
            if index not in found and (same := waiting.get(key(one))):
                found[index] = same.popleft()
                used.add(found[index])
    return found


def _alike(old: Sequence[Clause], new: Sequence[Clause], known: Mapping[int, int]) -> dict[int, int]:
    """Of the rest the most alike ones, best first; at the same likeness the earlier ones."""
    if max(len(old), len(new)) > MOST:
        return {}
    gone = set(known.values())
    left = [index for index in range(len(old)) if index not in gone]
    right = [index for index in range(len(new)) if index not in known]
    if _words(old[a] for a in left) * _words(new[b] for b in right) > MOST_PAIRS:
        return {}
    pairs = sorted((-_likeness(old[a].de, new[b].de), b, a) for a in left for b in right)
    found: dict[int, int] = {}
    used: set[int] = set()
    for likeness, b, a in pairs:
        if -likeness >= ALIKE and b not in found and a not in used:
            found[b] = a
            used.add(a)
    return found


def _words(clauses: Iterable[Clause]) -> int:
    return sum(len(one.de.split()) for one in clauses)


def _likeness(one: str, other: str) -> float:
    from difflib import SequenceMatcher

    return SequenceMatcher(None, one.split(), other.split(), autojunk=False).ratio()


def _row(before: Clause | None, after: Clause | None) -> Row:
    if before is None or after is None:
        return Row(change="added" if before is None else "dropped", before=before, after=after)
    return Row(change="kept" if before == after else "changed", before=before, after=after)
