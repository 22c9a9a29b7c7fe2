"""What every slice stands on, made once per process: the first argument of each slice's `assemble`.

A value and nothing more: it opens nothing, and who made its parts decides whether they are real.
"""

from msgspec import Struct

from connector.clock import Clock
from connector.http.outbound import SafeClient
from connector.settings.load import Settings
from connector.storage.database import Database
from connector.telemetry import Metrics
from connector.trust.keys.vault import Vault


class Infra(Struct, frozen=True, kw_only=True):
    """`http` is the one way out of the process, `me` what it calls itself in leases."""

    settings: Settings
    clock: Clock
    db: Database
    http: SafeClient
    vault: Vault
    metrics: Metrics
    me: str
