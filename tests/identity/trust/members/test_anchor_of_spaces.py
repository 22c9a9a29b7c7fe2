"""Lists of several spaces in one process: what one authority says counts for its own matters and its own members."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from connector.foundation.clock import rfc3339
from connector.foundation.errors import HanseError, Mistake, PeerError, Unauthenticated
from connector.foundation.storage.database import PROCESS, Database
from connector.identity.trust.keys.signing import SoftwareKey, Vault
from connector.identity.trust.members import pins
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.pin import URN, Pin
from connector.identity.trust.members.roster import CurrentMembers
from connector.identity.trust.members.trust_list import (
    Anchor,
    Group,
    GroupPeriod,
    ListedAuthority,
    Predecessor,
    Sealing,
    TrustList,
    Witness,
)
from tests.identity.trust.members.keepers import Keeper, of
from tests.identity.trust.members.lists import HOUR, KIND, NOW, entry

TOWN, VILLAGE, FIRM = "did:web:town.de", "did:web:village.de", "did:web:firm.de"


@pytest.fixture
def north(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path, "north")


@pytest.fixture
def south(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path, "south")


def stranger(anchors: AnchorOfSpaces, own: str, did: str) -> bool:
    try:
        anchors.between(own, did, NOW)
    except Unauthenticated:
        return True
    return False


@pytest.mark.threat("T101")
def test_a_member_of_one_space_is_a_stranger_to_towns_of_another(north: Keeper, south: Keeper) -> None:
    """>> town in the north, village and firm in the south, one process << the firm is known to the village alone."""
    anchors = of(
        (north, north.says(entry("town", NOW))), (south, south.says(entry("village", NOW), entry("firm", NOW)))
    )
    assert not stranger(anchors, VILLAGE, FIRM)
    assert stranger(anchors, TOWN, FIRM)
    assert stranger(anchors, FIRM, TOWN)
    assert {one.did for one in anchors.neighbours(TOWN, NOW)} == {TOWN}
    assert anchors.entry(FIRM) is not None  # what is shown is another matter
    counted = {
        own: {one.requester.did for one in CurrentMembers(anchors, lambda *_: False).members(NOW, own)}
        for own in (TOWN, VILLAGE)
    }
    assert counted == {TOWN: {TOWN}, VILLAGE: {VILLAGE, FIRM}}, "whom an offer would reach"


@pytest.mark.parametrize("own", ["suspended", "ended"])
def test_who_belongs_no_more_shares_nothing(north: Keeper, own: str) -> None:
    gone = {"state": "suspended"} if own == "suspended" else {"valid_until": rfc3339(NOW)}
    anchors = of((north, north.says(entry("town", NOW, **gone), entry("firm", NOW))))
    assert stranger(anchors, TOWN, FIRM)
    assert stranger(anchors, FIRM, TOWN)


@pytest.mark.threat("T101")
def test_groups_elsewhere_are_not_its_to_give(north: Keeper, south: Keeper) -> None:
    """The space itself is a group, so that a rule may name it."""
    ours, theirs = f"{north.space}/groups/forest", f"{south.space}/groups/river"
    listed = entry("firm", NOW, groups=(ours, theirs, south.space, "https://example.org/any"))
    anchors = of((north, north.says(entry("town", NOW), listed)), (south, south.says(entry("village", NOW))))
    assert anchors.between(TOWN, FIRM, NOW).groups == (ours, north.space)


@pytest.mark.threat("T107")
def test_periods_in_groups_elsewhere_are_not_its_to_give_either(north: Keeper, south: Keeper) -> None:
    """>> a list that says when somebody was in a group of another space << only its own, at each instant."""
    ours, theirs = f"{north.space}/groups/forest", f"{south.space}/groups/river"
    since, until = rfc3339(NOW + 1_000), rfc3339(NOW + 2_000)
    periods = tuple(GroupPeriod(one, since, until) for one in (ours, theirs))
    said = (entry("town", NOW), entry("firm", NOW, groups=(), group_periods=periods))
    groups = tuple(Group(one, {"de": "A"}, FIRM) for one in (ours, theirs))
    lists = ((north, north.says(*said, groups=groups)), (south, south.says(entry("village", NOW))))
    anchors = of(*lists)
    found = [anchors.between(TOWN, FIRM, at).groups for at in (NOW, NOW + 1_000, NOW + 2_000)]
    assert found == [(north.space,), (ours, north.space), (north.space,)]
    assert [one.group for one in anchors.current.groups] == [ours]


def test_a_member_of_both_has_the_groups_of_both_and_only_what_both_say(north: Keeper, south: Keeper) -> None:
    a = entry("firm", NOW, keys=("k1", "k2"), ars="09", groups=())
    b = entry("firm", NOW, keys=("k2", "k3"), ars="09", kind=f"{KIND}-other", groups=())
    anchors = of((north, north.says(entry("town", NOW), a)), (south, south.says(entry("town", NOW), b)))
    known = anchors.between(TOWN, FIRM, NOW)
    assert (known.groups, known.kind, known.ars, known.keys) == ((north.space, south.space), "", "09", ("k2",))
    assert anchors.pinned(FIRM) == {"k2"}


@pytest.mark.threat("T101")
def test_of_certificates_and_further_keys_only_those_count_that_both_lists_name(north: Keeper, south: Keeper) -> None:
    """>> two lists that name one seal certificate and one log key in common, and other keys for second seals, places
    and levels << what they have in common, and of the rest nothing, whichever list was joined first."""
    said = [
        entry(
            "firm",
            NOW,
            seal_certificates=(shared, own),
            log_keys=({"kty": shared}, {"kty": own}),
            ars=own,
            admin_level=own,
            seal_key_pq={"kty": own},
        )
        for shared, own in (("a" * 64, "b" * 64), ("a" * 64, "c" * 64))
    ]
    lists = [(keeper, keeper.says(entry("town", NOW), one)) for keeper, one in zip((north, south), said, strict=True)]
    for anchors in (of(*lists), of(*reversed(lists))):
        known = anchors.between(TOWN, FIRM, NOW)
        assert (known.seal_certificates, known.log_keys) == (("a" * 64,), ({"kty": "a" * 64},))
        assert (known.seal_key_pq, known.ars, known.admin_level) == (None, None, None)


@pytest.mark.threat("T150")
def test_bug_a_certificate_that_two_spaces_list_at_other_times_counts_while_both_let_it(
    north: Keeper, south: Keeper
) -> None:
    """Each authority heard of it at a time of its own; so it is with the end of a log key."""
    seals = [Sealing("a" * 64, rfc3339(NOW - 2 * HOUR), rfc3339(NOW + HOUR)), Sealing("a" * 64, rfc3339(NOW - HOUR))]
    ends = [{"kty": "x", "until": rfc3339(NOW)}, {"kty": "x", "until": rfc3339(NOW - HOUR)}]
    said = [
        entry("firm", NOW, seal_certificates=(seal,), log_keys=(key,)) for seal, key in zip(seals, ends, strict=True)
    ]
    lists = [(keeper, keeper.says(entry("town", NOW), one)) for keeper, one in zip((north, south), said, strict=True)]
    for anchors in (of(*lists), of(*reversed(lists))):
        known = anchors.between(TOWN, FIRM, NOW)
        assert known.seal_certificates == (Sealing("a" * 64, rfc3339(NOW - HOUR), rfc3339(NOW + HOUR)),)
        assert known.log_keys == (ends[1],)


def test_bug_a_witness_that_had_another_operator_is_still_the_present_ones(north: Keeper, south: Keeper) -> None:
    """>> one address for two operators, the former one with an end << both stay, in lists of several spaces too."""
    now, before = (
        Witness("B", "https://w", ({"kty": "x"},)),
        Witness("A", "https://w", ({"kty": "x", "validUntil": rfc3339(NOW)},)),
    )
    anchors = of(
        (north, north.says(entry("town", NOW), witnesses=(now, before))), (south, south.says(entry("town", NOW)))
    )
    for found in (anchors.witnesses_for(TOWN), anchors.current.witnesses):
        assert {one.operator: one.keys for one in found} == {"A": before.keys, "B": now.keys}


@pytest.mark.threat("T101")
@pytest.mark.parametrize("other", ["another successor", "a member as before"])
def test_a_successor_that_lists_disagree_about_is_none(north: Keeper, south: Keeper, other: str) -> None:
    """>> one list says that a town has taken a firm's place, the other one that a village has, or that the firm is a
    member << nobody has taken it."""
    step = (Predecessor(FIRM, rfc3339(NOW - HOUR)),)
    theirs = entry("village", NOW, succeeds=step) if other == "another successor" else entry("firm", NOW)
    lists = [(north, north.says(entry("town", NOW, succeeds=step))), (south, south.says(theirs))]
    for anchors in (of(*lists), of(*reversed(lists))):
        assert anchors.line_for().successor(FIRM, NOW) is None


@pytest.mark.threat("T101")
def test_a_key_that_is_not_the_one_of_its_name_is_not_fetched_for(north: Keeper, south: Keeper) -> None:
    """>> a list recognises another authority by its name, with a key of its own << that space is not looked at."""
    false = msgspec.structs.replace(south.named(), key=SoftwareKey.generate("peer", "").public_jwk)
    for named, wanted in ((false, 1), (south.named(), 2)):
        assert len(of((north, north.says(recognised=(named,)))).pins()) == wanted


@pytest.mark.threat("T101")
def test_a_list_that_somebody_has_left_says_nothing_of_its_new_keys(north: Keeper, south: Keeper) -> None:
    """>> a firm left one space, then replaced its keys, and was merged into a town << the list of the other one counts;
    where it has left both, they have to agree as before."""
    left = {"valid_until": rfc3339(NOW - HOUR)}
    old = entry("firm", NOW - 2 * HOUR, keys=("old",), log_keys=({"kty": "old"},), **left)
    new = entry("firm", NOW, keys=("new",), log_keys=({"kty": "new"},))
    anchors = of((north, north.says(old)), (south, south.says(new)))
    assert anchors.pinned(FIRM) == {"new"}
    assert anchors.entries[FIRM].log_keys == ({"kty": "new"},)
    both = of((north, north.says(old)), (south, south.says(msgspec.structs.replace(new, **left))))
    assert (both.pinned(FIRM), both.entries[FIRM].keys) == (frozenset(), ())
    heir = entry("town", NOW, succeeds=(Predecessor(FIRM, rfc3339(NOW)),))
    merged = of((north, north.says(old)), (south, south.says(new, heir)))
    assert merged.line_for().successor(FIRM, NOW) == TOWN


@pytest.mark.threat("T101")
def test_a_space_joined_later_does_not_say_where_anothers_list_lies(
    north: Keeper, south: Keeper, tmp_path: Path
) -> None:
    """>> one space recognises another, a second one too, with an address of its own << the address of the first."""
    east = Keeper(tmp_path, "east")
    elsewhere = msgspec.structs.replace(south.named(), list_url="https://east.de/south", space="https://east.de/space2")
    anchors = of((north, north.says(recognised=(south.named(),))), (east, east.says(recognised=(elsewhere,))))
    assert [(one.space, one.list_url) for one in anchors.pins()][2] == (south.space, south.pin.list_url)


@pytest.mark.threat("T101")
def test_the_configured_list_goes_before_all_others(north: Keeper, south: Keeper, tmp_path: Path) -> None:
    """>> a space vouches for keys and a successor of a member of the configured list << neither counts."""
    configured = Authority.create(tmp_path / "configured", Vault(bytes(32)))
    home = Anchor(configured.public_jwk)
    anchors = AnchorOfSpaces(home)
    anchors.pin([north.pin])
    said = TrustList(
        version=1,
        issued=rfc3339(NOW),
        next_update=rfc3339(NOW + HOUR),
        authority=configured.id,
        participants=(entry("town", NOW, keys=("good",)),),
    )
    anchors.update(configured.issue(said))
    heir = entry("firm", NOW, succeeds=(Predecessor(TOWN, rfc3339(NOW)),))
    anchors.accept(north.key.id, north.says(entry("town", NOW, keys=("stolen",)), heir))
    assert anchors.pinned(TOWN) == {"good"}
    assert anchors.line_for(FIRM).successor(TOWN, NOW) is None
    assert anchors.between("did:web:unlisted.de", TOWN, NOW).did == TOWN  # it is for all participants


@pytest.mark.threat("T101")
def test_a_succession_all_lists_have_to_say_that_name_a_town(north: Keeper, south: Keeper) -> None:
    heir = entry("firm", NOW, succeeds=(Predecessor(TOWN, rfc3339(NOW)),))
    alone = of((north, north.says(entry("town", NOW), heir)), (south, south.says(entry("village", NOW))))
    assert alone.line_for().successor(TOWN, NOW) == FIRM
    doubted = of((north, north.says(entry("town", NOW), heir)), (south, south.says(entry("town", NOW))))
    assert doubted.line_for().successor(TOWN, NOW) is None


@pytest.mark.threat("T118")
def test_a_space_that_others_joined_says_nothing_of_moves(north: Keeper, south: Keeper) -> None:
    """>> the firm moved, says the north; the south, which only the village joined, knows nothing of it, or claims that
    it became the village << the town goes by the north alone; for the village neither counts."""
    step = (Predecessor(FIRM, rfc3339(NOW)),)
    told = north.says(entry("town", NOW), entry("firm", NOW), entry("new", NOW, succeeds=step))
    for more in ((), step):
        anchors = of((north, told), (south, south.says(entry("village", NOW, succeeds=more), entry("firm", NOW))))
        assert anchors.line_for(TOWN).successor(FIRM, NOW) == "did:web:new.de"
        assert anchors.line_for(VILLAGE).successor(FIRM, NOW) == (VILLAGE if more else None)


def test_members_of_a_recognised_authority_count_for_those_who_recognise_it(north: Keeper, south: Keeper) -> None:
    """>> north recognises south << the firm belongs for the town, the town for nobody in the south."""
    anchors = of((north, north.says(entry("town", NOW), recognised=(south.named(),))))
    anchors.accept(south.key.id, south.says(entry("firm", NOW)))
    (found,) = anchors.belonging(TOWN, FIRM, NOW)
    assert (found.space, found.via) == (south.space, north.space)
    assert stranger(anchors, FIRM, TOWN)
    assert anchors.fresh_between(TOWN, FIRM, NOW)


@pytest.mark.threat("T101")
def test_the_end_of_a_recognition_is_news_of_all_members_there(north: Keeper, south: Keeper) -> None:
    """>> recognised, for other kinds alone, no more, again, with the same list << said of the firm each time, so that
    what runs with it is judged anew; it is a stranger in between."""
    anchors = of((north, north.says(entry("town", NOW), recognised=(south.named(),))))
    anchors.accept(south.key.id, south.says(entry("firm", NOW)))
    for recognised, admitted in (((south.named("urn:county"),), False), ((), False), ((south.named(),), True)):
        assert anchors.accept(north.key.id, north.says(entry("town", NOW), recognised=recognised)) == {FIRM}
        assert stranger(anchors, TOWN, FIRM) is not admitted
    assert anchors.accept(north.key.id, north.says(entry("town", NOW), recognised=(south.named(),))) == frozenset()


def test_recognition_may_be_for_some_kinds_and_is_not_handed_on(north: Keeper, south: Keeper, tmp_path: Path) -> None:
    east = Keeper(tmp_path, "east")
    anchors = of((north, north.says(entry("town", NOW), recognised=(south.named("urn:county"),))))
    anchors.accept(south.key.id, south.says(entry("firm", NOW), recognised=(east.named(),)))
    assert stranger(anchors, TOWN, FIRM)
    assert [one.space for one in anchors.pins()] == [north.space, south.space]


@pytest.mark.threat("T101")
def test_a_space_named_with_two_keys_is_believed_with_neither(south: Keeper, tmp_path: Path) -> None:
    """>> two authorities recognise a space, one with a key of its own << nobody of it belongs."""
    east = Keeper(tmp_path, "east")
    both = of((east, east.says(entry("town", NOW), recognised=(south.named(), _forged(south)))))
    both.accept(south.key.id, south.says(entry("firm", NOW)))
    assert stranger(both, TOWN, FIRM)
    joined = of(
        (south, south.says(entry("town", NOW), entry("firm", NOW))),
        (east, east.says(entry("town", NOW), recognised=(_forged(south),))),
    )
    assert [one.space for one in joined.belonging(TOWN, FIRM, NOW)] == [south.space]


def _forged(keeper: Keeper) -> ListedAuthority:
    """A space's name with a key of somebody else."""
    bare = SoftwareKey.generate("peer", "")
    jwk = {name: bare.public_jwk[name] for name in ("kty", "crv", "x", "y")}
    return ListedAuthority(URN + bare.public_jwk["kid"], keeper.space, keeper.name, jwk, keeper.pin.list_url)


