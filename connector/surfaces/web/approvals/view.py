"""What an approval is about, in sentences: what a draft changes, what a contract permits, who asks, who gives what.

Whatever a partner or a file brought stands in them as text.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from connector.data.approvals.imports import ImportDraft, LetGo
from connector.data.approvals.model import ApprovalRow, ApprovalRule, PendingChange, Subject
from connector.data.approvals.publications import Comparison, NewDataset, drafted
from connector.data.catalogue import concepts
from connector.data.catalogue.model import Dataset, Offer
from connector.data.catalogue.templates.templates import fill, template
from connector.data.drafts.model import Draft
from connector.data.harvest import waiting
from connector.exchange.contracts.document import clause_diff
from connector.exchange.contracts.model import NegotiationRow
from connector.foundation.errors import Mistake
from connector.foundation.language.reasons import plain
from connector.identity.accounts.model import Member
from connector.identity.trust.members.trust_list import Anchor
from connector.kernel.metadata.lists.code_lists import code_lists
from connector.kernel.metadata.record.model import DatasetRecord
from connector.kernel.policy.engine import PolicyEngine
from connector.surfaces.views.dataset_life import differences
from connector.surfaces.views.terms import clauses
from connector.surfaces.web.call import Call
from connector.surfaces.web.publish.view import hints
from connector.surfaces.web.render import size_text

LONGEST = 600
"""Characters of a value in a sentence."""


class Line(Struct, frozen=True):
    """A sentence; `badge` how the clause is kept, `change` what became of it: kept, changed, added, dropped."""

    text: str
    badge: str = ""
    change: str = ""
    before: str = ""
    level: int = 0


class About(Struct, frozen=True, kw_only=True):
    """`facts` are pairs of name and text; `changes` compare with what is published; `terms` are the clauses.

    `earlier` and `later` are further pages of them. `whole`: all of the terms can be said in sentences; without, nobody
    agrees to them here.
    """

    facts: list[tuple[str, str]]
    changes: list[Line]
    terms: list[Line]
    whole: bool = True
    wider: bool = False
    earlier: str = ""
    later: str = ""


def terms(call: Call, engine: PolicyEngine, policy: Mapping[str, Any]) -> list[Line]:
    """The clauses with their badges; empty if they cannot be said completely."""
    return [Line(one.text[call.lang], one.badge, level=one.level) for one in clauses(engine, policy)]


def compared(call: Call, engine: PolicyEngine, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Line]:
    """Clause by clause what differs; empty if nothing does."""
    rows = clause_diff.compare(clause_diff.clauses(engine, old), clause_diff.clauses(engine, new))
    found = []
    for row in rows:
        if row.change == "kept":
            continue
        now, before = row.after or row.before, row.before if row.change == "changed" else None
        if now is not None:
            said = now.de if call.lang == "de" else now.en
            was = "" if before is None else (before.de if call.lang == "de" else before.en)
            found.append(Line(said, now.badge, row.change, was))
    return found


def publication(
    call: Call, engine: PolicyEngine, row: ApprovalRow, found: Comparison, begun: Draft | None = None
) -> About:
    """A draft: what it changes of what is published, or all that it says of something new; with both the file, who will
    see it, and what was found in it of persons and answered to that (`begun`)."""
    new = found.before is None
    empty = found.after if found.before is None else found.before
    rows = differences(empty, found.after) if not new else []
    changes = [_changed(call, one.field, one.before, one.after) for one in rows]
    facts = []
    if new:
        from_nothing = differences(type(found.after)(title={}), found.after)
        facts = [(call.say(f"web.approvals.field.{one.field}"), _value(call, one.after)) for one in from_nothing]
    facts += _file(call, row, begun)
    if found.new_bytes and not new:
        changes.append(Line(call.say("web.approvals.new-bytes"), change="changed"))
    policy = _policy(found)
    if policy is not None and found.standing and found.rule is not None:
        changes += compared(call, engine, found.standing[0].policy, policy)
    said = terms(call, engine, policy) if policy is not None else []
    return About(facts=facts, changes=changes, terms=said, whole=policy is None or bool(said))


def imported(
    call: Call, row: ApprovalRow, draft: ImportDraft, found: waiting.WaitingSet | None, shown: Sequence[waiting.Shown]
) -> About:
    """What waits of a source, one line a dataset, as many as are shown at once; `found` is None once it is decided.

    Raises Mistake where something else waits by now.
    """
    facts = [(call.say("web.approvals.source"), plain(draft.source, LONGEST))]
    if isinstance(draft, LetGo):
        return About(facts=facts, changes=[], terms=[])
    facts.append((call.say("web.approvals.datasets"), str(draft.count)))
    if found is not None and found.digest != draft.digest:
        raise Mistake("harvest.waiting-changed")
    place, after = call.at("approvals", row.id), shown[-1].iri if shown else ""
    full = len(shown) == waiting.SHOWN
    return About(
        facts=facts,
        changes=[_record(call, one) for one in shown],
        terms=[],
        earlier=place if call.query("after") else "",
        later=f"{place}?{urlencode({'after': after})}" if full else "",
    )


def _record(call: Call, one: waiting.Shown) -> Line:
    """A dataset with all that is said of it, or all that changes."""
    if one.before is None:
        said = [_said(call, each.field, each.after) for each in differences(DatasetRecord(title={}), one.after)]
    else:
        said = [_changed(call, each.field, each.before, each.after).text for each in differences(one.before, one.after)]
    title = plain(_text(call, one.after.title), LONGEST) or plain(one.iri, LONGEST)
    name = "new" if one.before is None else ("changed" if said else "unsaid")
    facts = {"title": title, "iri": plain(one.iri, LONGEST), "said": " ".join(said)}
    return Line(call.say(f"web.approvals.import.{name}", **facts), change="added" if one.before is None else "changed")


def contract(
    call: Call,
    engine: PolicyEngine,
    anchor: Anchor,
    case: NegotiationRow,
    dataset: Dataset | None,
    offers: Sequence[Offer],
    now: int,
) -> About:
    """Somebody asks for an offer of ours: who, what for, what we give, and where it is not what we published."""
    offered = next((one for one in offers if one.id == case.offer), None)
    said = terms(call, engine, case.policy)
    facts = [*_partner(call, anchor, case.counterparty, now), *_purpose(call, case)]
    given = _given(call, case, dataset)
    changes = [] if offered is None else compared(call, engine, offered.policy, case.policy)
    return About(
        facts=[*facts, (call.say("web.approvals.we-give"), given)], changes=changes, terms=said, whole=bool(said)
    )


def offer(call: Call, engine: PolicyEngine, anchor: Anchor, case: NegotiationRow, described: str, now: int) -> About:
    """Terms of a partner's: who it is, what we get, and what they are."""
    said = terms(call, engine, case.policy)
    got = plain(case.title or described or case.dataset, LONGEST)
    facts = [
        *_partner(call, anchor, case.counterparty, now),
        (call.say("web.approvals.we-get"), got),
        *_purpose(call, case),
    ]
    if described and described != got:
        facts.append((call.say("web.approvals.field.description"), plain(described, LONGEST)))
    return About(facts=facts, changes=[], terms=said, whole=bool(said))


