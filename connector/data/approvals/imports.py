"""Imported datasets that wait for people, and the choice whether those of a source always do (spec/approvals.md 1.5).

One approval is about all that waits of a source. Once another set waits, what was said to the one before counts no
more. A choice that makes less wait needs the people whom a publication would need (threat T165).
"""

from collections.abc import Sequence

import msgspec

from connector.data.approvals import store
from connector.data.approvals.model import ApprovalRow, ApprovalRule
from connector.data.approvals.service import Approvals, Asked
from connector.data.catalogue.offers import OPEN_RULE
from connector.data.harvest import waiting
from connector.data.harvest.model import UNKNOWN as UNKNOWN
from connector.data.harvest.model import Source
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import SYSTEM, Tx
from connector.identity.audit import store as audit
from connector.identity.participants.lifecycle import one_after_another, require_active
from connector.identity.participants.service import Participants

TEMPLATES = ("", OPEN_RULE)
"""Under which imported datasets fall."""
MOST = 50
"""Approvals about imports that wait at once: whoever delivers under ever other names hides nobody else's question."""


class ImportedDatasets(msgspec.Struct, frozen=True, tag="import", tag_field="kind"):
    """All that waits of a source: a digest of it, and how many datasets."""

    source: str
    digest: str
    count: int


class LetGo(msgspec.Struct, frozen=True, tag="let-go", tag_field="kind"):
    """New records of a source are not to wait any more; `since`: the choice that this ends."""

    source: str
    since: int


ImportDraft = ImportedDatasets | LetGo


class _Kind(msgspec.Struct):
    kind: str


def import_draft(one: ApprovalRow) -> ImportDraft | None:
    """What of imports an approval is about; None: it is about something else."""
    if one.subject != "publication" or one.draft is None:
        return None
    if msgspec.json.decode(one.draft, type=_Kind).kind not in ("import", "let-go"):
        return None
    draft: ImportDraft = msgspec.json.decode(one.draft, type=ImportDraft)
    return draft


