"""Which role permits a program what, and when it counts. Pure decisions (spec/accounts.md 2).

Which pages a role opens stands in the rows of the desk (`surfaces/web/routes.py`); who decides about a space in
`dataspace/spaces/keeping/authority.py`.
"""

import hmac
from collections.abc import Iterable, Mapping
from hashlib import sha256

from connector.foundation.errors import Mistake
from connector.identity.accounts.model import ROLES, SCOPES, STRONG, Person, Role, Scope, SignedIn

OPERATOR = "operator"


MAY: Mapping[Role, frozenset[Scope]] = {
    "steward": frozenset({"read", "publish", "fetch", "decide"}),
    "publisher": frozenset({"read"}),
    "auditor": frozenset({"read"}),
    "protection": frozenset({"read", "records"}),
    "admin": frozenset(),
}
"""Which scopes a key for programs may use because of a role: none that the person herself could not."""


def scopes_of(roles: Iterable[Role]) -> frozenset[Scope]:
    """What these roles permit a program of hers."""
    return frozenset(scope for role in roles for scope in MAY[role])


def checked_scopes(scopes: Iterable[str]) -> frozenset[Scope]:
    """The scopes themselves; raises Mistake at one that does not exist, or if there is none."""
    wanted = set(scopes)
    found: frozenset[Scope] = frozenset(scope for scope in SCOPES if scope in wanted)
    unknown = sorted(wanted - found)
    if unknown or not found:
        raise Mistake("accounts.scope", scope=unknown[0][:40] if unknown else "", scopes=", ".join(SCOPES))
    return found


def checked(roles: Iterable[str]) -> frozenset[Role]:
    """The roles themselves; raises Mistake at one that does not exist, or if there is none."""
    found: frozenset[Role] = frozenset(role for role in ROLES if role in set(roles))
    unknown = sorted(set(roles) - found)
    if unknown or not found:
        raise Mistake("accounts.role", role=unknown[0][:40] if unknown else "", roles=", ".join(ROLES))
    return found


def at_once(roles: frozenset[Role], by: str) -> frozenset[Role]:
    """Which of them count as soon as they are granted; the others wait for a second person.

    `by` is the person who grants, or empty: the operator's command line, where the second person is whoever asked.
    """
    return roles if not by else roles - STRONG


def counting(
    roles: Mapping[str, frozenset[Role]], operator: bool, *, strong: bool
) -> tuple[dict[str, frozenset[Role]], bool]:
    """What counts: without a second factor nobody binds a participant, grants roles or runs the process."""
    if strong:
        return dict(roles), operator
    left = {slug: some - STRONG for slug, some in roles.items()}
    return {slug: some for slug, some in left.items() if some}, False


def signed(
    person: Person,
    roles: Mapping[str, frozenset[Role]],
    pseudonyms: Mapping[str, str],
    cookie: str,
    session: str,
    *,
    strong: bool,
) -> SignedIn:
    """Who is signed in, by what the database knows now."""
    now, operator = counting(roles, person.operator, strong=strong)
    withheld: dict[str, frozenset[str]] = {
        slug: frozenset(some - now.get(slug, frozenset())) for slug, some in roles.items()
    }
    if person.operator and not operator:
        withheld[""] = frozenset({OPERATOR})
    return SignedIn(
        person=person.id,
        name=person.name,
        roles=now,
        operator=operator,
        form_key=hmac.digest(cookie.encode(), b"hanse/form", sha256),
        withheld={slug: some for slug, some in withheld.items() if some},
        pseudonyms={slug: pseudonyms[slug] for slug in roles if slug in pseudonyms},
        language=person.language,
        session=session,
        strong=strong,
    )
