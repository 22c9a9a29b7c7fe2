"""Identifiers that a peer makes up are bounded: databases keep them in indexes, we send them on in addresses (T13)."""

from random import Random
from typing import Any

import pytest

from connector.kernel.protocol import codec
from connector.kernel.protocol import messages as m
from connector.kernel.protocol.codec import Malformed
from connector.kernel.protocol.shape import LONGEST_ID
from tests.fuzz.ground import PEER, TOWN, Ground
from tests.testkit import corpus
from tests.testkit.door import Door
from tests.testkit.towns import Towns


def name(length: int) -> str:
    """Characters that no database can pack any tighter."""
    rng = Random(length)
    return "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(length))


@pytest.fixture
async def ground(towns: Towns) -> Ground:
    ground = Ground(towns)
    ground.shown = {slug: await towns.publish(slug) for slug in (TOWN, PEER)}
    return ground


@pytest.mark.threat("T13")
async def test_a_pid_fits_every_database(ground: Ground) -> None:
    """>> the longest pids that we take, in first messages << 201 on SQLite and PostgreSQL."""
    door, longest = Door(ground.towns), name(LONGEST_ID)
    for said in (ground.first_request(consumerPid=longest), ground.first_offer(providerPid=longest)):
        assert (await door.post(PEER, TOWN, said.path, said.body)).status == 201


@pytest.mark.threat("T13")
async def test_a_longer_one_is_the_peers_mistake(ground: Ground) -> None:
    """>> one character more, and the longest text of all << 400 with a sentence, and the pid is not thrown back."""
    door = Door(ground.towns)
    for length in (LONGEST_ID + 1, 20_000):
        for said in (ground.first_request(consumerPid=name(length)), ground.first_offer(providerPid=name(length))):
            reply = await door.post(PEER, TOWN, said.path, said.body)
            assert reply.status == 400
            assert "512" in reply.json["reason"][0]
            assert len(reply.body) < 2_000


@pytest.mark.parametrize(
    ("cls", "change"),
    [
        (m.ContractAgreementMessage, {"agreement": {**corpus.AGREEMENT, "@id": name(513)}}),
        (m.ContractAgreementMessage, {"agreement": {**corpus.AGREEMENT, "target": name(513)}}),
        (m.ContractOfferMessage, {"offer": {**corpus.OFFER, "target": name(513)}}),
        (m.TransferRequestMessage, {"agreementId": name(513)}),
        (m.TransferStartMessage, {"providerPid": name(513)}),
    ],
)
def test_so_are_the_other_names(cls: Any, change: dict[str, Any]) -> None:
    value = {**next(iter(corpus.specimens(cls))), **change}
    with pytest.raises(Malformed) as broken:
        codec.decode(cls, value)
    assert broken.value.code == "too-long"


def test_a_member_without_a_name_is_one_that_nobody_knows() -> None:
    """>> "" in a catalogue, of any type << passed over: it is not where we keep what we do not know."""
    for value in corpus.specimens(m.Catalog):
        for odd in ({"@id": "urn:x"}, [], None, 7):
            read = codec.decode(m.Catalog, {**value, "": odd, "dct:title": "Bäume"})
            assert read.extra == {"dct:title": "Bäume"}
            assert read.id == value["@id"]
