"""Copies of strangers' messages: bounded whatever they are, and without anything that opens a door."""

import json

import pytest

from connector.exchange.trace import excerpt
from tests.testkit.bounded import MILLION, ends

TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJkaWQ6d2ViOngifQ.c2lnbmF0dXJlc2lnbmF0dXJl"
OPAQUE = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE"


def copied(value: object) -> str:
    return excerpt.of_bytes(json.dumps(value).encode())


@pytest.mark.parametrize(
    "value",
    [
        {"dataAddress": {"endpoint": "https://x.example/data", "endpointProperties": [{"value": "s3cret"}]}},
        {"dspace:dataAddress": {"x": "s3cret"}},
        {"https://w3id.org/dspace/2025/1/dataAddress": "s3cret"},
        {"authorization": "s3cret"},
        {"a": [{"b": {"access_token": "s3cret"}}]},
        {"edc:authCode": "s3cret"},
        {"callbackAddresses": [{"uri": "https://x.example/cb", "authKey": "X", "authCodeId": "s3cret"}]},
        {"properties": [{"name": "authorization", "value": "s3cret"}]},
        {"properties": [{"key": "apiKey", "val": "s3cret"}]},
        {"url": "https://bucket.example/file?X-Signature=s3cret"},
        {"reason": ["open https://bucket.example/file?sig=s3cret now"]},
        {"reason": ["Bearer s3cret"]},
    ],
)
def test_what_is_secret_by_name_or_place_is_hidden(value: object) -> None:
    text = copied(value)
    assert "s3cret" not in text
    assert excerpt.HIDDEN in text


CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
ALIASED = {"da": {"ps": [{"n": "authorization", "v": "geheim-1234"}]}}
ALIASES = {
    "da": "https://w3id.org/dspace/2025/1/dataAddress",
    "ps": "https://w3id.org/dspace/2025/1/endpointProperties",
}


@pytest.mark.threat("T39")
@pytest.mark.parametrize(
    "context",
    [
        [CONTEXT, ALIASES],
        ALIASES,
        [CONTEXT, {"@vocab": "x:"}],
        [CONTEXT, "https://else.example/context.jsonld"],
        [[CONTEXT, ALIASES]],
        7,
    ],
)
@pytest.mark.parametrize("place", ["root", "list", "inside"])
def test_a_secret_under_a_name_of_the_documents_own_is_hidden(context: object, place: str) -> None:
    """>> a context that renames, wherever it stands << the type and the ids, nothing else of the body."""
    aliased = {"@context": context, "@type": "TransferStartMessage", "@id": "urn:1", "providerPid": "urn:p", **ALIASED}
    head = {"@context": CONTEXT, "@type": "TransferStartMessage", "@id": "urn:1", "providerPid": "urn:p"}
    value = {"root": aliased, "list": [aliased], "inside": {**head, "x": [{"@context": context, **ALIASED}]}}[place]
    for text in (excerpt.of_value(value), copied(value)):
        assert "geheim" not in text
        assert json.loads(text) == {**{name: head[name] for name in head if name != "@context"}, "…": excerpt.HIDDEN}


@pytest.mark.threat("T39")
@pytest.mark.parametrize(
    "body",
    [
        b'{"dataAddress": {"v": "geheim-1234"}, "a": 1, "a": 2}',
        b'{"\\u0064ataAddress": {"v": "geheim-1234"}, "a": 1, "a": 2}',
        b'{"@context": [{"da": "x:dataAddress"}], "da": {"v": "geheim-1234"}, ',
        b' [{"properties": [{"name": "authorization", "value": "geheim-1234"}]',
    ],
)
def test_broken_json_ends_where_a_secret_may_begin(body: bytes) -> None:
    assert "geheim" not in excerpt.of_bytes(body)


@pytest.mark.parametrize("secret", [TOKEN, OPAQUE])
def test_what_is_secret_by_shape_is_hidden_wherever_it_stands(secret: str) -> None:
    """Also across the place where a text is cut, and in pages that are no JSON."""
    for value in ({"note": secret}, {"note": "x" * 280 + " " + secret}, {secret: 1}, [f"a {secret} b"]):
        assert secret[:40] not in copied(value)
    assert secret[:40] not in excerpt.of_bytes(f"<html>Authorization: Bearer {secret}</html>".encode())


def test_what_an_operator_needs_stays() -> None:
    message = {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@type": "TransferRequestMessage",
        "@id": "urn:uuid:75d6b8a4-b07d-4292-ab47-da9f3583e090",
        "callbackAddress": "https://nachbardorf.example/2025-1",
        "https://w3id.org/hanse/v1#purpose": "https://w3id.org/hanse/v1#publicAdministration",
        "format": "HttpData-PULL",
    }
    assert json.loads(copied(message)) == message


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({f"member{number}": "x" * 10_000 for number in range(20)}).encode(),
        json.dumps(["x"] * 9000).encode(),
        json.dumps({"k" * 50_000: 1}).encode(),
        json.dumps("\x00" * 20_000).encode(),
        b"[" * 200_000,
        b"{" + b'"a":{' * 30 + b"}" * 31,
        b"\xff" * 100_000,
        b"<html>" + b"x" * 100_000,
        b'{"a": "\\ud800"}',
        b"",
    ],
)
def test_a_copy_is_short_whatever_comes(body: bytes) -> None:
    text = excerpt.of_bytes(body)
    assert len(text) < 16_000
    assert "\x00" not in text


@pytest.mark.parametrize("ascii_only", [True, False])
def test_nothing_in_a_copy_steers_a_terminal_or_a_database(ascii_only: bool) -> None:
    for evil in ("\x1b[2J\u202egnp.", "\x1b[2J\u202egnp.\x00", "\u2028\u2066\x9b"):
        text = excerpt.of_bytes(json.dumps({"reason": evil, evil: 1}, ensure_ascii=ascii_only).encode())
        assert text.isprintable()
    assert json.loads(copied({"reason": "\x1b[2J\u202egnp."}))["reason"] == "[2J gnp."
    assert excerpt.named({"code": "\x1b]0;evil\x07"}, "code") == "]0;evil"


@pytest.mark.threat("T182")
@pytest.mark.parametrize("text", ["https://" * (MILLION // 8), "https://a" * MILLION + " ", "a://https://?" * MILLION])
def test_bug_a_text_of_beginnings_of_addresses_cost_its_square(text: str) -> None:
    with ends():
        assert len(excerpt.of_value({"reason": text})) < 3_000


def test_the_query_of_each_address_is_hidden_and_of_nothing_else() -> None:
    said = "https://a https://b?s3cret=1 https://c#https://d?s3cret x? HTTPS://e?s3cret http://f"
    hidden = f"https://a https://b?{excerpt.HIDDEN} https://c#https://d?{excerpt.HIDDEN} x? HTTPS://e?{excerpt.HIDDEN} http://f"
    assert excerpt.safe(said) == hidden
