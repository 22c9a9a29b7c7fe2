"""The README of a bundle: one text for all, so that nobody can put advice of its own into an auditor's hands.

The seal over the list of files says only that the exporter put it there. So a README counts if it is the one that this
release writes, or that an earlier one wrote; a later text needs a later verifier.
"""

from hashlib import sha256

from connector.verify.checks.contract import Members
from connector.verify.formats.faults import Fault
from connector.verify.words import LANGUAGES, say

NAME = "README"
FORMER = frozenset(
    {
        "341c95f6ad95845d6faf5e7975504b58a7d65660eda918683ef2b15fc52dbc58",
        "3eb94a190374d7f9f5fdcec089ab3a4467efb91838814afa56b561177806ec03",
        "a746952510418dac297581955c1e11d41c45d78804b4e9f7565c235446012da7",
        "e5ada6c54c2b33f383c2e2447b0520275c19db5c44b0c2bd9240fc819704331b",
    }
)
"""SHA-256 of the texts before this one, oldest first in the history of the repository."""


def content() -> bytes:
    """What the exporter writes: German, then English."""
    return "\n".join(say("readme", "text", lang) for lang in LANGUAGES).encode()


def check(members: Members) -> None:
    """Fault `readme-foreign` for any other text."""
    found = members[NAME]
    if found != content() and sha256(found).hexdigest() not in FORMER:
        raise Fault("readme-foreign")
