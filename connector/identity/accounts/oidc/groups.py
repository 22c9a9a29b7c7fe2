"""What groups of the identity provider mean here, and whether it saw a second factor. Pure (spec/accounts.md 5.3)."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from connector.foundation.errors import Mistake
from connector.foundation.settings.sections import Oidc
from connector.identity.accounts import roles as rules
from connector.identity.accounts.model import Role

MOST = 2_000
"""Groups of a person that are looked at."""
_FACTORS = frozenset({"mfa", "otp", "hwk", "sc", "pop"})
"""Methods of RFC 8176 that are, or need, something besides a password."""


class Meaning(Struct, frozen=True):
    """`roles` by participant; `operator` None: groups do not decide that."""

    roles: Mapping[str, frozenset[Role]]
    operator: bool | None


class Groups:
    """The table of the settings: `GROUP = SLUG ROLE`, or `GROUP = operator`; raises Mistake for any other line."""

    def __init__(self, settings: Oidc) -> None:
        self._claim, self._acr, self._always = settings.groups_claim, frozenset(settings.acr), settings.second_factor
        self._roles: dict[str, list[tuple[str, Role]]] = {}
        self._operators: set[str] = set()
        for line in settings.roles:
            group, equals, meant = (part.strip() for part in line.rpartition("="))
            words = meant.split()
            if equals and group and words == [rules.OPERATOR]:
                self._operators.add(group)
            elif equals and group and len(words) == 2:
                (role,) = rules.checked([words[1]])
                self._roles.setdefault(group, []).append((words[0], role))
            else:
                raise Mistake("accounts.oidc-roles", line=line[:200])

    def meaning(self, claims: Mapping[str, Any]) -> Meaning:
        given = claims.get(self._claim)
        groups = {one for one in given[:MOST] if isinstance(one, str)} if isinstance(given, list) else set()
        found: dict[str, set[Role]] = {}
        for group in groups:
            for slug, role in self._roles.get(group, ()):
                found.setdefault(slug, set()).add(role)
        operator = bool(groups & self._operators) if self._operators else None
        return Meaning({slug: frozenset(some) for slug, some in found.items()}, operator)

    def strong(self, claims: Mapping[str, Any]) -> bool:
        """Whether the provider vouches for a second factor."""
        methods = claims.get("amr")
        named = {one for one in methods if isinstance(one, str)} if isinstance(methods, list) else set()
        return self._always or str(claims.get("acr")) in self._acr or bool(named & _FACTORS)
