"""Every yes of somebody who is one of two ends with the role in which it was said, whatever it was said to."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import pytest

from connector.continuity.privacy.column_rules import WAYS
from connector.data.approvals import rule_proposals
from connector.data.approvals.departed import Departures
from connector.data.approvals.model import NEVER_MS, ApprovalRule, Ballot, Part, RuleProposal, Vote, Voter
from connector.data.approvals.service import Asked
from connector.dataspace.spaces import application_store, member_store
from connector.dataspace.spaces.keeping.departed import SpaceDepartures
from connector.dataspace.spaces.model import Application, Keys, Merger
from connector.dataspace.spaces.seal_model import AskedSeal
from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import Tx
from connector.identity.accounts.directory import Directory
from connector.identity.accounts.model import Role
from connector.identity.accounts.password import Passwords
from connector.identity.accounts.people import People
from tests.dataspace.spaces.values import member
from tests.identity.accounts.people import TOWN, person
from tests.testkit.towns import Towns

pytestmark = pytest.mark.threat("T174")
ANNA, BERTA = "anna@musterstadt.de", "berta@musterstadt.de"
DID, SEAL = "did:web:dorf.example", "a" * 64


class Yes(NamedTuple):
    """A kind of yes: `plant` has both say it (Anna, Berta), `left` who of them has said it still; `column` keeps it."""

    role: Role
    column: tuple[str, str]
    plant: Callable[[Towns, Tx, str, str], None]
    left: Callable[[Towns, Tx], list[str]]


def ballot(*who: str, part: Part = "steward") -> Ballot:
    return Ballot(stewards=3, protection=3, drafter="", due_at=NEVER_MS, votes=tuple(Vote(one, part, 1) for one in who))


def applied(towns: Towns, tx: Tx, *who: str) -> None:
    one = Application(
        participant=TOWN,
        id="1",
        did=DID,
        invitation="",
        name="Dorf",
        operator="",
        kind="",
        ars="",
        document="",
        keys=Keys(),
        checks=(),
        attachments=(),
        ballot=ballot(*who),
        asked_at=1,
    )
    application_store.insert_application(tx, one)


def of_application(towns: Towns, tx: Tx) -> list[str]:
    found = application_store.application(tx, TOWN, "1")
    return [] if found is None else [vote.who for vote in found.votes]


def merging(towns: Towns, tx: Tx, *who: str) -> None:
    said = Merger(into="did:web:stadt.example", since=1, ballot=ballot(*who), asked_at=1)
    member_store.put_member(tx, member(DID, participant=TOWN, version=0, merger=said))


def of_merger(towns: Towns, tx: Tx) -> list[str]:
    (found,) = member_store.members(tx, TOWN)
    return [] if found.merger is None else [vote.who for vote in found.merger.ballot.votes]


def certified(towns: Towns, tx: Tx, *who: str) -> None:
    keys = Keys(asked=(AskedSeal(sha256=SEAL, at=1, votes=ballot(*who).votes),))
    member_store.put_member(tx, member(DID, participant=TOWN, version=0, keys=keys))


def of_certificate(towns: Towns, tx: Tx) -> list[str]:
    (found,) = member_store.members(tx, TOWN)
    return [vote.who for vote in found.keys.asked[0].votes]


def asked(role: Role, part: Part) -> Callable[[Towns, Tx, str, str], None]:
    def plant(towns: Towns, tx: Tx, *who: str) -> None:
        about = Asked(subject="contract", title="Bäume", process="urn:uuid:1", terms="a", personal=True)
        rule = ApprovalRule(subject="contract", template="", people="two", protection=True, days=14)
        made = towns.approvals.open(tx, TOWN, about, rule, 3, 3)
        for one in who:
            towns.approvals.yes(tx, TOWN, made.id, Voter(one, frozenset({role})), part)

    return plant


def of_approval(towns: Towns, tx: Tx) -> list[str]:
    (found,) = towns.approvals.waiting(tx, TOWN)
    return [vote.who for vote in found.ballot.votes]


def loosened(column: str) -> Callable[[Towns, Tx, str, str], None]:
    def plant(towns: Towns, tx: Tx, anna: str, berta: str) -> None:
        for at, who in enumerate((anna, berta)):
            subject = ("publication", "contract")[at]
            proposal = RuleProposal(
                id=new_uuid(),
                subject=subject,
                template="",
                wanted=None,
                proposed_at=at,
                proposed_by="p-eeeeee",
                **{column: who},
            )
            rule_proposals.keep(tx, TOWN, proposal)

    return plant


def of_rules(column: str) -> Callable[[Towns, Tx], list[str]]:
    return lambda towns, tx: [who for one in rule_proposals.all_of(tx, TOWN) if (who := getattr(one, column))]


KINDS: Mapping[str, Yes] = {
    "application to a space": Yes("steward", ("space_application", "votes"), applied, of_application),
    "merger in a space": Yes("steward", ("space_member", "merger"), merging, of_merger),
    "seal certificate": Yes("steward", ("space_member", "keys"), certified, of_certificate),
    "contract": Yes("steward", ("approval", "votes"), asked("steward", "steward"), of_approval),
    "data protection": Yes("protection", ("approval", "votes"), asked("protection", "protection"), of_approval),
    "looser rule": Yes("admin", ("rule_proposal", "admin"), loosened("admin"), of_rules("admin")),
    "unprotected rule": Yes("protection", ("rule_proposal", "officer"), loosened("officer"), of_rules("officer")),
}
DEEDS = frozenset(
    [
        "made_by",
        "brought_by",
        "decided_by",
        "changed_by",
        "ended_by",
        "proposed_by",
        "asked_by",
        "drafter",
        "author",
        "named_by",
        "responsible",
        "deputy",
        "audience",
        "who",
        "actor",
        "pseudonym",
        "checks",
        "approval",
        "reason",
        "closing_reason",
        "body",
        "facts",
        "answer",
        "pid",
        "kind",
        "message_id",
        "code",
        "detail",
        "record",
        "world",
        "statement",
    ]
)
"""Columns that say who did, wrote, found out or is to hear something, and no yes that others have to join."""


class Hall:
    """A town with real accounts of two people in one role."""

    def __init__(self, towns: Towns) -> None:
        self.towns, self.db, self.persons = towns, towns.db, dict[str, str]()
        heard = Departures(towns.participants), SpaceDepartures(towns.participants)
        self.people = People(towns.db, towns.participants, Passwords(memory_kib=8), *heard)

    async def begin(self, role: Role) -> list[str]:
        for login in (ANNA, BERTA):
            self.persons[login] = await person(self.db, login)
        await self.people.by_groups(self.persons[ANNA], {TOWN: frozenset({role})})
        await self.people.grant(TOWN, "", self.persons[BERTA], role)
        members = await self.db.read(TOWN, Directory().members, TOWN)
        by_login = {one.person.login: one.pseudonym for one in members}
        return [by_login[ANNA], by_login[BERTA]]


TAKEN: Mapping[str, Callable[[Hall, Role], Awaitable[None]]] = {
    "by an admin": lambda hall, role: hall.people.revoke(TOWN, "", hall.persons[ANNA], role),
    "by a group": lambda hall, role: hall.people.by_groups(hall.persons[ANNA], {}),
    "with her account": lambda hall, role: hall.people.remove(hall.persons[ANNA]),
}


@pytest.mark.on_both
@pytest.mark.parametrize("kind", KINDS)
async def test_bug_a_yes_to_it_counted_after_its_role_was_taken(towns: Towns, kind: str) -> None:
    """>> Anna and Berta say yes; Anna loses another role, then this one, in each way, and gets it back << her yes is
    there, is gone, and stays gone; Berta's stays."""
    hall, yes = Hall(towns), KINDS[kind]
    anna, berta = await hall.begin(yes.role)
    await hall.db.write(TOWN, lambda tx: yes.plant(towns, tx, anna, berta))
    await hall.people.grant(TOWN, "", hall.persons[ANNA], "auditor")
    await hall.people.revoke(TOWN, "", hall.persons[ANNA], "auditor")
    assert await hall.db.read(TOWN, lambda tx: yes.left(towns, tx)) == [anna, berta]
    take = TAKEN[(*TAKEN,)[(*KINDS,).index(kind) % len(TAKEN)]]
    await take(hall, yes.role)
    assert await hall.db.read(TOWN, lambda tx: yes.left(towns, tx)) == [berta]
    if take is not TAKEN["with her account"]:
        await hall.people.grant(TOWN, "", hall.persons[ANNA], yes.role)
        assert await hall.db.read(TOWN, lambda tx: yes.left(towns, tx)) == [berta]


def test_each_column_that_keeps_a_person_is_a_yes_that_ends_or_none() -> None:
    """>> every column in which a pseudonym may stand << it is one of these kinds, or says who did something."""
    kept = {yes.column for yes in KINDS.values()}
    assert {(table, column) for table, column in WAYS if column not in DEEDS} == kept
