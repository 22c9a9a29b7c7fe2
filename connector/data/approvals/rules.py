"""How many people have to agree to what: a participant's rules, by what it is about and by rule template.

Without a rule everything is as it is on the command line: publications and contracts need nobody besides, an offer that
lies before us needs the one person who takes it. What a rule asks of two people no other door gives to one. A change
that loosens a rule waits for a second person, as what it opens would (spec/approvals.md 1.4; threat T145).
"""

from collections.abc import Iterable

from msgspec.structs import replace

from connector.data.approvals import rule_proposals, store
from connector.data.approvals.decide import NotYours
from connector.data.approvals.loosening import required
from connector.data.approvals.model import (
    PEOPLE,
    SUBJECTS,
    ApprovalRule,
    Directory,
    PendingChange,
    RuleChange,
    RuleProposal,
    Subject,
    Voter,
)
from connector.data.catalogue.templates import templates as rule_templates
from connector.foundation.errors import Mistake, Unknown
from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import Tx
from connector.identity.audit import store as audit
from connector.identity.participants.lifecycle import one_after_another
from connector.identity.participants.service import Participants

DAYS = 14
SHORTEST_DAYS, LONGEST_DAYS = 1, 90


class ApprovalRules:
    """Of all participants; runs in the caller's transaction in the participant's scope."""

    def __init__(self, participants: Participants, people: Directory) -> None:
        self._participants, self._people = participants, people

    def of(self, tx: Tx, slug: str, subject: Subject, template: str) -> ApprovalRule:
        """The rule for this template, else that for all, else what holds without any."""
        found = store.rules(tx, slug)
        standing = found.get((subject, template)) or found.get((subject, ""))
        return standing or without(subject, template)

    def all(self, tx: Tx, slug: str) -> list[ApprovalRule]:
        """What holds: for each subject the rule for everything, then those of single templates."""
        found = store.rules(tx, slug)
        general = [found.get((subject, "")) or without(subject, "") for subject in SUBJECTS]
        return [*general, *(rule for (_, template), rule in found.items() if template)]

    def put(self, tx: Tx, slug: str, rule: ApprovalRule, by: str) -> bool:
        """Whether it holds from now on; False: it loosens what holds, and waits.

        Raises Mistake for an unknown template, days out of bounds, or a rule that would ask nobody of an offer or for
        offers under a template of ours.
        """
        if rule.template:
            rule_templates.template(rule.template)
        if rule.subject not in SUBJECTS or not SHORTEST_DAYS <= rule.days <= LONGEST_DAYS:
            raise Mistake("approvals.days", least=SHORTEST_DAYS, most=LONGEST_DAYS)
        if rule.subject == "offer" and rule.template:  # what others offer is under no template of ours: it never held
            raise Mistake("approvals.offer-template")
        if rule.subject == "offer" and rule.people == "none":
            raise Mistake("approvals.offer-needs-one")
        return self._change(tx, slug, rule.subject, rule.template, rule, by)

    def drop(self, tx: Tx, slug: str, subject: Subject, template: str, by: str) -> bool:
        """From now on what holds without it; False: that would loosen what holds, and waits."""
        return self._change(tx, slug, subject, template, None, by)

    def pending(self, tx: Tx, slug: str) -> list[PendingChange]:
        """Changes that wait, the oldest first; none of whoever is no admin any more."""
        admins = self._people.holding(tx, slug, "admin")
        found = rule_proposals.all_of(tx, slug)
        return [self._seen(tx, slug, one) for one in found if one.proposed_by in admins]

    def agree(self, tx: Tx, slug: str, proposal_id: str, voter: Voter) -> bool:
        """Her yes to a change that waits; whether the rule holds now. Raises Unknown, and NotYours for whoever proposed
        it or has no part in it."""
        one_after_another(tx, slug)
        one = self._pending(tx, slug, proposal_id)
        proposal = one.proposal
        if not voter.who or voter.who == proposal.proposed_by:
            raise NotYours("approvals.own-rule-change")
        if voter.who in (proposal.admin, proposal.officer):
            raise NotYours("approvals.one-voice")
        part = next((role for role in ("protection", "admin") if role in one.missing & voter.roles), None)
        if part is None:
            raise NotYours("approvals.rule-change-role")
        said = replace(proposal, **{"admin" if part == "admin" else "officer": voter.who})
        self._log_step(tx, slug, voter.who, said, "agreed")
        if one.missing - {part}:
            rule_proposals.keep(tx, slug, said)
            return False
        self._apply(tx, slug, said.subject, said.template, said.wanted, voter.who)
        return True

    def refuse(self, tx: Tx, slug: str, proposal_id: str, voter: Voter) -> None:
        """It stays as it is, by whoever could agree or has proposed it; raises as `agree`."""
        one_after_another(tx, slug)
        one = self._pending(tx, slug, proposal_id)
        if not voter.who or voter.roles.isdisjoint({"admin", "protection"}):
            raise NotYours("approvals.rule-change-role")
        rule_proposals.end(tx, slug, one.proposal.id)
        self._log_step(tx, slug, voter.who, one.proposal, "refused")

    def changed(self, tx: Tx, slug: str, since: int) -> list[RuleChange]:
        """Which rules were set or dropped since then (ms), and by whom."""
        return store.changed_rules(tx, slug, since)

    def require_alone(self, tx: Tx, slug: str, subject: Subject, template: str) -> None:
        """Raises Mistake where one person at another door may not decide alone (fail closed)."""
        rule = self.of(tx, slug, subject, template)
        if rule.people == "two" or rule.protection:
            raise Mistake(f"approvals.needed-{subject}")

    def require(self, tx: Tx, slug: str, templates: Iterable[str], *, personal: bool = False) -> None:
        """The gate of the catalogue: raises Mistake where a publication needs others; what falls under no template,
        not even the empty one, publishes nothing."""
        under = list(templates)
        if not under and not personal:
            return
        rule = self.strictest(tx, slug, under, personal=personal)
        if rule.people == "two" or rule.protection:
            raise Mistake("approvals.needed-publication")

    def strictest(self, tx: Tx, slug: str, templates: Iterable[str], *, personal: bool = False) -> ApprovalRule:
        """Of the rules for publications under any of these, the one that asks for most people, with all that the others
        ask besides, and the shortest time. Data protection: if one asks for it, if a template's light is red, and for
        what may be about persons."""
        under = list(templates) or [""]
        found = [self.of(tx, slug, "publication", template) for template in under]
        most = max(found, key=lambda rule: (PEOPLE[rule.people], rule.protection))
        red = any(one.id in under and one.light == "red" for one in rule_templates.templates())
        protection = personal or red or any(rule.protection for rule in found)
        return replace(most, protection=protection, days=min(rule.days for rule in found))

    def _change(self, tx: Tx, slug: str, subject: Subject, template: str, wanted: ApprovalRule | None, by: str) -> bool:
        """One after the other, also on several replicas: what it is compared with holds when it is kept."""
        one_after_another(tx, slug)
        proposal = RuleProposal(
            id=new_uuid(), subject=subject, template=template, wanted=wanted, proposed_at=tx.now, proposed_by=by
        )
        if not self._seen(tx, slug, proposal).missing:
            self._apply(tx, slug, subject, template, wanted, by)
            return True
        rule_proposals.keep(tx, slug, proposal)
        self._log_step(tx, slug, by, proposal, "proposed")
        return False

    def _seen(self, tx: Tx, slug: str, proposal: RuleProposal) -> PendingChange:
        """What it changes by what holds now; a yes of whoever has lost the role does not count."""
        before = self.of(tx, slug, proposal.subject, proposal.template)
        general = without(proposal.subject, "") if not proposal.template else self.of(tx, slug, proposal.subject, "")
        after = proposal.wanted or replace(general, template=proposal.template)
        said = {"admin": proposal.admin, "protection": proposal.officer}
        missing = frozenset(
            role
            for role in required(before, after)
            if not said[role] or said[role] not in self._people.holding(tx, slug, role)
        )
        return PendingChange(proposal=proposal, before=before, after=after, missing=missing)

    def _pending(self, tx: Tx, slug: str, proposal_id: str) -> PendingChange:
        found = next((one for one in self.pending(tx, slug) if one.proposal.id == proposal_id), None)
        if found is None:
            raise Unknown("approvals.no-rule-change")
        return found

    def _apply(self, tx: Tx, slug: str, subject: Subject, template: str, rule: ApprovalRule | None, by: str) -> None:
        rule_proposals.end_about(tx, slug, subject, template)
        if rule is None:
            store.drop_rule(tx, slug, subject, template, by)
            self._log(tx, slug, by, {"approvalRule": subject, "template": template, "people": None})
            return
        store.put_rule(tx, slug, rule, by)
        self._log(
            tx,
            slug,
            by,
            {
                "approvalRule": subject,
                "template": template,
                "people": rule.people,
                "protection": rule.protection,
                "days": rule.days,
            },
        )

    def _log_step(self, tx: Tx, slug: str, by: str, proposal: RuleProposal, event: str) -> None:
        """Of a change that waits: one record for each, found by its id."""
        rule = proposal.wanted
        asked = None if rule is None else {"people": rule.people, "protection": rule.protection, "days": rule.days}
        self._log(
            tx,
            slug,
            by,
            {
                "ruleChange": proposal.id,
                "event": event,
                "approvalRule": proposal.subject,
                "template": proposal.template,
                "to": asked,
            },
        )

    def _log(self, tx: Tx, slug: str, by: str, body: dict[str, object]) -> None:
        did = self._participants.held(slug).participant.did
        audit.append(tx, slug, "decision", None, by, body, did=did)


def without(subject: Subject, template: str) -> ApprovalRule:
    """What holds where there is no rule: an offer waits for somebody as long as its partner lets it, as it does on the
    command line, and nothing else for anybody."""
    if subject == "offer":
        return ApprovalRule(subject=subject, template=template, people="one", protection=False, days=0)
    return ApprovalRule(subject=subject, template=template, people="none", protection=False, days=DAYS)
