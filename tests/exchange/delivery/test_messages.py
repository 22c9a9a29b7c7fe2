"""What an answer to a message means: booked, tried again, waited for, asked about (spec/protocol.md 5.1)."""

import json
from collections.abc import Container, Sequence
from typing import Any

import msgspec
import pytest

from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.delivery.circuit import THRESHOLD
from connector.exchange.delivery.messages import PATIENCE_MS, SETTLING_IN_MS, TRIES_4XX, TRIES_NAMELESS
from connector.exchange.transfer.model import TransferRow
from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.http.in_flight import Crowded
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import Tx
from connector.foundation.storage.work import ProcessRef as Owner
from connector.foundation.storage.work import errand
from tests.testkit.towns import Towns

REQUEST = "nachbardorf: ContractRequestMessage"
EMPTY = b""
WHY = {"de": ["Pause."], "en": ["Break."]}


async def asked(towns: Towns) -> NegotiationRow:
    return await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt"))


async def open_rows(towns: Towns, slug: str = "nachbardorf") -> list[dict[str, object]]:
    return await towns.rows(
        slug, "SELECT attempts, due_at FROM outbox WHERE participant = :participant AND done_at IS NULL"
    )


def usual(cases: Sequence[Any], usual: Container[object]) -> list[Any]:
    """Every case by its name; those that go a way that a usual one goes are `long`."""
    return [pytest.param(one, id=f"{one}", marks=() if one in usual else pytest.mark.long) for one in cases]


@pytest.mark.parametrize("status", usual([400, 401, 403, 404, 409, 410], {400, 404, 409}))
async def test_a_4xx_is_tried_a_few_times_then_it_is_a_refusal(towns: Towns, status: int) -> None:
    """>> request << 4xx, four times >> the negotiation is over, with the peer's sentences."""
    body = b'{"code": "x", "reason": ["Nein.", "No."]}'
    towns.wire.answers = [Answer(status, {}, body)] * TRIES_4XX
    case = await asked(towns)
    for _ in range(TRIES_4XX + 1):
        await towns.hurry()
    case = await towns.case("nachbardorf", case.id)
    assert towns.wire.sent == [REQUEST] * TRIES_4XX
    assert case.shown == "TERMINATED"
    assert case.reason == {"de": ["Nein."], "en": ["No."]}
    assert await open_rows(towns) == []


async def test_a_4xx_that_passes_is_forgotten(towns: Towns) -> None:
    """>> request << 409 because the peer had not committed yet >> again, and all is well."""
    towns.wire.answers = [Answer(409, {}, EMPTY)] * (TRIES_4XX - 1)
    case = await asked(towns)
    for _ in range(TRIES_4XX):
        await towns.hurry()
    assert (await towns.case("nachbardorf", case.id)).shown == "FINALIZED"


@pytest.mark.on_both
@pytest.mark.threat("T71")
async def test_a_peer_whose_quota_is_used_up_is_left_in_peace_for_as_long_as_it_asks(towns: Towns) -> None:
    """<< 429, Retry-After half an hour >> this row waits for it; other messages to that peer go out at once."""
    made = await towns.publish("musterstadt")
    asked = await towns.ask("nachbardorf", "musterstadt", made)
    towns.wire.answers = [Answer(429, {"Retry-After": "1800"}, EMPTY)] * (THRESHOLD + 1)
    for _ in range(THRESHOLD + 1):
        await towns.hurry()
    (row,) = await towns.rows("nachbardorf", "SELECT due_at FROM outbox WHERE done_at IS NULL")
    assert 1_700_000 < row["due_at"] - towns.clock.now() <= 1_800_000
    other = await towns.ask("nachbardorf", "musterstadt", made)
    await towns.run()
    assert (await towns.case("nachbardorf", other.id)).shown == "FINALIZED"
    assert (await towns.case("nachbardorf", asked.id)).shown == "REQUESTED"


