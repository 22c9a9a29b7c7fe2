"""Approvals: opened, decided by people, ended by time; each step is one transaction (spec/approvals.md).

A yes that comes at the same time on another replica finds another version and is weighed anew, so it counts once. What
follows from the end of an approval about a negotiation is an errand (`DECIDED`); contracts does it.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from connector.data.approvals import decide, store
from connector.data.approvals.model import (
    DAY_MS,
    NEVER_MS,
    NOBODY,
    PEOPLE,
    ApprovalRow,
    ApprovalRule,
    Ballot,
    Directory,
    Part,
    Subject,
    Vote,
    Voter,
)
from connector.data.approvals.rules import DAYS, ApprovalRules, without
from connector.foundation.errors import Mistake, Unknown
from connector.foundation.ids import new_uuid
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Conflict, Tx
from connector.foundation.storage.work import ProcessRef, answered, errand, timer
from connector.identity.audit import store as audit
from connector.identity.participants.service import Participants

DECIDED = "approval-decided"
"""Errand: an approval about a negotiation has ended; its facts name it."""
DUE = "approval"
"""Timer of an approval: from that instant on it is over."""
CODES = ("purpose", "terms", "data", "partner", "protection", "other")
"""Why somebody says no, as the partner is told; `other` needs words."""
LONGEST_REASON = 1_000


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be approved. `personal`: whether the data may be about persons. `terms` is a digest, `dataset_version`
    that of the data which a contract gives.

    `wanted`: somebody of ours asked for it (`drafter`, empty if that is not known), and is one of those who agree.
    `later`: it waits although nobody could agree to it today.
    """

    subject: Subject
    title: str
    dataset: str = ""
    template: str = ""
    process: str = ""
    counterparty: str = ""
    terms: str = ""
    dataset_version: str = ""
    draft: str | None = None
    personal: bool = False
    wanted: bool = False
    drafter: str = ""
    later: bool = False


class TermsBack(msgspec.Struct, frozen=True):
    """Terms that are offered to the partner instead: the policy, and its digest."""

    policy: dict[str, Any]
    digest: str


