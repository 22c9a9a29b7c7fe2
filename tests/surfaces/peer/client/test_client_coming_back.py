"""A peer that has just come back cannot tell some tokens: whoever reads something there asks once more."""

from collections.abc import Iterator

import pytest

from connector.foundation.errors import PeerError, Unavailable
from connector.surfaces.peer.client import client
from tests.testkit.cities import City
from tests.testkit.nasty import NastyPeer, Received

TOWN = "musterstadt"
PATH = "/2025-1/catalog/datasets/x"


def answering(nasty: NastyPeer, *answers: int) -> list[str]:
    """The peer answers with these, one after the other; the tokens that it hears."""
    tokens: list[str] = []
    left: Iterator[int] = iter(answers)

    def answer(got: Received) -> tuple[int, bytes]:
        tokens.append(got.headers["Authorization"])
        return next(left), b"{}"

    nasty.answers[PATH] = answer
    nasty.headers[PATH] = {"Retry-After": "0"}
    return tokens


async def asked(it: City, nasty: NastyPeer) -> str:
    """What became of asking for a dataset there."""
    try:
        await it.services.peer.dataset(TOWN, nasty.did, f"{nasty.root}/datasets/x")
    except (PeerError, Unavailable) as error:
        return error.code
    return "shown"


@pytest.mark.parametrize(
    ("answers", "becomes"),
    [((503, 404), "peer.no-dataset"), ((503, 503), "peer.busy"), ((404,), "peer.no-dataset"), ((500,), "peer.busy")],
)
async def test_a_peer_that_wants_a_later_second_gets_one_more_token(
    answers: tuple[int, ...], becomes: str, it: City, nasty: NastyPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> 503 with the shortest `Retry-After`, then another answer << asked twice, with two tokens; others once."""
    monkeypatch.setattr(client, "_SOON", "0")
    tokens = answering(nasty, *answers)
    assert await asked(it, nasty) == becomes
    assert len(set(tokens)) == len(tokens) == len(answers)


async def test_a_peer_that_says_later_is_not_asked_again(it: City, nasty: NastyPeer) -> None:
    """>> 503 with another `Retry-After` << asked once."""
    tokens = answering(nasty, 503)
    assert await asked(it, nasty) == "peer.busy"
    assert len(tokens) == 1
