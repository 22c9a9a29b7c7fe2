"""Whether a master key is the one that the keys in a database are sealed under: asked before a copy is believed."""

from connector.foundation.errors import Defect
from connector.foundation.storage.database import Tx
from connector.identity.trust.keys.vault import Vault


def unopened(tx: Tx, vault: Vault) -> list[str]:
    """The keys (`participant|kid`) that this vault does not open; empty if it is the right one."""
    return [name for name, secret in _secrets(tx) if not _opens(vault, name, secret)]


def _secrets(tx: Tx) -> list[tuple[str, bytes]]:
    rows = tx.all("SELECT participant, kid, secret FROM key WHERE length(secret) > 0 ORDER BY participant, kid")
    return [(f"{row['participant']}|{row['kid']}", bytes(row["secret"])) for row in rows]


def _opens(vault: Vault, name: str, secret: bytes) -> bool:
    try:
        vault.open(name, secret)
    except Defect:
        return False
    return True