class Approvals:
    """Of all participants; every method names the participant and runs inside one transaction."""

    def __init__(self, participants: Participants, rules: ApprovalRules, people: Directory) -> None:
        self._participants, self.rules, self._people = participants, rules, people

    # What a negotiation asks

    def contract(self, tx: Tx, slug: str, asked: Asked) -> ApprovalRow | None:
        """The approval that this contract or offer waits for or has; None if nobody has to agree.

        Asked again about the same terms and data it is the same one; about others it begins anew.
        """
        if self._nobody(tx, slug, asked):
            return None
        asked = self._still(tx, slug, asked)
        rule = self.rules.of(tx, slug, asked.subject, asked.template)
        stewards, protection = _others(rule, asked), int(rule.protection or asked.personal)
        known = store.of_process(tx, slug, asked.process)
        if known is not None and _same(known, asked) and known.ballot.state in ("open", "approved"):
            return self._in_force(tx, known, asked)
        if not stewards and not protection:
            return None
        if known is not None:
            self.went_on(tx, slug, asked.process)
        opened = self.open(tx, slug, asked, rule, stewards, protection, asked.drafter)
        return self._offered_by(tx, opened, known) if known is not None else opened

    def _still(self, tx: Tx, slug: str, asked: Asked) -> Asked:
        """The same; whoever asked, and has lost the role since, is nobody who could be the first of two."""
        if not asked.drafter or asked.drafter in self._people.holding(tx, slug, "steward"):
            return asked
        return replace(asked, drafter=NOBODY)

    def in_force(self, tx: Tx, one: ApprovalRow) -> ApprovalRow:
        """The same, or where the rule of now asks for more than it did, a new one in which its yeses count."""
        return self._in_force(tx, one, _asked_again(one))

    def _in_force(self, tx: Tx, one: ApprovalRow, asked: Asked) -> ApprovalRow:
        rule = self.rules.of(tx, one.participant, asked.subject, asked.template)
        stewards = _others(rule, asked)
        protection = max(int(rule.protection or asked.personal), one.ballot.protection)
        if not decide.falls_short(one.ballot, stewards, protection):
            return one
        self.went_on(tx, one.participant, one.process)
        return self.open(
            tx, one.participant, asked, rule, stewards, protection, one.ballot.drafter, votes=one.ballot.votes
        )

    def _nobody(self, tx: Tx, slug: str, asked: Asked) -> bool:
        """Whether there is neither a rule nor an approval, and without one nobody has to agree: the usual case."""
        usual = without(asked.subject, asked.template)
        asks = _others(usual, asked) or usual.protection or asked.personal
        return not asks and store.nothing(tx, slug, asked.process)

    def went_on(self, tx: Tx, slug: str, process: str) -> None:
        """The negotiation went on or ended without it: nobody needs to decide any more."""
        known = store.of_process(tx, slug, process)
        if known is not None and known.ballot.state == "open":
            self.replaced(tx, slug, known.id)

    def replaced(self, tx: Tx, slug: str, approval_id: str) -> None:
        """Nobody needs to decide about just this any more."""
        held = self._held(tx, slug, approval_id)
        self._save(tx, replace(held, ballot=decide.withdraw(held.ballot), ended_at=tx.now), "", "withdrawn")

    def redrafted(
        self, tx: Tx, slug: str, approval_id: str, asked: Asked, stewards: int, protection: int, drafter: str
    ) -> ApprovalRow:
        """The same approval about another draft, before anybody has said anything of it: whom it waits for has heard of
        it already, and its deadline stays."""
        held = self._held(tx, slug, approval_id)
        if held.ballot.state != "open" or held.ballot.votes:
            raise Conflict
        ballot = replace(held.ballot, stewards=stewards, protection=protection, drafter=drafter)
        after = store.redraft(tx, replace(held, draft=asked.draft, template=asked.template, ballot=ballot))
        self._log_asked(tx, after, "redrafted")
        return after

    def require_agreed(self, tx: Tx, slug: str, process: str) -> None:
        """Raises Mistake while others have to decide about a negotiation, and after they did not agree to it: one
        person cannot go on meanwhile, nor before the refusal has reached the partner."""
        known = store.of_process(tx, slug, process)
        if known is not None and known.ballot.state not in ("approved", "withdrawn"):
            raise Mistake(f"approvals.needed-{known.subject}")

    def _offered_by(self, tx: Tx, opened: ApprovalRow, before: ApprovalRow) -> ApprovalRow:
        """Whoever offered just these terms in our name has agreed to them, if she is a steward still."""
        offered = "" if before.terms_back is None else msgspec.json.decode(before.terms_back, type=TermsBack).digest
        same = (offered, before.dataset_version) == (opened.terms, opened.dataset_version)
        if before.ballot.state != "countered" or not same or opened.ballot.stewards == 0:
            return opened
        if before.ended_by not in self._people.holding(tx, opened.participant, "steward"):
            return opened
        ballot = decide.yes(opened.ballot, Voter(before.ended_by, frozenset({"steward"})), "steward", tx.now)
        ended = tx.now if ballot.state == "approved" else None
        return self._save(tx, replace(opened, ballot=ballot, ended_at=ended), before.ended_by, "yes", part="steward")

    # What people do

    def yes(self, tx: Tx, slug: str, approval_id: str, voter: Voter, part: Part | None = None) -> ApprovalRow:
        """She agrees; raises Unknown, or Mistake in words if she may not, or it is over.

        Where hers would be the last about a negotiation, and the rule asks for more by now, it counts in a new one.
        """
        held = self._held(tx, slug, approval_id)
        chosen = part or decide.part_for(held.ballot, voter) or _said(held.ballot, voter)
        ballot = decide.yes(held.ballot, voter, chosen, tx.now)
        if ballot == held.ballot:
            return held
        said = replace(held, ballot=ballot)
        if said.process and ballot.state == "approved":
            anew = self.in_force(tx, said)
            if anew.id != held.id:
                self._log(tx, anew, voter.who, "yes", part=chosen)
                return anew
        return self._decided(tx, said, voter.who, "yes", part=chosen)

    def revoke(self, tx: Tx, slug: str, approval_id: str, voter: Voter) -> ApprovalRow:
        """She takes her yes back, before the last one; raises as `yes`."""
        held = self._held(tx, slug, approval_id)
        ballot = decide.revoke(held.ballot, voter, tx.now)
        return self._decided(tx, replace(held, ballot=ballot), voter.who, "revoked")

    def no(self, tx: Tx, slug: str, approval_id: str, voter: Voter, code: str, reason: str) -> ApprovalRow:
        """She refuses it, and says why: of a contract the partner hears it; raises as `yes`."""
        said = plain(reason, LONGEST_REASON + 1)
        if code not in CODES or len(said) > LONGEST_REASON or (code == "other" and not said):
            raise Mistake("approvals.reason", limit=LONGEST_REASON)
        held = self._held(tx, slug, approval_id)
        ballot = decide.no(held.ballot, voter, tx.now)
        return self._decided(tx, replace(held, ballot=ballot, code=code, reason=said), voter.who, "no", code=code)

    def counter(self, tx: Tx, slug: str, approval_id: str, voter: Voter, terms: TermsBack) -> ApprovalRow:
        """She offers other terms to the partner instead; raises as `yes`."""
        held = self._held(tx, slug, approval_id)
        if held.subject == "publication":
            raise Mistake("approvals.no-counter")
        ballot = decide.counter(held.ballot, voter, tx.now)
        back = msgspec.json.encode(terms).decode()
        return self._decided(tx, replace(held, ballot=ballot, terms_back=back), voter.who, "countered")

    def take_back(self, tx: Tx, slug: str, approval_id: str, who: str) -> ApprovalRow:
        """Who wrote a part of the draft withdraws it; raises as `yes`."""
        held = self._held(tx, slug, approval_id)
        decide.require_open(held.ballot, tx.now)
        if who not in held.ballot.authors:
            raise decide.NotYours("approvals.role")
        return self._decided(tx, replace(held, ballot=decide.withdraw(held.ballot)), who, "withdrawn")

    def due(self, tx: Tx, slug: str, approval_id: str) -> None:
        """The timer: what is not approved by now is not approved."""
        held = store.approval(tx, slug, approval_id, lock=True)
        if held is None or held.ballot.state != "open":
            return
        if tx.now < held.ballot.due_at:  # the clock was set meanwhile
            timer(tx, slug, DUE, approval_id, held.ballot.due_at)
            return
        self._decided(tx, replace(held, ballot=decide.expire(held.ballot, tx.now)), "system", "expired")

    # Reading

    def get(self, tx: Tx, slug: str, approval_id: str) -> ApprovalRow:
        found = store.approval(tx, slug, approval_id)
        if found is None:
            raise Unknown("approvals.unknown", id=approval_id[:80])
        return found

    def waiting(self, tx: Tx, slug: str) -> list[ApprovalRow]:
        """What waits, the most urgent first; what is due but not booked yet is left out."""
        return [one for one in store.open_ones(tx, slug) if one.ballot.due_at > tx.now]

    def waiting_for(self, tx: Tx, slug: str, voter: Voter) -> list[ApprovalRow]:
        """Of these, what she can agree to now."""
        return [one for one in self.waiting(tx, slug) if decide.part_for(one.ballot, voter) is not None]

    def ended(self, tx: Tx, slug: str, limit: int = 50) -> list[ApprovalRow]:
        """What was decided, the newest first."""
        return store.ended_ones(tx, slug, limit)

    def of_process(self, tx: Tx, slug: str, process: str) -> ApprovalRow | None:
        return store.of_process(tx, slug, process)

    def of_dataset(self, tx: Tx, slug: str, dataset: str) -> list[ApprovalRow]:
        """Drafts about a dataset of ours, the newest first."""
        return store.of_dataset(tx, slug, dataset)

    def protected(self, tx: Tx, slug: str, process: str) -> bool:
        """Whether data protection agreed to a negotiation."""
        known = store.of_process(tx, slug, process)
        return (
            known is not None
            and known.ballot.state == "approved"
            and any(vote.part == "protection" for vote in known.ballot.votes)
        )

    def holding(self, tx: Tx, slug: str, *roles: str) -> frozenset[str]:
        """Who has one of these roles."""
        return frozenset(who for role in roles for who in self._people.holding(tx, slug, role))

    def addressed(self, tx: Tx, slug: str, one: ApprovalRow, *, reminder: bool) -> frozenset[str]:
        """Who is to hear that this waits: whoever the rule names, and with the reminder the deputy, else all who may
        agree and have not."""
        rule = self.rules.of(tx, slug, one.subject, one.template)
        stewards = self._people.holding(tx, slug, "steward") if one.ballot.missing("steward") > 0 else frozenset()
        named = {rule.responsible, *([rule.deputy] if reminder else [])} & stewards if rule.responsible else stewards
        told = set(named or stewards)
        if one.ballot.missing("protection") > 0:
            told |= self._people.holding(tx, slug, "protection")
        return frozenset(told - {*one.ballot.authors, *(vote.who for vote in one.ballot.votes)})

    def lacking(self, tx: Tx, slug: str, ballot: Ballot) -> Part | None:
        """The part in which a person is missing whom the participant does not have."""
        return decide.lacking(
            ballot, self._people.holding(tx, slug, "steward"), self._people.holding(tx, slug, "protection")
        )

    # Steps inside a transaction

    def open(
        self,
        tx: Tx,
        slug: str,
        asked: Asked,
        rule: ApprovalRule,
        stewards: int,
        protection: int,
        drafter: str = "",
        *,
        votes: tuple[Vote, ...] = (),
    ) -> ApprovalRow:
        """A new approval, its deadline as a timer; `votes` count already. Raises Mistake if nobody could ever agree to
        a draft."""
        span = (rule.days or DAYS) * DAY_MS
        due_at = tx.now + span if rule.days else NEVER_MS
        ballot = Ballot(stewards=stewards, protection=protection, drafter=drafter, due_at=due_at, votes=votes)
        # What a partner or a delivery waits for has its deadline, and people may come meanwhile.
        if asked.subject == "publication" and not asked.later:
            self._require_somebody(tx, slug, ballot)
        one = ApprovalRow(
            participant=slug,
            id=new_uuid(),
            subject=asked.subject,
            process=asked.process,
            dataset=asked.dataset,
            title=plain(asked.title, 300),
            counterparty=asked.counterparty,
            template=asked.template,
            terms=asked.terms,
            dataset_version=asked.dataset_version,
            draft=asked.draft,
            asked_at=tx.now,
            remind_at=tx.now + span // 2,
            ballot=ballot,
        )
        store.insert(tx, one)
        if one.due_at is not None:
            timer(tx, slug, DUE, one.id, one.due_at)
        self._log_asked(tx, one, "asked")
        return one

    def note_dataset(self, tx: Tx, one: ApprovalRow, dataset: str) -> ApprovalRow:
        """Which dataset came of a draft."""
        return store.save(tx, replace(one, dataset=dataset))

    def _require_somebody(self, tx: Tx, slug: str, ballot: Ballot) -> None:
        lacks = self.lacking(tx, slug, ballot)
        if lacks is not None:
            raise Mistake("approvals.nobody-else" if lacks == "steward" else "approvals.no-protection")

    def _held(self, tx: Tx, slug: str, approval_id: str) -> ApprovalRow:
        found = store.approval(tx, slug, approval_id, lock=True)
        if found is None:
            raise Unknown("approvals.unknown", id=approval_id[:80])
        return found

    def _decided(self, tx: Tx, one: ApprovalRow, who: str, event: str, **more: str) -> ApprovalRow:
        """Books a step; if it is the last one, what follows is put down as an errand."""
        if one.ballot.state != "open":
            one = replace(one, ended_at=tx.now, ended_by=who)
        saved = self._save(tx, one, who, event, **more)
        if saved.process and saved.ballot.state not in ("open", "withdrawn"):
            process = ProcessRef(
                participant=saved.participant, noun="negotiation", id=saved.process, to=saved.counterparty
            )
            answered(tx, saved.participant, saved.process)
            errand(tx, process, DECIDED, approval=saved.id)
        return saved

    def _save(self, tx: Tx, one: ApprovalRow, who: str, event: str, **more: str) -> ApprovalRow:
        saved = store.save(tx, one)
        self._log(tx, saved, who or "system", event, **more)
        return saved

    def _log_asked(self, tx: Tx, one: ApprovalRow, event: str) -> None:
        """By the first of its authors, if it is known who she is."""
        first = one.ballot.drafter.partition(" ")[0]
        self._log(tx, one, first if first and "*" not in first else "system", event)

    def _log(self, tx: Tx, one: ApprovalRow, who: str, event: str, **more: str) -> None:
        log(tx, self._participants.held(one.participant).participant.did, one, who, event, **more)


