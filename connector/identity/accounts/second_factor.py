"""The second factor: TOTP by RFC 6238, and codes on paper for the day on which the telephone is lost.

That a code counts once is decided in the database (`store.use_step`), not here (spec/accounts.md 4.2, threat T87).
"""

import hmac
import secrets
from base64 import b32encode
from hashlib import sha256

STEP_MS = 30_000
DIGITS = 6
SECRET_BYTES = 20
CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""No letter that looks like another or like a digit."""
_LONG = 10


def fresh() -> str:
    """A new secret: 32 signs of base32, as authenticator apps take it."""
    return b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def address(secret: str, login: str, place: str) -> str:
    """What a telephone reads from the picture: `otpauth://…`."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=place)


def step_of(secret: str, code: str, now: int) -> int | None:
    """The step whose code this is: the present one, the one before or after; None if it is none of theirs."""
    import pyotp

    given = "".join(code.split())
    if len(given) != DIGITS or not (given.isascii() and given.isdigit()):
        return None
    totp, step = pyotp.TOTP(secret), now // STEP_MS
    found = None
    for one in (step - 1, step, step + 1):
        if hmac.compare_digest(totp.generate_otp(one), given):
            found = one
    return found


def recovery_codes() -> list[str]:
    """Ten codes of two words with five signs: 49 random bits each."""
    drawn = ["".join(secrets.choice(_ALPHABET) for _ in range(_LONG)) for _ in range(CODES)]
    return [f"{code[:5]}-{code[5:]}" for code in drawn]


def recovery_digest(key: bytes, person: str, code: str) -> str:
    """Under a key that is not in the database: a code has too little chance for a bare hash."""
    plain = "".join(sign for sign in code.casefold() if sign.isalnum())[:64]
    return hmac.digest(key, f"{person}\n{plain}".encode(), sha256).hex()
