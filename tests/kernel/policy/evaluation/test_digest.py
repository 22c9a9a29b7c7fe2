"""The digest: another word is another deal, another way of writing is not (threat T22)."""

import copy
import json
from collections.abc import Callable
from typing import Any
from zlib import crc32

import pytest

from connector.kernel.policy.evaluation.digest import canonical, digest
from connector.kernel.policy.odrl.model import PolicyError
from connector.kernel.policy.odrl.parse import parse
from tests.kernel.policy.rich import COUNT, RICH, H, at, atom, places

O = "http://www.w3.org/ns/odrl/2/"  # noqa: E741

NAMING = {"@id", "uid", "@type"}


def changed(path: tuple[Any, ...], change: Callable[[Any], Any]) -> dict[str, Any]:
    document = copy.deepcopy(RICH)
    holder = at(document, path[:-1])
    holder[path[-1]] = change(holder[path[-1]])
    return document


def other(value: str, key: Any) -> str:
    """Another value of the same shape, so that a typed one stays typed."""
    if key == "operator":
        return {"lteq": "lt", "lt": "lteq"}.get(value, "neq")
    if key == "leftOperand":
        return "odrl:industry" if value != "odrl:industry" else "odrl:media"
    return value[:-1] + {"0": "1", "1": "2", "D": "S"}.get(value[-1], value[-1] + "x")


def read(document: dict[str, Any]) -> str:
    """The digest, or why there is none."""
    try:
        return digest(parse(document))
    except PolicyError as error:
        return error.code


PARTS = [p for p in places(RICH) if p[-1] not in NAMING | {"dataType"}]
"""Without `dataType` the operand's type reads the plain string, so nothing else is said."""
LEAVES = [p for p in places(RICH) if isinstance(at(RICH, p), str) and p[-1] not in NAMING]


@pytest.mark.threat("T22")
@pytest.mark.parametrize("path", LEAVES, ids=lambda path: "/".join(map(str, path)))
def test_every_word_counts(path: tuple[Any, ...]) -> None:
    """Whatever is altered anywhere in the policy is another deal."""
    document = changed(path, lambda value: other(value, path[-1]))
    assert at(document, path) != at(RICH, path)
    assert digest(parse(document)) != digest(parse(RICH))


@pytest.mark.threat("T22")
@pytest.mark.parametrize("path", PARTS, ids=lambda path: "/".join(map(str, path)))
def test_nothing_can_be_left_out(path: tuple[Any, ...]) -> None:
    """A policy without one of its parts is another deal, or none at all."""
    document = copy.deepcopy(RICH)
    del at(document, path[:-1])[path[-1]]
    assert read(document) != read(RICH)


@pytest.mark.threat("T22")
@pytest.mark.parametrize(
    "path", [p for p in places(RICH) if isinstance(at(RICH, p), dict)], ids=lambda p: "/".join(map(str, p))
)
def test_what_is_added_counts_too(path: tuple[Any, ...]) -> None:
    """An unknown member is part of the deal, wherever it stands."""
    document = changed(path, lambda value: value | {"ex:unless": "x"})
    assert read(document) != read(RICH)


def backwards(value: Any) -> Any:
    """All lists but sequences in reverse, all members in reverse, single entries without their array."""
    if isinstance(value, list):
        entries = [backwards(entry) for entry in reversed(value)]
        return entries[0] if len(entries) == 1 else entries
    if isinstance(value, dict):
        return {
            key: {"@list": [backwards(e) for e in entry["@list"]]} if key == "andSequence" else backwards(entry)
            for key, entry in reversed(value.items())
        }
    return value


def renamed(value: Any) -> Any:
    if isinstance(value, list):
        return [renamed(entry) for entry in value]
    if isinstance(value, dict):
        named = {k: renamed(v) for k, v in value.items() if k not in ("@id", "uid")}
        label = f"_:b{crc32(json.dumps(named).encode())}"
        return value if value.keys() == {"@id"} else {"@id": label} | named if "leftOperand" in value else named
    return value


