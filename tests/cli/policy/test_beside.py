"""`hanse policy check A B`: two policies side by side."""

import json
from pathlib import Path
from typing import Any

from tests.cli.policy.rules import RULE


def narrower(place: Path) -> Path:
    """The rule without its term: what it permits is more."""
    wide = json.loads(json.dumps(RULE))
    del wide["permission"][0]["constraint"][0]["and"][2]
    place.write_text(json.dumps(wide), encoding="utf-8")
    return place


def test_check_of_two_policies_says_which_is_narrower(run: Any, rule: Path, tmp_path: Path) -> None:
    """>> a rule and the same without a term  << narrower, with the clause that says so; both can be in force."""
    wide = narrower(tmp_path / "wide.json")
    code, text, _ = run("policy", "check", wide, rule)
    assert code == 0
    assert f"{rule} is narrower than {wide}" in text
    assert f"{wide} goes beyond {rule}: access up to and including 31 Dec 2089" in text
    assert "both policies can be in force together" in text
    code, value, _ = run("policy", "check", rule, wide, "--json")
    assert (code, value["relation"], value["compatible"]) == (0, "wider", True)
    code, value, _ = run("policy", "check", rule, rule, "--json")
    assert (code, value["relation"], value["wider"], value["clashes"]) == (0, "equal", [], [])


def test_check_of_two_policies_finds_what_one_permits_and_the_other_forbids(
    run: Any, rule: Path, tmp_path: Path
) -> None:
    """>> passing on is forbidden here and permitted there  << a conflict that names both, and exit code 1."""
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"permission": [{"action": "odrl:distribute"}]}), encoding="utf-8")
    code, text, _ = run("policy", "check", rule, other, "--lang", "en")
    assert code == 1
    assert f"Conflict: {other} permits what {rule} forbids: the permission “passing on”; the prohibition" in text
    assert "cannot be in force together" in text
    code, value, _ = run("policy", "check", rule, other, "--json")
    assert value["places"] == [["/permission/0", "/prohibition/0"]]


def test_check_of_two_needs_one_policy_in_each_file(run: Any, rule: Path, tmp_path: Path) -> None:
    """>> an unreadable second file, and one with two policies  << a sentence that names it."""
    two = tmp_path / "two.ttl"
    two.write_text(
        "@prefix odrl: <http://www.w3.org/ns/odrl/2/> ."
        + "".join(f" <urn:{n}> a odrl:Set ; odrl:permission [ odrl:action odrl:use ] ." for n in "ab"),
        encoding="utf-8",
    )
    code, _, said = run("policy", "check", rule, two)
    assert code != 0
    assert "exactly one" in said
    assert run("policy", "check", rule, tmp_path / "none.json")[0] != 0
