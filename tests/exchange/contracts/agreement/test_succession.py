"""Who legally succeeds a party stands in its place, by the trust list alone; old evidence stays as it is (T47)."""

import json
from typing import Any

import pytest

from connector.exchange.contracts.agreement.succession import PORTION, SUCCESSION, Successions
from connector.exchange.contracts.model import Agreement
from connector.foundation.errors import PeerError, Unknown
from connector.identity.trust.members.successors import Step, Successors
from connector.kernel.policy.engine import Requester
from tests.testkit.cities import MUNICIPALITY
from tests.testkit.towns import Towns

OLD, PROVIDER, HEIR, STRANGER = "nachbardorf", "musterstadt", "seestadt", "fremdstadt"
ASKED = {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@type": "TransferRequestMessage"}


@pytest.fixture
async def merged(towns: Towns) -> Agreement:
    """Nachbardorf has an agreement with musterstadt; two more towns belong to the data space."""
    await towns.add(HEIR, STRANGER)
    return await towns.concluded(OLD, PROVIDER)


def succeed(towns: Towns, heir: str = HEIR, since: int = 1) -> None:
    """The authority's list says so from now on."""
    towns.line = Successors([Step(towns.did(OLD), towns.did(heir), since)])


async def ask(towns: Towns, slug: str, agreement: Agreement) -> Any:
    """That town asks musterstadt for the data of the agreement, as a connector of its own would."""
    message = {
        **ASKED,
        "@id": f"urn:uuid:{slug}",
        "agreementId": agreement.id,
        "consumerPid": f"urn:uuid:pid-of-{slug}",
        "format": "HttpData-PULL",
        "callbackAddress": towns.partner(slug).base,
    }
    url = f"{towns.partner(PROVIDER).base}/transfers/request"
    return await towns.receive(slug, towns.did(PROVIDER), url, message)


async def log(towns: Towns, agreement: Agreement) -> list[dict[str, Any]]:
    sql = (
        "SELECT record FROM audit_entry WHERE participant = :participant AND agreement = :agreement AND type = :type"
        " ORDER BY seq"
    )
    rows = await towns.rows(PROVIDER, sql, agreement=agreement.id, type=SUCCESSION)
    return [json.loads(bytes(row["record"]))["body"] for row in rows]


async def provided(towns: Towns) -> list[tuple[str, str]]:
    rows = await towns.rows(PROVIDER, "SELECT counterparty, state FROM transfer WHERE participant = :participant")
    return [(row["counterparty"].rpartition(":")[2], row["state"]) for row in rows]


async def test_the_successor_gets_the_data_and_the_log_says_why(towns: Towns, merged: Agreement) -> None:
    """>> the successor asks under the old agreement << started; one `succession` record with both DIDs."""
    succeed(towns)
    await ask(towns, HEIR, merged)
    assert await provided(towns) == [(HEIR, "STARTED")]
    await ask(towns, HEIR, merged)
    assert await log(towns, merged) == [
        {
            "agreement": merged.digest,
            "predecessor": towns.did(OLD),
            "successor": towns.did(HEIR),
            "since": "1970-01-01T00:00:00Z",
        }
    ]


@pytest.mark.on_both
async def test_the_successor_is_judged_by_its_own_membership(towns: Towns, merged: Agreement) -> None:
    """>> the predecessor has left the data space << started; >> the successor leaves it too << refused."""
    succeed(towns)
    towns.ends[towns.did(OLD)] = 1
    await ask(towns, HEIR, merged)
    assert await provided(towns) == [(HEIR, "STARTED")]
    towns.ends[towns.did(HEIR)] = 1
    await towns.db.write(PROVIDER, towns.enforcement.members_changed, PROVIDER, {towns.did(HEIR)})
    await towns.tick()
    held = await towns.rows(PROVIDER, "SELECT held FROM transfer WHERE participant = :participant")
    assert held == [{"held": "policy"}]


@pytest.mark.threat("T47")
async def test_without_the_lists_word_nobody_succeeds_anybody(towns: Towns, merged: Agreement) -> None:
    """>> a member claims another's agreement; one that succeeds somebody else; one before its day << not there."""
    with pytest.raises(Unknown):
        await ask(towns, HEIR, merged)
    towns.line = Successors([Step(towns.did(STRANGER), towns.did(HEIR), 1)])
    with pytest.raises(Unknown):
        await ask(towns, HEIR, merged)
    succeed(towns, since=towns.clock.now() + 3_600_000)
    with pytest.raises(Unknown):
        await ask(towns, HEIR, merged)
    succeed(towns)
    with pytest.raises(Unknown):
        await ask(towns, STRANGER, merged)
    assert await provided(towns) == []
    assert await log(towns, merged) == []


@pytest.mark.on_both
@pytest.mark.threat("T47")
async def test_a_successor_gives_no_new_party_to_the_agreement_itself(towns: Towns, merged: Agreement) -> None:
    """>> succession << document, digest and both seals are the bytes from before; the new one reads the evidence."""
    succeed(towns)
    await ask(towns, HEIR, merged)
    now = await towns.agreement(PROVIDER, merged.id)
    assert (now.document, now.digest, now.counterparty) == (merged.document, merged.digest, towns.did(OLD))
    assert (now.provider_jws, now.consumer_jws) == (merged.provider_jws, merged.consumer_jws)
    rows = await towns.rows(PROVIDER, "SELECT sha256 FROM object_use WHERE participant = :participant")
    for row in rows:
        await towns.object(towns.did(HEIR), towns.did(PROVIDER), row["sha256"])
        with pytest.raises(PeerError):
            await towns.object(towns.did(STRANGER), towns.did(PROVIDER), row["sha256"])


@pytest.mark.on_both
async def test_all_agreements_learn_of_it_though_nobody_uses_them(towns: Towns, merged: Agreement) -> None:
    """>> the regular look, twice << one record in each agreement with the predecessor, none elsewhere."""
    other = await towns.concluded(OLD, PROVIDER)
    foreign = await towns.concluded(STRANGER, PROVIDER)
    job = Successions(towns.db, towns.clock, towns.participants, towns)
    await job.book()
    assert await log(towns, merged) == []
    succeed(towns)
    for _ in range(2):
        await job.book()
    assert [len(await log(towns, one)) for one in (merged, other, foreign)] == [1, 1, 0]
    assert PORTION > 1


async def test_the_end_by_a_successor_is_taken_and_ours_goes_to_it(towns: Towns, merged: Agreement) -> None:
    """>> musterstadt ends the agreement << the statement is posted to whoever stands in it now."""
    succeed(towns)
    why = {"de": ["Umbau"], "en": ["Rebuilding"]}
    posted: list[str] = []
    post = towns.wire.post

    async def noting(slug: str, did: str, url: str, body: bytes) -> Any:
        posted.append(url)
        return await post(slug, did, url, body)

    towns.wire.post = noting  # type: ignore[method-assign]
    await towns.termination_delivery.end(PROVIDER, merged.id, why, None)
    await towns.run()
    assert posted
    assert all(url.startswith(f"{towns.partner(HEIR).root}/evidence/") for url in posted)


@pytest.mark.on_both
async def test_rules_for_the_predecessor_hold_for_the_successor(towns: Towns, merged: Agreement) -> None:
    """What the contract says of its consumer by name is said of whoever stands in its place."""
    succeed(towns)
    await ask(towns, HEIR, merged)
    rows = await towns.rows(PROVIDER, "SELECT world FROM decision WHERE participant = :participant")
    worlds = [json.loads(row["world"]) for row in rows]
    assert worlds
    assert {world["participant"] for world in worlds} == {towns.did(OLD)}
    assert towns.requesters[towns.did(HEIR)] == Requester(did=towns.did(HEIR), kind=MUNICIPALITY)