@pytest.mark.parametrize("status", usual([408, 425, 429, 500, 502, 503, 504], {408, 425, 429, 500, 504}))
async def test_a_busy_peer_is_waited_for_however_long(towns: Towns, status: int) -> None:
    """<< 5xx, 429 and the like >> nothing is decided; the row waits."""
    towns.wire.answers = [Answer(status, {}, EMPTY)] * (THRESHOLD - 1)
    case = await asked(towns)
    for _ in range(THRESHOLD - 1):
        await towns.hurry()
    assert (await towns.case("nachbardorf", case.id)).kernel.state is None
    await towns.hurry()
    assert (await towns.case("nachbardorf", case.id)).shown == "FINALIZED"


async def test_an_open_circuit_means_no_call_until_the_peer_is_heard(towns: Towns) -> None:
    """>> five failures >> no further call; << any message from that peer >> delivered."""
    towns.wire.answers = [Unavailable("peer.busy", status=0)] * THRESHOLD
    case = await asked(towns)
    for _ in range(THRESHOLD + 3):
        await towns.hurry()
    assert towns.wire.sent == [REQUEST] * THRESHOLD
    towns.circuits.heard("nachbardorf", towns.did("musterstadt"))
    await towns.hurry()
    assert (await towns.case("nachbardorf", case.id)).shown == "FINALIZED"


@pytest.mark.threat("T128")
async def test_a_peer_that_was_not_asked_has_not_failed(towns: Towns) -> None:
    """>> nothing is sent, for others are under way to its host, more often than opens a circuit << it is tried again,
    and the circuit is closed."""
    towns.wire.answers = [Crowded("http.crowded", host="localhost")] * (THRESHOLD + 1)
    case = await asked(towns)
    for _ in range(THRESHOLD + 1):
        await towns.hurry()
    await towns.hurry()
    assert (await towns.case("nachbardorf", case.id)).shown == "FINALIZED"


async def test_after_an_outage_a_4xx_is_still_tried_a_few_times(towns: Towns) -> None:
    """<< away, then 409 once >> waiting must not have used up the patience with a 409."""
    towns.wire.answers = [*[Unavailable("peer.busy", status=0)] * THRESHOLD, Answer(409, {}, EMPTY)]
    case = await asked(towns)
    for _ in range(THRESHOLD):
        await towns.hurry()
    towns.circuits.heard("nachbardorf", towns.did("musterstadt"))
    await towns.hurry()
    await towns.hurry()
    assert (await towns.case("nachbardorf", case.id)).shown == "FINALIZED"


async def test_an_address_that_must_not_be_called_ends_it_at_once(towns: Towns) -> None:
    """>> a refused address << no second attempt; the negotiation is over."""
    towns.wire.answers = [PeerError("peer.foreign-address")]
    case = await asked(towns)
    await towns.hurry()
    await towns.hurry()
    assert (await towns.case("nachbardorf", case.id)).shown == "TERMINATED"
    assert len(towns.wire.sent) == 1


async def test_an_odd_answer_is_no_refusal(towns: Towns) -> None:
    """>> a DID document that is a web page for a moment << the message waits and arrives at the next attempt."""
    towns.wire.answers = [PeerError("trust.did-document", did="did:web:x")]
    case = await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt"))
    await towns.run(rows=1)
    assert (await towns.case("nachbardorf", case.id)).shown == "REQUESTED"
    await towns.hurry()
    await towns.run()
    assert (await towns.case("nachbardorf", case.id)).shown == "FINALIZED"


@pytest.mark.on_both
async def test_after_days_a_person_is_asked_once_and_nothing_is_ended(towns: Towns) -> None:
    """<< away for longer than the patience >> one question; the row is still there."""
    case = await asked(towns)

    def age(tx: Tx) -> None:
        tx.run("UPDATE outbox SET created_at = created_at - :ms WHERE participant = :p", ms=PATIENCE_MS + 1, p=tx.scope)

    await towns.db.write("nachbardorf", age)
    towns.wire.answers = [Unavailable("peer.busy", status=0)] * 3
    for _ in range(3):
        await towns.hurry()
    questions = await towns.rows("nachbardorf", "SELECT subject, kind FROM question WHERE participant = :participant")
    assert questions == [{"subject": case.id, "kind": "undeliverable"}]
    assert len(await open_rows(towns)) == 1
    assert (await towns.case("nachbardorf", case.id)).shown == "REQUESTED"


