"""What a hostile bundle may cost: bounded by kind before anything is read, whatever a party seals into it (T67)."""

import base64
import cProfile
import json
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from io import BytesIO

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning

from connector.exchange.contracts.evidence import export
from connector.verify.bundle import verify_bundle
from connector.verify.checks import archive, mandate
from connector.verify.formats import certificates, limits, trustlist
from connector.verify.formats.faults import Fault
from tests.verify import costly
from tests.verify.forge import PROVIDER, Authority, Case, SealCa
from tests.verify.judge import FAILED, INDETERMINATE, PASSED, changed, named, verdicts

pytestmark = pytest.mark.threat("T67")
MOST_STEPS = 30
"""Lines of Python for each byte of a bundle."""
MOST_CALLS, MOST_BYTES = 2_500_000, 90 << 20
"""Calls of functions, a second of a slow machine; memory besides that of the interpreter and its libraries."""


KINDS = (
    "endings",
    "values in a document",
    "DER",
    "a long text",
    "a long path",
    "marks over a letter",
    "dear witnesses in the list",
)
"""What is asked of each kind of member, of the cheap ones; the others are `long`."""


def cost(work: Callable[[], object]) -> tuple[int, int]:
    """Calls made, Python and C, and the most memory held at once."""
    counting = cProfile.Profile()
    counting.runcall(work)
    calls = sum(one.callcount for one in counting.getstats())  # type: ignore[attr-defined]
    tracemalloc.start()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return calls, peak


@pytest.mark.parametrize(
    "what", [pytest.param(what, marks=() if what in KINDS else pytest.mark.long) for what in costly.BUNDLES]
)
def test_two_megabytes_never_cost_more_than_a_second_or_a_hundred_megabytes(what: str) -> None:
    """Bug: 1.7 MB took 8 to 22 seconds and 1.2 GB."""
    case = Case()
    data = costly.BUNDLES[what](case, 1)
    assert len(data) < 2_000_000
    calls, peak = cost(lambda: verify_bundle(data, case.roots))
    assert calls < MOST_CALLS
    assert peak < MOST_BYTES


LINES = (
    "a line that ends with the provider",
    "a line that begins with the provider",
    "many whose place was taken",
    "a line that wrote the log",
    "a line beside witnesses",
    "keys in a document",
)
"""What once took steps by the square of its size."""


@pytest.mark.parametrize(
    "what", [pytest.param(what, marks=() if what in LINES else pytest.mark.long) for what in costly.BUNDLES]
)
def test_bug_twice_the_bytes_take_twice_the_steps(what: str) -> None:
    """Bug: a list of 540 kB, which nobody need have signed, took 9 to 34 s, and four times that at twice the size.

    >> the same kind of bundle at two sizes << steps for each byte that came do not grow.
    """
    counts, sizes = [], []
    for scale in (0.0, 0.02, 0.08):
        case = Case()
        data = costly.BUNDLES[what](case, scale)
        sizes.append(len(data))
        counts.append(costly.steps(lambda data=data, case=case: verify_bundle(data, case.roots)))  # type: ignore[misc]
    few, many = (max(counts[n] - counts[0] + 500, 0) / (sizes[n] - sizes[0] + 500) for n in (1, 2))
    assert many <= 1.4 * few, (counts, sizes)
    assert many <= MOST_STEPS


