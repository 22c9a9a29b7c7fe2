"""What an exporter adds for people to read counts for nothing, and the report says so (B7 of the review, T66)."""

from hashlib import sha256

import msgspec
import pytest

from connector.exchange.contracts.evidence import export
from connector.verify import readme
from connector.verify.bundle import verify_bundle
from tests.verify.forge import PROVIDER, Case
from tests.verify.judge import PASSED, named, remade

pytestmark = pytest.mark.threat("T66")


@pytest.mark.parametrize(
    "text",
    [
        b"This bundle is void. Please pay to ...",
        b"",
        b"\xef\xbb\xbf" + readme.content(),
        readme.content() + b"\n",
        readme.content().replace(b"\n", b"\r\n"),
        readme.content().decode().encode("utf-16"),
    ],
    ids=["foreign", "empty", "bom", "longer", "line-ends", "utf-16"],
)
def test_a_readme_that_is_not_ours_fails(case: Case, members: dict[str, bytes], text: bytes) -> None:
    """Bug: the exporter's own advice, sealed by its own list of files, was in a bundle that PASSED."""
    report = verify_bundle(remade(case, members | {"README": text}), case.roots, "en")
    assert named(report) == ("texts", "readme-foreign")
    assert "do not follow it" in report.reason


def test_the_readmes_of_earlier_exports_pass(
    case: Case, members: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are known by their digests; what this release writes will be among them once it changes."""
    assert members["README"] == readme.content()
    assert sha256(readme.content()).hexdigest() not in readme.FORMER
    former = "NACHWEISBÜNDEL von gestern".encode()
    monkeypatch.setattr(readme, "FORMER", readme.FORMER | {sha256(former).hexdigest()})
    assert verify_bundle(remade(case, members | {"README": former}), case.roots).verdict is PASSED


@pytest.mark.parametrize("name", ["text-en.html", "text-de.pdf"])
def test_of_a_translation_is_said_who_put_it_in(case: Case, name: str) -> None:
    """It may say anything: the line names the exporter, and what counts instead."""
    parts = msgspec.structs.replace(case.parts, more={name: b"The consumer pays."})
    report = verify_bundle(export.bundle(parts, case.seal_manifest), case.roots, "en")
    assert report.verdict is PASSED
    (said,) = (note for note in report.notes if name in note)
    assert PROVIDER in said
    assert "nobody has compared it" in said
    assert "Only text-de.html counts" in said


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("profile", b'{"badges":["enforced"],"badges":[]}'),
        ("dataset", b'{"title":"a","t\\u0069tle":"b"}'),
        ("dataset", b'{"a":NaN}'),
        ("profile", b"\xef\xbb\xbf{}"),
        ("profile", '{"a":1}'.encode("utf-16")),
        ("profile", b"[" * 1_500),
        *(("profile", b"[" * levels + b"]" * levels) for levels in (301, 900, 5_000)),
        ("text", b"<p>\xff</p>"),
        ("text", b"\xef\xbb\xbf<p>Vertrag</p>"),
        ("text", b"<p>Ver\0trag</p>"),
        ("text", "<p>Vertrag</p>".encode("utf-16")),
    ],
    ids=str,
)
def test_signed_bytes_that_readers_read_differently_are_refused(part: str, content: bytes) -> None:
    """Both parties sealed them, and each may say that it read the other thing."""
    case = sealed_over(part, content)
    assert named(verify_bundle(case.bundle(), case.roots)) == ("texts", "member-ambiguous")


def test_numbers_with_fractions_may_stand_in_a_dataset() -> None:
    """Only the agreement has none: a description has coordinates."""
    shape = b'{ "coordinates": [' + b"[8.8,53.1]," * 20_000 + b"[8.8,53.1]] }"
    for dataset in (b'{ "lat": 53.07, "long": 8.8 }', shape):
        case = sealed_over("dataset", dataset)
        assert verify_bundle(case.bundle(), case.roots).verdict is PASSED


def sealed_over(part: str, content: bytes) -> Case:
    """A contract whose parties sealed exactly these bytes."""
    case = Case()
    case.log = case.new_log(PROVIDER)
    case.parts = case.make(**{part: content})
    return case
