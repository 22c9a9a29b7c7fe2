"""The id of an agreement is the provider's to choose, but never a name by which people know another one."""

from typing import Any

import pytest

from connector.foundation.errors import Unknown
from tests.testkit.towns import Towns

pytestmark = [pytest.mark.threat("T22"), pytest.mark.threat("T116")]


async def named(towns: Towns, name: str) -> list[str]:
    """The ids of the consumer's agreements after a provider has called a further one `name`, and sealed nothing."""

    def bend(message: dict[str, Any]) -> None:
        message["agreement"]["@id"] = name
        for member in [one for one in message if one.endswith("Signature")]:
            del message[member]

    towns.wire.bend["ContractAgreementMessage"] = bend
    await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt"))
    for _ in range(6):  # a refusal is believed after some tries
        await towns.hurry()
    rows = await towns.rows("nachbardorf", "SELECT id FROM agreement WHERE participant = :participant")
    return sorted(row["id"] for row in rows)


@pytest.mark.parametrize("bare", [True, False])
async def test_bug_a_provider_could_give_its_agreement_the_name_of_another(towns: Towns, bare: bool) -> None:
    """>> request << an agreement "X" beside "urn:uuid:X", or the same again: refused; the name means what it meant."""
    first = await towns.concluded("nachbardorf", "musterstadt")
    assert await named(towns, first.uuid if bare else first.id) == [first.id]
    found = await towns.db.read("nachbardorf", towns.contracts.agreements.named, "nachbardorf", first.uuid)
    assert found.id == first.id


@pytest.mark.parametrize("name", ["", "urn:uuid:"])
async def test_bug_an_agreement_without_a_name_was_taken(towns: Towns, name: str) -> None:
    """>> request << an agreement that nobody could ever name: refused."""
    assert await named(towns, name) == []


async def test_another_name_of_its_own_is_the_providers_choice(towns: Towns) -> None:
    """>> request << a bare UUID, as EDC gives them: taken."""
    assert await named(towns, "5f4dcc3b-5aa7-4efd-9c1e-000000000001") == ["5f4dcc3b-5aa7-4efd-9c1e-000000000001"]


async def test_bug_a_provider_could_name_its_agreement_after_a_command(towns: Towns) -> None:
    """>> ids with a second command, an option, a substitution, quotes, spaces << refused; an address is taken."""
    for name in ("x;reboot", "--reason", "$(reboot)", "x'y", 'x"y', "x y", "x\ny", "x|y", "x&y", "`x`", "x\u00ad", "ä"):
        assert await named(towns, name) == [], name
    address = "https://town.example/agreements/MQ==:YXNz+/a?b=c,d#~%20@x_y"
    assert await named(towns, address) == [address]


async def test_who_is_not_known_is_named_as_asked(towns: Towns) -> None:
    """Bug: the refusal said „urn:uuid:urn:uuid:…“. >> an agreement that there is not, in both spellings << one id."""
    for name in ("5f4dcc3b-5aa7-4efd-9c1e-000000000001", "urn:uuid:5f4dcc3b-5aa7-4efd-9c1e-000000000001"):
        with pytest.raises(Unknown) as refused:
            await towns.db.read("nachbardorf", towns.contracts.agreements.named, "nachbardorf", name)
        assert refused.value.facts == {"id": "urn:uuid:5f4dcc3b-5aa7-4efd-9c1e-000000000001"}