@pytest.mark.threat("T103")
@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"version": 1}, "trust.list-rollback"),
        ({"version": 2, "issued": rfc3339(NOW + 1000)}, "trust.list-fork"),
        ({"version": 3, "space": "https://south.de/space"}, "trust.list-other-space"),
    ],
)
def test_a_false_list_changes_nothing(north: Keeper, more: dict[str, Any], code: str) -> None:
    north.version = 1
    anchors = of((north, north.says(entry("town", NOW), entry("firm", NOW))))
    with pytest.raises(PeerError) as refused:
        anchors.accept(north.key.id, north.says(entry("town", NOW), **more))
    assert refused.value.code == code
    assert not stranger(anchors, TOWN, FIRM)


def test_a_list_by_another_key_is_none(north: Keeper, south: Keeper) -> None:
    anchors = of((north, north.says(entry("town", NOW))))
    with pytest.raises(HanseError):
        anchors.accept(north.key.id, south.says(entry("firm", NOW), version=9))


def test_the_bundle_gets_the_list_that_names_both(north: Keeper, south: Keeper) -> None:
    first, second = north.says(entry("town", NOW)), south.says(entry("town", NOW), entry("firm", NOW))
    anchors = of((north, first), (south, second))
    assert anchors.jws_for(TOWN, (TOWN, FIRM)) == second
    assert anchors.jws_for(TOWN, (TOWN,)) == first


