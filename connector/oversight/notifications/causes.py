"""What there is to tell: found in what log and tables know already, again and again, so that nothing announces it.

Each cause has a name that it alone has; told again it is the same. Nothing here is written.
"""

from collections.abc import Container, Iterator, Mapping

from cryptography import x509

from connector.data.approvals.service import Approvals
from connector.exchange.contracts.evidence import attention
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.transfer import attention as deliveries
from connector.exchange.transfer.duties import Duties
from connector.foundation.clock import rfc3339
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Tx
from connector.identity.participants.service import Hosted
from connector.oversight.notifications import spaces
from connector.oversight.notifications.model import Cause, Notification, told
from connector.oversight.notifications.spaces import Names

DAY_MS = 86_400_000
NEWS_MS = 2 * DAY_MS
"""How far back the news of today are looked for: a process may have been down over a night."""
ENDS_MS = 30 * DAY_MS
DUTY_MS = 7 * DAY_MS
STEWARDS = frozenset({"steward"})
BOTH = frozenset({"steward", "protection"})


class Causes:
    """`name_of` is what lists call a DID: those that count for who is told, for a neighbour's own space may call
    anybody anything (threat T171)."""

    def __init__(self, approvals: Approvals, contracts: Contracts, duties: Duties, name_of: Names) -> None:
        self._approvals, self._contracts, self._duties, self._name_of = approvals, contracts, duties, name_of

    def often(self, tx: Tx, hosted: Hosted, known: Container[str] = frozenset()) -> list[Notification]:
        """What a minute matters for: approvals, contracts to sign, what failed, was refused, was ended.

        Whom an approval that is `known` (a name) waits for is not asked again.
        """
        slug, own, since = hosted.participant.id, hosted.participant.did, tx.now - NEWS_MS
        return [
            *self._waiting(tx, slug, own, known),
            *(self._of_negotiation(tx, own, "sign", one) for one in attention.to_sign(tx, slug)),
            *(
                self._of_negotiation(tx, own, "refused" if one.ours else "not-agreed", one)
                for one in attention.refusals(tx, slug, since)
            ),
            *self._failed(tx, slug, own, since),
            *self._ended(tx, slug, own, since),
            *self._rules(tx, slug, since),
            *self._loosenings(tx, slug),
            *spaces.often(tx, hosted, since, self._approvals.holding, known, self._name_of),
        ]

    def seldom(self, tx: Tx, hosted: Hosted) -> list[Notification]:
        """What has days: contracts that end, duties that are due, certificates that end."""
        slug, own = hosted.participant.id, hosted.participant.did
        return [
            *self._ending(tx, slug, own),
            *self._due(tx, slug, own),
            *_certificate(tx, hosted),
            *spaces.seldom(tx, hosted),
            *self._loosenings(tx, slug),
        ]

    def _waiting(self, tx: Tx, slug: str, own: str, known: Container[str]) -> Iterator[Notification]:
        for one in self._approvals.waiting(tx, slug):
            facts = {
                "title": one.title,
                "partner": self._partner(one.counterparty, own),
                "subject": one.subject,
                "until": "" if one.due_at is None else rfc3339(one.due_at),
            }
            if f"approval:{one.id}" not in known:
                whom = self._approvals.addressed(tx, slug, one, reminder=False)
                yield _told(tx, "approval", one.id, facts, whom)
            if tx.now >= one.remind_at and f"reminder:{one.id}" not in known:
                whom = self._approvals.addressed(tx, slug, one, reminder=True)
                yield _told(tx, "reminder", one.id, facts, whom)

    def _rules(self, tx: Tx, slug: str, since: int) -> Iterator[Notification]:
        """Who has to agree to what was changed: all whom it binds hear of it, but for whoever did it."""
        for one in self._approvals.rules.changed(tx, slug, since):
            whom = self._approvals.holding(tx, slug, "steward", "admin") - {one.by}
            yield _told(tx, "rules", "rules", {}, whom, f"{one.subject}:{one.template}:{one.at}")

    def _loosenings(self, tx: Tx, slug: str) -> Iterator[Notification]:
        """A change of a rule that waits: for whoever may agree in a part that is missing, and has not. Each step of it,
        and each change of a role, is in the log; whoever comes or goes otherwise is seen within the hour."""
        for one in self._approvals.rules.pending(tx, slug):
            said = {one.proposal.proposed_by, one.proposal.admin, one.proposal.officer}
            for part in sorted(one.missing):
                whom = self._approvals.holding(tx, slug, part) - said
                if whom:
                    yield _told(tx, "rule-waits", one.proposal.id, {}, whom, part)

    def _of_negotiation(self, tx: Tx, own: str, cause: Cause, one: attention.NegotiationNews) -> Notification:
        facts = {"title": plain(one.title, 200), "partner": self._partner(one.counterparty, own)}
        about = one.agreement if cause == "sign" and one.agreement else one.negotiation
        return _told(tx, cause, about, facts, STEWARDS)

    def _failed(self, tx: Tx, slug: str, own: str, since: int) -> Iterator[Notification]:
        found = deliveries.failed(tx, slug, since)
        titles = self._contracts.titles(tx, slug, [one.agreement for one in found])
        for one in found:
            title, partner = plain(titles.get(one.agreement, ""), 200), self._partner(one.counterparty, own)
            facts = {"title": title, "partner": partner}
            yield _told(tx, "failed", one.transfer, facts, STEWARDS)

    def _ended(self, tx: Tx, slug: str, own: str, since: int) -> Iterator[Notification]:
        found = attention.ended_by_partners(tx, slug, since)
        for one, title in self._titled(tx, slug, found):
            facts = {"title": title, "partner": self._partner(one.counterparty, own), "at": rfc3339(one.at)}
            yield _told(tx, "ended", one.agreement, facts, STEWARDS, str(one.at))

    def _ending(self, tx: Tx, slug: str, own: str) -> Iterator[Notification]:
        found = attention.ending_until(tx, slug, tx.now + ENDS_MS)
        for one, title in self._titled(tx, slug, found):
            facts = {"title": title, "partner": self._partner(one.counterparty, own), "through": rfc3339(one.at)}
            yield _told(tx, "ends", one.agreement, facts, STEWARDS)

    def _due(self, tx: Tx, slug: str, own: str) -> Iterator[Notification]:
        for agreement, counterparty in attention.in_force(tx, slug):
            for duty in self._duties.standing(tx, slug, agreement):
                waits = duty.owed and duty.active and duty.state not in DONE
                if waits and duty.due_at is not None and duty.due_at <= tx.now + DUTY_MS:
                    title = self._contracts.titles(tx, slug, [agreement]).get(agreement, "")
                    facts = {
                        "title": plain(title, 200),
                        "partner": self._partner(counterparty, own),
                        "until": rfc3339(duty.due_at),
                    }
                    yield _told(tx, "duty", agreement, facts, BOTH, f"{duty.rule}:{duty.due_at}")

    def _titled(self, tx: Tx, slug: str, found: list[attention.Ending]) -> Iterator[tuple[attention.Ending, str]]:
        titles: Mapping[str, str] = self._contracts.titles(tx, slug, [one.agreement for one in found])
        return ((one, plain(titles.get(one.agreement, ""), 200)) for one in found)

    def _partner(self, did: str, own: str) -> str:
        return plain(self._name_of(did, own), 200) if did else ""


DONE = frozenset({"fulfilled", "violated"})
"""States of a duty in which its deadline asks nobody for anything any more."""


def _certificate(tx: Tx, hosted: Hosted) -> Iterator[Notification]:
    if not hosted.chain:
        return
    ends = int(x509.load_der_x509_certificate(hosted.chain[0]).not_valid_after_utc.timestamp() * 1000)
    if tx.now <= ends <= tx.now + ENDS_MS:
        yield _told(tx, "certificate", "", {"until": rfc3339(ends)}, frozenset({"admin", "steward"}), str(ends))


def _told(
    tx: Tx, cause: Cause, subject: str, facts: Mapping[str, str], audience: frozenset[str], more: str = ""
) -> Notification:
    return told(cause, subject, facts, audience, tx.now, more)
