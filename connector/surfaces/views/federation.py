"""Our copies of the catalogues of members: how old, how many, since when a member is silent, what is set aside."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from connector.data.federation.model import CrawlResult, SetAside
from connector.data.federation.service import MemberCopies
from connector.foundation.clock import rfc3339
from connector.foundation.language.reasons import because, plain
from connector.surfaces.views.fields import Sentences, Time, explanation, sentences, time

SHOWN = 100
"""Datasets that are set aside and named, of one member; `set_aside_count` says how many there are."""
CopyState = Literal["good", "part", "silent", "never"]
Outcome = Literal["read", "unchanged", "doubted", "failed"]


class SetAsideView(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset that a member shows and that cannot be used; an older copy of it is still found."""

    dataset: str
    reason: Sentences


class MemberCopiesView(msgspec.Struct, frozen=True, kw_only=True):
    """The copy of one member's catalogue. `state`: `good` read to its end the last time; `part` not all of it; `silent`
    if the last reading failed (`silent_since`, `reason`); `never` read yet.

    `age_s`: seconds since it was read to its end. `form`: `inventory`, `catalogue`, empty before the first reading.
    """

    member: str
    name: str
    state: CopyState
    form: str
    datasets: int
    complete: Time | None
    age_s: int | None
    silent_since: Time | None
    reason: Sentences | None
    due: Time
    set_aside_count: int
    set_aside: Annotated[list[SetAsideView], Meta(description=f"The first {SHOWN} by their ids.")]


class FederationView(msgspec.Struct, frozen=True):
    """Of all members that are asked, in the order of their DIDs."""

    members: list[MemberCopiesView]


class RefreshedView(msgspec.Struct, frozen=True, kw_only=True):
    """How one reading went: datasets that it lists, that were fetched anew, that are not shown any more, that are set
    aside.

    `doubted`: so much was missing that it has to be heard again; nothing is forgotten yet.
    """

    member: str
    name: str
    outcome: Outcome
    listed: int
    fetched: int
    gone: int
    set_aside: int
    reason: Sentences | None


def member_copies(one: MemberCopies, name: str, now: int) -> MemberCopiesView:
    """`now` in milliseconds."""
    reason = None if one.code is None else _sentences(one.code, one.facts)
    return MemberCopiesView(
        member=one.provider,
        name=name,
        state=state_of(one),
        form=one.form,
        datasets=one.datasets,
        complete=time(one.complete_at),
        age_s=None if one.complete_at is None else max(0, now - one.complete_at) // 1000,
        silent_since=time(one.silent_since),
        reason=reason,
        due=rfc3339(one.due_at),
        set_aside_count=len(one.set_aside),
        set_aside=[_aside(each) for each in one.set_aside[:SHOWN]],
    )


def refreshed(one: CrawlResult, name: str) -> RefreshedView:
    outcome: Outcome = "read"
    if one.error is not None:
        outcome = "failed"
    elif one.doubted or one.unchanged:
        outcome = "doubted" if one.doubted else "unchanged"
    return RefreshedView(
        member=one.provider,
        name=name,
        outcome=outcome,
        listed=one.listed,
        fetched=one.fetched,
        gone=one.gone,
        set_aside=one.set_aside,
        reason=None if one.error is None else explanation(one.error),
    )


def state_of(one: MemberCopies) -> CopyState:
    if one.silent_since is not None:
        return "silent"
    if one.complete_at is None and one.partial_at is None:
        return "never"
    return "part" if one.partial_at is not None else "good"


def _aside(one: SetAside) -> SetAsideView:
    return SetAsideView(dataset=plain(one.dataset, 512), reason=_sentences(one.code, one.facts))


def _sentences(code: str, facts: Mapping[str, object]) -> Sentences:
    """Facts were kept as texts of strangers."""
    return sentences(because(code, **{name: plain(str(fact), 200) for name, fact in facts.items()}))
