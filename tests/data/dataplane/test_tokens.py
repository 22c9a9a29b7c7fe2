"""Access tokens: what is kept of them, which headers hold one, and how they are compared (T25)."""

import hmac

import pytest

from connector.data.dataplane import flows, tokens

TOWN, A = "musterstadt", "a" * 42
NONE = [
    None,
    "",
    "Bearer",
    "Bearer ",
    f"Bearer {A}",
    f"Bearer {A}aa",
    f"bearer {A}a",
    f"Basic {A}a",
    f"Bearer  {A}",
    f"Bearer {A}ä",
    f"Bearer {A}=",
    f"Bearer {A}a\n",
    f" Bearer {A}a",
    "Bearer a.b.c",
]


def test_a_token_is_256_random_bits() -> None:
    """A thousand are all different and all of the one shape."""
    made = {tokens.fresh() for _ in range(1000)}
    assert len(made) == 1000
    assert {len(token) for token in made} == {43}
    assert all(tokens.bearer(f"Bearer {token}") == token for token in made)


@pytest.mark.parametrize("header", NONE)
def test_only_the_exact_shape_is_a_token(header: str | None) -> None:
    assert tokens.bearer(header) is None


@pytest.mark.threat("T25")
async def test_tokens_are_compared_in_constant_time(plane, monkeypatch) -> None:
    """Looked up by their hash, and the hash that was found goes through `compare_digest` once more."""
    compared = []

    class Counting:
        @staticmethod
        def compare_digest(one: bytes, other: bytes) -> bool:
            compared.append(one)
            return hmac.compare_digest(one, other)

    monkeypatch.setattr(tokens, "hmac", Counting)
    right, wrong = tokens.hashed(plane.token), tokens.hashed("x" * 43)
    assert await plane.database.read(TOWN, flows.held, TOWN, plane.flow, right) is not None
    assert compared == [right.encode()]
    assert await plane.database.read(TOWN, flows.held, TOWN, plane.flow, wrong) is None
    assert compared == [right.encode()]


@pytest.mark.threat("T25")
async def test_a_wrong_token_and_a_wrong_flow_are_answered_alike(plane) -> None:
    """>> a bad token at a real flow, a good one at another, a bad one at none << the same 401 in the same words."""
    asked = [{"token": "x" * 43}, {"flow": "urn:uuid:other"}, {"token": "x" * 43, "flow": "urn:uuid:other"}]
    answers = [await plane.get(**one) for one in asked]
    assert {status for status, _, _ in answers} == {401}
    assert len({body for _, _, body in answers}) == 1


async def test_only_hashes_are_at_rest_and_only_two_of_them(plane) -> None:
    """>> five more tokens for one flow << the last and the one before are kept, none of them in clear."""

    def five(tx) -> list[str]:
        facts = {"participant": TOWN, "flow": plane.flow, "counterparty": "did:web:n", "agreement": "urn:uuid:a"}
        return [tokens.issue(tx, **facts) for _ in range(5)]

    made = await plane.database.write(TOWN, five)
    rows = await plane.database.read(TOWN, lambda tx: tx.all("SELECT * FROM access_token"))
    assert len(rows) == 2
    assert not [token for token in [*made, plane.token] if token in str(rows)]
    assert tokens.hashed(plane.token) not in {row["hash"] for row in rows}
