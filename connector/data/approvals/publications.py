"""Publications that wait for a yes: a draft is what would be published, and it is published by the last yes.

A draft is tried before it waits, in a part of the transaction that is undone: nobody agrees to what could not be
published. What is published is the draft as it was read, and only on the revision that it was written for, under the
terms that it had then: a template that says something else since an update needs another draft.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Literal, NoReturn

import msgspec
from msgspec.structs import replace

from connector.data.approvals import decide, store
from connector.data.approvals.imports import ImportApprovals, import_draft
from connector.data.approvals.model import PEOPLE, ApprovalRow, ApprovalRule, Part, Voter
from connector.data.approvals.service import Approvals, Asked
from connector.data.catalogue import describe
from connector.data.catalogue.life import DatasetChange, Replacement
from connector.data.catalogue.model import Dataset, Offer
from connector.data.catalogue.offers import falls_under
from connector.data.catalogue.service import Catalogue, Publication
from connector.data.catalogue.templates.templates import fill
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Tx
from connector.foundation.storage.nested import nested
from connector.identity.participants.lifecycle import one_after_another, require_active
from connector.identity.participants.service import Participants
from connector.kernel.metadata.record.model import DatasetRecord


class NewDataset(msgspec.Struct, frozen=True, tag="new", tag_field="kind"):
    wish: Publication


class ChangedDataset(msgspec.Struct, frozen=True, tag="change", tag_field="kind"):
    dataset: str
    wish: DatasetChange


class ReplacedDataset(msgspec.Struct, frozen=True, tag="replace", tag_field="kind"):
    dataset: str
    wish: Replacement


Draft = NewDataset | ChangedDataset | ReplacedDataset


class Submitted(msgspec.Struct, frozen=True):
    """Either it is published by now, or it waits for an approval."""

    dataset: Dataset | None
    approval: ApprovalRow | None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What the draft would change. `before` is None for a new dataset; `rule` is the template with its slots that the
    draft names, None if it leaves the offers alone; `standing` are the offers now."""

    kind: Literal["new", "change", "replace"]
    before: DatasetRecord | None
    after: DatasetRecord
    rule: tuple[str, dict[str, str]] | None
    standing: tuple[Offer, ...]
    new_bytes: bool


class _Tried(Mistake):
    """The draft could be published, under these `terms` (a digest); undone, for it is not yet."""

    def __init__(self, terms: str) -> None:
        super().__init__("approvals.tried")
        self.terms = terms


