"""Bundles of up to two megabytes that a party makes so that judging them is dear: sealed and listed in order."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from connector.contracts.evidence import export
from connector.verify.formats import base64url, jcs
from tests.verify.authority import tlv
from tests.verify.forge import AGREEMENT, NOW, PROVIDER, Case, LogKey, PqLogKey

ROOM = 1_900_000
"""Bytes of the member that makes a bundle dear."""


def with_members(case: Case, members: Mapping[str, bytes]) -> bytes:
    """The bundle of the case with these members besides, or in place of others; the manifest lists and seals them."""
    more = {**case.parts.more, **members}
    return export.bundle(msgspec.structs.replace(case.parts, more=more), case.seal_manifest)


def replaced(case: Case, **parts: object) -> bytes:
    return export.bundle(msgspec.structs.replace(case.parts, **parts), case.seal_manifest)


def sealed_over(case: Case, **objects: bytes) -> bytes:
    """Both parties sealed exactly these bytes."""
    case.log = case.new_log(PROVIDER)
    case.parts = case.make(**objects)
    return case.bundle()


def logged(case: Case, type: str, body: Callable[[int], Mapping[str, object]], count: int) -> bytes:
    """So many records more, each proven in the signed log."""
    about = None if type == "key" else AGREEMENT
    for number in range(count):
        case.log.add(type, about, body(number))
    return replaced(case, log=case.log.evidence(AGREEMENT))


def raw_records(case: Case, line: bytes) -> bytes:
    """The line as often as it fits, whatever it says."""
    whole = case.parts.log.records
    count = min(19_000, (ROOM - len(whole)) // (len(line) + 1))
    log = msgspec.structs.replace(case.parts.log, records=whole + (line + b"\n") * count)
    return replaced(case, log=log)


def nested(depth: int) -> object:
    value: object = 0
    for _ in range(depth):
        value = [value]
    return value


def ring(case: Case, count: int) -> bytes:
    """PEM of CA certificates that all issued each other: each pair is an edge of a path."""
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, letter)]) for letter in "XY"]
    key = ec.generate_private_key(ec.SECP384R1())
    begin = dt.datetime.fromtimestamp(NOW - 1000, dt.UTC)
    found = []
    for number in range(count):
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[number % 2])
            .issuer_name(names[1 - number % 2])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + dt.timedelta(days=900))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        )
        found.append(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    return b"".join(found)


def der_bomb() -> bytes:
    """As many values as fit into a token, each of two octets, and one in another as deep as a reader goes."""
    inner = tlv(0x30, b"\x05\x00" * 120_000)
    for _ in range(30):
        inner = tlv(0x30, inner)
    return inner


def listed(case: Case, participants: Sequence[object] = (), **head: object) -> bytes:
    """A trust list that the authority itself signed."""
    own = [
        {
            "did": did,
            "state": "active",
            "validFrom": "2020-01-01T00:00:00Z",
            "operator": "did:web:o",
            "logKeys": [key.public_jwk for key in case.log.keys] if did == PROVIDER else [],
        }
        for did in (PROVIDER, case.consumer.did)
    ]
    base = {"version": 9, "issued": "2026-11-01T00:00:00Z", "nextUpdate": "2099-01-01T00:00:00Z"}
    whole = {**base, "participants": [*own, *participants], "witnesses": [case.witness.entry()], **head}
    return replaced(case, trust_list=case.authority.signed(whole))


def many_witnesses(case: Case, kind: type[LogKey] | type[PqLogKey], count: int) -> bytes:
    operators = [
        {"operator": f"o{number}", "url": f"https://o{number}", "keys": [kind().public_jwk]} for number in range(count)
    ]
    return listed(case, witnesses=[case.witness.entry(), *operators])


def many_members(case: Case) -> bytes:
    begin = "2020-01-01T00:00:00Z"
    return listed(case, [{"did": f"{number}", "state": "active", "validFrom": begin} for number in range(20_000)])


def with_chains(case: Case, count: int) -> bytes:
    return with_members(case, {f"{role}-chain.pem": ring(case, count)[:120_000] for role in ("provider", "consumer")})


def long_path(case: Case) -> bytes:
    head, _, note = case.parts.log.proof.partition(b"\n\n")
    path = (base64url.encode_padded(bytes(32)).encode() + b"\n") * 8_000
    return replaced(case, log=msgspec.structs.replace(case.parts.log, proof=head + b"\n" + path + b"\n" + note))


def long_growth(case: Case) -> bytes:
    _, _, note = case.parts.log.proof.partition(b"\n\n")
    growth = b"old 17\n" + b"AAAA\n" * 100_000 + b"\n" + note
    return replaced(case, log=msgspec.structs.replace(case.parts.log, newest=growth))


def cosigned(case: Case) -> bytes:
    """As many lines as a note may have, all of them genuine."""
    case.log.witnesses = [case.witness] * 20
    case.log.keys = case.log.keys * 10
    return replaced(case, log=case.log.evidence(AGREEMENT))


_ERASED = jcs.encode({"erased": {"seq": 0, "type": "key"}, "index": 1, "leaf": "0" * 64, "proof": []})
BUNDLES: Mapping[str, Callable[[Case], bytes]] = {
    "erased lines": lambda case: raw_records(case, _ERASED),
    "empty lines": lambda case: raw_records(case, b""),
    "deep lines": lambda case: raw_records(case, b"[" * 900 + b"]" * 900),
    "nested bodies": lambda case: logged(case, "transfer", lambda _: {"a": nested(300)}, 1_100),
    "many records": lambda case: logged(case, "transfer", lambda number: {"n": number}, 1_500),
    "key events": lambda case: logged(
        case, "key", lambda _: {"event": "key-revoked", "kid": "x", "from": "2027"}, 1_400
    ),
    "endings": lambda case: logged(case, "termination", lambda _: {"statement": "0" * 64}, 1_400),
    "values in a body": lambda case: logged(case, "transfer", lambda _: {"a": [[] for _ in range(600_000)]}, 1),
    "names in a body": lambda case: logged(case, "transfer", lambda _: {f"k{n}": n for n in range(110_000)}, 1),
    "marks over a letter": lambda case: logged(
        case, "transfer", lambda _: {"a": "q\u0334\u0327\u0323" + "\u0307" * 700_000}, 1
    ),
    "values in the agreement": lambda case: replaced(case, agreement=b'{"a":[' + b"[]," * 300_000 + b"[]]}"),
    "values in the dataset": lambda case: sealed_over(
        case, dataset=b"[" + b"[],[]," * 100_000 + b"1.5,2.5," * 150_000 + b"0]"
    ),
    "objects in the profile": lambda case: sealed_over(case, profile=b"[" + b'{"a":{}},' * 180_000 + b"0]"),
    "values in a document": lambda case: replaced(case, provider_document=b'{"a":[' + b"[]," * 80_000 + b"[]]}"),
    "a deep document": lambda case: replaced(case, provider_document=b"[" * 200_000),
    "many certificates": lambda case: with_chains(case, 250),
    "paths without end": lambda case: with_chains(case, 5),
    "DER": lambda case: with_members(case, {"checkpoint.tst": der_bomb(), "provider.ocsp": der_bomb()[:65_000]}),
    "a long text": lambda case: replaced(case, text=b"x" * 1_800_000),
    "a long seal": lambda case: replaced(case, provider_jws="A" * 120_000 + ".." + "A" * 1000),
    "a long path": long_path,
    "a long growth": long_growth,
    "cosignatures": cosigned,
    "members in the list": many_members,
    "values in the list": lambda case: listed(case, more=[[] for _ in range(170_000)]),
    "objects in the list": lambda case: listed(case, more=[{"a": {}} for _ in range(70_000)]),
    "witnesses in the list": lambda case: many_witnesses(case, LogKey, 900),
    "dear witnesses in the list": lambda case: many_witnesses(case, PqLogKey, 500),
}
"""Each by what is dear about it."""
