"""The transcript of real negotiations and transfers, on both databases: what came, went, was decided, and is stuck."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.delivery.circuit import THRESHOLD
from connector.exchange.delivery.messages import TRIES_4XX
from connector.exchange.trace import store, words
from connector.exchange.trace.diagnosis import Diagnosis
from connector.exchange.trace.recorder import REFUSED_KINDS
from connector.exchange.trace.service import Trace, Tracing, diagnosed
from connector.exchange.trace.store import MOST_LINES, Line
from connector.foundation.errors import Unavailable, Unknown
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import Tx
from tests.testkit.door import Door
from tests.testkit.moved import move_town
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"
AGREEMENT = "ContractAgreementMessage"


def told(trace: Trace) -> list[str]:
    """Direction, what and of which message: the transcript in short."""
    said = []
    for event in trace.events:
        name = event.facts.get("message") or event.facts.get("work") or event.facts.get("question") or ""
        said.append(f"{event.direction} {event.what} {name}".strip())
    return said


def first(trace: Trace) -> Diagnosis:
    return diagnosed(trace)[0]


async def asked(towns: Towns) -> NegotiationRow:
    return await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER))


@pytest.mark.parametrize("errands", [[], ["own work countersign", "own work-done countersign"]])
async def test_a_negotiation_reads_as_it_went(towns: Towns, tracing: Tracing, errands: list[str]) -> None:
    """Sealed in the step that took the contract; by an errand where the partner's keys are not at hand."""
    towns.wire.at_hand = not errands
    case = await asked(towns)
    await towns.run()
    trace = await tracing.trace(CONSUMER, case.id)
    assert sorted(told(trace)) == sorted(
        [
            *errands,
            "out said REQUEST",
            "in answer REQUEST",
            "in heard ContractAgreementMessage",
            "out said VERIFY",
            "in answer VERIFY",
            "in heard ContractNegotiationEventMessage",
            "own in-force",
        ]
    )
    assert told(trace)[0] == "out said REQUEST"
    assert [event.at for event in trace.events] == sorted(event.at for event in trace.events)
    assert first(trace).code == "over-finalized"