class PublicationApprovals:
    """Drafts of all participants."""

    def __init__(
        self, participants: Participants, catalogue: Catalogue, approvals: Approvals, imports: ImportApprovals
    ) -> None:
        self._participants, self._catalogue = participants, catalogue
        self._approvals, self._imports = approvals, imports

    def submit(
        self, tx: Tx, slug: str, by: Voter, draft: Draft, *, personal: bool = False, authors: Iterable[str] = ()
    ) -> Submitted:
        """Published at once if she may and nobody else has to agree, else kept as a draft that waits.

        `personal`: the data may be about persons (or the draft says so), so data protection has to agree. `authors`
        wrote parts of it: with her they are the first of two. Raises Mistake as publishing does, and if nobody could
        ever agree.
        """
        require_active(tx, slug)
        if by.roles.isdisjoint({"steward", "publisher"}):
            raise Mistake("approvals.role")
        templates, title, known = self._about(tx, slug, draft)
        standing = self._approvals.rules.strictest(tx, slug, templates, personal=personal or known)
        stewards, protection = _wanted(standing, by)
        if not stewards and not protection:
            return Submitted(self._publish(tx, slug, draft), None)
        if not isinstance(draft, ChangedDataset):
            self._catalogue.hold(tx, slug, draft.wish.source)
        tried = nested(tx, self._try, slug, draft)
        if not isinstance(tried, _Tried):
            raise tried
        dataset = "" if isinstance(draft, NewDataset) else self._catalogue.life.show(tx, slug, draft.dataset)[0].id
        draft = self._pinned(tx, slug, draft)
        asked = Asked(
            subject="publication",
            title=title,
            dataset=dataset,
            template=standing.template or templates[0],
            draft=msgspec.json.encode(draft).decode(),
            terms=tried.terms,
        )
        written = " ".join(dict.fromkeys([by.who, *authors])).strip()
        return Submitted(None, self._approvals.open(tx, slug, asked, standing, stewards, protection, drafter=written))

    def yes(
        self, tx: Tx, slug: str, approval_id: str, voter: Voter, part: Part | None = None
    ) -> tuple[ApprovalRow, Dataset | None]:
        """Her yes, and what is published if it was the last one, but for imports, which may be many; raises as
        `Approvals.yes` and as publishing does."""
        before = self._approvals.get(tx, slug, approval_id)
        if import_draft(before) is not None:  # a run may be ending
            one_after_another(tx, slug)
        one = self._approvals.yes(tx, slug, approval_id, voter, part)
        if one.subject != "publication" or one.ballot.state != "approved" or before.ballot.state == "approved":
            return one, None
        imported = import_draft(one)
        if imported is not None:
            self._imports.approved(tx, slug, imported, one)
            return one, None
        self._require_still(tx, slug, one)
        made, terms = self._publish_under(tx, slug, drafted(one))
        if terms != one.terms:
            raise Mistake("approvals.other-terms")
        return self._approvals.note_dataset(tx, one, made.id), made

    def _require_still(self, tx: Tx, slug: str, one: ApprovalRow) -> None:
        """Raises Mistake where the rule in force now asks for more than it asked when the draft was submitted."""
        templates, _, personal = self._about(tx, slug, drafted(one))
        rule = self._approvals.rules.strictest(tx, slug, templates, personal=personal)
        if decide.falls_short(one.ballot, int(rule.people == "two"), int(rule.protection)):
            raise Mistake("approvals.stricter")

    def other_terms(self, tx: Tx, slug: str, approval_id: str) -> Mistake | None:
        """What a last yes to a draft would be refused with, if its data would be offered under other terms by now; it
        is tried in a part of the transaction that is undone. None where it would not, and for all that is no draft."""
        one = self._approvals.get(tx, slug, approval_id)
        if one.subject != "publication" or one.ballot.state != "open" or import_draft(one) is not None:
            return None
        tried = nested(tx, self._try, slug, drafted(one))
        return Mistake("approvals.other-terms") if isinstance(tried, _Tried) and tried.terms != one.terms else None

    def comparison(self, tx: Tx, slug: str, one: ApprovalRow) -> Comparison:
        """What it would change, beside what is published now; raises Mistake if that cannot be told."""
        draft = drafted(one)
        if isinstance(draft, NewDataset):
            wish = draft.wish
            after = describe.described(describe.NOTHING, wish)
            rule = (wish.rule, wish.slots) if wish.rule else None
            return Comparison(kind="new", before=None, after=after, rule=rule, standing=(), new_bytes=bool(wish.source))
        dataset, _, offers = self._catalogue.life.show(tx, slug, draft.dataset)
        after = describe.described(dataset.record, draft.wish)
        if isinstance(draft, ReplacedDataset):
            return Comparison(
                kind="replace", before=dataset.record, after=after, rule=None, standing=tuple(offers), new_bytes=True
            )
        rule = (draft.wish.rule, draft.wish.slots) if draft.wish.rule else None
        return Comparison(
            kind="change", before=dataset.record, after=after, rule=rule, standing=tuple(offers), new_bytes=False
        )

    def offered_to(self, tx: Tx, slug: str, iris: Sequence[str]) -> list[tuple[list[str], bool]]:
        """Of each draft that waits and would offer to a group with one of these IRIs, by a rule of its own or by an
        offer that stands: the templates that it falls under, and whether its data may be about persons."""
        found = list[tuple[list[str], bool]]()
        for one in store.open_drafts(tx, slug):
            if import_draft(one) is None and _named(self._policies(tx, slug, drafted(one)), iris):
                templates, _, personal = self._about(tx, slug, drafted(one))
                found.append((templates, personal or one.ballot.protection > 0))
        return found

    def _about(self, tx: Tx, slug: str, draft: Draft) -> tuple[list[str], str, bool]:
        """Under which templates it is or will be, at least one; its title; whether it may be about persons."""
        if isinstance(draft, NewDataset):
            personal = draft.wish.personal or self._catalogue.life.known_personal(tx, slug, draft.wish.source)
            return [falls_under(draft.wish.rule, draft.wish.access)], draft.wish.title, personal
        dataset, _, _ = self._catalogue.life.show(tx, slug, draft.dataset)
        template = falls_under(draft.wish.rule, draft.wish.access) if isinstance(draft, ChangedDataset) else ""
        named = [template] if template else []
        personal = dataset.personal
        if isinstance(draft, ReplacedDataset):
            known = self._catalogue.life.known_personal(tx, slug, draft.wish.source)
            personal = personal or draft.wish.personal or known
        return [*named, *self._catalogue.life.templates(tx, slug, dataset)], dataset.title, personal

    def _policies(self, tx: Tx, slug: str, draft: Draft) -> list[Mapping[str, object]]:
        """Under which its data would be offered: the rule that it would make, else what stands."""
        if isinstance(draft, NewDataset) or (isinstance(draft, ChangedDataset) and draft.wish.rule):
            return [_policy(draft.wish)]
        return [one.policy for one in self._catalogue.life.show(tx, slug, draft.dataset)[2]]

    def _pinned(self, tx: Tx, slug: str, draft: Draft) -> Draft:
        """With the revision that it was written for: of two changes at once neither is lost."""
        if isinstance(draft, NewDataset):
            return draft
        dataset, _, _ = self._catalogue.life.show(tx, slug, draft.dataset)
        if draft.wish.revision is not None:
            return draft
        if isinstance(draft, ChangedDataset):
            return replace(draft, wish=replace(draft.wish, revision=dataset.revision))
        return replace(draft, wish=replace(draft.wish, revision=dataset.revision))

    def _try(self, tx: Tx, slug: str, draft: Draft) -> NoReturn:
        raise _Tried(self._publish_under(tx, slug, draft)[1])

    def _publish_under(self, tx: Tx, slug: str, draft: Draft) -> tuple[Dataset, str]:
        """What is published, with a digest over all offers on it then, those that stood before too: their policies, who
        sees them, and whether two sign. Empty: it is offered under none."""
        made = self._publish(tx, slug, draft)
        offers = self._catalogue.life.show(tx, slug, made.id)[2]
        terms = "\n".join(sorted(f"{one.digest} {one.visibility} {one.countersignature}" for one in offers))
        return made, sha256(terms.encode()).hexdigest() if terms else ""

    def _publish(self, tx: Tx, slug: str, draft: Draft) -> Dataset:
        match draft:
            case NewDataset(wish):
                return self._catalogue.publish(tx, slug, wish, released=True)[0]
            case ChangedDataset(dataset, wish):
                return self._catalogue.life.change(tx, slug, dataset, wish, released=True)
            case ReplacedDataset(dataset, wish):
                return self._catalogue.life.replace(tx, slug, dataset, wish, released=True)


