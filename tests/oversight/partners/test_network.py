"""Edges of contracts and places in the picture: nothing twice, nothing outside, the own ones always in it."""

from hypothesis import given
from hypothesis import strategies as st

from connector.oversight.partners.network import MOST, Bond, edges, places

NAMES = st.sampled_from([f"did:{number}" for number in range(90)])
BONDS = st.lists(
    st.builds(
        Bond, agreement=st.uuids().map(str), provider=NAMES, consumer=NAMES, title=st.sampled_from(["", "a", "b"])
    ),
    max_size=120,
)


def bond(agreement: str, provider: str, consumer: str, title: str = "") -> Bond:
    return Bond(agreement=agreement, provider=provider, consumer=consumer, title=title)


def test_a_contract_that_both_sides_have_is_one() -> None:
    """>> both sides in one process, a second contract, one the other way << two edges, two contracts and one."""
    found = edges(
        [
            bond("1", "a", "b", "Bäume"),
            bond("1", "a", "b", "Bäume"),
            bond("2", "a", "b", "Bäume"),
            bond("3", "b", "a"),
        ]
    )
    assert [(one.provider, one.consumer, one.contracts, one.titles) for one in found] == [
        ("a", "b", 2, ("Bäume",)),
        ("b", "a", 1, ()),
    ]


def test_one_alone_stands_in_the_middle() -> None:
    (alone,) = places([], ["a"])
    assert (alone.x, alone.y, alone.number, alone.own) == (50, 50, 1, True)
    assert places([], []) == []


@given(BONDS, st.lists(NAMES, unique=True, max_size=5))
def test_every_place_is_in_the_picture_and_taken_once(bonds: list[Bond], own: list[str]) -> None:
    found = edges(bonds)
    drawn = places(found, own)
    everybody = {did for one in found for did in (one.provider, one.consumer)} | set(own)
    assert len(drawn) == min(len(everybody), MOST)
    assert {one.did for one in drawn} <= everybody
    assert set(own) <= {one.did for one in drawn}
    assert len({(one.x, one.y) for one in drawn}) == len(drawn)
    assert all(5 <= one.x <= 95 and 5 <= one.y <= 95 for one in drawn)
    assert [one.number for one in drawn] == list(range(1, len(drawn) + 1))


@given(BONDS, st.randoms())
def test_the_picture_does_not_depend_on_who_gathered(bonds: list[Bond], chance: object) -> None:
    mixed = list(bonds)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert edges(mixed) == edges(bonds)
    assert places(edges(mixed), []) == places(edges(bonds), [])
    assert sum(one.contracts for one in edges(bonds)) == len({one.agreement for one in bonds})