def test_the_first_end_of_all_is_when_to_look_again(north: Keeper, south: Keeper) -> None:
    early, late = (entry("firm", NOW, valid_until=rfc3339(NOW + ms)) for ms in (1000, 9000))
    over = entry("firm", NOW, valid_until=rfc3339(NOW))
    anchors = of((north, north.says(entry("town", NOW), late)), (south, south.says(entry("town", NOW), early)))
    assert anchors.ends(TOWN, FIRM, NOW) == NOW + 1000
    assert anchors.ends(FIRM, TOWN, NOW) == NOW + 1000
    assert anchors.ends(TOWN, VILLAGE, NOW) is None
    elsewhere = of((north, north.says(entry("town", NOW), late)), (south, south.says(entry("village", NOW), over)))
    assert elsewhere.ends(TOWN, FIRM, NOW) == NOW + 9000


def test_without_any_list_nobody_belongs() -> None:
    anchors = AnchorOfSpaces(None)
    assert not anchors.fresh(NOW)
    assert anchors.version == 0
    for ask in (lambda: anchors.current, lambda: anchors.member(TOWN, NOW), lambda: anchors.between(TOWN, FIRM, NOW)):
        with pytest.raises(Unauthenticated):
            ask()


async def test_a_pin_is_for_good(any_db: Database, north: Keeper, south: Keeper) -> None:
    """>> the IRI of a space that a participant pinned with another key << refused; lists are kept by version."""
    await any_db.write(PROCESS, pins.pin, TOWN, north.pin)
    await any_db.write(PROCESS, pins.pin, TOWN, north.pin)
    taken = Pin(**{**{n: getattr(south.pin, n) for n in Pin.__struct_fields__}, "space": north.space})
    with pytest.raises(Mistake) as refused:
        await any_db.write(PROCESS, pins.pin, TOWN, taken)
    assert refused.value.code == "spaces.other-key"
    assert await any_db.read(PROCESS, pins.pins) == [msgspec.structs.replace(north.pin, members=frozenset({TOWN}))]
    for version in (1, 3, 2):
        await any_db.write(PROCESS, pins.keep, north.key.id, version, f"list {version}")
    assert await any_db.read(PROCESS, pins.newest, north.key.id) == "list 3"
    assert await any_db.read(PROCESS, pins.newest, north.key.id, 3) is None