BODIES = {
    "empty": b"",
    "text": b"Internal",
    "array": b"[]",
    "broken": b'{"code":',
    "no reason": b"{}",
    "odd reason": b'{"reason": [1, null, {"a": 1}], "code": 7}',
    "doubled": b'{"code": "a", "code": "b"}',
    "large": b'{"reason": ["' + b"x" * 300_000 + b'"]}',
}


@pytest.mark.parametrize("body", usual(list(BODIES), {"empty", "broken", "odd reason", "doubled", "large"}))
async def test_whatever_a_peer_says_with_its_no_is_survived(towns: Towns, body: str) -> None:
    """<< 400 with a body that is no error object >> refused all the same."""
    towns.wire.answers = [Answer(400, {}, BODIES[body])] * TRIES_4XX
    case = await asked(towns)
    for _ in range(TRIES_4XX + 1):
        await towns.hurry()
    assert (await towns.case("nachbardorf", case.id)).shown == "TERMINATED"


NAMELESS = [b"", b"[]", b"{}", b'{"providerPid": 7}', b'{"providerPid": ""}', b"\xff"]


@pytest.mark.parametrize("body", usual(NAMELESS, {b"", b'{"providerPid": 7}', b'{"providerPid": ""}', b"\xff"}))
async def test_an_ack_without_a_pid_waits_for_the_peers_message(towns: Towns, body: bytes) -> None:
    """>> request << 201 without a usable providerPid >> our next message names it once the peer has named it."""
    post = towns.wire.post

    async def mute(slug: str, did: str, url: str, sent: bytes) -> Answer:
        answer = await post(slug, did, url, sent)
        return Answer(answer.status, {}, body) if url.endswith("/negotiations/request") else answer

    towns.wire.post = mute  # type: ignore[method-assign]
    case = await asked(towns)
    await towns.run()
    assert (await towns.case("nachbardorf", case.id)).shown == "FINALIZED"


CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
SPACE = "https://w3id.org/dspace/2025/1/"
SPELLED: dict[str, Any] = {
    "prefixed": {"@context": CONTEXT, "@type": "dspace:T", "dspace:{name}": "{value}"},
    "reference": {"@context": CONTEXT, "@type": "dspace:T", "dspace:{name}": {"@id": "{value}"}},
    "expanded": [{"@type": [SPACE + "T"], SPACE + "{name}": [{"@id": "{value}"}]}],
    "aliased": {"@context": [CONTEXT, {"p": SPACE + "{name}"}], "@type": "T", "p": "{value}"},
}


def spelled(how: str, kind: str, name: str, value: str) -> bytes:
    text = json.dumps(SPELLED[how]).replace("{name}", name).replace("{value}", value)
    return text.replace(':T"', f':{kind}"').replace('/T"', f'/{kind}"').replace('"T"', f'"{kind}"').encode()


@pytest.mark.parametrize("how", SPELLED)
async def test_a_pid_in_an_answer_of_another_dialect_is_known(towns: Towns, how: str) -> None:
    """>> request << 201 whose providerPid is not plain >> known all the same, so an end reaches the peer."""
    body = spelled(how, "ContractNegotiation", "providerPid", "urn:theirs")
    towns.wire.answers = [Answer(201, {}, body)]
    case = await asked(towns)
    await towns.run()
    assert (await towns.case("nachbardorf", case.id)).kernel.peer_pid == "urn:theirs"


@pytest.mark.on_both
async def test_an_end_without_a_pid_waits_a_little_then_settles_here(towns: Towns) -> None:
    """>> request << 201 without a pid, then silence; >> end << a few attempts, then TERMINATED with our reason."""
    towns.wire.answers = [Answer(201, {}, EMPTY)]
    case = await asked(towns)
    await towns.run()
    reason = {"de": ["Nein."], "en": ["No."]}
    await towns.db.write("nachbardorf", towns.contracts.terminate, "nachbardorf", case.id, "operator", reason)
    for _ in range(TRIES_NAMELESS - 1):
        assert (await towns.case("nachbardorf", case.id)).kernel.state == "REQUESTED"
        await towns.hurry()
    await towns.hurry()
    ended = await towns.case("nachbardorf", case.id)
    assert (ended.kernel.state, ended.kernel.pending, ended.reason) == ("TERMINATED", None, reason)
    assert towns.wire.sent == [REQUEST]
    assert await open_rows(towns) == []
    lines = await towns.rows(
        "nachbardorf",
        "SELECT code FROM transcript WHERE participant = :participant AND sent > 0 AND slot LIKE '%:end'"
        " AND status = 0",
    )
    assert lines == [{"code": "delivery.no-pid"}]


