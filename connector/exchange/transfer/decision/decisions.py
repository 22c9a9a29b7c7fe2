"""What the policy of an agreement says of a transfer now: membership and kind are current, also under an old agreement.

In three steps: the agreement and its history are read once, the question is answered from these values alone
(`question`), and what comes of it is recorded. At the request some clauses are deferred to the data access
(spec/policy.md 6 to 8); at the access none is. Every ruling that counts goes into the case file with its world, so that
it can be explained and replayed.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import msgspec
from msgspec.structs import replace

from connector.exchange.contracts.agreement.agreements import Agreements
from connector.exchange.contracts.model import Agreement
from connector.exchange.transfer.decision import decision_store, use_counts
from connector.exchange.transfer.decision.agreement_now import AgreementNow, History, SignedPolicy
from connector.exchange.transfer.decision.decision_store import KeptDecision
from connector.exchange.transfer.decision.question import Question, TransferDecision
from connector.exchange.transfer.decision.state_of_world import StatesOfWorld
from connector.exchange.transfer.model import TransferRow
from connector.exchange.transfer.send import DECISION, TransferSender
from connector.foundation.ids import new_uuid
from connector.foundation.language.reasons import Reason, because
from connector.foundation.storage.database import Tx
from connector.identity.participants import groups
from connector.kernel.policy.engine import PolicyEngine, Requester
from connector.kernel.policy.evaluation.decision import Decision
from connector.kernel.policy.evaluation.record import Sources, canonical, plain, recorded
from connector.kernel.policy.odrl.model import Closure, Phase
from connector.kernel.policy.plan import kept_by_size

ClosureOf = Callable[[str], Closure]
"""The concept lists by their digest; of lists that we do not have an empty one, which contains nothing for sure."""
HOUR_MS = 3_600_000
MOST = decision_store.MOST_REFUSALS
"""Refusals of one transfer in an hour that are recorded: who is refused may ask again for ever."""


class TransferDecisions:
    """Decisions about transfers that we provide, with what the log keeps of them and what people are told."""

    def __init__(
        self, engine: PolicyEngine, states: StatesOfWorld, agreements: Agreements, closure_of: ClosureOf
    ) -> None:
        self._engine, self._worlds, self._agreements, self._closure_of = engine, states, agreements, closure_of
        self._kept = kept_by_size(self._read)

    # What is read

    def load(self, tx: Tx, agreement: Agreement) -> AgreementNow:
        """Everything that a decision needs of it but what was done under it."""
        policy = self._policy(agreement)
        terms, vocabulary = self._agreements.signed(tx, agreement)
        vocabulary = vocabulary or self._engine.vocabulary
        return AgreementNow(
            now=tx.now,
            row=agreement,
            document=policy.document,
            program=policy.plan.program,
            signed_at=policy.signed_at,
            vocabulary=vocabulary,
            closure=self._closure_of(vocabulary),
            terms=terms,
            root=self._worlds.own(agreement).root,
            consumer=self._worlds.consumer(agreement),
            moved_on=self._agreements.moved_on(tx, agreement, terms),
            groups=self._groups(tx, agreement),
        )

    def _groups(self, tx: Tx, agreement: Agreement) -> Mapping[str, frozenset[str]]:
        """Read where the decision is made: what another replica said of a group a moment ago counts already. No policy
        without our groups costs a look, and no record tells of groups that its policy does not name."""
        own = self._worlds.own(agreement)
        if agreement.role != "provider" or not any(one.encode() in agreement.document for one in groups.places(own)):
            return {}
        kept = groups.kept(tx, own)
        named = frozenset(one for one in kept.names if f'"{one}"'.encode() in agreement.document)
        return {did: within & named for did, within in kept.members.items()}

    def history(self, tx: Tx, agreement: AgreementNow, *, lock: bool = False) -> History:
        """Deeds, and uses in the windows that the policy counts in; with `lock` nobody else counts meanwhile."""
        row, look = agreement.row, use_counts.locked if lock else use_counts.seen
        uses = look(tx, row.participant, row.id, self._policy(row).windows)
        return History(decision_store.deeds(tx, row.participant, row.id), uses)

    # What is asked

    def at_request(self, agreement: AgreementNow, process: TransferRow, history: History) -> Question:
        """Whether it may begin. Of an agreement that has run out no access can come, so nothing is deferred."""
        ends = agreement.row.expires_at
        over = ends is not None and ends <= agreement.now
        return self._question(agreement, process, History(history.deeds), "access" if over else "transfer")

    def at_access(self, agreement: AgreementNow, process: TransferRow, history: History, first: bool) -> Question:
        """Whether bytes may flow; `first`: this access is the first of its flow and would be a use."""
        counted = use_counts.with_this(history.uses) if first else use_counts.with_that(history.uses)
        return self._question(agreement, process, History(history.deeds, counted), "access")

    def standing(self, agreement: AgreementNow, process: TransferRow, history: History) -> Question:
        """Whether bytes that flow, or could, may go on: as an access that was counted before."""
        return self.at_access(agreement, process, history, first=False)

    def duties(self, tx: Tx, agreement: Agreement) -> Decision:
        """How the duties of an agreement stand, in either role; whether anything is permitted is not asked."""
        loaded = self.load(tx, agreement)
        who = self._agreements.acting(tx, agreement) if agreement.role == "provider" else loaded.consumer
        history = History(decision_store.deeds(tx, agreement.participant, agreement.id))
        world = self._worlds.of(loaded, self._requester(loaded, who), None, history)
        return loaded.program.examine(world, "access")

    def _question(self, agreement: AgreementNow, process: TransferRow, history: History, phase: Phase) -> Question:
        did = self._agreements.acts(process.participant, process.counterparty, agreement.now)
        requester = self._requester(agreement, did)
        world = self._worlds.of(agreement, requester, process, history)
        until = self._worlds.until(process.participant, did, agreement.now)
        return Question(agreement=agreement, world=world, phase=phase, member=requester is not None, until=until)

    def _requester(self, agreement: AgreementNow, did: str) -> Requester | None:
        """By the list, and by our own groups as they were read."""
        found = self._worlds.requester(agreement.row.participant, did, agreement.now)
        return found and replace(found, own=agreement.groups.get(did, frozenset()))

    # What is told and kept

    def reasons(self, decision: TransferDecision) -> Reason:
        return self._engine.reasons(decision.decision) if decision.question.member else because("transfer.no-member")

    def book(
        self, tx: Tx, sender: TransferSender, process: TransferRow, decision: TransferDecision, *, once: bool = False
    ) -> None:
        """The whole goes into the case file, digests into the log; not of one refusal too many (threat T40). `once`: a
        process has one such decision in its life, so nothing of it piles up."""
        if (
            not decision.permit
            and decision_store.refusals(tx, process.participant, process.id, tx.now - HOUR_MS) >= MOST
        ):
            return
        agreement, world = decision.question.agreement, decision.question.world
        seen = canonical(plain(world))
        whole = recorded(decision.decision, world.clock, sha256(seen).hexdigest(), self._sources(agreement))
        record = canonical(whole)
        kept = KeptDecision(
            id=new_uuid(),
            agreement=process.agreement,
            process=process.id,
            phase=decision.decision.phase,
            permit=decision.permit,
            at=tx.now,
            record=record.decode(),
            world=seen.decode(),
        )
        decision_store.insert_decision(tx, process.participant, kept)
        if not once:
            decision_store.trim(tx, process.participant, kept)
        digests = {"decision": kept.id, "record": sha256(record).hexdigest(), "world": whole["world"]}
        told = {"permit": decision.permit, "member": decision.question.member}
        sender.record(tx, process, DECISION, {**self._engine.record(decision.decision), **told, **digests})

    def _sources(self, agreement: AgreementNow) -> Sources:
        policy, engine = self._policy(agreement.row), self._engine
        return Sources(policy.plan.digest, policy.sha256, engine.registry.digest, agreement.vocabulary, engine.plugins)

    # What follows from the signed bytes

    def _policy(self, agreement: Agreement) -> SignedPolicy:
        return self._kept(agreement.document)

    def _read(self, body: bytes) -> SignedPolicy:
        document = msgspec.json.decode(body, type=dict[str, Any])
        plan = self._engine.plan(document)
        return SignedPolicy(
            document=document,
            plan=plan,
            sha256=sha256(canonical(document)).hexdigest(),
            signed_at=self._engine.signed_at(document),
            windows=use_counts.windows(plan.policy),
        )
