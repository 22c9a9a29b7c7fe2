"""The policy engine with its vocabulary and words at hand: what catalogue, contracts and transfers ask.

Pure: a policy document and plain facts in, a decision or sentences out. Parsed policies are kept by their text.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC
from functools import lru_cache
from typing import Any

from msgspec import Struct

from .digest import digest as policy_digest
from .evaluate import Decision, decide
from .explain import Badge, explain, report
from .explain import clauses as policy_clauses
from .instants import expires_at
from .model import Closure, Phase, Policy
from .operands import REGISTRY
from .parse import parse
from .values import moment
from .wording import Say
from .world import World

LANGUAGES = ("de", "en")
Clauses = list[tuple[str, Badge]]


class Seeker(Struct, frozen=True, kw_only=True):
    """Who asks, as far as rules may look: DID, kind and groups as IRIs, from the trust list."""

    did: str
    kind: str
    groups: frozenset[str] = frozenset()


class Judge:
    """`words` gives the catalogue of a language, `labels` the concept labels, `vocabulary` the digest contracts pin."""

    def __init__(
        self, closure: Closure, labels: Mapping[str, Mapping[str, str]], vocabulary: str, words: Callable[[str], Say]
    ) -> None:
        self._closure, self._labels, self.vocabulary = closure, labels, vocabulary
        self._say: Mapping[str, Say] = {lang: words(lang) for lang in LANGUAGES}
        self._parsed = lru_cache(maxsize=4096)(_parse)
        self._clauses = lru_cache(maxsize=4096)(self._worded)

    def policy(self, document: Mapping[str, Any]) -> Policy:
        """Raises PolicyError."""
        return self._parsed(_text(document))

    def digest(self, document: Mapping[str, Any]) -> str:
        """Equal for the same deal however it is written (threat T22)."""
        return policy_digest(self.policy(document))

    def decide(
        self,
        document: Mapping[str, Any],
        seeker: Seeker,
        phase: Phase,
        now: int,
        *,
        purpose: str | None = None,
        action: str | None = None,
        agreement_at: int | None = None,
        uses: int | None = None,
    ) -> Decision:
        """`now` and `agreement_at` in ms. A peer that declares no purpose binds itself to the agreed ones."""
        world = World(
            now=now,
            participant=seeker.did,
            kind=seeker.kind,
            groups=seeker.groups,
            action=action or "",
            purpose=purpose,
            purpose_source="declared" if purpose else "contractual",
            agreement_at=agreement_at,
            uses=uses,
            closure=self._closure,
        )
        return decide(self.policy(document), world, phase)

    def reasons(self, decision: Decision) -> dict[str, list[str]]:
        """The failed clauses in German and English."""
        return {lang: explain(decision, self._say[lang], self._labels[lang]) for lang in LANGUAGES}

    def record(self, decision: Decision) -> dict[str, object]:
        """What a decision record keeps: result, phase and the leaves that decided it."""
        return report(decision)

    def clauses(self, document: Mapping[str, Any], lang: str) -> Clauses:
        """(sentence, badge) per clause; empty if the policy cannot be said completely: then nothing is summarised."""
        return list(self._clauses(_text(_deal(document)), lang))

    def _worded(self, text: str, lang: str) -> tuple[tuple[str, Badge], ...]:
        found = policy_clauses(self._parsed(text), self._say[lang], self._labels[lang])
        return tuple((statement.sentence, statement.badge) for statement in found or ())

    def label(self, concept: str, lang: str) -> str:
        return self._labels[lang].get(concept, concept)

    def expires_at(self, document: Mapping[str, Any], agreement_at: int) -> int | None:
        """From when on (ms) the agreement permits nothing any more; None if time does not end it."""
        return expires_at(self.policy(_deal(document)), agreement_at)

    def signed_at(self, agreement: Mapping[str, Any]) -> int:
        """The agreement's own timestamp in ms; without a zone it counts as UTC."""
        found = moment(str(agreement.get("timestamp", "")))
        if found is None:
            return 0
        at = found[0]
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)

    def operands(self, document: Mapping[str, Any]) -> dict[str, dict[str, str]]:
        """Definition of each left operand that the policy uses: who vouches for its value and what type it has."""
        text = _text(document)
        used = [name for name in REGISTRY if name in text or f"odrl:{REGISTRY[name].name}" in text]
        return {name: {"source": REGISTRY[name].source, "type": REGISTRY[name].type.name.lower()} for name in used}


def _parse(text: str) -> Policy:
    return parse(json.loads(text))


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def _deal(document: Mapping[str, Any]) -> dict[str, Any]:
    """Without the members that name one deal: the sentences of an offer and of its agreement are the same."""
    return {name: value for name, value in document.items() if name not in _NAMES}


_NAMES = frozenset({"@id", "@type", "target", "assigner", "assignee", "timestamp"})