class ImportApprovals:
    """Of all participants; every method runs inside one transaction. Whoever acts is `Tx.actor`."""

    def __init__(self, participants: Participants, approvals: Approvals) -> None:
        self._participants, self._approvals = participants, approvals

    # What a run asks

    def asks(self, tx: Tx, slug: str, template: str) -> bool:
        """Whether a rule asks for others under this template."""
        return _asks(self._approvals.rules.strictest(tx, slug, [template]))

    def ask(self, tx: Tx, slug: str, source: Source, found: waiting.WaitingSet) -> waiting.Asked:
        """The approval about just this set. What somebody has agreed to is withdrawn where another set waits now.

        What was refused is not asked again. All who had a hand in what waits are the first of two, whoever delivered
        the same again is not.
        """
        return self._ask(tx, slug, source, found, anew=False)

    def again(self, tx: Tx, slug: str, source_id: str) -> str:
        """Asks again about what waits, although somebody refused it or nobody agreed in time; the approval.

        Whoever asks again has a hand in it. Raises Unknown, and Mistake where nothing waits.
        """
        self._begin(tx, slug)
        source, found = waiting.known(tx, slug, source_id), waiting.of(tx, slug, source_id)
        if not found.count:
            raise Mistake("harvest.nothing-waits")
        asked = self._ask(tx, slug, source, found, anew=True)
        waiting.note(tx, slug, source, asked)
        return asked.approval

    def asked(self, tx: Tx, slug: str, source: Source) -> bool:
        """Whether somebody is asked now about what waits of it: else it was refused, taken back, or time ran out."""
        known = store.approval(tx, slug, source.approval) if source.approval else None
        return known is not None and known.ballot.state == "open" and known.ballot.due_at > tx.now

    def _ask(self, tx: Tx, slug: str, source: Source, found: waiting.WaitingSet, *, anew: bool) -> waiting.Asked:
        known = store.approval(tx, slug, source.approval, lock=True) if source.approval else None
        if not found.count:
            self._end(tx, slug, known)
            return waiting.Asked()
        draft = ImportedDatasets(source.id, found.digest, found.count)
        rule = self._approvals.rules.strictest(tx, slug, found.templates)
        wanted = self._wanted(tx, slug, rule)
        same = known is not None and import_draft(known) == draft
        if known is not None and same and _still(known, rule, wanted, tx.now, anew=anew):
            return waiting.Asked(known.id, known.ballot.state == "refused")
        authors = _authors(known, _who(tx), found.hands, same=same and not anew)
        if known is not None and not known.ballot.votes and _open_still(known, rule, wanted, tx.now):
            # Nobody has said anything of it: the same question about what waits now, so that a source that changes with
            # each run asks nobody anew each time.
            about, drafter = self._asked(draft, rule), self._drafter(rule, authors)
            return waiting.Asked(self._approvals.redrafted(tx, slug, known.id, about, *wanted, drafter).id)
        self._end(tx, slug, known)
        return waiting.Asked(self._open(tx, slug, draft, rule, wanted, authors).id)

    # The choice

    def wait(self, tx: Tx, slug: str, source_id: str) -> None:
        """New records of the source wait from now on, whatever the rules say; raises Unknown."""
        self._begin(tx, slug)
        if not waiting.known(tx, slug, source_id).wait_since:
            waiting.wait(tx, slug, source_id)
            self._log(tx, slug, source_id, "wait")

    def let_go(self, tx: Tx, slug: str, source_id: str, *, steward: bool) -> ApprovalRow | None:
        """They go out where nothing asks for a person; the approval for which that waits.

        `steward`: she says so herself at the desk, where she could agree to each set, too. A key cannot agree, so it
        cannot let go either; on the operator's own socket everybody is believed.
        """
        self._begin(tx, slug)
        since = waiting.known(tx, slug, source_id).wait_since
        if not since:
            return None
        rule = self._approvals.rules.strictest(tx, slug, TEMPLATES)
        if not _asks(rule) and (steward or tx.actor == SYSTEM):
            self._let_go(tx, slug, source_id)
            return None
        draft, wanted = LetGo(source_id, since), self._wanted(tx, slug, rule)
        for one in store.open_drafts(tx, slug):
            if import_draft(one) == draft and _open_still(one, rule, wanted, tx.now):
                return one
        return self._open(tx, slug, draft, rule, wanted, [_who(tx)])

    # What follows from the last yes

    def approved(self, tx: Tx, slug: str, draft: ImportDraft, one: ApprovalRow) -> None:
        """Does what people agreed to; raises Mistake where it is not that any more, or the rule asks for more now."""
        templates = TEMPLATES if isinstance(draft, LetGo) else waiting.of(tx, slug, draft.source).templates
        if templates:
            rule = self._approvals.rules.strictest(tx, slug, templates)
            if not _enough(one, rule, (int(rule.people == "two"), int(rule.protection))):
                raise Mistake("approvals.stricter-import")
        if isinstance(draft, ImportedDatasets):
            waiting.release(tx, slug, draft.source, draft.digest)
            return
        if waiting.known(tx, slug, draft.source).wait_since != draft.since:
            raise Mistake("harvest.waiting-changed")
        self._let_go(tx, slug, draft.source)

    def _wanted(self, tx: Tx, slug: str, rule: ApprovalRule) -> tuple[int, int]:
        """How many besides the authors: by the rule, and where it asks for nobody the one person who was chosen."""
        who = _who(tx)
        steward = who == UNKNOWN or who in self._approvals.holding(tx, slug, "steward")
        return int(rule.people == "two" or not steward or not _asks(rule)), int(rule.protection)

    def _open(
        self, tx: Tx, slug: str, draft: ImportDraft, rule: ApprovalRule, wanted: tuple[int, int], authors: list[str]
    ) -> ApprovalRow:
        if sum(import_draft(one) is not None for one in store.open_drafts(tx, slug)) >= MOST:
            raise Mistake("approvals.many-imports", most=MOST)
        asked, drafter = self._asked(draft, rule), self._drafter(rule, authors)
        return self._approvals.open(tx, slug, asked, rule, *wanted, drafter)

    def _asked(self, draft: ImportDraft, rule: ApprovalRule) -> Asked:
        return Asked(
            subject="publication",
            title=draft.source,
            template=rule.template,
            later=True,
            draft=msgspec.json.encode(draft).decode(),
        )

    def _drafter(self, rule: ApprovalRule, authors: list[str]) -> str:
        """Where no rule asks for others, whoever delivered may be the one who agrees."""
        return " ".join(dict.fromkeys(authors)) if _asks(rule) else ""

    def _end(self, tx: Tx, slug: str, known: ApprovalRow | None) -> None:
        if known is not None and known.ballot.state == "open":
            self._approvals.replaced(tx, slug, known.id)

    def _begin(self, tx: Tx, slug: str) -> None:
        one_after_another(tx, slug)
        require_active(tx, slug)

    def _let_go(self, tx: Tx, slug: str, source_id: str) -> None:
        waiting.let_go(tx, slug, source_id)
        self._log(tx, slug, source_id, "publish")

    def _log(self, tx: Tx, slug: str, source_id: str, choice: str) -> None:
        body = {"importSource": source_id, "newRecords": choice}
        did = self._participants.held(slug).participant.did
        audit.append(tx, slug, "decision", None, tx.actor, body, did=did)


def _who(tx: Tx) -> str:
    return tx.actor if tx.actor != SYSTEM else UNKNOWN


def _asks(rule: ApprovalRule) -> bool:
    return rule.people == "two" or rule.protection


def _authors(known: ApprovalRow | None, who: str, hands: Sequence[str], *, same: bool) -> list[str]:
    """All who had a hand in what waits; `hands` are those in the datasets themselves. Of what waited before they were
    noted, and no rule asked for others, nobody knows who they were."""
    if known is None or known.ballot.state == "approved":
        return [who, *hands]
    before = [*known.ballot.drafter.split(), *hands] or [UNKNOWN]
    return before if same else [*before, who]


def _still(known: ApprovalRow, rule: ApprovalRule, wanted: tuple[int, int], now: int, *, anew: bool) -> bool:
    """Whether nobody has to be asked about the same again."""
    refused = known.ballot.state == "refused" and not anew and _enough(known, rule, wanted)
    return refused or _open_still(known, rule, wanted, now)


def _open_still(known: ApprovalRow, rule: ApprovalRule, wanted: tuple[int, int], now: int) -> bool:
    """Whether people are asked now, and as many as have to be."""
    return known.ballot.state == "open" and known.ballot.due_at > now and _enough(known, rule, wanted)


def _enough(known: ApprovalRow, rule: ApprovalRule, wanted: tuple[int, int]) -> bool:
    """Whether it asks for as many, and keeps its authors from agreeing where the rule does."""
    ballot = known.ballot
    known_authors = bool(ballot.drafter) or not _asks(rule)
    return known_authors and ballot.stewards >= wanted[0] and ballot.protection >= wanted[1]
