"""The README in a bundle explains every file that a bundle may hold."""

import re
from fnmatch import fnmatch

import pytest

from connector.verify.checks import archive
from connector.verify.words import say


@pytest.mark.parametrize("lang", ["de", "en"])
def test_every_file_is_explained(lang: str) -> None:
    """Bug: certificate chains, OCSP answers and second seals were added, and the README did not know them."""
    text = say("readme", "text", lang)
    first = [line.split("  ")[0] for line in re.findall(r"^  (\S.*)$", text, re.MULTILINE)]
    patterns = [part for line in first for part in line.split(", ")]
    names = archive.REQUIRED | archive.COUNTERSIGNED | archive.OPTIONAL | set().union(*archive.TOGETHER)
    told = [name for name in names if any(fnmatch(name, pattern) for pattern in patterns)]
    assert sorted(names - set(told) - {"README"}) == []
