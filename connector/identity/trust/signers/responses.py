"""What a keeper behind an HTTP interface answers, read strictly: JSON objects, error codes and base64.

Nothing of an error body but its code is told: what a service writes there may hold what we sent.
"""

import base64
import binascii
import re
from typing import Any, Final

from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.http import strict
from connector.foundation.http.outbound import Answer

LIMIT: Final = 65_536
_CODE: Final = re.compile(r"[a-z_]{1,40}")


def document(answer: Answer, signer: str) -> dict[str, Any]:
    """The JSON object of a 200; Unavailable `signers.refused` with status and error code for any other answer."""
    if answer.status != 200:
        raise Unavailable("signers.refused", signer=signer, status=answer.status, why=error_code(answer.body))
    value = strict.loads(answer.body, limit=LIMIT)
    if not isinstance(value, dict):
        raise PeerError("signers.no-object")
    return value


def error_code(body: bytes) -> str:
    """The code of an error body, `-` if it has none."""
    try:
        value = strict.loads(body, limit=LIMIT)
    except PeerError:
        return "-"
    code = value.get("error") if isinstance(value, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else "-"


def octets(text: str) -> bytes:
    """Strict base64 (standard alphabet, padded); PeerError otherwise."""
    try:
        found = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as cause:
        raise PeerError("signers.encoding") from cause
    if base64.b64encode(found).decode("ascii") != text:
        raise PeerError("signers.encoding")
    return found
