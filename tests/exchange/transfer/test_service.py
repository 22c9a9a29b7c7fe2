"""A transfer from both sides without a socket: started under the policy of now, ended by either side, counted once."""

import asyncio
import json
from typing import Any

import pytest

from connector.data.dataplane import flows
from connector.data.dataplane.gate import Access, Decision
from connector.exchange.contracts.model import Agreement
from connector.exchange.delivery.messages import TRIES_4XX
from connector.exchange.transfer.model import TransferRow
from connector.foundation.errors import Mistake, PeerError, Unavailable, Unknown
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import Tx
from connector.kernel.policy.engine import Requester
from connector.kernel.protocol import messages as m
from tests.testkit.cities import COMPANY
from tests.testkit.towns import Towns

SHA256 = "0" * 64


async def started(towns: Towns, agreement: Agreement | None = None) -> tuple[TransferRow, TransferRow]:
    """(consumer's, provider's) transfer once the provider's START has arrived."""
    agreement = agreement or await towns.concluded("nachbardorf", "musterstadt")
    asked = await towns.fetch("nachbardorf", "musterstadt", agreement)
    await towns.run()
    return await both(towns, asked.id)


async def both(towns: Towns, process_id: str) -> tuple[TransferRow, TransferRow]:
    mine = await towns.process("nachbardorf", process_id)
    return mine, await towns.process("musterstadt", mine.kernel.peer_pid)


async def accessed(towns: Towns, process: TransferRow, counterparty: str = "nachbardorf") -> Decision:
    """What the provider's gate hears when the consumer's plane comes."""
    slug = process.participant

    def mark(tx: Tx) -> bool:
        return flows.mark(tx, slug, process.id)

    def unmark(tx: Tx) -> None:
        flows.unmark(tx, slug, process.id)

    access = Access(
        counterparty=towns.did(counterparty), agreement=process.agreement, first=True, mark=mark, unmark=unmark
    )
    return await towns.db.write(slug, towns.access.entitled, slug, process.id, access)


async def test_request_start_pull_completion(towns: Towns) -> None:
    """>> request << start >> (data) >> completion: COMPLETED on both sides, received here, delivered there."""
    mine, theirs = await started(towns)
    assert (mine.shown, theirs.shown) == ("STARTED", "STARTED")
    assert towns.pulls == ["nachbardorf"]
    await towns.db.write("nachbardorf", towns.reports.received, "nachbardorf", mine.id, 8, SHA256)
    await towns.run()
    mine, theirs = await both(towns, mine.id)
    assert (mine.shown, mine.outcome, mine.bytes, mine.sha256) == ("COMPLETED", "received", 8, SHA256)
    assert (theirs.shown, theirs.outcome) == ("COMPLETED", "delivered")
    flow = await towns.db.read("musterstadt", flows.find, "musterstadt", theirs.id)
    assert flow is not None
    assert flow.state == "COMPLETED"


@pytest.mark.threat("T27")
async def test_the_token_is_sealed_wherever_it_rests(towns: Towns) -> None:
    """The token is in the START message alone: not in the outbox, the flow, the audit log or the transfer in clear."""
    seen: list[dict[str, Any]] = []
    towns.wire.bend["TransferStartMessage"] = seen.append
    await started(towns)
    address = seen[0]["dataAddress"]
    token = next(item["value"] for item in address["endpointProperties"] if item["name"] == "authorization")
    assert len(token) >= 32
    for slug in ("musterstadt", "nachbardorf"):
        for table in ("outbox", "transfer", "flow", "access_token", "audit_entry", "negotiation"):
            rows = await towns.rows(slug, f"SELECT * FROM {table} WHERE participant = :participant")
            assert rows or table == "access_token"
            assert token.encode() not in b"".join(_raw(value) for row in rows for value in row.values())


async def test_the_flow_keeps_what_was_agreed_about_the_bytes(towns: Towns) -> None:
    """The consumer's plane is told the agreed name and hash, whatever the START message says."""
    mine, _ = await started(towns)
    found = await towns.db.read("nachbardorf", towns.reports.flow_of, "nachbardorf", mine.id)
    assert found is not None
    assert (found[1].sink, found[1].expected_sha256) == ("baeume.csv", SHA256)


