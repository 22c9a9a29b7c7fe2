"""What a participant of ours is told of terms beforehand: by what others see of it."""

from pathlib import Path

from connector.surfaces.views.terms import seeker_of
from tests.identity.trust.members.keepers import Keeper, of
from tests.identity.trust.members.lists import NOW, entry

TOWN, FIRM = "did:web:town.de", "did:web:firm.de"


def test_a_member_seeks_with_its_space_and_its_groups(tmp_path: Path) -> None:
    """>> an offer for members of a space that it has joined << it is one in its own eyes, as in the provider's."""
    north, south = Keeper(tmp_path, "north"), Keeper(tmp_path, "south")
    group = f"{north.space}/groups/forest"
    anchors = of((north, north.says(entry("town", NOW, groups=(group,)))), (south, south.says(entry("town", NOW))))
    assert seeker_of(anchors, TOWN, NOW).groups == {north.space, group, south.space}


def test_who_belongs_no_more_is_told_by_what_the_list_said_last(tmp_path: Path) -> None:
    """>> suspended; never named << still shown by name and kind; nothing is known of it."""
    north = Keeper(tmp_path, "north")
    anchors = of((north, north.says(entry("town", NOW, state="suspended"))))
    assert seeker_of(anchors, TOWN, NOW).kind == entry("town", NOW).kind
    assert seeker_of(anchors, FIRM, NOW).kind == ""
