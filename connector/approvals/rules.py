"""How many people have to agree to what: a participant's rules, by what it is about and by rule template.

Without a rule everything is as it is on the command line: publications and contracts need nobody besides, an offer that
lies before us needs the one person who takes it. What a rule asks of two people no other door gives to one.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from connector.approvals import store
from connector.approvals.model import PEOPLE, SUBJECTS, ApprovalRule, RuleChange, Subject
from connector.audit import store as audit
from connector.catalogue.templates.templates import template as template_of
from connector.errors import Mistake
from connector.participants.service import Participants
from connector.storage.database import Tx

DAYS = 14
SHORTEST_DAYS, LONGEST_DAYS = 1, 90


class ApprovalRules:
    """Of all participants; runs in the caller's transaction in the participant's scope."""

    def __init__(self, participants: Participants) -> None:
        self._participants = participants

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

    def put(self, tx: Tx, slug: str, rule: ApprovalRule, by: str) -> None:
        """Raises Mistake for an unknown template, days out of bounds, or a rule that would ask nobody of an offer
        or for offers under a template of ours."""
        if rule.template:
            template_of(rule.template)
        if rule.subject not in SUBJECTS or not SHORTEST_DAYS <= rule.days <= LONGEST_DAYS:
            raise Mistake("approvals.days", least=SHORTEST_DAYS, most=LONGEST_DAYS)
        if rule.subject == "offer" and rule.template:  # what others offer is under no template of ours: it never held
            raise Mistake("approvals.offer-template")
        if rule.subject == "offer" and rule.people == "none":
            raise Mistake("approvals.offer-needs-one")
        store.put_rule(tx, slug, rule, by)
        self._log(tx, slug, by, {"approvalRule": rule.subject, "template": rule.template, "people": rule.people,
                                 "protection": rule.protection, "days": rule.days})  # fmt: skip

    def drop(self, tx: Tx, slug: str, subject: Subject, template: str, by: str) -> None:
        """From now on what holds without it."""
        store.drop_rule(tx, slug, subject, template, by)
        self._log(tx, slug, by, {"approvalRule": subject, "template": template, "people": None})

    def changed(self, tx: Tx, slug: str, since: int) -> list[RuleChange]:
        """Which rules were set or dropped since then (ms), and by whom."""
        return store.changed_rules(tx, slug, since)

    def require_alone(self, tx: Tx, slug: str, subject: Subject, template: str) -> None:
        """Raises Mistake where one person at another door may not decide alone (fail closed)."""
        rule = self.of(tx, slug, subject, template)
        if rule.people == "two" or rule.protection:
            raise Mistake(f"approvals.needed-{subject}")

    def require(self, tx: Tx, slug: str, templates: Iterable[str], *, personal: bool = False) -> None:
        """The gate of the catalogue: raises Mistake where a publication needs others."""
        if personal:
            raise Mistake("approvals.needed-publication")
        for template in templates:
            self.require_alone(tx, slug, "publication", template)

    def strictest(self, tx: Tx, slug: str, templates: Iterable[str]) -> ApprovalRule:
        """Of the rules for publications under any of these, the one that asks for most people, with all that the others
        ask besides: data protection if one does, and the shortest time."""
        found = [self.of(tx, slug, "publication", template) for template in templates]
        most = max(found, key=lambda rule: (PEOPLE[rule.people], rule.protection))
        protection = any(rule.protection for rule in found)
        return replace(most, protection=protection, days=min(rule.days for rule in found))

    def _log(self, tx: Tx, slug: str, by: str, body: dict[str, object]) -> None:
        did = self._participants.held(slug).participant.did
        audit.append(tx, slug, "decision", None, by, body, did=did)


def without(subject: Subject, template: str) -> ApprovalRule:
    """What holds where there is no rule: an offer waits for somebody as long as its partner lets it, as it does on the
    command line, and nothing else for anybody."""
    if subject == "offer":
        return ApprovalRule(subject=subject, template=template, people="one", protection=False, days=0)
    return ApprovalRule(subject=subject, template=template, people="none", protection=False, days=DAYS)
