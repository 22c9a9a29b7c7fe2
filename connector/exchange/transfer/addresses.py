"""Data addresses on the wire: where bytes are to be fetched or sent, and the secret that opens the place.

Ours carry the names of the specification and those that Eclipse EDC reads; a peer's may use either (spec/data-plane.md
2, decision 0016). They hold tokens, so they belong into no log.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from connector.data.dataplane.flows import Flow
from connector.data.dataplane.receive.pull import Address
from connector.data.dataplane.serve.push import Destination
from connector.exchange.transfer.model import TransferRow
from connector.foundation.errors import PeerError
from connector.foundation.http.address import under_root
from connector.identity.trust.did import did as dids
from connector.identity.trust.did.did import Did
from connector.identity.trust.keys.signing import Vault
from connector.kernel.protocol import messages as m

EDC = "https://w3id.org/edc/v0.0.1/ns/"
PULL_TYPE = "https://w3id.org/idsa/v4.1/HTTP"
PUSH_TYPE = "HttpData"
_HTTP_TYPES = frozenset(
    {PULL_TYPE, PUSH_TYPE, "http", f"{EDC}{PUSH_TYPE}", "https://w3id.org/dspace-sig/profile/http/http-push"}
)
_SECRET = re.compile(r"[!-~]([ -~]{0,8190}[!-~])?", re.ASCII)
_HEADERS = frozenset({"authorization", "x-api-key"})
_METHODS = frozenset({"POST", "PUT"})
_OURS_ALONE = ("secret", "tokenurl", "oauth2")
"""What a name of a property must not contain: it would have us look up a secret of ours (threat T20)."""


class Reach:
    """Which addresses a peer may name. `calls` judges what we call at all, `beside` names roots an operator permits."""

    def __init__(self, calls: Callable[[str], bool], beside: Sequence[str] = ()) -> None:
        self._calls, self._beside = calls, tuple(beside)

    def source(self, url: str) -> bool:
        """A provider may have its bytes fetched from anywhere: the guard judges where that leads (threats T01, T02)."""
        return self._calls(url)

    def destination(self, url: str, roots: Sequence[str]) -> bool:
        """A consumer has bytes sent below one of its `roots`, or where an operator permits it: else we would carry
        what is not ours to third parties (threat T37)."""
        place = url.partition("?")[0]
        return self._calls(url) and any(under_root(place, one) for one in (*roots, *self._beside))


def own_roots(did: str, said: str, entered: str | None) -> tuple[str, ...]:
    """Below which a consumer may have bytes sent: what an operator `entered` for it, and the root that its DID document
    `said`, if that lies on the host and below the path that the DID itself names.

    A DID document may place the connector of its subject anywhere. That is good enough for where our answers go, but
    not for a request of the peer's own making: nobody has shown that the place is the peer's.
    """
    own = [said] if said and _within(did, said) else []
    return (*own, *([entered] if entered else []))


def _within(did: str, root: str) -> bool:
    """Whoever published the DID document holds what its did:web names; nothing is known of a DID of another kind."""
    try:
        return under_root(root, dids.root_of(Did(did)))
    except PeerError:
        return False


def pull_address(url: str, token: str) -> m.DataAddress:
    """Our data for whoever fetches it."""
    pairs = {"endpoint": url, "authorization": token, "authType": "bearer"}
    return _address(PULL_TYPE, url, {**pairs, **{EDC + name: value for name, value in pairs.items()}})


def push_address(url: str, token: str) -> m.DataAddress:
    """Our door for whoever sends data; EDC takes the header and its whole value from two properties of its own."""
    pairs = {"endpoint": url, "authorization": token, "authType": "bearer"}
    theirs = {"baseUrl": url, "method": "POST", "authKey": "Authorization", "authCode": f"Bearer {token}"}
    return _address(PUSH_TYPE, url, {**pairs, **{EDC + name: value for name, value in theirs.items()}})


def source(address: m.DataAddress, reach: Reach) -> Address:
    """Where a provider says that its data is; PeerError if we would not go there."""
    found = _properties(address)
    url = address.endpoint or _first(found, "endpoint")
    if not reach.source(url):
        raise PeerError("transfer.address")
    return Address(url, _token(found))


def destination(address: m.DataAddress, reach: Reach, roots: Sequence[str]) -> Destination:
    """Where a consumer wants its data sent; PeerError if that is no place for it."""
    found = _properties(address)
    url = address.endpoint or _first(found, "endpoint") or _first(found, "baseUrl")
    method = (_first(found, "method") or "POST").upper()
    if address.endpoint_type not in _HTTP_TYPES or method not in _METHODS:
        raise PeerError("transfer.address")
    if not reach.destination(url, roots):
        raise PeerError("transfer.destination")
    header, code = _first(found, "authKey"), _first(found, "authCode")
    if header and code:
        if header.lower() not in _HEADERS:
            raise PeerError("transfer.address")
        return Destination(url=url, method=method, headers={header: _plain(code)})
    token = _token(found)
    return Destination(url=url, method=method, headers={"Authorization": f"Bearer {token}"} if token else {})


def _address(kind: str, url: str, pairs: Mapping[str, str]) -> m.DataAddress:
    properties = [m.EndpointProperty(name=name, value=value) for name, value in pairs.items()]
    return m.DataAddress(endpoint_type=kind, endpoint=url, endpoint_properties=properties)


def _properties(address: m.DataAddress) -> dict[str, str]:
    found = {item.name: item.value for item in address.endpoint_properties or ()}
    if any(word in name.rpartition("/")[2].lower() for name in found for word in _OURS_ALONE):
        raise PeerError("transfer.address-secret")
    return found


def _first(found: Mapping[str, str], *names: str) -> str:
    values = (found.get(name) or found.get(EDC + name) for name in names)
    return next((value for value in values if value), "")


def _token(found: Mapping[str, str]) -> str:
    kind, token = _first(found, "authType"), _first(found, "authorization", "access_token")
    if kind and kind.lower() != "bearer":
        raise PeerError("transfer.address")
    return _plain(token.removeprefix("Bearer ")) if token else ""


def _plain(secret: str) -> str:
    """Fit for a header: nothing that could begin another one."""
    if _SECRET.fullmatch(secret) is None:
        raise PeerError("transfer.address")
    return secret


class Sealed:
    """How addresses rest in the flow table: encrypted, each bound to its flow."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def close(self, process: TransferRow, address: Address | Destination) -> bytes:
        return self._vault.seal(place(process.participant, process.id), msgspec.json.encode(address))

    def source(self, slug: str, flow: Flow) -> Address:
        return msgspec.json.decode(self._plain(slug, flow), type=Address)

    def destination(self, slug: str, flow: Flow) -> Destination:
        return msgspec.json.decode(self._plain(slug, flow), type=Destination)

    def _plain(self, slug: str, flow: Flow) -> bytes:
        assert flow.address is not None
        return self._vault.open(place(slug, flow.id), bytes(flow.address))


def place(slug: str, flow: str) -> str:
    return f"address|{slug}|{flow}"
