"""The policy engine with its vocabulary and words at hand: what catalogue, contracts and transfers ask.

Pure: a policy document and plain facts in, a decision or sentences out. What depends on a policy alone is made once
(`plan`). What compares terms, looks for contradictions or gives advice is loaded when somebody first wants that: it
happens before anyone signs or after a refusal, and most negotiations do without (decision 0118).
"""

from collections.abc import Callable, Mapping, Set
from collections.abc import Collection as Several
from datetime import UTC
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from connector.kernel.policy.conflict.model import ANYTHING, Means, Narrowing, Objection
from connector.kernel.policy.evaluation.decision import Decision
from connector.kernel.policy.evaluation.edges_in_time import expires_at
from connector.kernel.policy.evaluation.program import Program
from connector.kernel.policy.odrl.clauses import atoms, clauses_of
from connector.kernel.policy.odrl.model import Closure, Phase, Policy
from connector.kernel.policy.odrl.names import HANSE, kept_by_provider
from connector.kernel.policy.odrl.operands import BUILT_IN, Registry
from connector.kernel.policy.odrl.state_of_world import Fact, World, asked
from connector.kernel.policy.odrl.values import moment
from connector.kernel.policy.plan import Clauses, Plan, Plans, named
from connector.kernel.policy.wording.badges import coverage, plain
from connector.kernel.policy.wording.explain import explain, report, tree
from connector.kernel.policy.wording.figures import Say
from connector.kernel.policy.wording.narrate import Statement, narrate
from connector.kernel.policy.wording.outline import outline
from connector.kernel.policy.wording.words import Words

if TYPE_CHECKING:
    from connector.kernel.policy.conflict.pair import Pair

LANGUAGES = ("de", "en")
OWN_GROUPS = "trust-list, own-groups"
"""Evidence of a membership in groups some of which the provider keeps itself."""
LONGEST_TIME = 64
"""Characters of an xsd:dateTime that is one to us; all are shorter."""
Document = Mapping[str, Any] | bytes | Plan
"""A policy: its value, or the bytes of a signed agreement, which nobody has to read again to find it, or its plan, for
whoever asks several things of it."""


class Requester(Struct, frozen=True, kw_only=True):
    """Who asks, as far as rules may look: DID, kind and groups as IRIs, from the trust list.

    `facts` are further verified claims by operand IRI. `own` are groups that the provider keeps itself: its word alone.
    """

    did: str
    kind: str
    groups: frozenset[str] = frozenset()
    facts: tuple[tuple[str, Fact], ...] = ()
    own: frozenset[str] = frozenset()

    def known(self) -> dict[str, Fact]:
        """Everything that rules may know of it; an empty kind is none."""
        kind = frozenset((self.kind,)) if self.kind else None
        return {
            HANSE + "participantKind": Fact(kind, "verified-credential"),
            HANSE + "memberOf": self._groups(),
            **dict(self.facts),
        }

    def _groups(self) -> Fact:
        """Of both kinds together nothing better is said than that the provider found it out."""
        if not self.own:
            return Fact(self.groups, "verified-credential")
        return Fact(self.groups | self.own, "measured", OWN_GROUPS)