async def suspended(towns: Towns) -> tuple[TransferRow, TransferRow]:
    """(consumer's, provider's) transfer, suspended and resumed by the provider; its START is not delivered yet."""
    process = await towns.fetch("nachbardorf", "musterstadt", await towns.concluded("nachbardorf", "musterstadt"))
    await towns.run()
    mine = await towns.process("nachbardorf", process.id)
    theirs = await towns.process("musterstadt", mine.kernel.peer_pid)
    await towns.db.write("musterstadt", towns.transfers.suspend, "musterstadt", theirs.id, "operator", WHY)
    await towns.run()
    await towns.db.write("musterstadt", towns.transfers.resume, "musterstadt", theirs.id)
    return mine, theirs


async def test_who_has_read_another_list_may_still_be_told_to_go_on(towns: Towns) -> None:
    """>> START << 401, more often than is believed of other messages >> waited for; it goes on."""
    mine, theirs = await suspended(towns)
    towns.wire.answers = [Answer(401, {}, EMPTY)] * (TRIES_4XX + 2)
    for _ in range(TRIES_4XX + 2):
        await towns.hurry()
        assert (await towns.process("nachbardorf", mine.id)).shown == "SUSPENDED"
        assert (await towns.process("musterstadt", theirs.id)).kernel.doubt is False
    await towns.hurry()
    assert (await towns.process("nachbardorf", mine.id)).shown == "STARTED"
    assert (await towns.process("musterstadt", theirs.id)).shown == "STARTED"


async def test_after_a_day_a_stranger_is_believed(towns: Towns) -> None:
    """>> START, a day old << 401, four times >> refused, and a person is asked."""
    _, theirs = await suspended(towns)

    def age(tx: Tx) -> None:
        tx.run("UPDATE outbox SET created_at = created_at - :ms WHERE done_at IS NULL", ms=SETTLING_IN_MS + 1)

    await towns.db.write("musterstadt", age)
    towns.wire.answers = [Answer(401, {}, EMPTY)] * TRIES_4XX
    for _ in range(TRIES_4XX):
        await towns.hurry()
    assert (await towns.process("musterstadt", theirs.id)).shown == "SUSPENDED"
    asked = await towns.rows("musterstadt", "SELECT kind FROM question WHERE participant = :participant")
    assert asked == [{"kind": "refused"}]


async def test_an_end_does_not_wait_for_lists(towns: Towns) -> None:
    """>> START << 401 >> terminate << the START is tried as often as other messages, then the peer hears of the end."""
    mine, theirs = await suspended(towns)
    before = len(towns.wire.sent)
    towns.wire.answers = [Answer(401, {}, EMPTY)] * (TRIES_4XX + 1)
    await towns.run()
    await towns.db.write("musterstadt", towns.transfers.terminate, "musterstadt", theirs.id, "operator", WHY)
    for _ in range(TRIES_4XX + 1):
        await towns.hurry()
    assert (await towns.process("nachbardorf", mine.id)).shown == "TERMINATED"
    said = [one for one in towns.wire.sent[before:] if not one.endswith("GET")]
    assert said == [*["musterstadt: TransferStartMessage"] * (TRIES_4XX + 1), "musterstadt: TransferTerminationMessage"]


async def started(towns: Towns) -> str:
    """A transfer of which the village doubts that the town sees it as it does; the question is in the outbox."""
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    process = await towns.fetch("nachbardorf", "musterstadt", agreement)
    await towns.run()
    towns.wire.sent.clear()

    def doubt(tx: Tx) -> None:
        [row] = tx.all("SELECT kernel, counterparty FROM transfer WHERE participant = :p", p=tx.scope)
        kernel = msgspec.json.encode({**msgspec.json.decode(row["kernel"]), "doubt": True}).decode()
        tx.run(
            "UPDATE transfer SET kernel = :kernel, version = version + 1 WHERE participant = :p",
            kernel=kernel,
            p=tx.scope,
        )
        owner = Owner(participant=tx.scope, noun="transfer", id=process.id, to=row["counterparty"])
        errand(tx, owner, "repair")

    await towns.db.write("nachbardorf", doubt)
    return process.id


