"""From when until when a list lets keys count: >> what a member says << what the list says (spec/spaces.md 4.2)."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from connector.dataspace.spaces.decision import next_list, periods
from connector.dataspace.spaces.model import DAY_MS, MOST_KEYS, Keys, Member, WitnessKeys
from connector.dataspace.spaces.seal_model import Strike
from connector.foundation.clock import rfc3339
from connector.identity.trust.members.trust_list import MOST_WITNESS_KEYS, Entry, Sealing, SecondKey, TrustList, millis
from connector.verify.formats.cosignature import derived
from tests.dataspace.spaces.values import NOW, SPACE, member

SEAL, LONG_AGO = "a" * 64, "2020-01-01T00:00:00Z"
KEY = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}
PQ = {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}
LATER, MUCH_LATER = NOW + DAY_MS, NOW + 2 * DAY_MS


def lists(*steps: tuple[int, Sequence[Member]]) -> TrustList:
    """The last of the lists that are made at these times of these members."""
    listed: TrustList | None = None
    for version, (at, members) in enumerate(steps, 1):
        listed = next_list.following(SPACE, members, listed, at, version)
    assert listed is not None
    return listed


def entry(*steps: tuple[int, Keys]) -> Entry:
    return lists(*((at, [member(keys=keys)]) for at, keys in steps)).participants[0]


def witness(*keys: dict[str, str], did: str = "did:web:a.de", **more: Any) -> Member:
    return member(did, keys=Keys(witness=WitnessKeys(url=f"https://{did[8:]}/w", keys=keys)), **more)


def listed(*steps: tuple[int, Sequence[Member]]) -> list[dict[str, str]]:
    """The keys of all witnesses by the last list; the offline verifier reads the same."""
    found = lists(*steps)
    derived([{"operator": one.operator, "url": one.url, "keys": list(one.keys)} for one in found.witnesses])
    return [key for one in found.witnesses for key in one.keys]


@pytest.mark.threat("T150")
def test_bug_a_member_ends_its_certificate_in_the_past_and_denies_its_contracts() -> None:
    """>> sealed for a year, then "validity ended in 2020" << it ends when the authority hears of it."""
    said = Keys(seal_certificates=(Sealing(SEAL, valid_from=LONG_AGO, valid_until=LONG_AGO),))
    (seal,) = entry((NOW, Keys(seal_certificates=(SEAL,))), (LATER, said), (MUCH_LATER, said)).listed_seals
    assert seal == Sealing(SEAL, rfc3339(NOW), rfc3339(LATER))


@pytest.mark.threat("T152")
def test_a_certificate_counts_from_the_list_that_first_names_it() -> None:
    """>> "valid since 2020" << from now on, and still so in the lists that follow."""
    said = Keys(seal_certificates=(Sealing(SEAL, valid_from=LONG_AGO),))
    (seal,) = entry((NOW, said), (LATER, said)).listed_seals
    assert (seal.valid_from, seal.valid_until) == (rfc3339(NOW), None)


def test_a_certificate_of_a_list_of_before_keeps_that_it_had_no_bound() -> None:
    """Contracts of before are judged by it; nobody's beginning comes later."""
    known = lists((NOW, [member(keys=Keys(seal_certificates=(SEAL,)))]))
    before = replace(known, participants=(replace(known.participants[0], seal_certificates=(SEAL,)),))
    one = member(keys=Keys(seal_certificates=(SEAL,)))
    assert next_list.following(SPACE, [one], before, LATER, 2).participants[0].seal_certificates == (SEAL,)


@pytest.mark.threat("T150")
def test_bug_a_former_key_of_second_seals_ends_no_sooner_than_it_was_said() -> None:
    gone = Keys(former_seal_keys_pq=(SecondKey(PQ, valid_until=LONG_AGO),))
    (former,) = entry((NOW, Keys(seal_key_pq=PQ)), (LATER, gone), (MUCH_LATER, gone)).former_seal_keys_pq
    assert former == SecondKey(PQ, valid_until=rfc3339(LATER))


@pytest.mark.threat("T150")
@pytest.mark.parametrize(
    "after", [Keys(), Keys(log_keys=({**KEY, "until": LONG_AGO},)), Keys(log_keys=({**KEY, "until": "?"},))]
)
def test_bug_a_log_key_is_neither_dropped_nor_ended_in_the_past(after: Keys) -> None:
    """What it signed binds the member: >> not named any more, ended in 2020, ended at no time << ended now."""
    found = entry((NOW, Keys(log_keys=(KEY,))), (LATER, after), (MUCH_LATER, after)).log_keys
    assert found == ({**KEY, "until": rfc3339(LATER)},)


def test_a_log_key_that_signs_again_has_no_end() -> None:
    """As after a backup was put back."""
    keys = Keys(log_keys=(KEY,))
    assert entry((NOW, keys), (LATER, Keys()), (MUCH_LATER, keys)).log_keys == (KEY,)


@pytest.mark.threat("T150")
def test_no_flood_of_new_log_keys_pushes_a_former_one_off_the_list() -> None:
    def named(version: int) -> Keys:
        return Keys(log_keys=tuple({**KEY, "x": f"{version * 100 + at:043}"} for at in range(64)))

    found = entry(*((NOW + version * DAY_MS, named(version)) for version in range(6))).log_keys
    first = [key for key in found if key["x"] in {key["x"] for key in named(0).log_keys}]
    assert len(found) == 256
    assert {key["until"] for key in first} == {rfc3339(NOW + DAY_MS)}