@pytest.mark.parametrize("rewrite", [backwards, renamed, lambda value: json.loads(json.dumps(value))])
def test_re_serialisation_is_the_same_deal(rewrite: Callable[[Any], Any]) -> None:
    """Order, array or not, and the names of nodes are the peer's choice."""
    document = rewrite(RICH)
    assert canonical(parse(document)) == canonical(parse(RICH))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("2028-01-01T00:00:00+01:00", {"@value": "2027-12-31T23:00:00.000Z", "@type": "xsd:dateTimeStamp"}),
        ("12.50", 12.5),
        ("12.50", {"@value": "012.5000000", "@type": "xsd:decimal"}),
        ("5", 5),
        ("P1D", {"@value": "P1D", "@type": "http://www.w3.org/2001/XMLSchema#duration"}),
        ("DE-de", "de-DE"),
        ("agreementEnd+P30D", "agreementEnd+PT720H"),
        (H + "research", {"@id": H + "research"}),
        ("2029-01-01", "2029-01-01+01:00"),
        ("use", {"@id": "odrl:use"}),
        ("odrl:distribute", "http://www.w3.org/ns/odrl/2/distribute"),
    ],
    ids=str,
)
def test_the_same_value_in_another_spelling(ours: str, theirs: Any) -> None:
    """The digest is over what a value is, not over how it is written."""
    paths = [path for path in places(RICH) if at(RICH, path) == ours]
    assert paths
    for path in paths:
        assert digest(parse(changed(path, lambda _: theirs))) == digest(parse(RICH))


def test_where_a_value_stands_is_part_of_the_deal() -> None:
    """The same words as permission or prohibition, as duty or obligation, inside or outside of a logic, differ."""
    rule, duty = {"action": "use", "constraint": COUNT}, {"action": "odrl:delete", "constraint": COUNT}
    several = [COUNT, atom("odrl:dateTime", "lt", "2028-01-01")]
    documents: list[dict[str, Any]] = [
        {"permission": rule},
        {"prohibition": rule},
        {"obligation": duty},
        {"permission": {"action": "use", "duty": duty}},
        {"permission": {"action": {"value": "use", "refinement": COUNT}}},
        {"permission": {"action": "use", "assignee": {"source": "urn:a", "refinement": COUNT}}},
        {"permission": {"action": "use", "target": {"source": "urn:a", "refinement": COUNT}}},
        {"prohibition": {"action": "use", "remedy": duty}},
        {"obligation": {"action": "odrl:delete", "consequence": duty}},
        *({"permission": {"action": "use", "constraint": {name: several}}} for name in ("and", "or", "xone")),
        {"permission": {"action": "use", "assignee": "urn:a"}},
        {"permission": {"action": "use", "target": "urn:a"}},
        {"permission": {"action": "use", "assigner": "urn:a"}},
        {"permission": {"action": "use", "assignee": {"source": "urn:a"}}},
        {"obligation": {"action": "odrl:delete", "assignee": "urn:a"}},
        {"obligation": {"action": "odrl:delete", "target": "urn:a"}},
        {"obligation": {"action": "odrl:delete", "assigner": "urn:a"}},
    ]
    assert len({digest(parse(document)) for document in documents}) == len(documents)


def test_a_digest_of_before_is_still_the_digest() -> None:
    """Agreements are found again by it: what earlier releases read keeps its digest."""
    document = {
        "profile": "https://w3id.org/hanse/v1",
        "odrl:conflict": {"@id": "odrl:prohibit"},
        "permission": [{"action": "use", "constraint": [COUNT], "duty": [{"action": "odrl:attribute"}]}],
        "obligation": [{"action": "odrl:delete"}],
    }
    assert digest(parse(document)) == "116c99c82e71b4d51c87cac82f037d373232849c635b26e5c6e686e0ce1404e4"


OFFER: dict[str, Any] = {
    "@id": "urn:uuid:1",
    "@type": "Offer",
    "profile": "https://w3id.org/hanse/v1",
    "odrl:conflict": {"@id": "odrl:prohibit"},
    "permission": [
        {
            "action": "use",
            "constraint": [
                {
                    "and": [
                        {
                            "leftOperand": H + "participantKind",
                            "operator": "isAnyOf",
                            "rightOperand": [H + "county", H + "company"],
                        },
                        {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "2028-01-01T00:00:00+01:00"},
                        {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "5"},
                    ]
                }
            ],
            "duty": [
                {
                    "action": "odrl:attribute",
                    "constraint": [{"leftOperand": H + "attributionText", "operator": "eq", "rightOperand": "Stadt"}],
                }
            ],
        }
    ],
    "prohibition": [{"action": "odrl:distribute"}, {"action": H + "aiTraining"}],
    "obligation": [{"action": "odrl:delete"}],
}


