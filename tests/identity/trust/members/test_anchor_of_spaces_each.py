"""What one participant of a process joins says nothing to the others: nobody takes a space from somebody else."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from connector.foundation.clock import FakeClock, rfc3339
from connector.foundation.errors import PeerError, Unauthenticated
from connector.foundation.storage.database import PROCESS, Database
from connector.identity.trust.members import pins
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.identity.trust.members.members import Members
from connector.identity.trust.members.pin import Pin
from connector.identity.trust.members.trust_list import Entry, Group, ListedAuthority, Predecessor, Witness
from connector.surfaces.views.members import Members as Shown
from tests.identity.trust.members.keepers import Keeper
from tests.identity.trust.members.lists import NOW, entry

TOWN, FIRM, HOSTILE, FRIEND = (f"did:web:{name}.de" for name in ("town", "firm", "hostile", "friend"))

pytestmark = pytest.mark.threat("T146")


class Process:
    """The town joined the north, which recognises the south; a hostile tenant joined a space of its own, earlier."""

    def __init__(self, folder: Path) -> None:
        self.north, self.south, self.evil = (Keeper(folder, name) for name in ("north", "south", "evil"))
        self.anchors = AnchorOfSpaces(None)
        self.foul = replace(self.evil.pin, members=frozenset({HOSTILE}))
        self.pin(self.foul)
        firm = entry("firm", NOW, seal_certificates=("aa" * 32,), keys=("good",))
        self.take(self.north, entry("town", NOW), recognised=(self.south.named(),))
        self.south_list = self.south.says(firm)
        self.anchors.accept(self.south.key.id, self.south_list)

    def pin(self, foul: Pin) -> None:
        self.anchors.pin([foul, replace(self.north.pin, members=frozenset({TOWN}))])

    def take(self, keeper: Keeper, *entries: Entry, **more: object) -> frozenset[str]:
        return self.anchors.accept(keeper.key.id, keeper.says(*entries, **more))

    def recognised_by_the_hostile_one(self, one: ListedAuthority) -> None:
        self.take(self.evil, entry("hostile", NOW), recognised=(one,))

    def belongs(self, own: str = TOWN, did: str = FIRM) -> bool:
        try:
            self.anchors.between(own, did, NOW)
        except Unauthenticated:
            return False
        return True


@pytest.fixture
def process(tmp_path: Path) -> Process:
    return Process(tmp_path)


def test_bug_a_neighbours_space_that_recognises_the_same_iri_under_another_key_took_it_from_all(
    process: Process, tmp_path: Path
) -> None:
    """>> the hostile tenant's space names the south with another key << the firm belongs for the town as before."""
    assert process.belongs()
    other = Keeper(tmp_path, "other")
    process.recognised_by_the_hostile_one(replace(other.named(), space=process.south.space))
    assert process.belongs()
    process.take(process.south, entry("firm", NOW), entry("friend", NOW))
    assert process.belongs(TOWN, FRIEND), "and its list is still taken"


def test_bug_a_neighbour_that_joins_an_iri_under_another_key_took_it_from_all(process: Process, tmp_path: Path) -> None:
    """>> the hostile tenant has joined the IRI of the south itself, with another key << nothing changes for the town;
    the firm is a stranger to the tenant."""
    other = Keeper(tmp_path, "other")
    process.pin(replace(other.pin, space=process.south.space, members=frozenset({HOSTILE})))
    assert process.belongs()
    assert not process.belongs(HOSTILE)


@pytest.mark.parametrize("lie", ["space", "list_url"])
def test_bug_a_neighbour_that_names_a_key_for_another_place_hid_its_list(process: Process, lie: str) -> None:
    """>> the hostile tenant's space names the south's key earlier, with another IRI or address << the right address is
    still asked, and what comes from there counts."""
    false = replace(process.south.named(), **{lie: "https://evil.de/space/elsewhere"})
    process.recognised_by_the_hostile_one(false)
    assert process.south.pin.list_url in [one.list_url for one in process.anchors.pins()]
    process.take(process.south, entry("firm", NOW), entry("friend", NOW))
    assert process.belongs(TOWN, FRIEND)


