"""The code by which a town ends a mandate without the provider: printed once, known elsewhere by its digest alone.

It is read aloud on the telephone, so it has letters that nobody takes for others (spec/mandates.md 5.2).
"""

import re
import secrets
from hashlib import sha256
from typing import Final

from connector.foundation.errors import Mistake

_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: none of them is taken for another when it is read aloud."""
_MISREAD: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
CODE_LENGTH: Final = 28
"""Letters of a code: 140 bits."""


def new_code() -> str:
    """A code to be printed: seven groups of four letters."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(CODE_LENGTH))
    return "-".join(letters[at : at + 4] for at in range(0, CODE_LENGTH, 4))


def code_digest(code: str) -> str:
    """The SHA-256 (hex) by which a code is known, however it was typed; raises Mistake for what is none."""
    letters = re.sub(r"[\s-]", "", code).upper().translate(_MISREAD)
    if len(letters) != CODE_LENGTH or not set(letters) <= set(_LETTERS):
        raise Mistake("mandates.code-form")
    return sha256(letters.encode("ascii")).hexdigest()
