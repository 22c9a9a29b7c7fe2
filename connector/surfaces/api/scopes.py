"""Which scope a key for programs needs for which route of the management surface (spec/accounts.md 6.2).

A route that is not in this table stops the start: nothing is open by mistake. `operate` is for the process, and for
what its operator does with a participant; it reads no data, no contract and no log of anybody. What cannot be taken
back, and who comes in, decides, or is believed by which key, is on the Unix socket alone (`ON_SOCKET`): a key for
metrics that is stolen must not make sign-in links, end what people hold in doubt, or take a participant its keys. With
`decide` somebody binds the participant as she does at the desk; whose keys count is decided by no key (decision 0186).
"""

from collections.abc import Iterable, Mapping

from connector.foundation.errors import Defect
from connector.identity.accounts.model import Scope

_TABLE: Mapping[Scope, str] = {
    "read": """
        GET P | GET P/agreements | GET P/agreements/{id} | GET P/agreements/{id}/clauses
        GET P/agreements/{id}/comparison | GET P/agreements/{id}/duties | GET P/agreements/{id}/evidence
        GET P/agreements/{id}/life | GET P/agreements/{id}/reading | GET P/agreements/{id}/text | GET P/attention
        POST P/audience | GET P/comparisons | GET P/datasets | GET P/datasets/{uuid} | GET P/datasets/{uuid}/history
        GET P/decisions/{id} | GET P/erasures | GET P/federation | GET P/figures | GET P/find | GET P/holds
        GET P/imports | GET P/imports/original | GET P/imports/questions | GET P/imports/repairs
        GET P/imports/runs/{run} | GET P/negotiations | GET P/negotiations/{id} | GET P/questions | GET P/reachable
        GET P/sources | GET P/sources/kinds
        GET P/templates | POST P/terms | GET P/trace/{pid:.+} | GET P/transfers | GET P/transfers/{id}
        GET P/transfers/{id}/decisions | GET A/openapi.json | GET P/space | GET P/space/invitations
        GET P/space/applications | GET P/space/applications/{id}
        GET P/space/members | GET P/space/recognised | GET P/spaces | GET P/space/groups | GET P/spaces/groups
        GET P/space/mergers | GET P/spaces/untold | GET P/mandates | GET P/mandates/{sha256} | GET P/groups
        GET P/groups/{id} | GET P/space/certificates | GET P/space/recovery
    """,
    "publish": """
        POST P/datasets | POST P/datasets/{uuid}/change | POST P/datasets/{uuid}/offers
        POST P/datasets/{uuid}/replace | POST P/datasets/{uuid}/withdraw | POST P/files | POST P/imports
        POST P/imports/address | POST P/imports/answers | POST P/imports/choice | POST P/imports/undo | POST P/sources
        POST P/groups | POST P/groups/{id}/end | POST P/groups/{id}/members | POST P/groups/{id}/members/end
    """,
    "fetch": """
        POST P/transfers | GET P/transfers/{id}/content | POST P/transfers/{id}/resume
        POST P/transfers/{id}/suspend | POST P/transfers/{id}/terminate | POST P/federation/refresh
    """,
    "decide": """
        GET P/space/documents/{id}
        POST P/agreements/{id}/confirmation | POST P/agreements/{id}/countersignature | POST P/agreements/{id}/duties
        POST P/agreements/{id}/end | POST P/negotiations | POST P/negotiations/{id}/accept
        POST P/negotiations/{id}/counter | POST P/negotiations/{id}/terminate | POST P/proposals
        POST P/comparisons | POST P/space/invitations | POST P/space/invitations/{id}/withdraw
        POST P/space/applications/{id}/check | POST P/space/applications/{id}/approve
        POST P/space/applications/{id}/refuse | POST P/space/members | POST P/space/members/renew
        POST P/space/groups | POST P/space/groups/{id}/end | POST P/space/groups/{id}/members
        POST P/space/groups/{id}/members/end | POST P/spaces/groups | POST P/space/mergers/approve
        POST P/space/mergers/refuse
    """,
    "records": """
        GET P/persons/{pseudonym} | POST P/persons/{pseudonym}/erase | POST P/holds | POST P/holds/{id}/lift
    """,
    "operate": """
        GET V/participants | POST P/publisher | POST P/allowances | GET V/process | GET V/clock
        POST V/trust/reload | GET V/trust/forks | GET V/trust/forks/{authority} | GET V/witness
        POST P/spaces/look | POST P/spaces/progress
        GET R/health/live | GET R/health/ready | GET R/health/started | GET R/metrics
    """,
}
_SOCKET = """
    GET V/people | POST V/people | POST V/people/remove | POST V/people/role | POST V/people/link
    POST P/invitations | GET V/program-keys | POST V/program-keys | POST V/program-keys/end
    POST V/participants | POST P/keys/{purpose}/rotate | POST P/keys/{purpose}/revoke | POST P/seal
    POST P/seal/request | POST P/peers | POST V/trust/accept | POST V/trust/forks/settle | POST V/witness/rotate
    POST P/mandates | POST P/mandates/withdraw | POST P/space/recognised | POST P/space/recognised/end
    POST P/space/certificates/approve | POST P/space/certificates/refuse | POST P/space/certificates/strike
    POST P/space/members/strike | POST P/space/recovery
    POST P/space | POST P/space/rules | POST P/spaces | POST P/spaces/leave | POST P/spaces/merge
    POST P/spaces/merge/withdraw | GET P/leaving | POST P/close | GET P/leaving/evidence | POST P/leaving/evidence
    GET P/leaving/agreements/{id} | POST P/delete | GET P/move | POST P/move | GET P/move/archive
    POST P/move/hand-over | POST P/move/stay | GET V/arrivals | POST V/arrivals | GET V/arrivals/{p}
    POST V/arrivals/{p}/archive | POST V/arrivals/{p}/begin | POST V/arrivals/{p}/give-up | POST V/backup/database
"""
_PLACES = {"P": "/api/v1/participants/{p}", "V": "/api/v1", "A": "/api", "R": ""}


def _rows(text: str) -> Iterable[str]:
    for row in text.replace("\n", "|").split("|"):
        if row.strip():
            method, _, path = row.strip().partition(" ")
            place, slash, rest = path.partition("/")
            yield f"{method} {_PLACES[place]}{slash}{rest}"


ON_SOCKET: frozenset[str] = frozenset(_rows(_SOCKET))
"""What no key opens, whatever its scopes."""
_KEYED: Mapping[str, Scope] = {row: scope for scope, text in _TABLE.items() for row in _rows(text)}
SCOPE_OF: Mapping[str, Scope] = {**_KEYED, **dict.fromkeys(ON_SOCKET, "operate")}
"""By method and path."""


def scope_of(method: str, path: str) -> Scope:
    """Raises Defect for a route that nobody decided on."""
    found = SCOPE_OF.get(f"{method} {path}")
    if found is None:
        raise Defect("api.no-scope", method=method, path=path)
    return found
