"""A database whose contracts no longer prove themselves is found out: which contract, and what does not hold."""

import pytest

from connector.exchange.contracts.evidence.integrity import examined
from connector.exchange.contracts.model import Agreement
from connector.foundation.storage.database import Tx
from tests.exchange.contracts.ending import CONSUMER, PROVIDER, end
from tests.testkit.towns import Towns

CUT = "substr({0}, 1, length({0}) - 8) || 'AAAAAAAA'"
"""A seal whose signature ends otherwise."""


async def found(towns: Towns, slug: str) -> list[tuple[str, str | None]]:
    return await towns.db.read(slug, lambda tx: list(examined(tx, slug)))


async def bent(towns: Towns, slug: str, statement: str, **values: object) -> None:
    """Somebody with access to the database changes rows of that participant."""

    def unit(tx: Tx) -> int:
        return tx.run(f"{statement} AND participant = :participant", participant=slug, **values)

    assert await towns.db.write(slug, unit)


async def test_each_contract_of_either_side_proves_itself(towns: Towns) -> None:
    first: Agreement = await towns.concluded(CONSUMER, PROVIDER)
    second: Agreement = await towns.concluded(CONSUMER, PROVIDER)
    await end(towns, PROVIDER, second)
    for slug in (CONSUMER, PROVIDER):
        assert await found(towns, slug) == [(name, None) for name in sorted([first.id, second.id])]


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE agreement SET document = CAST(document || ' ' AS BLOB) WHERE 1 = 1", "member-changed"),
        ("UPDATE object SET body = CAST(body || ' ' AS BLOB) WHERE 1 = 1", "member-changed"),
        ("DELETE FROM object_use WHERE name = 'text-de.html'", "member-changed"),
        (f"UPDATE agreement SET provider_jws = {CUT.format('provider_jws')} WHERE 1 = 1", "seal-signature"),
    ],
)
async def test_what_was_bent_in_the_database_is_named(towns: Towns, statement: str, code: str) -> None:
    """>> document, object or seal changed, an object gone << that contract, and why; the partner's stays whole."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    await bent(towns, CONSUMER, statement)
    assert await found(towns, CONSUMER) == [(agreement.id, code)]
    assert await found(towns, PROVIDER) == [(agreement.id, None)]


async def test_the_seals_of_two_contracts_are_not_exchanged(towns: Towns) -> None:
    """>> a true seal of the same town over another contract << what it covers is not here."""
    one, other = await towns.concluded(CONSUMER, PROVIDER), await towns.concluded(CONSUMER, PROVIDER)
    kept = await towns.agreement(PROVIDER, one.id)
    statement = "UPDATE agreement SET provider_jws = :jws WHERE id = :id"
    await bent(towns, PROVIDER, statement, jws=kept.provider_jws, id=other.id)
    assert dict(await found(towns, PROVIDER)) == {one.id: None, other.id: "member-changed"}


async def test_a_bent_seal_over_the_end_is_named_too(towns: Towns) -> None:
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    await end(towns, PROVIDER, agreement)
    await bent(towns, PROVIDER, f"UPDATE ending SET jws = {CUT.format('jws')} WHERE 1 = 1")
    assert await found(towns, PROVIDER) == [(agreement.id, "seal-signature")]
