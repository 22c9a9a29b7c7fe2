"""Bundles that a party makes so that judging them is dear: sealed and listed in order."""

import datetime as dt
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import FrameType
from typing import cast

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from connector.exchange.contracts.evidence import export
from connector.verify.formats import base64url, jcs
from tests.verify.authority import tlv
from tests.verify.forge import AGREEMENT, NOW, PROVIDER, Authority, Case, LogKey, PqLogKey

BEGIN = "2020-01-01T00:00:00Z"
ROOM = 1_900_000
"""Bytes of the member that makes a bundle dear."""


def steps(work: Callable[[], object]) -> int:
    """Lines of Python that ran, each turn of a loop anew."""
    count = 0

    def tracer(_frame: FrameType, event: str, _arg: object) -> "Callable[..., object]":
        nonlocal count
        count += event == "line"
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


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


def raw_records(case: Case, line: bytes, scale: float = 1) -> bytes:
    """The line as often as it fits, whatever it says."""
    whole = case.parts.log.records
    count = min(19_000, (_of(ROOM, scale) - len(whole)) // (len(line) + 1))
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


def der_bomb(count: int) -> bytes:
    """As many values as fit into a token, each of two octets, and one in another as deep as a reader goes."""
    inner = tlv(0x30, b"\x05\x00" * count)
    for _ in range(30):
        inner = tlv(0x30, inner)
    return inner


def listed(case: Case, participants: Sequence[object] = (), **head: object) -> bytes:
    """A trust list that the authority itself signed."""
    own = _parties(case)
    base = {"version": 9, "issued": "2026-11-01T00:00:00Z", "nextUpdate": "2099-01-01T00:00:00Z"}
    whole = {**base, "participants": [*own, *participants], "witnesses": [case.witness.entry()], **head}
    return replaced(case, trust_list=case.authority.signed(whole))


def _parties(case: Case, more: Mapping[str, Mapping[str, object]] = {}) -> list[dict[str, object]]:
    """Entries of both; `more` are members of theirs by DID."""
    return [
        {
            "did": did,
            "state": "active",
            "validFrom": BEGIN,
            "operator": "did:web:o",
            "logKeys": [key.public_jwk for key in case.log.keys] if did == PROVIDER else [],
            **more.get(did, {}),
        }
        for did in (PROVIDER, case.consumer.did)
    ]


def many_witnesses(case: Case, kind: type[LogKey] | type[PqLogKey], count: int) -> bytes:
    operators = [
        {"operator": f"o{number}", "url": f"https://o{number}", "keys": [kind().public_jwk]} for number in range(count)
    ]
    return listed(case, witnesses=[case.witness.entry(), *operators])


def many_members(case: Case, count: int) -> bytes:
    return listed(case, [{"did": f"{number}", "state": "active", "validFrom": BEGIN} for number in range(count)])


def succeeding(case: Case, dids: Sequence[str], *, signed: bool = True) -> bytes:
    """Each of these has taken the place of the one before; the list signed by the authority or by somebody else."""
    line = [
        {"did": did, "state": "active", "validFrom": BEGIN, "succeeds": [{"did": before, "from": BEGIN}]}
        for before, did in pairwise(dids)
    ]
    return _with_line(case, line, signed=signed)


def _with_line(
    case: Case, line: Sequence[Mapping[str, object]], *, signed: bool = True, witnesses: Sequence[object] = ()
) -> bytes:
    """A list with these steps; those that a party makes stand in its own entry."""
    parties = {PROVIDER, case.consumer.did}
    own = {str(one["did"]): {"succeeds": one["succeeds"]} for one in line if one["did"] in parties}
    others = [one for one in line if one["did"] not in parties]
    head = {"version": 9, "issued": "2026-11-01T00:00:00Z", "nextUpdate": "2099-01-01T00:00:00Z"}
    named = [case.witness.entry(), *witnesses]
    whole = {**head, "participants": [*_parties(case, own), *others], "witnesses": named}
    return replaced(case, trust_list=(case.authority if signed else Authority()).signed(whole))


def line_to_the_provider(count: int) -> list[str]:
    """A line of DIDs that ends with the provider's."""
    return [*(f"did:web:h.example:{number}" for number in range(count)), PROVIDER]


def all_taken_by_the_provider(case: Case, count: int) -> bytes:
    gone = [{"did": f"did:web:h.example:{number}", "from": BEGIN} for number in range(count)]
    return _with_line(case, [{"did": PROVIDER, "succeeds": gone}])


def written_by_all(case: Case, count: int) -> bytes:
    """A log in which each of a long line wrote one record, under a list that names all of them."""
    dids = line_to_the_provider(count)
    case.log = case.new_log(dids[0])
    case.parts = case.make()
    for did in dids:
        case.log.did = did
        case.log.add("transfer", AGREEMENT, {"n": 1})
    case.parts = msgspec.structs.replace(case.parts, log=case.log.evidence(AGREEMENT))
    return succeeding(case, dids)


def witnessed_by_all(case: Case, count: int) -> bytes:
    """Each of a long line has an operator of its own, and each witness of very many has one, too."""
    line = [
        {
            "did": did,
            "state": "active",
            "validFrom": BEGIN,
            "operator": f"p{number}",
            "succeeds": [{"did": before, "from": BEGIN}],
        }
        for number, (before, did) in enumerate(pairwise(line_to_the_provider(count)))
    ]
    key = LogKey().public_jwk
    more = [{"operator": f"o{number}", "url": "https://o", "keys": [key]} for number in range(min(count // 5, 1_000))]
    return _with_line(case, line, witnesses=more)


def many_controlled(case: Case, count: int) -> bytes:
    """Methods of others, and a long list of keys for tokens, none of which is one of them."""
    own = case.provider.document()
    methods = [*cast(list[object], own["verificationMethod"]), *({"id": f"y{number}"} for number in range(count))]
    tokens = [f"x{number}" for number in range(2 * count)]
    return replaced(
        case, provider_document=jcs.encode({**own, "verificationMethod": methods, "capabilityInvocation": tokens})
    )


def with_chains(case: Case, count: int) -> bytes:
    return with_members(case, {f"{role}-chain.pem": ring(case, count)[:120_000] for role in ("provider", "consumer")})


def long_path(case: Case, count: int) -> bytes:
    head, _, note = case.parts.log.proof.partition(b"\n\n")
    path = (base64url.encode_padded(bytes(32)).encode() + b"\n") * count
    return replaced(case, log=msgspec.structs.replace(case.parts.log, proof=head + b"\n" + path + b"\n" + note))


def long_growth(case: Case, count: int) -> bytes:
    _, _, note = case.parts.log.proof.partition(b"\n\n")
    growth = b"old 17\n" + b"AAAA\n" * count + b"\n" + note
    return replaced(case, log=msgspec.structs.replace(case.parts.log, newest=growth))


def cosigned(case: Case) -> bytes:
    """As many lines as a note may have, all of them genuine."""
    case.log.witnesses = [case.witness] * 20
    case.log.keys = case.log.keys * 10
    return replaced(case, log=case.log.evidence(AGREEMENT))


_ERASED = jcs.encode({"erased": {"seq": 0, "type": "key"}, "index": 1, "leaf": "0" * 64, "proof": []})
BUNDLES: Mapping[str, Callable[[Case, float], bytes]] = {
    "erased lines": lambda case, scale: raw_records(case, _ERASED, scale),
    "empty lines": lambda case, scale: raw_records(case, b"", scale),
    "deep lines": lambda case, scale: raw_records(case, b"[" * 900 + b"]" * 900, scale),
    "nested bodies": lambda case, scale: logged(
        case, "transfer", lambda _: {"a": nested(jcs.DEEPEST - 10)}, _of(1_100, scale)
    ),
    "many records": lambda case, scale: logged(case, "transfer", lambda number: {"n": number}, _of(1_500, scale)),
    "key events": lambda case, scale: logged(
        case, "key", lambda _: {"event": "key-revoked", "kid": "x", "from": "2027"}, _of(1_400, scale)
    ),
    "endings": lambda case, scale: logged(case, "termination", lambda _: {"statement": "0" * 64}, _of(1_400, scale)),
    "values in a body": lambda case, scale: logged(
        case, "transfer", lambda _: {"a": [[] for _ in range(_of(600_000, scale))]}, 1
    ),
    "names in a body": lambda case, scale: logged(
        case, "transfer", lambda _: {f"k{n}": n for n in range(_of(110_000, scale))}, 1
    ),
    "marks over a letter": lambda case, scale: logged(
        case, "transfer", lambda _: {"a": "q\u0334\u0327\u0323" + "\u0307" * _of(700_000, scale)}, 1
    ),
    "values in the agreement": lambda case, scale: replaced(
        case, agreement=b'{"a":[' + b"[]," * _of(300_000, scale) + b"[]]}"
    ),
    "values in the dataset": lambda case, scale: sealed_over(
        case, dataset=b"[" + b"[],[]," * _of(100_000, scale) + b"1.5,2.5," * _of(150_000, scale) + b"0]"
    ),
    "objects in the profile": lambda case, scale: sealed_over(
        case, profile=b"[" + b'{"a":{}},' * _of(180_000, scale) + b"0]"
    ),
    "values in a document": lambda case, scale: replaced(
        case, provider_document=b'{"a":[' + b"[]," * _of(80_000, scale) + b"[]]}"
    ),
    "keys in a document": lambda case, scale: many_controlled(case, _of(7_000, scale)),
    "a deep document": lambda case, scale: replaced(case, provider_document=b"[" * _of(200_000, scale)),
    "many certificates": lambda case, scale: with_chains(case, _of(250, scale)),
    "paths without end": lambda case, _: with_chains(case, 5),
    "DER": lambda case, scale: with_members(
        case, {"checkpoint.tst": der_bomb(_of(120_000, scale)), "provider.ocsp": der_bomb(30_000)[:65_000]}
    ),
    "a long text": lambda case, scale: replaced(case, text=b"x" * _of(1_800_000, scale)),
    "a long seal": lambda case, scale: replaced(case, provider_jws="A" * _of(120_000, scale) + ".." + "A" * 1000),
    "a long path": lambda case, scale: long_path(case, _of(8_000, scale)),
    "a long growth": lambda case, scale: long_growth(case, _of(100_000, scale)),
    "cosignatures": lambda case, _: cosigned(case),
    "members in the list": lambda case, scale: many_members(case, _of(20_000, scale)),
    "values in the list": lambda case, scale: listed(case, more=[[] for _ in range(_of(170_000, scale))]),
    "objects in the list": lambda case, scale: listed(case, more=[{"a": {}} for _ in range(_of(70_000, scale))]),
    "witnesses in the list": lambda case, scale: many_witnesses(case, LogKey, _of(900, scale)),
    "dear witnesses in the list": lambda case, scale: many_witnesses(case, PqLogKey, _of(500, scale)),
    "a line that ends with the provider": lambda case, scale: succeeding(case, line_to_the_provider(_of(8_000, scale))),
    "a line that begins with the provider": lambda case, scale: succeeding(
        case, line_to_the_provider(_of(8_000, scale))[::-1]
    ),
    "a line in a list of a stranger": lambda case, scale: succeeding(
        case, line_to_the_provider(_of(8_000, scale)), signed=False
    ),
    "many whose place was taken": lambda case, scale: all_taken_by_the_provider(case, _of(20_000, scale)),
    "a line that wrote the log": lambda case, scale: written_by_all(case, _of(1_200, scale)),
    "a line beside witnesses": lambda case, scale: witnessed_by_all(case, _of(4_000, scale)),
}
"""Each by what is dear about it: up to two megabytes, times `scale`."""


def _of(count: int, scale: float) -> int:
    return max(1, round(count * scale))