async def test_any_id_leads_there(towns: Towns, tracing: Tracing) -> None:
    """Ours, the peer's, the agreement's, each with or without `urn:uuid:`; what belongs together names each other."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    transfer = await towns.fetch(CONSUMER, PROVIDER, agreement)
    await towns.run()
    ours = await towns.case(CONSUMER, agreement.negotiation)
    for pid in (ours.id, str(ours.kernel.peer_pid), agreement.id, agreement.uuid, ours.id[9:]):
        trace = await tracing.trace(CONSUMER, pid)
        assert trace.process == ours
        assert [one.id for one in trace.related] == [transfer.id]
    trace = await tracing.trace(PROVIDER, transfer.id)
    assert trace.process is not None
    assert trace.process.kernel.peer_pid == transfer.id
    assert [one.id for one in trace.related] == [ours.kernel.peer_pid]


async def test_a_transfer_reads_as_it_went_and_its_token_is_nowhere(towns: Towns, tracing: Tracing) -> None:
    """The only message with a secret goes out sealed and comes in hidden; no table of either side tells it."""
    seen: list[str] = []
    towns.wire.bend["TransferStartMessage"] = lambda message: seen.append(json.dumps(message["dataAddress"]))
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    transfer = await towns.fetch(CONSUMER, PROVIDER, agreement)
    await towns.run()
    properties = json.loads(seen[0])["endpointProperties"]
    token = next(item["value"] for item in properties if item["name"] == "authorization").removeprefix("Bearer ")
    assert len(token) > 20
    for slug in (CONSUMER, PROVIDER):
        trace = await tracing.trace(slug, transfer.id)
        rows = await towns.rows(slug, "SELECT * FROM transcript WHERE participant = :participant")
        assert token not in f"{rows} {trace}"
    assert sorted(told(await tracing.trace(PROVIDER, transfer.id))) == sorted(
        [
            "in heard TransferRequestMessage",
            "own decided-yes",
            "out said-sealed START",
            "in answer START",
        ]
    )
    assert first(await tracing.trace(CONSUMER, transfer.id)).code == "data-may-flow"


@pytest.mark.on_both
async def test_a_peer_that_is_down_shows_its_tries_and_the_next_one(towns: Towns, tracing: Tracing) -> None:
    """<< nothing, nothing, 503 >> each failure counted, the last reason told, the time of the next attempt named."""
    answers = [*[Unavailable("peer.busy", status=0)] * 2, Answer(503, {}, b'{"code": "x", "reason": ["Wartung."]}')]
    towns.wire.answers = [*answers]
    case = await asked(towns)
    assert first(await tracing.trace(CONSUMER, case.id)).code == "being-sent"
    for _ in range(2):
        await towns.hurry()
    found = first(await tracing.trace(CONSUMER, case.id))
    assert (found.code, found.waits, found.facts["times"]) == ("no-answer", "reach", "2")
    await towns.hurry()
    trace = await tracing.trace(CONSUMER, case.id)
    assert sorted(told(trace)) == ["in answer-wait REQUEST", "out said REQUEST", "own no-answer REQUEST"]
    (due,) = await towns.rows(CONSUMER, "SELECT due_at FROM outbox WHERE participant = :participant")
    found = first(trace)
    assert (found.code, found.facts["due"], found.facts["status"]) == ("peer-busy", due["due_at"], "503")
    assert "Wartung." in words.of_cause(found, {})["de"]
    await towns.hurry()
    assert first(await tracing.trace(CONSUMER, case.id)).code == "over-finalized"


async def test_an_error_without_its_facts_does_not_hold_up_the_row(towns: Towns, tracing: Tracing) -> None:
    """Our own defect in a sentence must not become one in delivery."""
    towns.wire.answers = [Unavailable("peer.busy")]
    case = await asked(towns)
    await towns.hurry()
    trace = await tracing.trace(CONSUMER, case.id)
    assert words.of_event(trace.events[-1])["de"].endswith("peer.busy")
    assert first(trace).code == "no-answer"


async def test_an_open_circuit_is_the_cause(towns: Towns, tracing: Tracing) -> None:
    towns.wire.answers = [Unavailable("peer.busy", status=0)] * THRESHOLD
    case = await asked(towns)
    for _ in range(THRESHOLD + 1):
        await towns.hurry()
    found = first(await tracing.trace(CONSUMER, case.id))
    assert (found.code, found.facts["times"]) == ("circuit-open", str(THRESHOLD))


async def test_a_peer_that_says_no_is_told_with_its_words(towns: Towns, tracing: Tracing) -> None:
    """<< 409 four times >> three waits in one line, then the final no with the peer's sentence, made plain."""
    body = json.dumps({"code": "c\u202ede", "reason": ["Nein\x1b[2J.", "No."]}).encode()
    towns.wire.answers = [Answer(409, {}, body)] * TRIES_4XX
    case = await asked(towns)
    await towns.hurry()
    assert first(await tracing.trace(CONSUMER, case.id)).code == "peer-says-no"
    for _ in range(TRIES_4XX):
        await towns.hurry()
    trace = await tracing.trace(CONSUMER, case.id)
    assert [(event.what, event.times) for event in trace.events if event.status] == [
        ("answer-wait", TRIES_4XX - 1),
        ("answer-no", 1),
    ]
    assert first(trace).code == "over-terminated"
    for event in trace.events:
        assert words.of_event(event)["de"].isprintable()
    assert "Nein [2J." in words.of_event(trace.events[-1])["de"]


async def test_a_refused_message_says_why_and_where(towns: Towns, tracing: Tracing) -> None:
    """>> an agreement about another policy << 400 >> the consumer's transcript tells; it changed nothing."""
    towns.wire.bend[AGREEMENT] = lambda message: message["agreement"].update(permission=[{"action": "print"}])
    case = await asked(towns)
    for _ in range(TRIES_4XX + 1):
        await towns.hurry()
    trace = await tracing.trace(CONSUMER, case.id)
    (event,) = [event for event in trace.events if event.what.startswith("refused")]
    assert event.status == 400
    assert event.times == TRIES_4XX
    assert event.code in ("contracts.other-agreement", "contracts.policy")
    assert '"print"' in event.body
    assert first(trace).code == "we-refused"
    assert AGREEMENT in words.of_cause(first(trace), {})["de"]


async def test_a_refused_message_of_a_peer_that_has_moved_stands_with_its_process(
    towns: Towns, tracing: Tracing
) -> None:
    """>> agreed, the consumer moves, then says nonsense about it under its new DID << told with the negotiation."""
    await asked(towns)
    await towns.run()
    (row,) = await towns.rows(PROVIDER, "SELECT id FROM negotiation WHERE participant = :participant")
    await move_town(towns, CONSUMER)
    path = f"/2025-1/negotiations/{row['id']}/termination"
    assert (await Door(towns).post(CONSUMER, PROVIDER, path, b'{"@type": "Nonsense"}')).status == 400
    trace = await tracing.trace(PROVIDER, row["id"])
    assert [event.status for event in trace.events if event.what.startswith("refused")] == [400]