def sentence(call: Call, rule: ApprovalRule) -> str:
    """A rule as people read it."""
    what = (
        call.say("web.approvals.rule.by-template", title=template_title(call, rule.template))
        if rule.template
        else call.say("web.approvals.rule.all")
    )
    text = call.say(f"web.approvals.rule.{rule.subject}-{rule.people}", what=what)
    if rule.protection:
        text += " " + call.say("web.approvals.rule.protection")
    if rule.days and (rule.people != "none" or rule.protection):
        text += " " + call.say("web.approvals.rule.days", days=rule.days)
    return text


class Pending(Struct, frozen=True, kw_only=True):
    """A change of a rule that waits. `missing` are the roles in which somebody has to agree still; `may`: whether she
    who looks may agree."""

    id: str
    before: str
    after: str
    by: str
    at: int
    missing: list[str]
    own: bool
    may: bool


def pending(call: Call, one: PendingChange, names: Mapping[str, str]) -> Pending:
    """A change that waits, with what holds now and what would."""
    proposal, voter = one.proposal, call.voter
    own, said = voter.who == proposal.proposed_by, voter.who in (proposal.admin, proposal.officer)
    return Pending(
        id=proposal.id,
        before=sentence(call, one.before),
        after=sentence(call, one.after),
        by=names.get(proposal.proposed_by, "") or call.say("web.approvals.somebody"),
        at=proposal.proposed_at,
        missing=sorted(one.missing),
        own=own,
        may=not own and not said and bool(one.missing & voter.roles),
    )


def named(rules: Iterable[ApprovalRule], pending: Iterable[PendingChange]) -> set[str]:
    """Whom the page of the rules names."""
    return {who for rule in rules for who in (rule.responsible, rule.deputy)} | {
        one.proposal.proposed_by for one in pending
    }


def alone(members: Iterable[Member]) -> list[str]:
    """The roles that four eyes need twice and fewer than two people have."""
    held = Counter(role for one in members for role in one.roles)
    return [role for role in ("steward", "admin") if held[role] < 2]


def template_title(call: Call, template_id: str) -> str:
    """What a rule template is called; its id if it is none of ours any more."""
    try:
        return template(template_id).title[call.lang] if template_id else ""
    except Mistake:
        return template_id