@pytest.mark.parametrize("how", usual(list(SPELLED), {"prefixed", "expanded"}))
async def test_a_state_in_an_answer_of_another_dialect_is_no_lack_of_one(towns: Towns, how: str) -> None:
    """>> GET << 200 with the same state, spelled otherwise >> the doubt is over and the transfer goes on."""
    process = await started(towns)
    towns.wire.answers = [Answer(200, {}, spelled(how, "TransferProcess", "state", f"{SPACE}STARTED"))]
    await towns.run()
    kernel = (await towns.process("nachbardorf", process)).kernel
    assert (kernel.state, kernel.doubt, kernel.pending) == ("STARTED", False, None)
    assert towns.wire.sent == ["nachbardorf: GET"]


UNREADABLE = [
    Answer(200, {}, EMPTY),
    Answer(200, {}, b'{"state": "dspace:NONE"}'),
    Answer(401, {}, EMPTY),
    Answer(204, {}, EMPTY),
    pytest.param(Answer(200, {}, b"<html>"), marks=pytest.mark.long),
    pytest.param(Answer(200, {}, b"[]"), marks=pytest.mark.long),
    Answer(400, {}, b"{}"),
]


@pytest.mark.on_both
@pytest.mark.parametrize("answer", UNREADABLE)
async def test_only_a_404_says_that_a_peer_knows_nothing(towns: Towns, answer: Answer) -> None:
    """>> GET << an answer without a state >> the doubt stays, and the transcript says so; << 404 >> it is over."""
    process = await started(towns)
    towns.wire.answers = [answer, answer, Answer(404, {}, EMPTY)]
    for _ in range(2):
        await towns.hurry()
        kernel = (await towns.process("nachbardorf", process)).kernel
        assert (kernel.state, kernel.doubt) == ("STARTED", True)
    [line] = await towns.rows(
        "nachbardorf", "SELECT status, times FROM transcript WHERE participant = :participant AND kind = 'repair'"
    )
    assert line == {"status": answer.status, "times": 2}
    await towns.hurry()
    assert (await towns.process("nachbardorf", process)).kernel.state == "TERMINATED"


@pytest.mark.on_both
async def test_a_doubt_that_stays_for_days_is_a_persons(towns: Towns) -> None:
    await started(towns)

    def age(tx: Tx) -> None:
        tx.run(
            "UPDATE outbox SET created_at = created_at - :ms WHERE participant = :p AND kind = 'repair'",
            ms=PATIENCE_MS + 1,
            p=tx.scope,
        )

    await towns.db.write("nachbardorf", age)
    towns.wire.answers = [Answer(200, {}, EMPTY)] * 2
    await towns.hurry()
    await towns.hurry()
    asked = await towns.rows("nachbardorf", "SELECT kind FROM question WHERE participant = :participant")
    assert asked == [{"kind": "undeliverable"}]


async def test_a_pid_is_data_never_an_address(towns: Towns) -> None:
    """<< a providerPid full of path and quotes >> it stays one path segment and one JSON string."""
    urls: list[str] = []
    evil = '../../../etc?x=#"},{"'

    async def odd(slug: str, did: str, url: str, sent: bytes) -> Answer:
        urls.append(url)
        if url.endswith("/negotiations/request"):
            return Answer(201, {}, b'{"providerPid": "../../../etc?x=#\\"},{\\""}')
        return Answer(200, {}, b"{}")

    towns.wire.post = odd  # type: ignore[method-assign]
    case = await asked(towns)
    await towns.run()
    assert (await towns.case("nachbardorf", case.id)).kernel.peer_pid == evil
    reason = {"de": ["Nein."], "en": ["No."]}
    await towns.db.write("nachbardorf", towns.contracts.terminate, "nachbardorf", case.id, "operator", reason)
    await towns.run()
    base = "https://localhost:18443/musterstadt/2025-1/negotiations/"
    assert urls[-1].startswith(base)
    assert urls[-1].removeprefix(base).count("/") == 1
    assert not set('?#"{}') & set(urls[-1])
