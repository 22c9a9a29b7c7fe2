"""Every route that writes, of the management surface and the desk: a door of `doors`, or a reason why it opens nothing.

A new route stands in neither, and the test names it.
"""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType

import pytest

from connector.surfaces import api, web
from tests.data.approvals.doors import DOORS, OPENING

pytestmark = pytest.mark.threat("T164")

NOT_OPENING: Mapping[str, str] = {
    "It is kept, and nobody outside sees it before one of the doors names it.": """
        P/files P/sources T/publish/file T/publish/source/{kind} T/publish/known T/publish/{draft}/description
        T/publish/{draft}/zone T/publish/{draft}/rule T/publish/{draft}/discard T/beginning/practise T/beginning/remove
    """,
    "It only takes away.": """
        P/datasets/{uuid}/withdraw P/groups/{id}/end P/groups/{id}/members/end T/datasets/{uuid}/withdraw
        T/publish/{draft}/undo P/close P/delete P/leaving/evidence
    """,
    "A group without members, or another name of one, shows nobody anything.": "P/groups",
    "It asks or computes, and writes nothing that others see.": """
        P/audience P/terms P/comparisons P/federation/refresh P/spaces/look T/publish/{draft}/terms T/contracts/check
        T/spaces/join T/administration/new/check
    """,
    "Who has to agree: what loosens a rule or a source waits (test_loosening, test_imports).": """
        P/imports/choice T/imports/choice T/imports/again
        T/approvals/rules T/approvals/rules/drop T/approvals/rules/yes T/approvals/rules/no
    """,
    "A no, a yes taken back and other terms publish nothing.": """
        T/approvals/{id}/revoke T/approvals/{id}/no T/approvals/{id}/counter T/approvals/{id}/withdraw
    """,
    "A contract or delivery with one partner about what is published, under rules of approval of its own.": """
        P/negotiations P/proposals P/negotiations/{id}/accept P/negotiations/{id}/counter P/negotiations/{id}/terminate
        P/agreements/{id}/countersignature P/agreements/{id}/confirmation P/agreements/{id}/duties P/agreements/{id}/end
        P/transfers P/transfers/{id}/suspend P/transfers/{id}/resume P/transfers/{id}/terminate
        T/contracts/{id}/duties T/contracts/{id}/end/question T/contracts/{id}/end T/contracts/{id}/renew
        T/contracts/{id}/sign T/deliveries/{id}/again T/deliveries/{id}/resume T/deliveries/{id}/stop
        T/deliveries/{id}/links T/deliveries/{id}/links/{link}/revoke T/requests T/requests/{id}/withdraw
    """,
    "Who belongs to a space is the space's to decide, by people and rules of its own; offers stay as they are.": """
        P/space P/space/rules P/space/invitations P/space/invitations/{id}/withdraw P/space/applications/{id}/check
        P/space/applications/{id}/approve P/space/applications/{id}/refuse P/space/members P/space/members/renew
        P/space/members/strike P/space/recognised P/space/recognised/end P/space/groups/{id}/end
        P/space/groups/{id}/members/end P/space/certificates/approve
        P/space/certificates/refuse P/space/certificates/strike P/space/recovery P/space/mergers/approve
        P/space/mergers/refuse P/spaces P/spaces/progress P/spaces/leave P/spaces/merge
        P/spaces/merge/withdraw T/applications/{id}/check T/applications/{id}/approve T/applications/{id}/refuse
        T/spaces/groups
        T/spaces/progress T/spaces/leave T/spaces/merger/withdraw T/spaces/apply T/space/member T/space/invite
        T/space/withdraw T/space/mergers/approve T/space/mergers/refuse
        T/space/certificates/approve T/space/certificates/refuse T/space/recovery
    """,
    "A group of a space asks the gate of whoever offers: tests/dataspace/spaces/keeping/test_groups_widened.py.": """
        P/space/groups P/space/groups/{id}/members P/spaces/groups
    """,
    "What was public before the move is so after it: rows come as they were, by the operator of the socket.": """
        P/move P/move/hand-over P/move/stay
        A/arrivals A/arrivals/{p}/archive A/arrivals/{p}/begin A/arrivals/{p}/give-up
    """,
    "What the participant says of itself, its keys, mandates and peers: no data.": """
        A/participants P/publisher P/keys/{purpose}/rotate P/keys/{purpose}/revoke P/seal P/seal/request P/peers
        P/allowances P/mandates P/mandates/withdraw T/beginning/details T/administration/new/add A/trust/reload
        A/trust/accept A/trust/forks/settle A/witness/rotate
    """,
    "People, their sessions, roles and keys; what somebody keeps or erases of them.": """
        A/people A/people/remove A/people/role A/people/link P/invitations A/program-keys A/program-keys/end
        P/persons/{pseudonym}/erase P/holds P/holds/{id}/lift T/account T/account/password T/account/second-factor
        T/account/sessions/end T/account/sessions/end-others T/account/mail T/sign-in T/sign-in/second T/sign-in/link
        T/invitation T/invitation/join T/sign-out T/administration/participants/{slug}/invite T/people/invite
        T/people/take-back T/people/grant T/people/confirm T/people/name T/people/take T/tokens T/tokens/end
        T/notifications T/seen
    """,
    "A copy for the operator, in a folder of the server's own.": "A/backup/database",
}
"""Why routes open nothing; all by POST."""


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(one.name)


def writing(package: ModuleType, short: Iterable[tuple[str, str]]) -> list[str]:
    """Method and path of each route of the package's tables that may write."""
    found = []
    for module in modules(package):
        for group in vars(module).values():
            table = (
                vars(group).get("routes") if isinstance(group, type) and group.__module__ == module.__name__ else None
            )
            for route in table if isinstance(table, tuple) else ():
                path = route.path
                for prefix, letter in short:
                    if path.startswith(prefix):
                        path = letter + path.removeprefix(prefix)
                        break
                found.append(f"{route.method} {path}")
    return [one for one in found if not one.startswith(("GET ", "HEAD ", "OPTIONS "))]


def routes() -> list[str]:
    return [
        *writing(api, (("/api/v1/participants/{p}/", "P/"), ("/api/v1/", "A/"))),
        *writing(web, (("/t/{p}/", "T/"), ("/", "T/"))),
    ]


def test_every_route_that_writes_is_a_door_or_has_a_reason() -> None:
    """>> all tables of both surfaces << each in one of both tables, once; nothing in them that is no route any more."""
    said = [*OPENING, *(f"POST {path}" for paths in NOT_OPENING.values() for path in paths.split())]
    there = routes()
    assert len(there) > 150  # the tables were found
    assert [one for one, times in Counter(said).items() if times > 1] == []
    assert sorted(set(there) - set(said)) == []
    assert sorted(set(said) - set(there)) == []


def test_every_door_is_named_by_a_route() -> None:
    """>> the matrix << each of its doors belongs to a route, and each route names doors that are in it."""
    named = {door.strip() for doors in OPENING.values() for door in doors.split(" | ")}
    assert named == set(DOORS)
