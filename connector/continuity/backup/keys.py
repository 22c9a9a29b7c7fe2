"""The half of a backup that holds the keys: master key, TLS key, PINs and passwords, sealed in one file of its own.

AES-256-GCM under a key made of a random share, which lies in the other half, and of a passphrase where there is one
(scrypt). So neither half alone opens anything: in the database the keys of participants are sealed under the master
key, and this file under the share.
"""

import os
from collections.abc import Mapping
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from connector.continuity.backup.manifest import Keys
from connector.foundation.errors import Mistake

SHORTEST = 12
"""Characters of a passphrase: the file may be tried offline."""
MOST_BYTES = 16 << 20
_MAGIC, _NONCE, _SALT = b"hanse-keys-1\n", 12, 16


class SecretKeys(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the half: the master key, and files by their path below the data folder.

    `elsewhere` are files outside of it, by the setting that names them.
    """

    master: bytes
    files: Mapping[str, bytes]
    elsewhere: Mapping[str, bytes]


def sealed(held: SecretKeys, name: str, file: str, passphrase: str | None) -> tuple[Keys, bytes]:
    """How it is opened, for the manifest, and the bytes of the file; raises Mistake for a short passphrase."""
    if passphrase is not None and len(passphrase) < SHORTEST:
        raise Mistake("backup.passphrase-short", least=SHORTEST)
    share, salt, nonce = os.urandom(32), os.urandom(_SALT) if passphrase is not None else None, os.urandom(_NONCE)
    body = AESGCM(_key(share, salt, passphrase)).encrypt(nonce, msgspec.json.encode(held), name.encode())
    return Keys(file=file, share=share.hex(), salt=None if salt is None else salt.hex()), _MAGIC + nonce + body


def opened(data: bytes, how: Keys, name: str, passphrase: str | None) -> SecretKeys:
    """Raises Mistake: no passphrase where one is needed, a wrong one, another backup's file, a damaged file."""
    if how.salt is not None and passphrase is None:
        raise Mistake("backup.passphrase-missing")
    try:
        share, salt = bytes.fromhex(how.share), None if how.salt is None else bytes.fromhex(how.salt)
        if not data.startswith(_MAGIC) or len(share) != 32 or (salt is not None and len(salt) != _SALT):
            raise Mistake("backup.keys-damaged")
        nonce, body = data[len(_MAGIC) :][:_NONCE], data[len(_MAGIC) + _NONCE :]
        key = _key(share, salt, passphrase if salt is not None else None)
        return msgspec.json.decode(AESGCM(key).decrypt(nonce, body, name.encode()), type=SecretKeys)
    except InvalidTag as problem:
        raise Mistake("backup.keys-shut" if how.salt is not None else "backup.keys-damaged") from problem
    except (ValueError, msgspec.MsgspecError) as problem:
        raise Mistake("backup.keys-damaged") from problem


def _key(share: bytes, salt: bytes | None, passphrase: str | None) -> bytes:
    known = b"" if salt is None else Scrypt(salt, 32, 2**15, 8, 1).derive((passphrase or "").encode())
    return HKDF(hashes.SHA256(), 32, None, b"hanse/backup-keys").derive(share + sha256(known).digest())