def _policy(wish: Publication | DatasetChange) -> Mapping[str, object]:
    """The rule that it would make; nothing where it makes none, or none that could be published."""
    if not wish.rule:
        return {}
    try:
        return fill(wish.rule, wish.slots)
    except Mistake:
        return {}


def _named(part: Any, iris: Sequence[str]) -> bool:
    """Whether one of these stands anywhere in it."""
    if isinstance(part, Mapping):
        return any(_named(one, iris) for one in part.values())
    if isinstance(part, list | tuple):
        return any(_named(one, iris) for one in part)
    return part in iris


def drafted(one: ApprovalRow) -> Draft:
    """What was submitted."""
    draft: Draft = msgspec.json.decode(one.draft or "", type=Draft)
    return draft


def drafts(tx: Tx, slug: str, who: str) -> list[ApprovalRow]:
    """What she has submitted and nobody has decided yet."""
    return [one for one in store.open_ones(tx, slug) if who in one.ballot.authors and one.subject == "publication"]


def _wanted(rule: ApprovalRule, by: Voter) -> tuple[int, int]:
    """How many besides her have to agree: two people are her and somebody else; who may only draft needs a steward."""
    alone = "steward" in by.roles and PEOPLE[rule.people] < 2
    return int(not alone), int(rule.protection)