@pytest.mark.parametrize("url", ["http://localhost:18443/x", "file:///etc/passwd", "", "ftp://localhost/x"])
async def test_an_address_without_https_is_refused(towns: Towns, url: str) -> None:
    """<< START with an address that is none >> transfer.address; nothing is fetched."""

    def change(message: dict[str, Any]) -> None:
        message["dataAddress"]["endpoint"] = url
        message["dataAddress"]["endpointProperties"] = [
            {"@type": "EndpointProperty", "name": "authorization", "value": "x"}
        ]

    towns.wire.bend["TransferStartMessage"] = change
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    asked = await towns.fetch("nachbardorf", "musterstadt", agreement)
    await towns.run()
    assert towns.pulls == []
    assert (await towns.process("nachbardorf", asked.id)).shown == "REQUESTED"


async def test_membership_counts_as_of_now(towns: Towns) -> None:
    """>> request by a member whose kind has changed since << TERMINATED code policy, with the clause."""
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    did = towns.did("nachbardorf")
    towns.requesters[did] = Requester(did=did, kind=COMPANY)
    asked = await towns.fetch("nachbardorf", "musterstadt", agreement)
    await towns.run()
    await towns.hurry()
    mine = await towns.process("nachbardorf", asked.id)
    assert (mine.shown, mine.outcome) == ("TERMINATED", "refused")
    assert mine.reason is not None
    assert "Kommune" in mine.reason["de"][0]
    assert mine.reason["de"] != mine.reason["en"]


async def test_who_left_the_data_space_gets_no_more_bytes(towns: Towns) -> None:
    """>> access under a started transfer after the member was struck off << refused, and not counted."""
    _, theirs = await started(towns)
    assert (await accessed(towns, theirs)).permit
    del towns.requesters[towns.did("nachbardorf")]
    decision = await accessed(towns, theirs)
    assert not decision.permit
    assert set(decision.reasons) == {"de", "en"}


@pytest.mark.on_both
async def test_a_use_is_counted_once_per_flow_and_never_beyond_the_limit(towns: Towns) -> None:
    """>> two flows under a rule of one use << the first may resume as often as it likes, the second is refused."""
    agreement = await towns.concluded("nachbardorf", "musterstadt", **limited(1))
    _, first = await started(towns, agreement)
    assert (await accessed(towns, first)).permit
    assert (await accessed(towns, first)).permit
    _, second = await started(towns, agreement)
    assert not (await accessed(towns, second)).permit
    assert (await accessed(towns, first)).permit
    counted = await towns.rows("musterstadt", "SELECT uses FROM counter WHERE participant = :participant")
    assert [row["uses"] for row in counted] == [1]


async def test_parallel_accesses_share_one_counter(towns: Towns) -> None:
    """>> ten flows at once under a rule of three uses << exactly three are permitted."""
    agreement = await towns.concluded("nachbardorf", "musterstadt", **limited(3))
    flows_ = [(await started(towns, agreement))[1] for _ in range(10)]
    decisions = await asyncio.gather(*(accessed(towns, flow) for flow in flows_))
    assert sum(decision.permit for decision in decisions) == 3


async def test_another_partner_gets_nothing_from_a_flow(towns: Towns) -> None:
    """>> access in the name of somebody who has no agreement << unknown."""
    await towns.add("drittdorf")
    _, theirs = await started(towns)
    with pytest.raises(Unknown, match=r"contracts\.no-agreement"):
        await accessed(towns, theirs, "drittdorf")


@pytest.mark.threat("T17")
async def test_a_third_party_sees_and_moves_nothing(towns: Towns) -> None:
    """>> another member asks for the transfer, its agreement, its end << as if they were not there."""
    await towns.add("drittdorf")
    mine, theirs = await started(towns)
    third, slug = towns.partner("drittdorf"), "musterstadt"
    ending = m.TransferTerminationMessage(provider_pid=theirs.id, consumer_pid=mine.id, id="urn:uuid:1")
    asking = m.TransferRequestMessage(
        consumer_pid="urn:uuid:2",
        agreement_id=theirs.agreement,
        format="HttpData-PULL",
        callback_address=third.root,
        id="urn:uuid:3",
    )
    with pytest.raises(Unknown, match=r"transfer\.unknown"):
        await towns.db.read(slug, towns.transfers.get, slug, theirs.id, third.did)
    with pytest.raises(Unknown, match=r"transfer\.unknown"):
        await towns.db.write(slug, towns.transfers.receive, slug, third, theirs.id, ending, "0")
    with pytest.raises(Unknown, match=r"contracts\.no-agreement"):
        await towns.db.write(slug, towns.transfers.receive_request, slug, third, asking, "0")
    assert (await towns.process(slug, theirs.id)).shown == "STARTED"


