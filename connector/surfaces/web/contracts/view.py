"""What a contract is to people: lines of lists and sentences, made of the values that every surface shows."""

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

from connector.data.approvals.service import Approvals
from connector.exchange.contracts.approval import Joint
from connector.exchange.contracts.evidence import approvals as approvals_signed
from connector.exchange.contracts.model import Agreement, NegotiationRow
from connector.exchange.transfer.duties import DutyNow
from connector.exchange.transfer.model import TransferRow
from connector.foundation.language import local_end
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Tx
from connector.identity.accounts.directory import Directory
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.days import read_day
from connector.surfaces.views import status
from connector.surfaces.views.agreement import AgreementView
from connector.surfaces.views.duty import duty as duty_view
from connector.surfaces.views.termination import LifeView, TerminationView
from connector.surfaces.views.terms import clauses
from connector.surfaces.web.call import Call
from connector.verify.formats.people import Person

TONES: Final = {"good": "success", "waiting": "info", "attention": "warning", "over": "info"}
"""Of a badge, by how much a state asks of whoever reads it."""
SIGNABLE: Final = frozenset({"open", "refused", "failed", "unconfirmed"})
"""How far our signature has got when a person may give it (again)."""


class Row(Struct, frozen=True, kw_only=True):
    """A line of the list; `since` and `until` are texts, `badge` the kind of the state's word."""

    href: str
    title: str
    partner: str
    role: str
    since: str
    until: str
    state: str
    badge: str
    by: str


class Clause(Struct, frozen=True):
    text: str
    badge: str
    level: int
    why: str


class Delivery(Struct, frozen=True, kw_only=True):
    at: int
    state: str
    badge: str
    size: int


class Owed(Struct, frozen=True, kw_only=True):
    """A duty: in words, who owes it, until when, how it stands; `rule` and `action` name it for the form."""

    text: str
    whose: str
    due: int | None
    state: str
    badge: str
    rule: str
    action: str
    ours: bool


def row(call: Call, one: AgreementView, by: str) -> Row:
    until = one.ended or (None if one.notice is None else one.notice.effective) or one.expires
    return Row(
        href=call.at("contracts", bare(one.agreement)),
        title=one.title or one.dataset,
        partner=one.partner,
        role=call.say(f"web.contracts.role.{one.role}"),
        since=_moment(call, one.created),
        until=_end(call, one, until),
        state=one.status.text[call.lang],
        badge=TONES[one.status.tone],
        by=by,
    )


def part_of(call: Call, life: LifeView) -> str:
    """The name of the town that the partner is part of by law; empty if of none."""
    if life.part_of is None or (day := read_day(life.part_of.since)) is None:
        return ""
    said = call.say("policy.format.day", at=day, year=day.year)
    return call.say("web.contracts.part-of", partner=life.partner, whole=life.part_of.name, day=said)


def terms(call: Call, engine: PolicyEngine, agreement: Agreement) -> list[Clause]:
    return [
        Clause(
            call.in_words(one.text[call.lang]),
            one.badge,
            one.level,
            " ".join(one.notes.get(call.lang, [])),
        )
        for one in clauses(engine, agreement.policy)
    ]


def delivery(call: Call, one: TransferRow) -> Delivery:
    found = status.transfer(one.shown, one.outcome)
    return Delivery(at=one.changed_at, state=found.text[call.lang], badge=TONES[found.tone], size=one.bytes)


def owed(call: Call, engine: PolicyEngine, one: DutyNow) -> Owed:
    shown = duty_view(engine, one)
    done = one.state in ("fulfilled", "healed")
    state = one.state if one.active or done else "later"
    badge = "success" if done else "danger" if one.state == "violated" else "info"
    return Owed(
        text=shown.label[call.lang],
        whose=call.say("web.contracts.ours" if one.owed else "web.contracts.theirs"),
        due=one.due_at,
        state=call.say(f"web.contracts.duty.{state}"),
        badge=badge,
        rule=one.rule,
        action=one.action,
        ours=one.owed and one.active and not done,
    )


def ending(call: Call, one: TerminationView) -> str:
    """A statement of an end, in a sentence."""
    who = call.say("web.contracts.us" if one.ours else "web.contracts.them")
    return call.say("web.contracts.stated", who=who, at=one.at, effective=one.effective, reason=one.reason[call.lang])