@pytest.mark.threat("T150")
def test_bug_a_witness_is_retired_in_the_past_by_its_own_word() -> None:
    """>> "validUntil 2020" in its key << what it vouched for until now counts for good."""
    said = witness({**KEY, "validUntil": LONG_AGO, "validFrom": LONG_AGO})
    assert listed((NOW, [witness(KEY)]), (LATER, [said]), (MUCH_LATER, [said])) == [
        {**KEY, "validFrom": rfc3339(NOW), "validUntil": rfc3339(LATER)}
    ]


@pytest.mark.threat("T150")
@pytest.mark.parametrize(
    "gone",
    [
        member(),
        witness(KEY, state="suspended"),
        witness(KEY, state="left"),
        witness(KEY, state="expelled"),
        witness(KEY, state="ended"),
        witness(),
    ],
    ids=["dropped", "suspended", "left", "expelled", "ended", "key dropped"],
)
def test_bug_a_witness_that_is_one_no_more_stays_with_its_end(gone: Member) -> None:
    """Else its last word would be a repudiation of all contracts that it vouched for."""
    assert listed((NOW, [witness(KEY)]), (LATER, [gone]), (MUCH_LATER, [gone])) == [
        {**KEY, "validFrom": rfc3339(NOW), "validUntil": rfc3339(LATER)}
    ]


def test_an_end_to_come_is_kept_and_comes_sooner_for_who_leaves() -> None:
    """Old and new keys of a witness sign side by side; suspended meanwhile, both are over."""
    end, new = rfc3339(NOW + 30 * DAY_MS), {**KEY, "x": "B" * 42 + "A"}
    both = [witness(new, {**KEY, "validUntil": end})]
    found = listed((NOW, [witness(KEY)]), (LATER, both))
    assert found == [
        {**new, "validFrom": rfc3339(LATER)},
        {**KEY, "validFrom": rfc3339(NOW), "validUntil": end},
    ]
    over = listed((NOW, [witness(KEY)]), (LATER, both), (MUCH_LATER, [member()]))
    assert {key["validUntil"] for key in over} == {rfc3339(MUCH_LATER)}


def test_a_witness_whose_member_goes_on_has_no_end_any_more() -> None:
    steps = (NOW, [witness(KEY)]), (LATER, [witness(KEY, state="suspended")]), (MUCH_LATER, [witness(KEY)])
    assert listed(*steps) == [{**KEY, "validFrom": rfc3339(NOW)}]


def test_a_witness_of_another_operator_counts_for_neither() -> None:
    """The one who had it stays listed, so it vouches for no log of that one either."""
    found = lists((NOW, [witness(KEY, operator="A")]), (LATER, [witness(KEY, operator="B")])).witnesses
    since, end = rfc3339(NOW), rfc3339(LATER)
    assert [(one.operator, *one.keys) for one in found] == [
        ("B", {**KEY, "validFrom": since}),
        ("A", {**KEY, "validFrom": since, "validUntil": end}),
    ]


@pytest.mark.threat("T150")
def test_new_keys_of_one_witness_push_nobody_off_the_list() -> None:
    """>> sixteen new keys with every request, for ever << its first ones stay, and who comes later finds room."""
    listed_: TrustList | None = None
    for version in range(1, 12):
        keys = tuple({**KEY, "x": f"{version * 100 + at:043}"} for at in range(MOST_KEYS))
        everybody = [witness(KEY, did="did:web:b.de", operator="B"), witness(*keys)]
        listed_ = next_list.following(SPACE, everybody, listed_, NOW + version * DAY_MS, version)
    assert listed_ is not None
    by_url = {one.url: one.keys for one in listed_.witnesses}
    assert len(by_url["https://a.de/w"]) == periods.MOST_OF_WITNESS
    assert {key["x"] for key in by_url["https://a.de/w"]} >= {f"{100 + at:043}" for at in range(MOST_KEYS)}
    assert "validUntil" not in by_url["https://b.de/w"][0]


@pytest.mark.threat("T150")
def test_who_is_listed_stays_where_many_come() -> None:
    """>> as many witnesses as a list can name, and one more each day << those that are known first, and no more."""
    many = [
        witness(
            *({**KEY, "x": f"{who * 100 + at:043}"} for at in range(MOST_KEYS)),
            did=f"did:web:{who:03}.de",
            operator=str(who),
        )
        for who in range(64)
    ]
    found = lists(
        (NOW, many), (LATER, many[:-1]), (MUCH_LATER, [*many[:-1], witness(KEY, did="did:web:z.de", operator="z")])
    )
    assert sum(len(one.keys) for one in found.witnesses) == MOST_WITNESS_KEYS
    assert all(millis(key["validUntil"]) == LATER for key in found.witnesses[-1].keys)


@pytest.mark.threat("T150")
def test_what_people_struck_off_counts_no_more_from_the_time_that_they_state() -> None:
    """Stolen yesterday, told today: the one end that lies before it is said, and it says whose word it is."""
    stolen, name = rfc3339(NOW - DAY_MS), next_list.member_keys.key_print(KEY)
    keys = Keys(
        seal_certificates=(SEAL,),
        witness=WitnessKeys(url="https://a.de/w", keys=(KEY,)),
        strikes=(Strike(name=SEAL, since=stolen), Strike(name=name, since=stolen)),
    )
    known = member(keys=replace(keys, strikes=()))
    for after in (member(keys=keys), member(keys=replace(keys, witness=None, seal_certificates=()), state="left")):
        found = lists((NOW, [known]), (LATER, [after]), (MUCH_LATER, [after]))
        assert found.participants[0].listed_seals == (Sealing(SEAL, rfc3339(NOW), stolen, stolen),)
        assert found.witnesses[0].keys == (
            {**KEY, "validFrom": rfc3339(NOW), "validUntil": stolen, "struckSince": stolen},
        )