def subjects(call: Call) -> list[tuple[Subject, str]]:
    return [(one, call.say(f"web.approvals.about.{one}")) for one in ("publication", "contract", "offer")]


def _file(call: Call, row: ApprovalRow, begun: Draft | None) -> list[tuple[str, str]]:
    """Nobody agrees to a file of which she knows nothing, nor to an answer about persons that nobody showed her."""
    draft, facts = drafted(row), list[tuple[str, str]]()
    if begun is not None:
        size = size_text(call.lang, begun.bytes)
        rows = 0 if begun.reading is None else begun.reading.rows
        name = plain(begun.name, LONGEST)
        facts.append(
            (call.say("web.approvals.file"), call.say("web.approvals.file-of", name=name, size=size, rows=rows))
        )
    if isinstance(draft, NewDataset):
        if draft.wish.rule:
            facts.append(
                (call.say("web.approvals.shown"), call.say(f"web.datasets.visibility.{draft.wish.visibility}"))
            )
        if draft.wish.personal:
            facts.append((call.say("web.approvals.persons"), call.say("web.approvals.persons-said")))
    if begun is not None:
        facts += [
            (call.say("web.approvals.persons-in", where=plain(hint.where, 120)), f"{hint.why} {hint.answered}")
            for hint in hints(call, begun)
        ]
    return facts


def _policy(found: Comparison) -> Mapping[str, Any] | None:
    if found.rule is not None:
        return fill(*found.rule)
    return found.standing[0].policy if found.standing else None


def _said(call: Call, field: str, value: object) -> str:
    """What something new says: nothing was there before."""
    return call.say("web.approvals.change.new", field=call.say(f"web.approvals.field.{field}"), new=_value(call, value))


def _changed(call: Call, field: str, before: object, after: object) -> Line:
    name = call.say(f"web.approvals.field.{field}")
    old, new = _value(call, before), _value(call, after)
    if not old:
        return Line(call.say("web.approvals.change.added", field=name, new=new), change="added")
    if not new:
        return Line(call.say("web.approvals.change.dropped", field=name, old=old), change="dropped")
    return Line(call.say("web.approvals.change.changed", field=name, old=old, new=new), change="changed")


def _value(call: Call, value: object) -> str:
    """A value of a record as text: labels for what is listed, German or English where there is a choice."""
    return plain(_text(call, value), LONGEST)


def _text(call: Call, value: object) -> str:
    match value:
        case None | False:
            return ""
        case True:
            return call.say("web.approvals.yes")
        case str():
            if value in ("open", "announced", "contract"):
                return call.say(f"web.approvals.access.{value}")
            return code_lists().label(value, call.lang) or value
        case dict():
            languages = {"de", "en"} & value.keys()
            if languages and all(isinstance(key, str) and len(key) <= 7 for key in value):
                return _text(call, value.get(call.lang) or value.get("de") or next(iter(value.values())))
            return ", ".join(part for part in (_text(call, one) for one in value.values()) if part)
        case list() | tuple():
            return ", ".join(part for part in (_text(call, one) for one in value) if part)
        case _:
            return str(value)


def _partner(call: Call, anchor: Anchor, did: str, now: int) -> list[tuple[str, str]]:
    """What the lists vouch for that count for her participant; what others of the process joined vouches for nobody."""
    entry = anchor.entry_for(call.town.did, did)
    if entry is None:
        return [(call.say("web.approvals.partner"), call.say("web.approvals.unlisted"))]
    kind = concepts.label(entry.kind)[call.lang]
    groups = ", ".join(plain(one.rpartition("/")[2], 80) for one in entry.groups)
    vouched = call.say("web.approvals.vouched" if entry.admitted(now) else "web.approvals.not-vouched")
    facts = [
        (call.say("web.approvals.partner"), f"{plain(entry.name, 200)} ({plain(kind, 100)})"),
        (call.say("web.approvals.evidence"), vouched),
    ]
    return [*facts, (call.say("web.approvals.groups"), groups)] if groups else facts


def _purpose(call: Call, case: NegotiationRow) -> list[tuple[str, str]]:
    said = "" if case.purpose is None else plain(concepts.label(case.purpose)[call.lang], 200)
    return [(call.say("web.approvals.purpose"), said or call.say("web.approvals.no-purpose"))]


def _given(call: Call, case: NegotiationRow, dataset: Dataset | None) -> str:
    title = plain(case.title, 300) if dataset is None else dataset.title
    if dataset is None:
        return title
    name, size = str(dataset.document.get("name") or ""), dataset.document.get("bytes")
    return ", ".join(part for part in (title, name, size_text(call.lang, size) if size else "") if part)
