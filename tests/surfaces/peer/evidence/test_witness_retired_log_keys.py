"""What a log key is good for once it was withdrawn: old states, and no new one that a witness would take (T60)."""

import pytest

from connector.identity.audit import sealer
from connector.verify.formats import trustlist
from tests.surfaces.peer.evidence.stage import CALM, SLUG, Stage
from tests.testkit.cities import MUNICIPALITY, Space

pytestmark = pytest.mark.threat("T60")


async def test_a_witness_takes_no_new_state_by_a_stolen_log_key(space: Space) -> None:
    """>> both log keys are withdrawn; the thief signs a longer log << 403, nothing moved; the owner goes on << 200.

    Past bug: the witness vouched for the thief's branch, and from then on the owner's own log was the fork.
    """
    city = await space.city("town", {SLUG: MUNICIPALITY}, CALM)
    stage = Stage(city, space.folder.parent / "town", sealer.origin(city.root(SLUG)).replace("/log/0", "/log/7"))
    stolen = stage.signers()
    assert (await stage.ask(0, 3)).status == 200
    now = city.services.infra.clock.now()
    for signer in stolen:
        purpose = "log" if signer.alg == "Ed25519" else "log-pq"
        await city.services.participants.revoke(SLUG, purpose, now, "stolen", signer.kid)
    await city.services.operation.enrolment.enlist()
    assert (await stage.ask(3, 8, b"branch", keys=stolen)).status == 403
    assert (await stage.ask(3, 8, keys=stolen)).status == 403
    assert (await stage.ask(3, 8)).status == 200
    assert stage.alarms() == []
    listed = trustlist.parse(city.services.trust.anchor.jws.encode()).member(city.did(SLUG)).log_keys
    assert [key.get("until") is not None for key in listed].count(True) == len(stolen)
    document = city.services.participants.held(SLUG).document
    assert len(document["hanse:logKey"]) == len(listed), "old states of the log need the key that signed them"  # type: ignore[arg-type]


async def test_a_rotated_key_ends_too(space: Space) -> None:
    """>> the log key is rotated << the list says when the former one ended; it did not move when it is withdrawn."""
    city = await space.city("town", {SLUG: MUNICIPALITY}, CALM)
    former = city.services.participants.held(SLUG).signers["log"]
    await city.services.participants.rotate(SLUG, "log")

    def ended() -> int | None:
        return next(one.until for one in city.services.participants.held(SLUG).keys if one.kid == former.kid)

    before = ended()
    assert before is not None
    await city.services.participants.revoke(SLUG, "log", city.services.infra.clock.now(), "stolen", former.kid)
    assert ended() == before
