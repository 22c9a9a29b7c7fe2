"""The state of the world that one decision looks at: plain values gathered beforehand, no I/O (policy.md 3.6)."""

from typing import Literal

from msgspec import Struct

from .model import Closure


class World(Struct, frozen=True, kw_only=True):
    """`now` and `agreement_at` in milliseconds since the epoch; None always means "nobody knows" and never "none".

    `participant` is the requester's verified DID; `kind` and `admin_level` are concept IRIs, `groups` IRIs.
    `purpose_source` "contractual" without a purpose: the peer bound itself to the agreed purposes (policy.md 3.3).
    `action` empty: the request names none. `uses` counts this use. `target` empty: not checked.
    """

    now: int
    participant: str
    kind: str | None = None
    groups: frozenset[str] | None = None
    admin_level: str | None = None
    action: str = ""
    purpose: str | None = None
    purpose_source: Literal["declared", "contractual"] | None = None
    agreement_at: int | None = None
    uses: int | None = None
    target: str = ""
    closure: Closure = Closure()

    def facts(self) -> dict[str, object]:
        """Everything but the closure as plain values, for the decision record; the vocabulary has its own digest."""
        return {
            name: sorted(value) if isinstance(value, frozenset) else value
            for name in self.__struct_fields__
            if name != "closure" and (value := getattr(self, name)) not in (None, "")
        }
