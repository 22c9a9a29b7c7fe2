"""What there is to tell about spaces: an application or a merger that waits, a second person that is
needed, what became of us.

As with all causes, each has a name that it alone has, also after a move, where entries of the log have other numbers:
whom the list of a space suspends or renews hears it once.
"""

from collections.abc import Callable, Container, Iterator

from connector.dataspace.spaces import news, recovery_store, store
from connector.dataspace.spaces.keeping import overview
from connector.dataspace.spaces.keeping.overview import MergerLine, SealLine
from connector.dataspace.spaces.news import Event, MergerEvent
from connector.foundation.clock import rfc3339
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Tx
from connector.identity.participants.service import Hosted
from connector.identity.trust.members.forks import FORK
from connector.oversight.notifications.model import Cause, Notification, told

DAY_MS = 86_400_000
ENDS_MS = 30 * DAY_MS
WEEK_MS = 7 * DAY_MS
"""People who renew members are reminded so often, while any membership ends soon."""
STEWARDS = frozenset({"steward"})
CAUSES: dict[Event, Cause] = {
    "member": "space-member",
    "refused": "space-refused",
    "ended": "space-ended",
    "suspended": "space-suspended",
    "resumed": "space-resumed",
    "renewed": "space-renewed",
    "seal listed": "seal-listed",
    "seal refused": "seal-refused",
}
MERGERS: dict[MergerEvent, Cause] = {
    "merger asked": "merger-asked",
    "merger withdrawn": "merger-withdrawn",
    "merger lapsed": "merger-lapsed",
    "merged": "merged",
    "not merged": "not-merged",
}
SEALS: frozenset[Event] = frozenset({"seal listed", "seal refused"})
Names = Callable[[str, str], str]
"""What the lists call a DID that count for a participant of ours (its DID comes second)."""
Holding = Callable[[Tx, str, str], frozenset[str]]
"""The pseudonyms of those who have a role at a participant."""


def often(
    tx: Tx, hosted: Hosted, since: int, holding: Holding, known: Container[str], name_of: Names
) -> Iterator[Notification]:
    """What a minute matters for."""
    slug, own = hosted.participant.id, hosted.participant.did
    for one in overview.waiting(tx, slug):
        facts = {"title": plain(one.name, 200), "until": rfc3339(one.due_at)}
        if f"application:{one.id}" not in known:
            yield told("application", one.id, facts, STEWARDS, tx.now)
        second = f"second:{one.id}:{len(one.votes)}"
        if one.votes and one.missing and second not in known:
            others = holding(tx, slug, "steward") - {vote.who for vote in one.votes}
            yield told("second", one.id, facts, others, tx.now, str(len(one.votes)))
    for waits in overview.mergers(tx, slug):
        yield from _merger(tx, slug, waits, holding, known)
    for seal in overview.seals(tx, slug):
        yield from _seal(tx, slug, seal, holding, known)
    yield from _lost(tx, slug)
    memberships, mergers, lists, rules = news.news(tx, slug, since)
    for each in memberships:
        facts = {"title": plain(each.name, 200)}
        if each.event == "renewed":
            facts["until"] = "" if each.until is None else rfc3339(each.until)
        audience = STEWARDS | {"admin"} if each.event in SEALS else STEWARDS
        if each.event in SEALS:
            facts["reason"] = plain(each.reason, 200) or "-"
        yield told(CAUSES[each.event], each.space, facts, audience, tx.now, f"{each.sha256}{each.at}")
    for said in mergers:
        facts = {
            "title": plain(name_of(said.member, own), 200),
            "whole": plain(name_of(said.into, own), 200),
            "space": plain(said.name, 200),
        }
        yield told(MERGERS[said.event], said.space, facts, STEWARDS, tx.now, f"{said.member}:{said.at}")
    for changed in rules:
        facts = {"count": changed.approvals}
        yield told("space-rules", "", facts, STEWARDS | {"admin"}, tx.now, str(changed.at))
    for group in news.asked(tx, slug):
        facts = {"title": news.label(group), "space": plain(group.space, 200)}
        yield told("group-asked", group.group, facts, STEWARDS, tx.now, str(group.at))
    for false in lists:
        if false.code == news.UNSHOWN:  # one member's word, which is for whoever keeps the process running
            continue
        cause: Cause = "space-forked" if false.code == FORK else "space-alarm"
        facts = {"title": plain(false.name, 200)}
        yield told(cause, false.space, facts, STEWARDS | {"admin"}, tx.now, f"{false.code}:{false.at // DAY_MS}")


def _lost(tx: Tx, slug: str) -> Iterator[Notification]:
    """Once a day, for members go by a list that runs out."""
    since, space = recovery_store.open_since(tx, slug), store.space(tx, slug)
    if since is not None and space is not None:
        facts = {"title": plain(space.name, 200)}
        day = f"{since}:{tx.now // DAY_MS}"
        yield told("list-lost", space.space, facts, STEWARDS | {"admin"}, tx.now, day)


def _seal(tx: Tx, slug: str, one: SealLine, holding: Holding, known: Container[str]) -> Iterator[Notification]:
    """Of a member once a day, however many it names, and how often; what is named anew is asked for anew."""
    facts = {"title": plain(one.name, 200)}
    first = told("seal", one.did, facts, STEWARDS, tx.now, str(one.asked_at // DAY_MS))
    if first.name not in known:
        yield first
    second = f"{one.asked_at}:{len(one.votes)}"
    if one.votes and one.missing and f"seal-second:{one.subject}:{second}" not in known:
        others = holding(tx, slug, "steward") - {vote.who for vote in one.votes}
        yield told("seal-second", one.subject, facts, others, tx.now, second)


def _merger(tx: Tx, slug: str, one: MergerLine, holding: Holding, known: Container[str]) -> Iterator[Notification]:
    """What a member says anew is another merger, told anew."""
    facts = {"title": plain(one.name, 200), "whole": plain(one.whole, 200), "until": rfc3339(one.due_at)}
    first = told("merger", one.did, facts, STEWARDS, tx.now, str(one.asked_at))
    if first.name not in known:
        yield first
    second = f"{one.asked_at}:{len(one.votes)}"
    if one.votes and one.missing and f"merger-second:{one.did}:{second}" not in known:
        others = holding(tx, slug, "steward") - {vote.who for vote in one.votes}
        yield told("merger-second", one.did, facts, others, tx.now, second)


def seldom(tx: Tx, hosted: Hosted) -> Iterator[Notification]:
    """What has days: memberships of ours that end, and those of others that people of ours have to renew."""
    slug = hosted.participant.id
    for one in news.ending(tx, slug, tx.now + ENDS_MS):
        facts = {"title": plain(one.name, 200), "until": rfc3339(one.until)}
        yield told("space-ends", one.space, facts, STEWARDS, tx.now, str(one.until))
    space = store.space(tx, slug)
    if space is not None and space.rules.renewal == "people":
        ending = overview.ending(space, overview.members(tx, slug), tx.now)
        if ending:
            facts = {"count": str(len(ending)), "until": rfc3339(ending[0].until or 0)}
            yield told("renewals", "", facts, STEWARDS, tx.now, str(tx.now // WEEK_MS))