@pytest.mark.on_both
@pytest.mark.parametrize(
    ("format_", "code"), [("AmazonS3-PUSH", r"transfer\.format"), ("HttpData-PUSH", r"transfer\.no-destination")]
)
async def test_only_a_format_that_is_offered_is_taken(towns: Towns, format_: str, code: str) -> None:
    """>> another format, a push that says not whereto << refused; nothing is written."""
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    asking = m.TransferRequestMessage(
        consumer_pid="urn:uuid:2",
        agreement_id=agreement.id,
        format=format_,
        callback_address=towns.partner("nachbardorf").root,
        id="urn:uuid:3",
    )
    with pytest.raises(PeerError, match=code):
        await towns.db.write(
            "musterstadt", towns.transfers.receive_request, "musterstadt", towns.partner("nachbardorf"), asking, "0"
        )
    assert await towns.rows("musterstadt", "SELECT 1 FROM transfer WHERE participant = :participant") == []


async def test_nobody_transfers_from_itself(towns: Towns) -> None:
    """>> the provider asks for the data of its own agreement << transfer.own-data."""
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    with pytest.raises(Mistake, match=r"transfer\.own-data"):
        await towns.fetch("musterstadt", "nachbardorf", agreement)


async def test_a_provider_that_ends_it_closes_the_flow_at_once(towns: Towns) -> None:
    """>> terminate << the flow is closed before the peer has heard of it; then TERMINATED on both sides."""
    mine, theirs = await started(towns)
    reason = {"de": ["Genug."], "en": ["Enough."]}
    slug = "musterstadt"
    await towns.db.write(slug, towns.transfers.terminate, slug, theirs.id, "operator", reason)
    assert not (await accessed(towns, theirs)).permit
    await towns.run()
    mine, theirs = await both(towns, mine.id)
    assert mine.shown == theirs.shown == "TERMINATED"
    assert mine.reason == {"de": ["Genug."], "en": ["Enough."]}
    await towns.db.write(slug, towns.transfers.terminate, slug, theirs.id, "operator", reason)


async def test_a_provider_that_says_completed_has_not_delivered_by_that(towns: Towns) -> None:
    """<< completion before our bytes are here >> no outcome yet; what our plane then reports is booked."""
    mine, theirs = await started(towns)
    done = m.TransferCompletionMessage(provider_pid=theirs.id, consumer_pid=mine.id, id="urn:uuid:1")
    await towns.db.write(
        "nachbardorf", towns.transfers.receive, "nachbardorf", towns.partner("musterstadt"), mine.id, done, "0"
    )
    mine = await towns.process("nachbardorf", mine.id)
    assert (mine.shown, mine.outcome) == ("COMPLETED", None)
    await towns.db.write("nachbardorf", towns.reports.received, "nachbardorf", mine.id, 8, SHA256)
    mine = await towns.process("nachbardorf", mine.id)
    assert (mine.shown, mine.outcome, mine.bytes, mine.sha256) == ("COMPLETED", "received", 8, SHA256)


async def test_expiry_ends_only_what_has_expired(towns: Towns) -> None:
    """>> timer before the time << nothing; >> after it << TERMINATED code expired, and the sentence says why."""
    mine, theirs = await started(towns)
    slug = "musterstadt"
    await towns.db.write(slug, towns.transfers.expire, slug, theirs.id)
    assert (await towns.process(slug, theirs.id)).shown == "STARTED"

    def past(tx: Tx) -> None:
        tx.run("UPDATE agreement SET expires_at = 1 WHERE participant = :p", p=slug)

    await towns.db.write(slug, past)
    await towns.db.write(slug, towns.transfers.expire, slug, theirs.id)
    await towns.db.write(slug, towns.transfers.expire, slug, theirs.id)
    await towns.run()
    mine, theirs = await both(towns, mine.id)
    assert mine.shown == theirs.shown == "TERMINATED"
    assert towns.wire.sent.count("musterstadt: TransferTerminationMessage") == 1


async def test_bytes_that_are_not_the_agreed_ones_end_it_as_broken(towns: Towns) -> None:
    """>> not_pulled broken << TERMINATED towards the provider; the outcome stays broken."""
    mine, _ = await started(towns)
    reason = {"de": ["Falsche Bytes."], "en": ["Wrong bytes."]}
    await towns.db.write("nachbardorf", towns.reports.failed, "nachbardorf", mine.id, "broken", reason)
    await towns.run()
    mine, theirs = await both(towns, mine.id)
    assert (mine.shown, mine.outcome, theirs.shown) == ("TERMINATED", "broken", "TERMINATED")


