"""The data space's authority: an identity of its own, a key and no connector (spec/trust.md 4.5).

Its ES256 key lies in one file, the private half sealed by the vault; it signs trust lists. Its identifier is the
RFC 9278 URN of its key, so that the name already says which key is meant.
"""

import json
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from connector.foundation.errors import Mistake
from connector.foundation.small_files import replaced
from connector.identity.trust.keys.jose import canonical, sign_text
from connector.identity.trust.keys.jwk import decode, encode, thumbprint
from connector.identity.trust.keys.signing import KeyRecord, SoftwareKey, Vault
from connector.identity.trust.members.list_writer import entry_form, to_form
from connector.identity.trust.members.trust_list import TYP, Entry, TrustList

_CONTEXT: Final = "authority"
_NOBODY: Final = b'"participants":[]'
"""Within a string its quotes would be escaped, so the first one is the member of the list itself."""
_URN: Final = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:"


class Authority:
    """Signs trust lists. `public_jwk` is what participants pin."""

    def __init__(self, key: SoftwareKey) -> None:
        self._key = key
        self._texts: dict[str, tuple[Entry, bytes]] = {}
        """What each member of the list before looked like, by DID: most of them are the same objects again."""
        self.public_jwk: dict[str, str] = key.public_jwk

    @property
    def id(self) -> str:
        """The authority's identifier."""
        return self._key.kid.partition("#")[0]

    @classmethod
    def create(cls, path: Path, vault: Vault) -> "Authority":
        """A new authority with its key in `path` (mode 0600); the one that is there already if there is one."""
        if path.exists():
            return cls.open(path, vault)
        bare = SoftwareKey.generate("peer", "")
        key = bare.of(_URN + thumbprint(bare.public_jwk))
        sealed = encode(key.export(vault, _CONTEXT))
        replaced(path, json.dumps({"kid": key.kid, "public": key.public_jwk, "sealed": sealed}, indent=1).encode())
        return cls(key)

    @classmethod
    def open(cls, path: Path, vault: Vault) -> "Authority":
        """The authority whose key lies in `path`; `Mistake` if the file is none of ours."""
        try:
            stored = json.loads(path.read_bytes())
            record = KeyRecord(kid=stored["kid"], purpose="peer", state="active", public_jwk=stored["public"])
            return cls(SoftwareKey.load(vault, _CONTEXT, record, decode(stored["sealed"])))
        except (OSError, ValueError, KeyError, TypeError) as cause:
            raise Mistake("trust.authority-file", path=path) from cause

    def issue(self, trust_list: TrustList) -> str:
        """The list as a compact JWS (`typ` trust-list+jwt)."""
        texts = {entry.did: self._text(entry) for entry in trust_list.participants}
        self._texts = texts
        frame = canonical(to_form(replace(trust_list, participants=())))
        members = b",".join(self._texts[entry.did][1] for entry in trust_list.participants)
        return sign_text(frame.replace(_NOBODY, b'"participants":[' + members + b"]", 1), self._key, TYP)

    def _text(self, entry: Entry) -> tuple[Entry, bytes]:
        known = self._texts.get(entry.did)
        return known if known is not None and known[0] is entry else (entry, canonical(entry_form(entry)))