def variant(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(OFFER) | changes


def reserialised(value: Any) -> Any:
    """Full IRIs, value objects, single objects for one-element arrays, reversed order: what a JSON-LD peer may do."""
    if isinstance(value, list):
        entries = [reserialised(entry) for entry in reversed(value)]
        return entries[0] if len(entries) == 1 else entries
    if isinstance(value, dict):
        return {respelt(key): leaf(key, entry) for key, entry in value.items()}
    return value


def respelt(key: str) -> str:
    return key if key.startswith("@") else O + key.removeprefix("odrl:")


def leaf(key: str, entry: Any) -> Any:
    if key in ("action", "operator", "leftOperand", "profile"):
        full = entry.replace("odrl:", O) if ":" in entry else O + entry
        return [{"@id": full}]
    if key == "rightOperand" and isinstance(entry, str):
        return [{"@value": {"5": 5}.get(entry, entry)}]
    return entry if key.startswith("@") else reserialised(entry)


def test_every_spelling_is_the_same_policy() -> None:
    """What a JSON-LD peer makes of our offer has the digest of our offer."""
    foreign = reserialised(OFFER)
    assert O + "permission" in foreign
    assert foreign != OFFER
    assert digest(parse(foreign)) == digest(parse(OFFER))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("2028-01-01T00:00:00+01:00", "2027-12-31T23:00:00Z"),
        ("2028-01-01T00:00:00+01:00", {"@value": "2027-12-31T23:00:00.000Z", "@type": "xsd:dateTime"}),
    ],
)
def test_the_digest_is_typed(ours: str, theirs: object) -> None:
    """The same instant in another offset or as a typed literal is the same deal."""
    text = json.dumps(OFFER)
    assert ours in text
    assert digest(parse(json.loads(text.replace(json.dumps(ours), json.dumps(theirs))))) == digest(parse(OFFER))


def test_the_digest_ignores_what_names_one_deal() -> None:
    """An agreement has the digest of the offer it was made from."""
    agreement = variant(**{"@id": "urn:uuid:2", "@type": "Agreement", "target": "urn:t", "assigner": "did:web:a"})
    agreement |= {"assignee": "did:web:b", "timestamp": "2026-11-24T20:00:00.123456789Z"}
    assert digest(parse(agreement)) == digest(parse(OFFER))
    assert parse(agreement).timestamp == "2026-11-24T20:00:00.123456789Z"


@pytest.mark.threat("T22")
@pytest.mark.parametrize(
    "path", [p for p in places(OFFER) if p[0] not in ("@id", "@type") and not isinstance(at(OFFER, p), dict)], ids=str
)
def test_changing_any_field_of_an_offer_changes_its_digest(path: tuple[Any, ...]) -> None:
    """A peer that alters one member of our offer does not come back with the same digest."""
    changed = copy.deepcopy(OFFER)
    holder, key = at(changed, path[:-1]), path[-1]
    old = holder[key]
    holder[key] = old[:-1] if isinstance(old, list) else "neq" if key == "operator" else old + "1"
    assert digest(parse(changed)) != digest(parse(OFFER))


@pytest.mark.threat("T22")
@pytest.mark.parametrize(
    "path", [(), ("permission", 0), ("prohibition", 0), ("obligation", 0), ("permission", 0, "duty", 0)]
)
@pytest.mark.parametrize("name", ["odrl:inheritFrom", "ex:unless", "https://example.org/terms#x", "scope"])
def test_an_added_member_is_kept_and_changes_the_digest(path: tuple[Any, ...], name: str) -> None:
    """Unknown members are part of the policy, wherever they stand."""
    changed = copy.deepcopy(OFFER)
    at(changed, path)[name] = "y"
    assert digest(parse(changed)) != digest(parse(OFFER))


@pytest.mark.threat("T22")
def test_the_order_of_a_sequence_counts() -> None:
    """`andSequence` is the only list whose order is part of the deal."""

    def offer(operator: str, reverse: bool) -> str:
        atoms = [{"leftOperand": "odrl:count", "operator": "eq", "rightOperand": n} for n in ("1", "2")]
        constraint = [{operator: atoms[::-1] if reverse else atoms}]
        return digest(parse(variant(permission=[{"action": "use", "constraint": constraint}])))

    assert offer("andSequence", False) != offer("andSequence", True)
    assert all(offer(operator, False) == offer(operator, True) for operator in ("and", "or", "xone"))
