"""Decoding is validating: every break has a pointer and a code, and what we write we read back."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.kernel.protocol import codec
from connector.kernel.protocol import messages as m
from connector.kernel.protocol.codec import Malformed
from tests.fuzz.effort import amount

CONTEXT = [m.CONTEXT]
RULE: dict[str, Any] = {"action": "use"}
OFFER: dict[str, Any] = {"@type": "Offer", "@id": "urn:o", "target": "urn:d", "permission": [RULE]}
REQUEST: dict[str, Any] = {
    "@context": CONTEXT,
    "@type": "ContractRequestMessage",
    "consumerPid": "urn:c",
    "offer": OFFER,
    "callbackAddress": "https://b.example",
}
START: dict[str, Any] = {
    "@context": CONTEXT,
    "@type": "TransferStartMessage",
    "providerPid": "p",
    "consumerPid": "c",
    "dataAddress": {"@type": "DataAddress", "endpointType": "t"},
}
ATOM = {"leftOperand": "a", "operator": "eq", "rightOperand": "b"}


def constrained(*constraints: Any) -> dict[str, Any]:
    return REQUEST | {"offer": OFFER | {"permission": [{"action": "use", "constraint": list(constraints)}]}}


def without(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key != name}


BROKEN = {
    "no context": (without(REQUEST, "@context"), "/@context", "context"),
    "context as string": (REQUEST | {"@context": m.CONTEXT}, "/@context", "context"),
    "foreign context": (REQUEST | {"@context": ["https://example.org"]}, "/@context", "context"),
    "inline context": (REQUEST | {"@context": [m.CONTEXT, {}]}, "/@context", "context"),
    "no type": (without(REQUEST, "@type"), "/@type", "type"),
    "type as list": (REQUEST | {"@type": ["ContractRequestMessage"]}, "/@type", "type"),
    "another type": (REQUEST | {"@type": "ContractOfferMessage"}, "/@type", "type"),
    "no pid": (without(REQUEST, "consumerPid"), "/consumerPid", "missing"),
    "pid as number": (REQUEST | {"consumerPid": 1}, "/consumerPid", "json-type"),
    "null": (REQUEST | {"providerPid": None}, "/providerPid", "null"),
    "both ways back": (REQUEST | {"providerPid": "urn:p"}, "", "one-of"),
    "no way back": (without(REQUEST, "callbackAddress"), "", "one-of"),
    "our purpose as number": (
        REQUEST | {m.HANSE + "purpose": 1},
        "/https:~1~1w3id.org~1hanse~1v1#purpose",
        "json-type",
    ),
    "offer without target": (REQUEST | {"offer": without(OFFER, "target")}, "/offer/target", "missing"),
    "offer of another type": (REQUEST | {"offer": OFFER | {"@type": "Set"}}, "/offer/@type", "value"),
    "no rule": (REQUEST | {"offer": without(OFFER, "permission")}, "/offer", "one-of"),
    "empty rules": (REQUEST | {"offer": OFFER | {"permission": []}}, "/offer/permission", "empty"),
    "rules as object": (REQUEST | {"offer": OFFER | {"permission": RULE}}, "/offer/permission", "json-type"),
    "duty alone": (
        REQUEST | {"offer": without(OFFER, "permission") | {"obligation": [RULE]}},
        "/offer",
        "one-of",
    ),
    "rule with target": (
        REQUEST | {"offer": OFFER | {"permission": [RULE, RULE | {"target": "x"}]}},
        "/offer/permission/1/target",
        "forbidden",
    ),
    "refined action": (
        REQUEST | {"offer": OFFER | {"permission": [{"action": {"@id": "use"}}]}},
        "/offer/permission/0/action",
        "json-type",
    ),
    "number as operand": (
        constrained(ATOM | {"rightOperand": 5}),
        "/offer/permission/0/constraint/0/rightOperand",
        "json-type",
    ),
    "operator nobody knows": (
        constrained(ATOM, ATOM | {"operator": "like"}),
        "/offer/permission/0/constraint/1/operator",
        "value",
    ),
    "two operators at once": (constrained({"and": [], "or": []}), "/offer/permission/0/constraint/0", "one-of"),
    "logical and atomic": (constrained({"and": [ATOM]} | ATOM), "/offer/permission/0/constraint/0", "one-of"),
    "deep inside": (
        constrained({"or": [{"and": [ATOM, without(ATOM, "leftOperand")]}]}),
        "/offer/permission/0/constraint/0/or/0/and/1/leftOperand",
        "missing",
    ),
    "profile as number": (REQUEST | {"offer": OFFER | {"profile": 1}}, "/offer/profile", "json-type"),
}


@pytest.mark.parametrize(("value", "pointer", "code"), BROKEN.values(), ids=BROKEN.keys())
def test_a_break_is_named(value: object, pointer: str, code: str) -> None:
    """Pointer and code, no sentence."""
    with pytest.raises(Malformed) as broken:
        codec.decode(m.ContractRequestMessage, value)
    assert (broken.value.pointer, broken.value.code) == (pointer, code)


ADDRESSES = {
    "untyped address": ({"endpointType": "t"}, "/dataAddress/@type", "type"),
    "empty properties": ({"endpointProperties": []}, "/dataAddress/endpointProperties", "empty"),
    "untyped property": (
        {"endpointProperties": [{"name": "a", "value": "b"}]},
        "/dataAddress/endpointProperties/0/@type",
        "type",
    ),
    "property without value": (
        {"endpointProperties": [{"@type": "EndpointProperty", "name": "a"}]},
        "/dataAddress/endpointProperties/0/value",
        "missing",
    ),
    "endpoint null": ({"endpoint": None}, "/dataAddress/endpoint", "null"),
}


@pytest.mark.parametrize(("change", "pointer", "code"), ADDRESSES.values(), ids=ADDRESSES.keys())
def test_a_broken_address_is_named(change: dict[str, Any], pointer: str, code: str) -> None:
    """Nested values have pointers too."""
    typed = {} if pointer.endswith("dataAddress/@type") else {"@type": "DataAddress", "endpointType": "t"}
    with pytest.raises(Malformed) as broken:
        codec.decode(m.TransferStartMessage, START | {"dataAddress": typed | change})
    assert (broken.value.pointer, broken.value.code) == (pointer, code)


@pytest.mark.parametrize("value", [None, [], "x", 1, [REQUEST]])
def test_only_an_object_is_a_message(value: object) -> None:
    """Anything else fails at the root."""
    with pytest.raises(Malformed) as broken:
        codec.decode(m.ContractRequestMessage, value)
    assert (broken.value.pointer, broken.value.code) == ("", "json-type")


def test_we_cannot_build_what_we_would_refuse() -> None:
    """A value that exists is well-formed."""
    with pytest.raises(Malformed):
        m.ContractOfferMessage(provider_pid="p", offer=OFFER)
    with pytest.raises(Malformed):
        m.TransferError(provider_pid="p", consumer_pid="c", reason=[])
    with pytest.raises(Malformed):
        m.Dataset(id="urn:d", has_policy=[OFFER], distribution=[{"format": "X", "accessService": "urn:s"}])
    with pytest.raises(Malformed):
        m.Catalog(id="urn:k", participant_id="did:web:a", dataset=[])


@pytest.mark.parametrize(
    "timestamp", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456789+01:00", "2026-01-01T24:00:00"]
)
def test_timestamps_stay_text(timestamp: str) -> None:
    """Nine fractional digits and a missing zone are legal and come back as they were."""
    agreement = OFFER | {"@type": "Agreement", "assigner": "a", "assignee": "b", "timestamp": timestamp}
    message = m.ContractAgreementMessage(provider_pid="p", consumer_pid="c", agreement=agreement)
    assert codec.decode(m.ContractAgreementMessage, json.loads(codec.encode(message))).agreement == agreement


@pytest.mark.parametrize(
    "timestamp", ["2026-01-01", "2026-01-01T06:00Z", "2026-13-01T00:00:00Z", "x2026-01-01T00:00:00Z"]
)
def test_other_timestamps_are_refused(timestamp: str) -> None:
    """The official pattern is not anchored, ours is."""
    agreement = OFFER | {"@type": "Agreement", "assigner": "a", "assignee": "b", "timestamp": timestamp}
    with pytest.raises(Malformed) as broken:
        m.ContractAgreementMessage(provider_pid="p", consumer_pid="c", agreement=agreement)
    assert (broken.value.pointer, broken.value.code) == ("/agreement/timestamp", "value")


def test_what_the_test_kit_sends_is_read() -> None:
    """Bare UUIDs and names instead of IRIs, no reason, unknown members."""
    message = codec.decode(
        m.ContractRequestMessage,
        REQUEST | {"@id": "e1f2", "unknown": None, "offer": OFFER | {"@id": "CD123:ACN0101:456"}},
    )
    assert (message.id, message.offer["@id"], message.purpose) == ("e1f2", "CD123:ACN0101:456", None)


def test_the_wire_form() -> None:
    """Context and type first, absent members omitted, our own members under their IRIs."""
    message = m.ContractAgreementVerificationMessage(provider_pid="p", consumer_pid="c", agreement_signature="s")
    assert codec.encode(message) == (
        b'{"@context":["https://w3id.org/dspace/2025/1/context.jsonld"],"@type":"ContractAgreementVerificationMessage",'
        b'"providerPid":"p","consumerPid":"c","https://w3id.org/hanse/v1#agreementSignature":"s"}'
    )


@pytest.mark.parametrize("odd", [7, True, {"jws": "x"}, ["x"], "no seal at all", ""])
def test_a_second_seal_of_any_form_spoils_no_message(odd: object) -> None:
    """What a peer puts there is judged with its seal; absent it is not written."""
    pids = {"@context": [m.CONTEXT], "providerPid": "p", "consumerPid": "c"}
    body = {**pids, "@type": "ContractAgreementVerificationMessage", m.HANSE + "agreementSignaturePq": odd}
    message = codec.decode(m.ContractAgreementVerificationMessage, body)
    assert message.second_signature == odd
    assert m.HANSE + "agreementSignaturePq" in codec.plain(message)
    assert "Pq" not in str(codec.plain(m.ContractAgreementVerificationMessage(provider_pid="p", consumer_pid="c")))


def test_nested_values_name_their_types() -> None:
    """Without `@type` their members would vanish at a peer that expands."""
    distribution = m.Distribution(format="X-PULL", access_service=m.DataService(id="urn:s", endpoint_url="https://a"))
    assert codec.plain(distribution) == {
        "@type": "Distribution",
        "format": "X-PULL",
        "accessService": {"@type": "DataService", "@id": "urn:s", "endpointURL": "https://a"},
    }


def test_digests_ignore_order_and_spacing_only() -> None:
    """The `@id` counts; so do the order of lists and the difference between 1 and "1"."""
    one = codec.digest({"a": [1, "ä"], "@id": "x"})
    assert one == codec.digest(json.loads('{ "@id": "x", "a": [1, "\\u00e4"] }'))
    others = ({"a": [1, "ä"], "@id": "y"}, {"a": ["ä", 1], "@id": "x"}, {"a": ["1", "ä"], "@id": "x"}, {"a": [1, "ä"]})
    assert one not in {codec.digest(other) for other in others}
    assert len(one) == 64


def test_a_digest_has_a_known_value() -> None:
    """Stored digests must mean the same after an upgrade."""
    assert codec.digest({"b": 1, "a": "ü"}) == "9e638ba662cf35927d64a82a7a37816af709b246653acb28cd8cebbb17fb51aa"


def refusal(cls: type[msgspec.Struct], value: object) -> str | None:
    """The pointer at which the value is refused; None if it is a message."""
    try:
        codec.decode(cls, value)
    except Malformed as broken:
        return broken.pointer
    return None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
words = st.text(max_size=20).filter(lambda text: not any("\ud800" <= letter <= "\udfff" for letter in text))
atoms = st.fixed_dictionaries(
    {
        "leftOperand": words,
        "operator": st.sampled_from(["eq", "isPartOf", "lteq"]),
        "rightOperand": words | st.lists(words) | st.dictionaries(words, words),
    }
)
constraints = st.recursive(
    atoms,
    lambda inner: st.sampled_from(["and", "or", "xone", "andSequence"]).flatmap(
        lambda name: st.fixed_dictionaries({name: st.lists(inner, max_size=3)})
    ),
    max_leaves=6,
)
rules = st.fixed_dictionaries({"action": words}, optional={"constraint": st.lists(constraints, max_size=3)})
offers = st.fixed_dictionaries(
    {"@type": st.just("Offer"), "@id": words, "target": words, "permission": st.lists(rules, min_size=1, max_size=3)},
    optional={"assigner": words, "profile": words | st.lists(words), "obligation": st.lists(rules, min_size=1)},
)


@settings(max_examples=amount(40, 100))
@given(offer=offers, pid=words, callback=words, purpose=st.none() | words)
def test_what_we_write_we_read_back(offer: dict[str, Any], pid: str, callback: str, purpose: str | None) -> None:
    """For any legal policy, which comes back as it was."""
    message = m.ContractRequestMessage(consumer_pid=pid, offer=offer, callback_address=callback, purpose=purpose)
    assert codec.decode(m.ContractRequestMessage, msgspec.json.decode(codec.encode(message))) == message


@settings(max_examples=amount(40, 100))
@given(name=st.sampled_from(sorted(codec.TYPES)), members=st.dictionaries(st.text(), json_values), junk=json_values)
def test_no_value_does_worse_than_malformed(name: str, members: dict[str, Any], junk: object) -> None:
    """Any JSON value is a message or Malformed with a pointer, nothing else."""
    wire = [field.encode_name for field in msgspec.structs.fields(codec.TYPES[name])]
    filled = dict.fromkeys(wire, junk) | members | {"@context": CONTEXT, "@type": name}
    for value in (junk, members, filled):
        pointer = refusal(codec.TYPES[name], value)
        assert not pointer or pointer.startswith("/")


@given(json_values)
def test_any_value_has_a_digest(value: object) -> None:
    """Also with lone surrogates and huge integers, which other writers choke on."""
    assert len(codec.digest(value)) == 64


@pytest.mark.parametrize(
    ("cls", "check", "members"),
    [
        (
            m.Dataset,
            "dataset",
            {
                "hasPolicy": [without(OFFER, "target")],
                "distribution": [{"@type": "Distribution", "format": "x", "accessService": "urn:s"}],
            },
        ),
        (m.Catalog, "catalogue", {"participantId": "did:web:a.example"}),
    ],
)
def test_what_stands_beside_the_members_is_looked_at_once_with_them(
    monkeypatch: pytest.MonkeyPatch, cls: type[Any], check: str, members: dict[str, Any]
) -> None:
    """>> a dataset and a catalogue with members of their own  << one look at the whole, all members back."""
    looks: list[Any] = []
    original = getattr(codec.shape, check)
    monkeypatch.setattr(codec.shape, check, lambda value, at: (looks.append(value), original(value, at)))
    value = {"@context": CONTEXT, "@type": cls.__name__, "@id": "urn:x", "dct:title": "Bäume", "ex:n": [1], **members}
    assert codec.plain(codec.decode(cls, value)) == without(value, "@context")
    assert len(looks) == 1


@pytest.mark.parametrize("nothing", [None, 7, {"dct:title": "Bäume"}])
def test_a_member_without_a_name_is_one_that_nobody_knows(nothing: object) -> None:
    """>> a catalogue with a member of an empty name, as what stands beside the others is called in here  << skipped."""
    value = {"@context": CONTEXT, "@type": "Catalog", "@id": "urn:x", "participantId": "did:web:a.example"}
    assert codec.decode(m.Catalog, {**value, "": nothing}) == codec.decode(m.Catalog, value)


def test_a_catalogue_that_is_offered_as_a_whole_is_none() -> None:
    """>> a catalogue with a policy of its own, which is no member of it  << refused with the place."""
    value = {"@context": CONTEXT, "@type": "Catalog", "@id": "urn:x", "participantId": "did:web:a.example"}
    with pytest.raises(Malformed) as caught:
        codec.decode(m.Catalog, {**value, "hasPolicy": [OFFER]})
    assert (caught.value.pointer, caught.value.code) == ("/hasPolicy", "forbidden")


PIDS = {"provider_pid": "urn:p", "consumer_pid": "urn:ü\u2028\n"}
ADDRESS = m.DataAddress(
    endpoint_type="t", endpoint="https://a.example", endpoint_properties=[m.EndpointProperty(name="n", value='"\\')]
)
SAID: dict[str, Any] = {"code": "c", "reason": ["nein", {"@value": "no", "@language": "en"}, 1.5, None, []]}
DEALT = {
    **OFFER,
    "@type": "Agreement",
    "@id": "urn:a",
    "assigner": "x",
    "assignee": "y",
    "timestamp": "2026-12-01T07:00:00Z",
}
SHOWN = without(OFFER, "target") | {"ex:n": [1, 2.5, True, None, {}]}
SERVED: dict[str, Any] = {"@type": "Distribution", "format": "x", "accessService": "urn:s"}
ALL: list[msgspec.Struct] = [
    m.CatalogRequestMessage(),
    m.CatalogRequestMessage(id="urn:m", filter=[{"a": 1}]),
    m.DatasetRequestMessage(dataset="urn:d"),
    m.CatalogError(**SAID),
    m.Catalog(id="urn:c", participant_id="did:web:a", extra={"dct:title": "Bäume", "@x": 1}),
    m.Dataset(id="urn:d", has_policy=[SHOWN], distribution=[SERVED]),
    m.Dataset(id="urn:d", has_policy=[SHOWN], distribution=[SERVED], countersignature="none", extra={"dct:title": "x"}),
    m.ContractRequestMessage(consumer_pid="urn:c", offer=OFFER, callback_address="https://b.example", purpose="p"),
    m.ContractOfferMessage(id="urn:m", provider_pid="urn:p", offer=OFFER, consumer_pid="urn:c"),
    m.ContractAgreementMessage(agreement=DEALT, agreement_signature="a..b", second_signature={"odd": [1]}, **PIDS),
    m.ContractAgreementVerificationMessage(id="urn:m", **PIDS),
    m.ContractNegotiationEventMessage(event_type="FINALIZED", evidence="https://a.example/e#sha256=0", **PIDS),
    m.ContractNegotiationTerminationMessage(**PIDS, **SAID),
    m.ContractNegotiation(state="AGREED", **PIDS),
    m.ContractNegotiationError(**PIDS, **SAID),
    m.TransferRequestMessage(
        consumer_pid="urn:c",
        agreement_id="urn:a",
        format="f",
        callback_address="https://b.example",
        data_address=ADDRESS,
    ),
    m.TransferStartMessage(data_address=ADDRESS, **PIDS),
    m.TransferStartMessage(**PIDS),
    m.TransferCompletionMessage(**PIDS),
    m.TransferSuspensionMessage(**PIDS, **SAID),
    m.TransferTerminationMessage(**PIDS),
    m.TransferProcess(state="STARTED", **PIDS),
    m.TransferError(**PIDS),
]


def test_every_message_is_written_as_its_plain_value_is() -> None:
    """>> each kind of message, with and without what may be absent  << the bytes of its members behind the context."""
    assert {type(message) for message in ALL} == set(codec.TYPES.values())
    for message in ALL:
        assert codec.encode(message) == msgspec.json.encode({"@context": CONTEXT, **codec.plain(message)})


def test_a_message_is_written_without_a_copy_of_its_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a message with a policy, and a catalogue with members of its own  << only of the second a copy is made."""
    copied: list[msgspec.Struct] = []
    original = codec.plain
    monkeypatch.setattr(codec, "plain", lambda message: (copied.append(message), original(message))[1])
    for message in ALL:
        codec.encode(message)
    assert {type(message) for message in copied} == {m.Catalog, m.Dataset}
