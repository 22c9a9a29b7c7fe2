"""Which list a participant shows to whoever asks (spec/spaces.md 4.8)."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from connector.identity.trust.members.held_lists import held_for
from connector.identity.trust.members.trust_list import Anchor
from tests.identity.trust.members.keepers import Keeper, of
from tests.identity.trust.members.lists import NOW, entry


@pytest.mark.threat("T151")
def test_bug_who_had_the_list_of_its_space_configured_showed_it_to_no_restored_authority(tmp_path: Path) -> None:
    """>> a list of a joined space, and the same as the configured one: who joined and is named, who is only named, who
    only joined << the list for the first, as a joined one and as the configured one."""
    north = Keeper(tmp_path, "north")
    jws = north.says(entry("town", NOW), entry("village", NOW))
    home = Anchor(north.key.public_jwk)
    home.update(jws)
    pin = replace(north.pin, members=frozenset({"did:web:town.de", "did:web:port.de"}))
    for anchors in (of((north, jws)), of(home=home)):
        anchors.pin([pin])
        if anchors.home is None:
            anchors.accept(north.key.id, jws)
        held = [held_for(anchors, f"did:web:{one}.de", north.key.id) for one in ("town", "village", "port", "other")]
        assert [one and one.jws for one in held] == [jws, None, None, None]
        assert held_for(anchors, "did:web:town.de", "urn:other") is None
