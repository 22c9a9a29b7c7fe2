"""A member in whatever spelling: found, left out, and put in once."""

import pytest

from connector.kernel.policy.odrl.writing import with_members, without, written

ODRL = "http://www.w3.org/ns/odrl/2/"
SPELLINGS = ("target", "odrl:target", ODRL + "target")


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_member_is_found_left_out_and_replaced_in_each_spelling(name: str) -> None:
    """>> the target as a word, with a prefix, as an IRI << one member, under its short name."""
    document = {name: "urn:a", "odrl:conflict": "perm"}
    assert written(document, "target") == ["urn:a"]
    assert without(document, {"target"}) == {"odrl:conflict": "perm"}
    assert with_members(document, {"target": "urn:b"}) == {"odrl:conflict": "perm", "target": "urn:b"}


def test_two_spellings_are_replaced_by_one() -> None:
    """>> two at once << both are found, and none is left beside what is put in."""
    document = dict.fromkeys(SPELLINGS, "urn:a")
    assert written(document, "target") == ["urn:a"] * 3
    assert with_members(document, {"target": "urn:b"}) == {"target": "urn:b"}


@pytest.mark.parametrize("name", ["uid", "odrl:uid", ODRL + "uid", "@id"])
def test_a_policy_has_one_name(name: str) -> None:
    """>> a new name << the name that ODRL itself has for it goes with the old one; alone it can go, too."""
    assert with_members({name: "urn:a"}, {"@id": "urn:b"}) == {"@id": "urn:b"}
    assert without({"uid": "urn:a", "@id": "urn:a"}, {"uid"}) == {"@id": "urn:a"}


def test_what_is_nowhere_has_no_entries_and_lists_are_unwrapped() -> None:
    """>> absent, one, an array, a list of JSON-LD << none, one, its entries."""
    assert written({}, "duty") == []
    assert written({"duty": {"action": "use"}}, "duty") == [{"action": "use"}]
    assert written({"odrl:duty": {"@list": [1, 2]}}, "duty") == [1, 2]
    assert written({"duty": [1, 2]}, "duty") == [1, 2]


def test_a_name_of_another_namespace_is_another_member() -> None:
    """>> `dct:target`, `odrl:@id` << left as they are."""
    document = {"dct:target": "urn:a", "odrl:@id": "urn:b"}
    assert with_members(document, {"target": "urn:c", "@id": "urn:d"}) == {
        **document,
        "target": "urn:c",
        "@id": "urn:d",
    }