class PolicyEngine:
    """`words` gives the catalogue of a language, `labels` the concept labels, `vocabulary` the digest contracts pin.

    `registry` holds the operands, those of plug-ins included, whose digest is `plugins`; `can` the *during* duties that
    the data plane executes, and `supplied` the operands for which this installation can have a value: both only say
    what badges may promise.
    """

    def __init__(
        self,
        closure: Closure,
        labels: Mapping[str, Mapping[str, str]],
        vocabulary: str,
        words: Callable[[str], Say],
        *,
        registry: Registry = BUILT_IN,
        plugins: str = "",
        can: Several[str] = frozenset(),
        supplied: Several[str] | None = None,
    ) -> None:
        self._closure, self._labels, self.vocabulary, self.registry = closure, labels, vocabulary, registry
        self.plugins = plugins
        self.can, self._supplied = frozenset(can), supplied
        self._means = ANYTHING if supplied is None else Means(frozenset(supplied), self.can)
        self._words = {lang: Words(words(lang), labels[lang], registry) for lang in LANGUAGES}
        self._plans = Plans(registry, self._narrated)

    # ---- policies

    def plan(self, document: Document) -> Plan:
        """What is made of it once, parties and target included; its policy has neither its id nor its time. Raises
        PolicyError."""
        if isinstance(document, Plan):
            return document
        return self._plans.signed(document) if isinstance(document, bytes) else self._plans.plan(document)

    def policy(self, document: Mapping[str, Any]) -> Policy:
        """Raises PolicyError."""
        return named(self.plan(document).policy, document)

    def program(self, document: Document) -> Program:
        """The compiled policy; it knows neither the document's id nor its time. Raises PolicyError."""
        return self.plan(document).program

    def digest(self, document: Document) -> str:
        """Equal for the same deal however it is written (threat T22)."""
        return self.plan(document).deal

    def expires_at(self, document: Document, agreement_at: int) -> int | None:
        """From when on (ms) the agreement permits nothing any more; None if time does not end it."""
        return expires_at(self.plan(document).terms.policy, agreement_at)

    def ended(self, document: Document, now: int) -> int | None:
        """Since when (ms) the days of the rule itself are over, so that it permits nothing any more; None if they are
        not. Raises PolicyError."""
        end = expires_at(self.plan(document).policy, None)
        return end if end is not None and end <= now else None

    def signed_at(self, agreement: Mapping[str, Any]) -> int:
        """The agreement's own timestamp in ms; without a zone it counts as UTC."""
        text = str(agreement.get("timestamp", ""))
        return _signed_at(text) if len(text) <= LONGEST_TIME else 0

    # ---- decisions

    def decide(
        self,
        document: Document,
        requester: Requester,
        phase: Phase,
        now: int,
        *,
        purpose: str | None = None,
        action: str | None = None,
        agreement_at: int | None = None,
        uses: int | None = None,
    ) -> Decision:
        """`now` and `agreement_at` in ms. A peer that declares no purpose binds itself to the agreed ones.

        With all its reasons: for whoever records or tells them.
        """
        world = self._world(requester, now, purpose, action, agreement_at, {} if uses is None else {"": uses})
        return self.program(document).examine(world, phase)

    def permits(
        self,
        document: Mapping[str, Any],
        requester: Requester,
        phase: Phase,
        now: int,
        *,
        purpose: str | None = None,
        action: str | None = None,
    ) -> bool:
        """The same answer where nobody asks for reasons (decision 0020). Raises PolicyError."""
        return self.program(document).verdict(self._world(requester, now, purpose, action), phase).permit

    def _world(
        self,
        requester: Requester,
        now: int,
        purpose: str | None,
        action: str | None,
        agreement_at: int | None = None,
        uses: Mapping[str, int] = {},
    ) -> World:
        return asked(
            now,
            requester.did,
            purpose=purpose,
            action=action,
            facts=requester.known(),
            agreement_at=agreement_at,
            uses=uses,
            closure=self._closure,
        )

    def rule(self, document: Mapping[str, Any], world: World, phase: Phase, closure: Closure | None = None) -> Decision:
        """The decision about a prepared world, by our vocabulary or the one that an agreement pinned (`closure`).

        Raises PolicyError.
        """
        return self.program(document).examine(replace(world, closure=closure or self._closure), phase)

    def record(self, decision: Decision) -> dict[str, object]:
        """What a decision record keeps: result, phase and the leaves that decided it."""
        return report(decision)

    def kept_groups(self, document: Mapping[str, Any]) -> frozenset[str]:
        """Groups that a rule names and that only its provider knows the members of. Raises PolicyError."""
        named = (one.value for one in atoms(clauses_of(self.policy(document))) if one.left == HANSE + "memberOf")
        values = (value for value in named if isinstance(value, frozenset))
        return frozenset(group for value in values for group in value if kept_by_provider(group))

    # ---- before anyone signs

    def narrower(self, offered: Mapping[str, Any], asked: Mapping[str, Any]) -> Narrowing:
        """Whether the asked terms are provably no wider than those offered. Raises PolicyError."""
        from connector.kernel.policy.conflict.objections import narrowing
        from connector.kernel.policy.containment.narrow import narrower

        offer, wish = self._plans.terms(offered).policy, self._plans.terms(asked).policy
        return narrowing(narrower(offer, wish, self._closure, self.registry), self._words)

    def pair(self, first: Mapping[str, Any], second: Mapping[str, Any]) -> "Pair":
        """How two policies stand to each other. Raises PolicyError."""
        from connector.kernel.policy.conflict.pair import pair

        return pair(self.policy(first), self.policy(second), self._closure, self.registry)

    def contradictions(
        self,
        document: Mapping[str, Any],
        *,
        open_data: bool = False,
        now: int | None = None,
        held: Mapping[str, Set[str]] = {},
    ) -> list[Objection]:
        """What is wrong with a policy that somebody wants to publish (`now` in ms; `held`: the names that members have,
        by operand). Raises PolicyError."""
        from connector.kernel.policy.conflict.conflict import contradictions
        from connector.kernel.policy.conflict.objections import objection

        policy, means = self.policy(document), self._means._replace(held=held)
        found = contradictions(policy, self._closure, open_data=open_data, now=now, registry=self.registry, means=means)
        return [objection(one, self._words) for one in found]

    # ---- words

    def reasons(self, decision: Decision) -> dict[str, list[str]]:
        """The failed clauses in German and English."""
        return {lang: explain(decision, self._words[lang]) for lang in LANGUAGES}

    def explain_text(self, decision: Decision, lang: str) -> str:
        """The reason tree as indented text, with what would help at its end."""
        return outline(decision, self._words[lang], self.what_if(decision, lang))

    def explain_tree(self, decision: Decision, lang: str) -> dict[str, object]:
        """The reason tree as plain values for JSON."""
        return tree(decision.tree, self._words[lang])

    def what_if(self, decision: Decision, lang: str) -> str:
        """What would have to be different for a permit; empty for a permit."""
        if decision.permit:
            return ""
        from connector.kernel.policy.advice.advice import advise

        return advise(decision, self._words[lang])

    def clauses(self, document: Document, lang: str) -> Clauses:
        """(sentence, badge) per clause; empty if the policy cannot be said completely: then nothing is summarised."""
        return self.plan(document).clauses(lang)

    def statements(self, document: Document, lang: str) -> tuple[Statement, ...]:
        """The same with the level of each clause, and what its badge rests on."""
        return self.plan(document).said(lang)

    def names(self, document: Document, lang: str) -> list[str]:
        """In sentences whom and what the policy names for all its rules: parties and target, which the clauses leave
        out because an offer and its agreement have the same. Raises PolicyError."""
        policy, words = self.plan(document).policy, self._words[lang]
        named = (("giver", policy.assigner), ("party", policy.assignee), ("target", policy.target))
        return [words.say(f"policy.sentence.{key}", whom=words.whom_text(iri)) for key, iri in named if iri]

    def notes(self, said: Statement, lang: str) -> list[str]:
        """In words what the badge of a clause rests on."""
        return [self._words[lang].fixed(f"policy.coverage.note.{note}") for note in said.notes]

    def coverage(self, document: Mapping[str, Any]) -> list[dict[str, object]]:
        """The coverage report as plain values: equal for an offer and its agreement (spec/policy.md 10.1)."""
        terms = self._plans.terms(document).policy
        return plain(coverage(terms, self.registry, self.can, self._supplied, self._closure))

    def words(self, lang: str) -> Words:
        """The words of one language, for those who show parts of a policy."""
        return self._words[lang]

    def label(self, concept: str, lang: str) -> str:
        return self._labels[lang].get(concept, concept)

    def operands(self, document: Document) -> Mapping[str, Mapping[str, str]]:
        """Definition of each left operand that the policy uses: who vouches for its value and what type it has."""
        return self.plan(document).operands

    def _narrated(self, policy: Policy, lang: str) -> tuple[Statement, ...]:
        return tuple(narrate(policy, self._words[lang], self.can, self._supplied) or ())


@lru_cache(maxsize=256)  # an agreement is asked eight times when it was made
def _signed_at(text: str) -> int:
    found = moment(text)
    if found is None:
        return 0
    at = found[0]
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