async def test_a_first_message_that_was_refused_is_found_by_the_peers_pid(towns: Towns, tracing: Tracing) -> None:
    """No process began, and yet the operator can say why."""
    made = await towns.publish(PROVIDER, visibility="eligible")
    towns.requesters[towns.did(CONSUMER)] = type(towns.requesters[towns.did(CONSUMER)])(
        did=towns.did(CONSUMER), kind="https://w3id.org/hanse/v1#company"
    )
    case = await towns.ask(CONSUMER, PROVIDER, made)
    await towns.hurry()
    trace = await tracing.trace(PROVIDER, case.id)
    assert trace.process is None
    assert trace.senders == (towns.did(CONSUMER),)
    assert first(trace).code == "never-began"
    with pytest.raises(Unknown, match=r"trace\.unknown"):
        await tracing.trace(PROVIDER, "urn:uuid:nothing")


async def test_a_message_said_twice_is_one_line(towns: Towns, tracing: Tracing) -> None:
    """>> the same agreement again, its first answer lost >> taken once, answered twice, told once with a count."""
    kept: list[dict[str, Any]] = []
    towns.wire.bend[AGREEMENT] = lambda message: kept.append(dict(message))
    case = await asked(towns)
    await towns.run(2)
    url = f"https://localhost/2025-1/negotiations/{case.id}/agreement"
    for _ in range(3):
        await towns.receive(PROVIDER, towns.did(CONSUMER), url, kept[0])
    trace = await tracing.trace(CONSUMER, case.id)
    (event,) = [event for event in trace.events if event.what == "heard"]
    assert event.times == 4


@pytest.mark.on_both
async def test_a_question_and_its_answer_are_told(towns: Towns, tracing: Tracing) -> None:
    towns.wire.answers = [Answer(201, {}, b'{"providerPid": "urn:theirs"}')]
    case = await asked(towns)
    await towns.run(1)
    await towns.db.write(
        CONSUMER,
        lambda tx: tx.run(
            "INSERT INTO question (participant, id, subject, kind, facts, asked_at)"
            " VALUES (:p, 'q', :subject, 'offered', '{}', 5)",
            p=CONSUMER,
            subject=case.id,
        ),
    )
    trace = await tracing.trace(CONSUMER, case.id)
    assert "own question offered" in told(trace)
    assert first(trace).code == "question-offered"
    said = words.of_action(first(trace), {"accept": "hanse accept ID", "end": "hanse decline ID"})
    assert all("hanse accept ID" in sentence for sentence in said.values())


async def test_what_the_trust_list_says_is_a_cause(towns: Towns, tracing: Tracing) -> None:
    """Keys on hold come first of all, then a peer that is no member; a list past its time is said besides."""
    case = await asked(towns)
    standing = tracing._standing
    for changed, code in (
        ({"on_hold": lambda did, own: True}, "peer-on-hold"),
        ({"listed": lambda *_: False}, "peer-not-listed"),
    ):
        tracing._standing = replace(standing, **changed)
        assert first(await tracing.trace(CONSUMER, case.id)).code == code
    tracing._standing = replace(standing, fresh=lambda now: False)
    found = diagnosed(await tracing.trace(CONSUMER, case.id))
    assert [one.code for one in found] == ["being-sent", "list-stale"]