def log(tx: Tx, did: str, one: ApprovalRow, who: str, event: str, **more: str) -> None:
    """A step of an approval, by id and code: what people wrote stands in the row alone."""
    body: dict[str, object] = {
        "approval": one.id,
        "subject": one.subject,
        "event": event,
        "state": one.ballot.state,
        **more,
        **({"negotiation": one.process} if one.process else {}),
    }
    audit.append(tx, one.participant, "decision", None, who, body, did=did)


def _same(known: ApprovalRow, asked: Asked) -> bool:
    """Whether people were asked about just this, and data protection too if the data may be about persons by now."""
    shown = (known.terms, known.dataset_version) == (asked.terms, asked.dataset_version)
    return shown and (known.ballot.protection > 0 or not asked.personal)


def _asked_again(one: ApprovalRow) -> Asked:
    """What it was asked about. What nobody of ours wanted has a steward to ask, so an offer without is wanted."""
    wanted = one.subject == "offer" and (bool(one.ballot.drafter) or not one.ballot.stewards)
    return Asked(
        subject=one.subject,
        title=one.title,
        dataset=one.dataset,
        template=one.template,
        process=one.process,
        counterparty=one.counterparty,
        terms=one.terms,
        dataset_version=one.dataset_version,
        wanted=wanted,
        drafter=one.ballot.drafter,
    )


def _said(ballot: Ballot, voter: Voter) -> Part:
    """The part in which she has agreed, else the one that she is asked for: so that the refusal is the right one."""
    before: Part | None = next((vote.part for vote in ballot.votes if vote.who == voter.who), None)
    return before or ("protection" if "steward" not in voter.roles and ballot.protection else "steward")


def _others(rule: ApprovalRule, asked: Asked) -> int:
    """How many stewards have to agree besides whoever of ours wanted it."""
    people = PEOPLE[rule.people]
    if not asked.wanted:
        return people
    return max(people - 1, 0) if asked.drafter or people < 2 else people