def test_a_list_that_nobody_wants_any_more_is_not_taken(north: Keeper, south: Keeper) -> None:
    """>> recognised no more, or unpinned, while the list was on its way << nothing, and no fault either."""
    anchors = of((north, north.says(entry("town", NOW))))
    assert anchors.accept(south.key.id, south.says(entry("village", NOW))) == frozenset()
    assert anchors.read(south.key.id, south.says(entry("village", NOW))) is None
    assert anchors.list_of(south.key.id) is None


async def test_an_authority_that_issues_without_end_does_not_fill_the_database(any_db: Database, north: Keeper) -> None:
    """>> a version each second << three of them are kept."""
    for version in range(1, 20):
        await any_db.write(PROCESS, pins.keep, north.key.id, version, f"list {version}")
    rows = await any_db.read(PROCESS, lambda tx: tx.all("SELECT version FROM space_list ORDER BY version"))
    assert [row["version"] for row in rows] == [17, 18, 19]


def test_a_stranger_is_known_through_the_spaces_that_both_are_in(north: Keeper, south: Keeper) -> None:
    """>> two spaces in one process, of which the town is in one << who is in the other alone is nobody to it; whose
    membership is over is still known, by the name of the space."""
    gone = entry("village", NOW, valid_until=rfc3339(NOW - HOUR))
    both = of(
        (north, north.says(entry("town", NOW), gone)), (south, south.says(entry("firm", NOW), entry("village", NOW)))
    )
    assert both.through(TOWN, VILLAGE) == ["north"]
    assert (both.knows(TOWN, VILLAGE), both.knows(TOWN, FIRM), both.knows(FIRM, VILLAGE)) == (True, False, True)
    assert both.through(TOWN, FIRM) == []


