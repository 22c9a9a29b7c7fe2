"""The file that proves two lists of one number: anybody can check it, and nothing else passes for one."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from connector.foundation.errors import Mistake
from connector.identity.trust.members.fork_proof import Difference, ForkProof, proof_of, proven
from connector.identity.trust.members.forks import ForkedList
from tests.identity.trust.members.keepers import Keeper
from tests.identity.trust.members.lists import NOW, entry

pytestmark = pytest.mark.threat("T163")


def _proof(keeper: Keeper) -> ForkProof:
    town, village = entry("town", NOW), entry("village", NOW)
    held = keeper.says(town, village, version=7)
    other = keeper.says(replace(town, state="suspended"), replace(village, ars="09"), entry("a", NOW), version=7)
    pair = ForkedList(authority=keeper.key.id, version=7, held=held, other=other)
    return proof_of(pair, keeper.key.public_jwk)


def test_a_file_says_whose_lists_these_are_and_in_what_they_differ(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, "north")
    found = proven(msgspec.json.encode(_proof(keeper)))
    assert (found.authority, found.version, found.space) == (keeper.key.id, 7, keeper.space)
    assert found.differences == (
        Difference(did="did:web:town.de", name="Town", one="active", two="suspended"),
        Difference(did="did:web:village.de", name="Village", one="active", two="active"),
        Difference(did="did:web:a.de", name="A", one="absent", two="active"),
    )


def test_what_is_no_such_proof_is_refused(tmp_path: Path) -> None:
    """>> noise, another kind of file, the same list twice, two numbers, another space, an altered text, another key,
    the name of another authority << refused."""
    keeper, stranger = Keeper(tmp_path, "north"), Keeper(tmp_path, "south")
    good, theirs = _proof(keeper), _proof(stranger)
    one, two = good.lists
    head, _, signature = one.split(".")
    later = keeper.says(entry("town", NOW), version=8)
    away = keeper.says(entry("town", NOW), version=7, space="https://elsewhere.de/space")
    files = [b"", b"{", b"[]", b"x" * 100, msgspec.json.encode(good).replace(b"two-lists", b"2-lists")]
    files += [
        msgspec.json.encode(each)
        for each in (
            replace(good, lists=(one, one)),
            replace(good, lists=(one, later)),
            replace(good, lists=(one, away)),
            replace(good, lists=(one, f"{head}.{two.split('.')[1]}.{signature}")),
            replace(good, key=theirs.key),
            replace(good, version=8),
            replace(good, authority=stranger.key.id),
            replace(good, key={}),
            replace(theirs, authority=keeper.key.id),
            replace(good, lists=(one, "")),
        )
    ]
    for data in files:
        with pytest.raises(Mistake, match=r"trust\.no-fork-proof"):
            proven(data)
