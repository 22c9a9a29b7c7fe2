"""The old address of a participant that has moved: who may still read what there, and what everybody else is told."""

import json
from typing import Any

import pytest

from connector.foundation.storage import Tx
from connector.foundation.storage.at_rest import at_rest
from connector.identity.participants import succession
from connector.surfaces.peer.evidence.log import LogHandlers
from connector.surfaces.peer.identity import IdentityHandlers
from connector.surfaces.peer.routes import Route
from tests.testkit.door import Door
from tests.testkit.nasty import Reply
from tests.testkit.towns import Towns

OLD, PEER, HEIR = "musterstadt", "nachbardorf", "did:web:neu.example"
TERM_MS = 3_600_000
pytestmark = pytest.mark.threat("T118")


@pytest.fixture
async def moved(towns: Towns) -> Door:
    """Musterstadt works at another provider; its old DID is answered for an hour."""
    hosted = await towns.participants.get(OLD)
    until = towns.clock.now() + TERM_MS
    await towns.db.write(OLD, succession.give_place, hosted.participant, HEIR, until)
    await towns.participants.get(OLD)
    return Door(towns)


async def asked(door: Door, route: Route, caller: str | None = PEER) -> Reply:
    path = route.path.replace("{pid}", "urn:uuid:a").replace("{id+}", "urn:uuid:a")
    return await door.call(route.method, caller, OLD, path, b"{}")


@pytest.mark.on_both
async def test_every_door_says_where_it_has_gone(towns: Towns, moved: Door) -> None:
    """>> each route of the protocol, by a member and by nobody << 410 with the new DID; nothing is written."""

    def rows(tx: Tx) -> list[int]:
        tables = ("seen_token", "outbox", "audit_entry", "negotiation", "transcript")
        return [len(tx.all(f"SELECT * FROM {table} WHERE participant = :p", p=OLD)) for table in tables]

    before = await towns.db.read(OLD, rows)
    doors = [route for route in moved.routes if not route.kept]
    assert len(doors) > 15
    for route in doors:
        for caller in (PEER, None):
            reply = await asked(moved, route, caller)
            assert (route.path, reply.status) == (route.path, 410)
            assert HEIR in reply.body.decode()
    assert await towns.db.read(OLD, rows) == before


async def test_its_did_document_verifies_old_seals_and_no_new_token(moved: Door) -> None:
    """>> did.json << who it is now, keys of seals, none for tokens, and no service."""
    found: dict[str, Any] = (await moved.get(PEER, OLD, "/did.json")).json
    assert found["alsoKnownAs"] == [HEIR]
    assert found["assertionMethod"]
    assert (found["authentication"], found["capabilityInvocation"], found["service"]) == ([], [], [])


async def test_after_the_term_nobody_lives_there(towns: Towns, moved: Door) -> None:
    """>> every route once the term is over << 404, like an address at which nobody ever was."""
    hosted = await towns.participants.get(OLD)
    assert hosted.participant.moved is not None
    assert not succession.answered(hosted.participant, hosted.participant.moved.until)
    moved._surface._clock = Later(towns.clock.now() + TERM_MS)
    assert {(await asked(moved, route)).status for route in moved.routes} == {404}


async def test_others_of_the_process_are_served_as_before(moved: Door) -> None:
    """>> the neighbour's DID document << its own keys and services."""
    assert (await moved.get(PEER, PEER, "/did.json")).json["service"]


def test_what_stays_readable_is_written_down_here(towns: Towns) -> None:
    """The identity and the log, which auditors compare; a new door is closed unless it says otherwise."""
    table = [*IdentityHandlers(towns.participants).routes(), *LogHandlers(towns.db, towns.clock).routes()]
    assert [route.path for route in table if route.kept] == [
        "/did.json",
        "/.well-known/did.json",
        "/log/{epoch}/checkpoint",
        "/log/{epoch}/tile/{level}/{place+}",
    ]


class Later:
    """A clock that stands."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    def steady(self) -> int:
        return self._now


@at_rest
def rests(tx: Tx) -> None:
    tx.run("UPDATE participant SET state = 'moving' WHERE id = :id", id=tx.scope)


@pytest.mark.on_both
@pytest.mark.threat("T110")
async def test_whoever_comes_while_it_moves_is_asked_to_come_again(towns: Towns) -> None:
    """>> a request that would be booked, at rest << 503 and in how many seconds; nothing is booked."""
    await towns.db.write(OLD, rests)
    said = {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@type": "ContractNegotiationTerminationMessage",
        "consumerPid": "urn:uuid:a",
        "providerPid": "urn:uuid:a",
    }
    reply = await Door(towns).post(PEER, OLD, "/2025-1/negotiations/urn:uuid:a/termination", json.dumps(said).encode())
    assert (reply.status, reply.headers["Retry-After"]) == (503, "60")
    assert await towns.db.read(OLD, lambda tx: tx.all("SELECT jti FROM seen_token")) == []