def test_bug_keys_that_another_controls_are_looked_up_not_searched_for() -> None:
    """Bug: each method of a DID document was compared with every key for tokens: 250 kB took a second for each look."""
    compared = 0

    class Text(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

    document = {
        "id": PROVIDER,
        "verificationMethod": [{"id": Text(f"y{number}"), "controller": "did:web:o"} for number in range(500)],
        "capabilityInvocation": [Text(f"x{number}") for number in range(500)],
    }
    assert mandate.controllers(document) == {}
    assert compared < 100


def test_bug_a_list_that_its_authority_did_not_sign_is_read_no_further(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> under a signature that does not hold: no JSON, and a good list of members << refused for the signature.

    Nothing else in the bundle is judged by it: neither log keys nor certificates.
    """
    stranger = Authority().signed({"version": 1, "participants": [], "nextUpdate": "2099-01-01T00:00:00Z"})
    header, _, signature = stranger.split(".")
    nonsense = f"{header}.{base64.urlsafe_b64encode(b'[' * 300_000).decode().rstrip('=')}.{signature}"
    read = []
    monkeypatch.setattr(trustlist, "_member", lambda entry: read.append(entry))
    for listed in (nonsense, Authority().list({PROVIDER: case.log.keys}, witnesses=[case.witness])):
        report = verify_bundle(costly.replaced(case, trust_list=listed), case.roots)
        assert named(report) == ("trust-list", "trust-list-signature")
        assert verdicts(report)["log"] is INDETERMINATE
    assert read == []


def test_the_header_of_a_list_is_bounded_before_it_is_read(case: Case) -> None:
    """>> a header of 300 kB << no list at all; nobody has vouched for it yet."""
    _, body, signature = case.parts.trust_list.split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"ES256","typ":"trust-list+jwt","x":"' + b"x" * 300_000 + b'"}')
    report = verify_bundle(
        costly.replaced(case, trust_list=f"{head.decode().rstrip('=')}.{body}.{signature}"), case.roots
    )
    assert named(report) == ("trust-list", "trust-list-form")


def test_a_bundle_unpacks_to_twice_its_size_at_most(case: Case, members: dict[str, bytes]) -> None:
    """Small ones to a mebibyte; ours are stored, and what is in them hardly gets smaller."""
    for size, packs in ((800_000, True), (1_200_000, False)):
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in members.items():
                packed.writestr(name, content + b"x" * size if name == "text-de.html" else content)
        found = named(verify_bundle(buffer.getvalue(), case.roots))
        assert found == (("manifest", "member-changed") if packs else ("archive", "archive-large"))


@pytest.mark.parametrize("name", sorted(archive.REQUIRED | archive.OPTIONAL | frozenset().union(*archive.TOGETHER)))
def test_every_kind_of_member_has_its_size(case: Case, members: dict[str, bytes], name: str) -> None:
    """One byte more than there may be: refused by its name, before it is read."""
    sizes = {**{one: len(body) for one, body in members.items()}, name: limits.largest(name) + 1}
    with pytest.raises(Fault) as caught:
        limits.check_sizes(sizes, sum(sizes.values()))
    assert (caught.value.code, caught.value.facts["name"]) == ("member-large", name)
    limits.check_sizes({**sizes, name: limits.largest(name)}, sum(sizes.values()))


def test_a_long_contract_is_judged_and_a_longer_one_is_told_so(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two thousand records pass; one more than twenty thousand (here: two hundred) is a sentence of its own, and never
    an accusation."""
    long = Case()
    assert verify_bundle(costly.logged(long, "transfer", lambda n: {"n": n}, 2_000), long.roots).verdict is PASSED
    assert limits.MOST_RECORDS == 20_000
    monkeypatch.setattr(limits, "MOST_RECORDS", 200)
    line = case.parts.log.records.partition(b"\n")[0] + b"\n"
    for count, code in ((limits.MOST_RECORDS, "record-gap"), (limits.MOST_RECORDS + 1, "records-many")):
        log = msgspec.structs.replace(case.parts.log, records=line * count)
        report = verify_bundle(changed(case, log=log), case.roots, "en")
        assert (report.verdict, (named(report) or ("", ""))[1]) == (FAILED, code)
    assert "says nothing about the contract" in report.reason


def test_values_are_counted_before_they_are_made(case: Case) -> None:
    """Text of nothing but commas and lists of short words stay below the bound, nested nothing does not."""
    assert limits.is_plausible(b'"' + b"Satz, der so weitergeht; " * 50_000 + b'"')
    assert limits.is_plausible(b'{"a":"' + b',\\"' * 100_000 + b'"}')
    assert not limits.is_plausible(b"[" + b"{}," * 20_000 + b"{}]")
    assert not limits.is_plausible(b'["",' + b"{}," * 20_000 + b'{},"')
    assert limits.is_plausible(case.parts.log.records)


def test_a_list_of_more_values_than_its_size_makes_plausible_is_none() -> None:
    """>> a list with a member that nobody knows, of a few values and of very many << read; refused before it is."""

    def listed(count: int) -> bytes:
        said = {
            "version": 1,
            "issued": "",
            "nextUpdate": "2027-01-01T00:00:00Z",
            "participants": [],
            "more": [{}] * count,
        }
        parts = (json.dumps({"alg": "ES256", "typ": trustlist.TYP}).encode(), json.dumps(said).encode(), bytes(64))
        return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)

    assert trustlist.parse(listed(9)).members == {}
    with pytest.raises(Fault, match="trust-list-form"):
        trustlist.parse(listed(50_000))


@pytest.mark.parametrize(
    "name", ["records.ndjson", "agreement.json", "manifest.json", "did-provider.json", "termination-provider.json"]
)
def test_what_is_read_as_json_is_refused_before_it_is_for_its_values(name: str) -> None:
    """>> a member of its kind that is nothing but empty values << refused by its name; a text is not looked at."""
    many = b"[" + b"{}," * 50_000 + b"{}]"
    limits.check_contents({limits.RECORDS: b"", "text-de.html": many})
    with pytest.raises(Fault) as caught:
        limits.check_contents({limits.RECORDS: b"", name: many})
    assert (caught.value.code, caught.value.facts["name"]) == ("member-large", name)


def test_certificates_with_dear_keys_are_not_read() -> None:
    """RSA of 16 384 bits in a chain: each signature of a path would take milliseconds."""
    public = rsa.RSAPublicNumbers(65_537, (1 << 16_383) + 1).public_key()
    certificate = SealCa().issue(public, [PROVIDER])
    assert certificates.is_dear(certificate)
    with pytest.raises(ValueError, match="certificate"):
        certificates.der(certificate.public_bytes(Encoding.DER))
    assert certificates.is_dear(SealCa().issue(rsa.RSAPublicNumbers(2**40 + 1, 1 << 2047 | 1).public_key(), []))


def test_bug_to_look_whether_a_key_is_of_dsa_was_a_warning() -> None:
    """Bug: the library's class was asked for, and it warns since its release 51. >> a certificate for a key of DSA <<
    not read, and nothing is warned of."""
    with warnings.catch_warnings(action="ignore", category=CryptographyDeprecationWarning):
        public = dsa.generate_private_key(1024).public_key()
        written = SealCa().issue(public, [PROVIDER]).public_bytes(Encoding.DER)
    assert certificates.is_dear(x509.load_der_x509_certificate(written))
    with pytest.raises(ValueError, match="certificate"):
        certificates.der(written)


def test_what_is_packed_by_us_is_within_all_limits(case: Case, members: dict[str, bytes]) -> None:
    """>> the exporter's own form << its members"""
    assert archive.members(export.pack(members)) == members
