"""The private keys of participants, opened when they are first used and kept open within bounds.

Most towns of a large process do nothing for hours, and an open ML-DSA key takes more memory than all else that is kept
of a participant (decision 0091).
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from connector.identity.trust.keys.signing import KeyRecord, Purpose, SoftwareKey, Vault

MOST_OPEN: Final = 512
"""Keys of all participants that are open at a time; the one used longest ago is closed first."""
Sealed = tuple[KeyRecord, bytes]


class Opener:
    """Opens keys under one master key; `opened` counts how often."""

    def __init__(self, vault: Vault, most: int = MOST_OPEN) -> None:
        self._vault, self._most = vault, most
        self._open: OrderedDict[str, SoftwareKey] = OrderedDict()
        self.opened = 0

    def key(self, participant: str, sealed: Sealed) -> SoftwareKey:
        """Raises Defect if the sealed bytes are not this key's."""
        record, secret = sealed
        found = self._open.pop(record.kid, None)
        if found is None:
            found = SoftwareKey.load(self._vault, participant, record, secret)
            self.opened += 1
        self._open[record.kid] = found
        while len(self._open) > self._most:
            self._open.popitem(last=False)
        return found

    def forget(self, kids: Iterable[str]) -> None:
        """Closes what is no longer in use."""
        for kid in kids:
            self._open.pop(kid, None)


class Signers(Mapping[Purpose, SoftwareKey]):
    """The keys in use of one participant by purpose."""

    def __init__(self, opener: Opener, participant: str, sealed: Mapping[Purpose, Sealed]) -> None:
        self._opener, self._participant, self._sealed = opener, participant, sealed

    def __getitem__(self, purpose: Purpose) -> SoftwareKey:
        return self._opener.key(self._participant, self._sealed[purpose])

    def __iter__(self) -> Iterator[Purpose]:
        return iter(self._sealed)

    def __len__(self) -> int:
        return len(self._sealed)
