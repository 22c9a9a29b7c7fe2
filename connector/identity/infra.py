"""What every slice stands on, made once per process: the first argument of each slice's `assemble`.

A value and nothing more: it opens nothing, and who made its parts decides whether they are real.
"""

from msgspec import Struct

from connector.foundation.clock import Clock
from connector.foundation.http.outbound import SafeClient
from connector.foundation.settings.load import Settings
from connector.foundation.storage.database import Database
from connector.foundation.telemetry import Metrics
from connector.identity.trust.keys.vault import Vault


class Infra(Struct, frozen=True, kw_only=True):
    """`http` is the one way out of the process, `me` what it calls itself in leases."""

    settings: Settings
    clock: Clock
    db: Database
    http: SafeClient
    vault: Vault
    metrics: Metrics
    me: str
