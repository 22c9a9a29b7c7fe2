"""A token is made only while the town, or whoever acts for it by a mandate, may speak to others."""

import msgspec
import pytest

from connector.foundation.errors import PeerError, Unavailable
from connector.identity.participants.acting import Acting
from connector.identity.participants.service import Hosted
from tests.testkit.cities import City
from tests.testkit.nasty import NastyPeer, Received

TOWN = "musterstadt"
DAY = 86_400_000


def until(instant: int) -> Acting:
    return Acting(sha256="", agent="", name="", actions=(), until=instant, contract="", statement="", seal="")


@pytest.mark.threat("T31")
@pytest.mark.parametrize(
    ("left", "key", "becomes"),
    [
        (DAY, True, "peer.no-dataset"),
        (0, True, "mandates.over"),
        (-DAY, True, "mandates.over"),
        (None, True, "peer.no-dataset"),
        (None, False, "mandates.over"),
    ],
    ids=["in force", "over now", "over since yesterday", "none, its own key", "none, no key"],
)
async def test_who_acts_by_a_mandate_that_is_over_makes_no_token(
    left: int | None, key: bool, becomes: str, it: City, nasty: NastyPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a mandate that still runs for so long (ms), a dataset is asked for << it is asked for, or nobody is."""
    asked: list[str] = []

    def answer(got: Received) -> tuple[int, bytes]:
        asked.append(got.headers["Authorization"])
        return 404, b"{}"

    nasty.answers["/2025-1/catalog/datasets/x"] = answer
    get, acting = it.services.participants.get, None if left is None else until(it.services.infra.clock.now() + left)

    async def hosted(slug: str) -> Hosted:
        found = await get(slug)
        signers = {name: one for name, one in found.signers.items() if key or name != "peer"}
        return msgspec.structs.replace(found, acting=acting, signers=signers)

    monkeypatch.setattr(it.services.participants, "get", hosted)
    with pytest.raises((PeerError, Unavailable), match=becomes):
        await it.services.peer.dataset(TOWN, nasty.did, f"{nasty.root}/datasets/x")
    assert bool(asked) == (becomes == "peer.no-dataset")