def delivered(call: Call, one: TerminationView) -> str:
    """How our statement fares on its way to the partner; empty for one of the partner's."""
    return call.say(f"web.contracts.answer.{one.answer}") if one.ours else ""


def approved_by(tx: Tx, call: Call, approvals: Approvals, people: Directory, case: NegotiationRow | None) -> list[str]:
    """Who of ours agreed, by name and part, and how many where there are several; a rule, or somebody on another way,
    where nobody did in the desk."""
    if case is None:
        return []
    if isinstance(case.approval, Joint):
        unsure = _unconfirmed(tx, call, people, [one.pseudonym for one in case.approval.people])
        named = ((people.name(tx, call.slug, one.pseudonym) or one.pseudonym, one) for one in case.approval.people)
        return [*_together(call, list(named)), *unsure]
    held = approvals.of_process(tx, call.slug, case.id)
    if held is not None and held.ballot.state == "approved":
        return [
            call.say(
                f"web.contracts.approved.{vote.part}",
                name=people.name(tx, call.slug, vote.who) or call.say("web.contracts.unnamed"),
            )
            for vote in held.ballot.votes
        ] + _unconfirmed(tx, call, people, [vote.who for vote in held.ballot.votes])
    if case.approval is not None:
        name = people.name(tx, call.slug, case.approval.pseudonym) or case.approval.pseudonym
        said = call.say("web.contracts.approved.person", name=name, role=plain(case.approval.role, 80))
        return [said, *_unconfirmed(tx, call, people, [case.approval.pseudonym])]
    return [call.say(f"web.contracts.approved.rule-{case.kernel.role}")]


def _unconfirmed(tx: Tx, call: Call, people: Directory, pseudonyms: list[str]) -> list[str]:
    """That nobody but the people themselves stands for these names, if it is so."""
    names = people.unconfirmed(tx, call.slug, pseudonyms)
    return [call.say("web.approvals.unconfirmed", names=", ".join(names))] if names else []


def approved_there(tx: Tx, call: Call, agreement: Agreement) -> str:
    """Who agreed on the partner's side, as it signed it."""
    found = approvals_signed.signed(tx, agreement, "consumer" if agreement.role == "provider" else "provider")
    if found is None:
        return call.say("web.contracts.there.nothing")
    if not found.pseudonym:
        return call.say("web.contracts.there.rule")
    if found.people:
        return " ".join(_together(call, [(one.pseudonym, one) for one in found.people]))
    return call.say("web.contracts.there.person", role=_role(call, found.role), pseudonym=found.pseudonym)


def _together(call: Call, people: Sequence[tuple[str, Person]]) -> list[str]:
    """How many agreed, then each of them under the name given, with role and time."""
    each = [
        call.say("web.contracts.together.one", name=name, role=_role(call, one.role), at=one.at) for name, one in people
    ]
    return [call.say(f"web.contracts.together.people-{len(people)}"), *each]


def _role(call: Call, role: str) -> str:
    known = role in ("steward", "protection")
    return call.say(f"web.contracts.there.{role}") if known else plain(role, 80)


def acted(tx: Tx, call: Call, agreement: Agreement) -> list[tuple[str, str]]:
    """Who acted for us and for the partner by a mandate: pairs of whose and what; nothing for who acts itself."""
    sides: tuple[Literal["provider", "consumer"], ...] = ("provider", "consumer")
    found = [(one, approvals_signed.acted(tx, agreement, one)) for one in sides]
    return [
        (
            call.say("web.contracts.acts-here" if side == agreement.role else "web.contracts.acts-there"),
            call.say(
                "web.contracts.acts",
                name=plain(agent.name, 200),
                did=agent.did,
                contract=plain(agent.contract, 200),
                until=local_end(agent.until, call.lang),
            ),
        )
        for side, agent in found
        if agent is not None
    ]


def bare(agreement_id: str) -> str:
    """The id as it stands in an address."""
    return agreement_id.removeprefix("urn:uuid:")


def _moment(call: Call, at: str) -> str:
    return call.say("web.contracts.at", at=at)


def _end(call: Call, one: AgreementView, until: str | None) -> str:
    if until is None:
        return call.say("web.contracts.open-end")
    return call.say("web.contracts.at", at=until) if one.ended else call.say("web.contracts.through", through=until)