def test_an_authority_that_is_joined_under_a_false_iri_gets_nobody_elses_list(process: Process) -> None:
    """>> the hostile tenant joined "its own space" by the key of the north << the list of the north counts for the
    town, and says nothing to the tenant."""
    process.pin(replace(process.north.pin, space=process.evil.space, members=frozenset({HOSTILE})))
    process.take(process.north, entry("town", NOW), entry("hostile", NOW), entry("friend", NOW))
    assert process.belongs(TOWN, FRIEND)
    assert not process.belongs(HOSTILE, FRIEND)
    with pytest.raises(PeerError):
        process.take(process.north, entry("town", NOW), space=process.evil.space)


def test_bug_a_list_that_names_somebody_who_never_joined_made_its_members_known_to_it(process: Process) -> None:
    """>> the hostile tenant's space lists the town, too, and a friend << nobody of it belongs for the town."""
    process.take(process.evil, entry("hostile", NOW), entry("town", NOW), entry("friend", NOW))
    assert process.belongs(HOSTILE, FRIEND)
    assert not process.belongs(TOWN, FRIEND)
    assert process.evil.space not in process.anchors.offerable(TOWN, NOW)


def test_bug_a_neighbours_list_took_the_certificates_of_others_from_all(process: Process) -> None:
    """>> the hostile tenant's space lists the firm with a certificate of its own << what the firm sealed counts for the
    town by the certificate that the south names, and by no other."""
    process.take(process.evil, entry("hostile", NOW), entry("firm", NOW, seal_certificates=("bb" * 32,)))
    members = Members(process.anchors, FakeClock(NOW))
    assert members.seal_certificates(FIRM, TOWN) == ("aa" * 32,)
    assert members.seal_certificates(FIRM, HOSTILE) == ("bb" * 32,)


def test_bug_a_neighbours_list_stood_in_the_bundles_of_others(process: Process) -> None:
    """>> the hostile tenant's space, which was joined earlier, lists the town and the firm, too << the evidence of the
    town has the list of a space that it joined, which its auditor knows; who belongs nowhere has one at all."""
    foul = process.evil.says(entry("town", NOW), entry("firm", NOW), entry("hostile", NOW))
    process.anchors.accept(process.evil.key.id, foul)
    process.take(process.north, entry("town", NOW), entry("firm", NOW), recognised=(process.south.named(),))
    assert process.anchors.jws_for(TOWN, (TOWN, FIRM)) == process.anchors.list_of(process.north.key.id).jws  # type: ignore[union-attr]
    assert process.anchors.jws_for(HOSTILE, (HOSTILE, FIRM)) == foul
    assert process.anchors.jws_for("did:web:nobody.de", ("did:web:nobody.de",))


@pytest.mark.threat("T171")
def test_bug_a_neighbours_list_said_whose_operator_and_keys_others_went_by(process: Process) -> None:
    """>> the hostile tenant's space lists the firm under its own operator, under another name, without the keys
    of its log and of second seals << for the town all is as its own lists have it: quotas, comparisons of logs, second
    seals, contracts."""
    key, second = {"kid": "one"}, {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}
    process.take(process.south, entry("firm", NOW, operator="Firm GmbH", log_keys=(key,), seal_key_pq=second))
    known = Members(process.anchors, FakeClock(NOW))
    before = known.operator_of(FIRM, TOWN), known.log_keys(FIRM, TOWN), known.second_seal_keys(FIRM, TOWN)
    assert before == ("Firm GmbH", (key,), (second,))
    foul = replace(entry("firm", NOW, operator="Evil"), name="Stadtwerke")
    process.take(process.evil, foul, entry("hostile", NOW))
    assert (known.operator_of(FIRM, TOWN), known.log_keys(FIRM, TOWN), known.second_seal_keys(FIRM, TOWN)) == before
    assert known.name_of(FIRM, TOWN) == "Firm", "which is how contracts call it"
    assert (known.operator_of(FIRM), known.log_keys(FIRM)) == ("Evil", ()), "what is only shown"