@pytest.mark.on_both
@pytest.mark.threat("T39")
async def test_nobody_sees_the_neighbours_transcript(towns: Towns, tracing: Tracing) -> None:
    """Both towns live in one database; each knows the other's ids, and reads only its own side of them."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    case = await towns.case(CONSUMER, agreement.negotiation)
    mine, theirs = await tracing.trace(CONSUMER, case.id), await tracing.trace(PROVIDER, case.id)
    assert mine.process is not None
    assert theirs.process is not None
    assert (mine.process.participant, theirs.process.participant) == (CONSUMER, PROVIDER)
    await towns.add("drittdorf")
    for pid in (case.id, agreement.id, str(case.kernel.peer_pid)):
        with pytest.raises(Unknown, match=r"trace\.unknown"):
            await tracing.trace("drittdorf", pid)
    for table in ("transcript",):
        rows = await towns.db.read("drittdorf", lambda tx: tx.all(f"SELECT DISTINCT participant FROM {table}"))  # noqa: B023
        assert rows == [] or towns.db.dialect == "sqlite"


@pytest.mark.on_both
@pytest.mark.threat("T40")
async def test_a_flood_of_refused_messages_fills_a_few_lines(towns: Towns, tracing: Tracing) -> None:
    """Each with other content, about one process, about none, and about somebody else's: all three are bounded."""
    case = await asked(towns)
    await towns.run()
    base = "https://localhost/2025-1/negotiations"
    for number in range(3 * REFUSED_KINDS):
        event: dict[str, Any] = {
            "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
            "@type": "ContractNegotiationEventMessage",
            "@id": f"urn:uuid:{number}",
            "providerPid": f"p{number}",
            "consumerPid": case.id,
            "eventType": "FINALIZED",
        }
        for pid in (case.id, f"urn:uuid:none-{number}"):
            with pytest.raises(Exception, match=r"contracts\."):
                await towns.receive(PROVIDER, towns.did(CONSUMER), f"{base}/{pid}/events", event)
    rows = await towns.rows(
        CONSUMER,
        "SELECT process, count(*) AS n, sum(times) AS times FROM transcript WHERE participant = :participant"
        " AND direction = 'refused' GROUP BY process",
    )
    bounded = {row["process"]: (row["n"], int(row["times"])) for row in rows}
    assert bounded[case.id] == (1, 3 * REFUSED_KINDS)
    assert bounded[f"~{towns.did(PROVIDER)}"][0] <= REFUSED_KINDS
    assert bounded[f"~{towns.did(PROVIDER)}"][1] == 3 * REFUSED_KINDS


@pytest.mark.on_both
async def test_a_process_that_goes_on_for_ever_keeps_its_newest_lines(towns: Towns) -> None:
    def fill(tx: Tx) -> int:
        for number in range(MOST_LINES + 50):
            store.write(tx, CONSUMER, Line(process="p", slot=f"{number:04}", direction="in", kind="k"))
        store.write(tx, CONSUMER, Line(process="q", slot="1", direction="in", kind="k"))
        store.trim(tx, CONSUMER, "p")
        return len(store.lines(tx, CONSUMER, "p")) * 1000 + len(store.lines(tx, CONSUMER, "q"))

    assert await towns.db.write(CONSUMER, fill) == MOST_LINES * 1000 + 1


@pytest.mark.on_both
async def test_what_is_old_is_forgotten_and_nothing_else(towns: Towns, tracing: Tracing) -> None:
    """Our own messages, the agreement and the state stay; the peer's old words go."""
    case = await asked(towns)
    await towns.run()
    before = await towns.db.read(CONSUMER, lambda tx: tx.now)
    assert await towns.db.write(CONSUMER, store.forget, CONSUMER, before - 60_000) == 0
    assert await towns.db.write(CONSUMER, store.forget, CONSUMER, before + 60_000, 3) == 3
    assert await towns.db.write(CONSUMER, store.forget, CONSUMER, before + 60_000) == 1
    trace = await tracing.trace(CONSUMER, case.id)
    assert {"out said REQUEST", "out said VERIFY"} <= set(told(trace))
    assert first(trace).code == "over-finalized"
    others = await towns.rows(PROVIDER, "SELECT * FROM transcript WHERE participant = :participant")
    assert len(others) == 4


@pytest.mark.on_both
async def test_a_line_stands_or_falls_with_what_it_tells_of(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash between the state and its line leaves neither: they are one transaction, whichever comes first."""
    case = await asked(towns)

    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(store, "write", broken)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            await towns.run(1)
        await towns.rows(PROVIDER, "SELECT 1 FROM negotiation WHERE participant = :participant")
        await towns.db.write("*", lambda tx: tx.run("UPDATE outbox SET lease_until = 0"))
    assert await towns.rows(PROVIDER, "SELECT 1 FROM negotiation WHERE participant = :participant") == []
    assert (await towns.case(CONSUMER, case.id)).kernel.state is None
    monkeypatch.undo()
    await towns.hurry()
    assert (await towns.case(CONSUMER, case.id)).shown == "FINALIZED"
    rows = await towns.rows(PROVIDER, "SELECT times FROM transcript WHERE participant = :participant")
    assert [row["times"] for row in rows] == [1] * 4
