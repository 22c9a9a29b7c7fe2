"""The ZIP itself: unknown, missing and doubled names, bombs, damage."""

import random
import zipfile
from io import BytesIO

import pytest

from connector.exchange.contracts.evidence import export
from connector.verify.bundle import verify_bundle
from connector.verify.checks import archive
from tests.verify.forge import Case
from tests.verify.judge import FAILED, PASSED, named


def with_raw(names: list[str], members: dict[str, bytes]) -> bytes:
    """A ZIP whose directory has exactly these names, doubled ones included."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive_file:
        for name in names:
            archive_file.NameToInfo.clear()
            archive_file.writestr(zipfile.ZipInfo(name), members.get(name, b"x"))
    return buffer.getvalue()


@pytest.mark.parametrize("name", sorted(archive.REQUIRED | archive.COUNTERSIGNED))
def test_missing_and_doubled_members_are_named(case: Case, members: dict[str, bytes], name: str) -> None:
    """Each member, left out and put in twice."""
    missing = verify_bundle(export.pack({key: body for key, body in members.items() if key != name}), case.roots)
    assert named(missing) == ("archive", "member-missing")
    assert name in missing.reason
    doubled = verify_bundle(with_raw([*members, name], members), case.roots)
    assert named(doubled) == ("archive", "member-doubled")
    assert name in doubled.reason


@pytest.mark.parametrize("name", ["extra.txt", "text-de.html/", "../README", "/README", "readme", "ocsp/1.der", "a\\b"])
def test_unknown_members_are_named(case: Case, members: dict[str, bytes], name: str) -> None:
    """Nothing rides along, no folder, no other case."""
    assert named(verify_bundle(with_raw([*members, name], members), case.roots)) == ("archive", "member-unknown")


@pytest.mark.threat("T14")
def test_a_bomb_is_refused_before_it_unpacks(case: Case, members: dict[str, bytes]) -> None:
    """15 MiB of zeros in some 15 kB, and a member larger than any may be."""
    for size in (15 * 1024 * 1024, archive.LARGEST + 1):
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
            for name in members:
                packed.writestr(name, b"\0" * size if name == "README" else members[name])
        assert named(verify_bundle(buffer.getvalue(), case.roots)) == ("archive", "archive-large")


def test_no_archive_at_all() -> None:
    """Empty, text, cut off: one sentence each, no exception."""
    honest = Case().bundle()
    for data in (b"", b"hello", honest[: len(honest) // 2], honest[:-1], b"PK\x05\x06" + b"\0" * 18):
        assert verify_bundle(data, None).verdict is FAILED


def test_a_flip_in_the_raw_archive_changes_no_content(case: Case) -> None:
    """Either the archive is refused, or all contents are the same as before (ZIP has bytes that mean nothing)."""
    dice, honest = random.Random(7), case.bundle()
    for _ in range(400):
        raw = bytearray(honest)
        raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
        report = verify_bundle(bytes(raw), case.roots)
        if report.verdict is not FAILED:
            assert report.verdict is PASSED
            assert archive.members(bytes(raw)) == archive.members(honest)