def test_bug_a_neighbours_list_said_how_people_of_others_read_names(process: Process, tmp_path: Path) -> None:
    """>> the hostile tenant has joined the IRI of the north with another key; its list names the north's group and the
    firm otherwise, somebody else as the firm, and an heir of it << the town reads and types what its own lists say."""
    group = f"{process.north.space}/groups/water"
    process.take(
        process.north,
        entry("town", NOW),
        recognised=(process.south.named(),),
        groups=(Group(group, {"de": "Wasser"}, TOWN),),
    )
    other = Keeper(tmp_path, "other")
    process.anchors.pin(
        [
            replace(other.pin, space=process.north.space, members=frozenset({HOSTILE})),
            replace(process.north.pin, members=frozenset({TOWN})),
        ]
    )
    other.space = process.north.space
    foul = (
        replace(entry("firm", NOW), name="Alle"),
        replace(entry("friend", NOW), name="Firm", succeeds=(Predecessor(FIRM, rfc3339(NOW - 1_000)),)),
    )
    process.take(other, *foul, entry("hostile", NOW), groups=(Group(group, {"de": "Alle"}, HOSTILE),))
    shown, text = Shown(process.anchors), f"{group} {FIRM}"
    assert shown.in_words(text, "de", TOWN) == "Wasser Firm"
    assert shown.in_words(text, "de", HOSTILE) == "Alle Alle"
    assert shown.did("Firm", TOWN) == FIRM
    assert shown.did("Firm", HOSTILE) == FRIEND


def test_bug_a_neighbours_list_took_the_word_for_exchanged_keys(process: Process) -> None:
    """>> the hostile tenant's space lists the firm with a thief's keys, then with none << for the town the keys that
    its own lists name are vouched for, and no others."""
    for foul in (("thief",), ()):
        process.take(process.evil, entry("firm", NOW, keys=foul), entry("hostile", NOW))
        assert process.anchors.pinned(FIRM, TOWN) == {"good"}
        assert process.anchors.pinned(FIRM, HOSTILE) == {*foul}
        assert process.anchors.pinned(FIRM) == frozenset(), "what all lists vouch for"


def test_bug_a_neighbours_list_took_a_witness_from_all(process: Process) -> None:
    """>> the hostile tenant's space names the address of a witness as its own operator's << the town asks the witness
    that its space names, and no other."""
    honest = Witness("Operator", "https://south.de/witness", ({"kty": "OKP", "crv": "Ed25519", "x": "a"},))
    false = Witness("Somebody", honest.url, ())
    process.take(process.evil, entry("hostile", NOW), witnesses=(false,))
    process.take(process.north, entry("town", NOW), recognised=(process.south.named(),), witnesses=(honest,))
    assert process.anchors.witnesses_for(TOWN) == (honest,)


async def test_bug_whoever_pinned_an_iri_first_kept_all_others_from_joining_it(
    any_db: Database, process: Process
) -> None:
    """>> two participants, one IRI, two keys << each believes the key that its people compared."""
    false = replace(process.north.pin, authority=process.evil.key.id, jwk=process.evil.key.public_jwk)
    await any_db.write(PROCESS, pins.pin, HOSTILE, false)
    await any_db.write(PROCESS, pins.pin, TOWN, process.north.pin)
    found = await any_db.read(PROCESS, pins.pins)
    assert {(one.authority, *one.members) for one in found} == {
        (process.evil.key.id, HOSTILE),
        (process.north.key.id, TOWN),
    }
