"""Member by member or as a whole: the same list, or the same refusal."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from connector.foundation.clock import SystemClock, rfc3339
from connector.foundation.errors import HanseError
from connector.identity.trust.keys.jose import canonical, sign_text
from connector.identity.trust.keys.jwk import decode
from connector.identity.trust.keys.signing import KeyRecord, SoftwareKey, Vault
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.list_reader import ListReader
from connector.identity.trust.members.list_writer import to_form
from connector.identity.trust.members.trust_list import TYP, Entry, Predecessor, Sealing, TrustList, read_list

NOW = SystemClock().now()
KEY = SoftwareKey.generate("peer", "urn:authority")


def entry(short: str, **said: Any) -> Entry:
    record: KeyRecord = SoftwareKey.generate("log", f"did:web:{short}").record()
    plain = Entry(
        did=f"did:web:{short}",
        name=f"Stadt {short} – Ä",
        operator="IT",
        kind="urn:kind",
        groups=(),
        state="active",
        valid_from=rfc3339(0),
        log_keys=(dict(record.public_jwk),),
        keys=("k1", "k2"),
    )
    return replace(plain, **said)


def listed(*entries: Entry, version: int = 1) -> TrustList:
    return TrustList(
        version=version,
        issued=rfc3339(NOW),
        next_update=rfc3339(NOW + 10**9),
        authority="urn:authority",
        participants=entries,
    )


def signed(text: bytes) -> str:
    return sign_text(text, KEY, TYP)


def outcome(read: Any, jws: str) -> object:
    try:
        return read(jws)
    except HanseError as refused:
        return type(refused), refused.code


def alike(reader: ListReader, text: bytes) -> object:
    """What both ways say of a signed text; they may not differ."""
    jws = signed(text)
    quick, slow = outcome(reader.read, jws), outcome(lambda one: read_list(one, KEY.public_jwk), jws)
    assert quick == slow, text[:400]
    return quick


def test_members_that_stand_there_as_before_are_the_same_objects() -> None:
    """>> a list of five; the next one with a sixth, and the third suspended << four are not read again."""
    reader, members = ListReader(KEY.public_jwk), [entry(str(number)) for number in range(5)]
    first = reader.read(signed(canonical(to_form(listed(*members)))))
    changed = replace(members[2], state="suspended", suspended_since=rfc3339(NOW))
    second = reader.read(
        signed(canonical(to_form(listed(*members[:2], changed, *members[3:], entry("new"), version=2))))
    )
    same = [one is two for one, two in zip(first.participants, second.participants, strict=False)]
    assert same == [True, True, False, True, True]
    assert [one.did for one in second.participants] == [*(one.did for one in members), "did:web:new"]


MEMBER = entry("a")
TWICE = entry("a", name="B")
ODD = [
    listed(),
    listed(MEMBER),
    listed(MEMBER, MEMBER),
    listed(MEMBER, TWICE),
    listed(MEMBER, entry("b", valid_from="gestern")),
    listed(entry("b", seal_certificates=("0" * 64, Sealing("0" * 64, valid_until=rfc3339(NOW))))),
    listed(entry("b", seal_certificates=("zz",))),
    listed(*(entry(one, succeeds=(Predecessor("did:web:b", rfc3339(0)),)) for one in "ac")),
    listed(entry("a", succeeds=(Predecessor("did:web:a", rfc3339(0)),))),
    listed(entry("b", log_keys=tuple({"kid": str(one)} for one in range(300)))),
    replace(listed(MEMBER), next_update="morgen"),
]


@pytest.mark.parametrize("made", ODD, ids=[str(number) for number in range(len(ODD))])
def test_odd_lists_are_judged_alike(made: TrustList) -> None:
    reader = ListReader(KEY.public_jwk)
    alike(reader, canonical(to_form(listed(MEMBER, entry("x")))))  # so that some of them are known
    for _ in range(2):
        alike(reader, canonical(to_form(made)))


@pytest.mark.threat("T13")
@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b"null",
        b"",
        b"{",
        b'{"participants":[}',
        b'{"participants":{}}',
        b'{"participants":[1]}',
        b'{"participants":[],"participants":[]}',
        b'{"participants":[{"did":"a"}],"issuers":[{"did":"a"}]}',
        b'{"participants":[{"did":"a","did":"b"}]}',
        b'{"participants":[{"did":"\xff"}]}',
        b'{"participants":[' + b"[" * 300 + b"]" * 300 + b"]}",
        b'{"participants":[{"name":"\\u202e"}]}',
        b'{"participants":[{"name":NaN}]}',
    ],
)
def test_texts_that_are_no_list_are_refused_alike(text: bytes) -> None:
    assert isinstance(alike(ListReader(KEY.public_jwk), text), tuple)


@pytest.mark.threat("T13")
def test_mangled_texts_are_judged_alike() -> None:
    """>> four hundred lists with a few bytes changed, doubled or cut out, one after the other << one judgement."""
    chance, reader = random.Random(15), ListReader(KEY.public_jwk)
    whole = canonical(to_form(listed(entry("a"), entry("b", succeeds=(Predecessor("did:web:c", rfc3339(0)),)))))
    accepted = 0
    for _ in range(400):
        text = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(text))
            match chance.randrange(3):
                case 0:
                    text[at] = chance.choice(b'{}[],:"\\0a\x00\xc3')
                case 1:
                    text[at:at] = text[at : at + chance.randrange(60)]
                case _:
                    del text[at : at + chance.randrange(60)]
        accepted += isinstance(alike(reader, bytes(text)), TrustList)
    assert accepted > 20


@pytest.mark.threat("T05")
def test_another_signature_another_type_and_another_algorithm_are_refused_alike() -> None:
    text, other = canonical(to_form(listed(MEMBER))), SoftwareKey.generate("peer", "urn:other")
    reader = ListReader(KEY.public_jwk)
    good = signed(text)
    reader.read(good)
    head, body, seal = good.split(".")
    for jws in (
        sign_text(text, other, TYP),
        sign_text(text, KEY, "JWT"),
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{good}.x",
        f"{head}.{body}={seal}",
        f"{head}.{body}.{seal[:-4]}AAAA",
        "",
        "x" * 9_000_000,
        f"{head}.{body}..{seal}",
    ):
        found = outcome(reader.read, jws)
        assert found == outcome(lambda one: read_list(one, KEY.public_jwk), jws)
        assert isinstance(found, tuple)


def test_the_authority_writes_a_list_as_if_it_wrote_all_of_it(tmp_path: Path, vault: Vault) -> None:
    """>> three versions, of which most members are the same objects << each as the canonical text of its whole form."""
    authority = Authority.create(tmp_path / "authority", vault)
    members = [entry(str(number), name='"participants":[]') for number in range(4)]
    for version in (1, 2, 3):
        members[version] = replace(members[version], name=f"Stadt {version}")
        made = listed(*members, version=version)
        jws = authority.issue(made)
        assert read_list(jws, authority.public_jwk) == made
        said = json.loads(json.dumps(to_form(made)))
        assert canonical(said) == _text(jws)


def _text(jws: str) -> bytes:
    return decode(jws.split(".")[1])