def test_a_recognised_space_is_named_too(north: Keeper, south: Keeper) -> None:
    """>> north recognises towns of south << a town there is known through south, a firm there is not."""
    listed = north.says(entry("town", NOW), recognised=(south.named(KIND),))
    anchors = of((north, listed))
    anchors.accept(south.key.id, south.says(entry("village", NOW), entry("firm", NOW, kind="urn:firm")))
    assert anchors.through(TOWN, VILLAGE) == ["south"]
    assert not anchors.knows(TOWN, FIRM)


def test_bug_two_spaces_of_one_name_were_one(north: Keeper, south: Keeper, tmp_path: Path) -> None:
    """>> three spaces whose names look alike, and one of another; who is in all, who is in one << each with where it is
    kept, the other by its name; a firm that is in one of the three alone reads that by its name, and so does whoever
    knows only that one."""
    east, west = Keeper(tmp_path, "east"), Keeper(tmp_path, "west")
    west.space = "https://it.example/towns/west/space"
    west.pin = msgspec.structs.replace(west.pin, space=west.space)
    north.name, south.name, east.name = "Kreis Nord", "kreis  nord", "Kreis\u200b Nord"
    town, village, firm = (entry(name, NOW) for name in ("town", "village", "firm"))
    anchors = of(
        (north, north.says(town, village)),
        (south, south.says(town, village, firm)),
        (east, east.says(town, village)),
        (west, west.says(town, village)),
    )
    assert anchors.through(TOWN, VILLAGE) == [
        "Kreis Nord (north.de)",
        "kreis  nord (south.de)",
        "Kreis\u200b Nord (east.de)",
        "west",
    ]
    assert anchors.through(FIRM, VILLAGE) == ["kreis  nord"]
    west.name = "KREIS NORD"
    anchors.accept(west.key.id, west.says(town, village))
    assert anchors.through(TOWN, VILLAGE)[-1] == "KREIS NORD (it.example/towns/west)"
    north.name, west.name = "Nord", "West"
    two = of((north, north.says(town, village)), (west, west.says(town, village)))
    assert two.through(TOWN, VILLAGE) == ["Nord", "West"]
    west.name = "NORD"
    two.accept(west.key.id, west.says(town, village))
    assert two.through(TOWN, VILLAGE) == ["Nord (north.de)", "NORD (it.example/towns/west)"]


