"""What the transcript keeps of a message that was taken: from what was read of it, and nothing is read again."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from connector.exchange.trace import recorder
from connector.exchange.trace.recorder import LONGEST, Heard
from connector.foundation.errors import PeerError
from connector.foundation.storage.database import Tx
from connector.kernel.protocol.messages import CONTEXT
from tests.testkit.door import Door
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"
END = {"@type": "ContractNegotiationTerminationMessage", "@id": "urn:m", "code": "c", "reason": ["Nein"]}
TOLD = {"kind": END["@type"], "message_id": "urn:m", "code": "c", "reason": '{"de":["Nein"],"en":["Nein"]}'}
NOTHING = {"kind": "", "message_id": "", "code": "", "reason": None}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (END, TOLD),
        ([END], TOLD),
        ({**END, "@type": ["dspace:" + str(END["@type"])], "offer": {"@id": "urn:o"}}, TOLD),
        ({**END, "code": 7, "reason": "Nein", "@id": None}, {**NOTHING, "kind": END["@type"]}),
        ([END, END], NOTHING),
        ("text", NOTHING),
        (None, NOTHING),
    ],
    ids=["plain", "expanded", "prefixed", "odd", "two", "text", "unread"],
)
async def test_a_line_of_a_taken_message_says_what_was_read(towns: Towns, value: Any, kept: dict[str, Any]) -> None:
    """>> a message whose bytes are no JSON any more, and what was read of them  << its type, id, code and reason."""
    case = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))

    def unit(tx: Tx) -> None:
        heard = Heard(did=towns.did(PROVIDER), pid=case.id, body=b"\xff", value=value)
        assert recorder.hearing(tx, CONSUMER, heard, lambda _tx: case) is case

    await towns.db.write(CONSUMER, unit)
    rows = "SELECT kind, message_id, code, reason FROM transcript WHERE participant = :participant AND direction = 'in'"
    assert await towns.rows(CONSUMER, rows) == [kept]


@pytest.mark.threat("T39")
async def test_a_reason_is_kept_without_the_token_in_it(towns: Towns) -> None:
    """>> a termination whose reason says a token << the transcript keeps the reason and hides the token."""
    case = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))
    token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJkaWQ6d2ViOngifQ.c2lnbmF0dXJlc2lnbmF0dXJl"
    told = {**END, "reason": [f"Nein, Bearer {token}"]}

    def unit(tx: Tx) -> None:
        recorder.hearing(
            tx, CONSUMER, Heard(did=towns.did(PROVIDER), pid=case.id, body=b"", value=told), lambda _: case
        )

    await towns.db.write(CONSUMER, unit)
    rows = "SELECT reason FROM transcript WHERE participant = :participant AND direction = 'in'"
    (kept,) = await towns.rows(CONSUMER, rows)
    assert "Nein" in kept["reason"]
    assert token not in kept["reason"]


REFUSED = "SELECT process, pid, detail FROM transcript WHERE participant = :participant AND direction = 'refused'"


@pytest.mark.threat("T39")
@pytest.mark.parametrize(
    ("sender", "before", "its"),
    [("partner", (), True), ("did:web:stranger.example", ("partner",), True), ("did:web:stranger.example", (), False)],
    ids=["partner", "its successor", "stranger"],
)
async def test_a_refused_message_stands_with_the_process_of_its_sender_alone(
    towns: Towns, sender: str, before: tuple[str, ...], its: bool
) -> None:
    """>> a message that is refused and names a process of ours << a line of it; of a stranger, one of the stranger."""
    case = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))
    dids = {"partner": towns.did(PROVIDER), "did:web:stranger.example": "did:web:stranger.example"}
    heard = Heard(did=dids[sender], pid=case.id, body=b"{}", value={}, before=tuple(dids[name] for name in before))
    await towns.db.write(CONSUMER, recorder.refused, CONSUMER, heard, PeerError("contracts.no-callback"))
    line = {"process": case.id, "pid": ""} if its else {"process": f"~{sender}", "pid": case.id}
    assert await towns.rows(CONSUMER, REFUSED) == [{**line, "detail": ""}]


@pytest.mark.threat("T39")
async def test_where_a_refused_message_is_wrong_is_told_short_and_without_the_token_in_it(towns: Towns) -> None:
    """>> a pid and a pointer that are long and have a token << neither the token nor all of it."""
    token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJkaWQ6d2ViOngifQ.c2lnbmF0dXJlc2lnbmF0dXJl"
    said = f"/{token}/" + "a b " * 1000
    heard = Heard(did=towns.did(PROVIDER), pid=said, body=b"{}", value={})
    await towns.db.write(CONSUMER, recorder.refused, CONSUMER, heard, PeerError("contracts.no-callback", pointer=said))
    ((_, pid, detail),) = [tuple(row.values()) for row in await towns.rows(CONSUMER, REFUSED)]
    for text in (pid, detail):
        assert token not in text
        assert 0 < len(text) <= LONGEST


@pytest.mark.parametrize(
    "wrap", [dict, lambda message: {**message, "@type": [message["@type"]]}], ids=["plain", "list"]
)
async def test_the_line_of_a_message_at_the_door_says_what_it_is(
    towns: Towns, wrap: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """>> a termination as we write it, and as JSON-LD writes it  << both have their type, id, code and reason."""
    case = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))
    await towns.run(1)
    (theirs,) = await towns.rows(PROVIDER, "SELECT id FROM negotiation WHERE participant = :participant")
    pids = {"consumerPid": case.id, "providerPid": theirs["id"]}
    body = json.dumps(wrap({"@context": [CONTEXT], **END, **pids})).encode()
    path = f"/2025-1/negotiations/{theirs['id']}/termination"
    assert (await Door(towns).post(CONSUMER, PROVIDER, path, body)).status == 200
    rows = "SELECT kind, message_id, code, reason FROM transcript WHERE participant = :participant AND direction = 'in'"
    assert (await towns.rows(PROVIDER, rows + " AND message_id = 'urn:m'")) == [TOLD]