@pytest.mark.on_both
@pytest.mark.threat("T33")
async def test_repetition_changes_nothing(towns: Towns) -> None:
    """>> every message twice << one process a side, one flow, one token, one pull."""
    post = towns.wire.post

    async def twice(slug: str, did: str, url: str, body: bytes) -> Answer:
        first = await post(slug, did, url, body)
        assert (await post(slug, did, url, body)).status == first.status
        return first

    agreement = await towns.concluded("nachbardorf", "musterstadt")
    towns.wire.post = twice  # type: ignore[method-assign]
    await started(towns, agreement)
    assert towns.pulls == ["nachbardorf"]
    for slug, table in (
        ("musterstadt", "transfer"),
        ("musterstadt", "flow"),
        ("musterstadt", "access_token"),
        ("nachbardorf", "flow"),
    ):
        sql = f"SELECT count(*) AS n FROM {table} WHERE participant = :participant"
        assert (await towns.rows(slug, sql))[0]["n"] == 1


async def test_a_message_in_the_wrong_state_is_refused(towns: Towns) -> None:
    """>> completion before the start << transfer.illegal; the pids of another process << transfer.pid."""
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    asked = await towns.fetch("nachbardorf", "musterstadt", agreement)
    partner, slug = towns.partner("musterstadt"), "nachbardorf"
    early = m.TransferCompletionMessage(provider_pid="urn:uuid:1", consumer_pid=asked.id, id="urn:uuid:2")
    alien = m.TransferCompletionMessage(provider_pid="urn:uuid:1", consumer_pid="urn:uuid:0", id="urn:uuid:2")
    with pytest.raises(PeerError, match=r"transfer\.illegal"):
        await towns.db.write(slug, towns.transfers.receive, slug, partner, asked.id, early, "0")
    with pytest.raises(PeerError, match=r"transfer\.pid"):
        await towns.db.write(slug, towns.transfers.receive, slug, partner, asked.id, alien, "0")


SEEN = {
    "the same": ({"state": "STARTED"}, "STARTED", False),
    "further": ({"state": "COMPLETED"}, "COMPLETED", False),
    "elsewhere": ({"state": "SUSPENDED"}, "TERMINATED", True),
    "nothing": ({}, "TERMINATED", False),
}


@pytest.mark.parametrize(("seen", "state", "told"), SEEN.values(), ids=SEEN)
async def test_after_a_refusal_the_peers_state_is_looked_at(
    towns: Towns, seen: dict[str, str], state: str, told: bool
) -> None:
    """<< completion refused for good >> GET; << another state >> TERMINATE; the data stay received."""
    mine, _ = await started(towns)
    await towns.db.write("nachbardorf", towns.reports.received, "nachbardorf", mine.id, 8, SHA256)
    refusal = Answer(409, {}, b"{}")
    towns.wire.answers = [*[refusal] * TRIES_4XX, Answer(200 if seen else 404, {}, json.dumps(seen).encode())]
    for _ in range(5):
        await towns.hurry()
    mine = await towns.process("nachbardorf", mine.id)
    assert towns.wire.sent.count("nachbardorf: GET") == 1
    assert (mine.shown, mine.outcome) == (state, "received")
    assert ("nachbardorf: TransferTerminationMessage" in towns.wire.sent) is told


@pytest.mark.on_both
async def test_the_message_waits_for_the_peers_pid(towns: Towns) -> None:
    """>> terminate before the first answer << the pid is filled in when it is known, never sent without."""
    agreement = await towns.concluded("nachbardorf", "musterstadt")
    asked = await towns.fetch("nachbardorf", "musterstadt", agreement)
    reason = {"de": ["Doch nicht."], "en": ["Rather not."]}
    await towns.db.write("nachbardorf", towns.transfers.terminate, "nachbardorf", asked.id, "operator", reason)
    towns.wire.answers = [Unavailable("peer.busy", status=503)]
    await towns.run()
    await towns.hurry()
    mine, theirs = await both(towns, asked.id)
    assert mine.shown == theirs.shown == "TERMINATED"
    bodies = await towns.rows(
        "nachbardorf", "SELECT body FROM outbox WHERE participant = :participant AND kind = 'message'"
    )
    assert any("\ue000" in json.loads(bytes(row["body"]))["text"] for row in bodies)


def limited(uses: int) -> dict[str, Any]:
    """A rule with a number of uses."""
    return {"rule": "pilot", "slots": {"from": "01.01.2020", "until": "31.12.2099", "count": str(uses)}}


def _raw(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