def test_names_of_spaces_and_of_their_own_groups(north: Keeper, south: Keeper) -> None:
    """>> north names a group of its own and one of south's << its own has the name that it gave; an offer can be for
    spaces and groups of spaces in which one is."""
    own, foreign = f"{north.space}/groups/it", f"{south.space}/groups/it"
    names = {"de": "IT-Verbund", "en": "IT group"}
    listed = north.says(
        entry("town", NOW), groups=(Group(own, names, TOWN), Group(foreign, {"de": "falsch", "en": "x"}, TOWN))
    )
    both = of((north, listed), (south, south.says(entry("village", NOW))))
    ended = Group(f"{north.space}/groups/old", names, TOWN, rfc3339(NOW - HOUR))
    assert ended.group not in of((north, north.says(entry("town", NOW), groups=(ended,)))).offerable(TOWN, NOW)
    assert both.named == {
        own: names,
        north.space: {"de": "north", "en": "north"},
        south.space: {"de": "south", "en": "south"},
    }
    assert both.offerable(TOWN, NOW) == {own: names, north.space: {"de": "north", "en": "north"}}
    assert both.offerable(FIRM, NOW) == {}


def test_a_list_without_a_space_names_none(north: Keeper) -> None:
    home = Anchor(north.key.public_jwk)
    home.update(north.says(entry("town", NOW), entry("village", NOW), space=None, name=None))
    for anchor in (home, AnchorOfSpaces(home)):
        assert [*anchor.through(TOWN, VILLAGE), *anchor.named, *anchor.offerable(TOWN, NOW)] == []
        assert (anchor.knows(TOWN, VILLAGE), anchor.knows(TOWN, FIRM)) == (True, False)


@pytest.mark.threat("T101")
def test_lists_that_contradict_each_other_hold_up_no_succession_of_others(
    north: Keeper, south: Keeper, tmp_path: Path
) -> None:
    """>> two spaces of somebody here make a circle of ended members << the firm still has the town's place."""
    east, over = Keeper(tmp_path, "east"), {"valid_until": rfc3339(NOW - HOUR)}
    since = rfc3339(NOW - 2 * HOUR)
    heir = entry("firm", NOW, succeeds=(Predecessor(TOWN, since),))
    a, b = (
        entry(one, NOW - 2 * HOUR, succeeds=(Predecessor(f"did:web:{other}.de", since),), **over)
        for one, other in (("x", "y"), ("y", "x"))
    )
    anchors = of((north, north.says(heir)), (south, south.says(a)), (east, east.says(b)))
    assert anchors.line_for().successor(TOWN, NOW) == FIRM
    assert anchors.line_for().successor("did:web:x.de", NOW) is None
