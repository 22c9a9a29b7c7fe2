"""Which URLs and which IP addresses we may call (spec/trust.md 5.1; T01, T02, T04).

A URL is taken apart by an own grammar, so that no two parsers can disagree about its host; an IP address is judged
where the socket is made. Public addresses only, plus the networks that an operator allows.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from msgspec import Struct

Network = IPv4Network | IPv6Network

LONGEST = 2048
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HOST = rf"(?:{LABEL}\.)*{LABEL}"
_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{HOST}|\[[0-9a-fA-F:.]{{2,45}}\])(?::(?P<port>[1-9][0-9]{{0,4}}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?(?P<query>[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*))?",
    re.ASCII | re.IGNORECASE,  # without ASCII the long s and the sign of Kelvin count as letters of a host
)
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HIDDEN = re.compile(r"%(?:2[eEfF]|5[cC]|00)")

# `is_global` calls these public, but they lead elsewhere: NAT64, 6to4, Teredo, site-local, IPv4-compatible, relays.
_DENIED = tuple(
    ip_network(text)
    for text in (
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "fec0::/10",
        "::/96",
        "192.88.99.0/24",
        "192.0.0.0/24",
        "3fff::/20",
        "5f00::/16",
        "224.0.0.0/4",
        "ff00::/8",
    )
)


class Target(Struct, frozen=True):
    """A URL whose parts are known for certain; `host` is lower case, without brackets."""

    scheme: str
    host: str
    port: int
    path: str
    query: str | None

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


def target(url: str, *, insecure: bool = False) -> Target | None:
    """The parts of an absolute https URL (with `insecure`, http too), or None if any part of it is odd."""
    there = _parts(url) if len(url) <= LONGEST else None  # nobody's long text is kept to be known again
    if there is None or not (there.scheme == "https" or insecure) or not port_allowed(there.port, insecure=insecure):
        return None
    return there


@lru_cache(maxsize=4096)
def _parts(url: str) -> Target | None:
    """The same of whichever scheme and port."""
    match = _URL.fullmatch(url)
    if match is None:
        return None
    scheme, host = match["scheme"].lower(), match["host"].lower().strip("[]")
    port = int(match["port"] or (443 if scheme == "https" else 80))
    path = match["path"] or ""
    if not host_plain(host):
        return None
    if _PERCENT.search(path) or _PERCENT.search(match["query"] or ""):
        return None
    return Target(scheme, host, port, path, match["query"])


def port_allowed(port: int, *, insecure: bool = False) -> bool:
    """443 and unprivileged ports: no SSH, no mail, nothing else that an operator runs below 1024."""
    return port == 443 or 1024 <= port <= 65535 or (insecure and port == 80)


def host_plain(host: str) -> bool:
    """A name whose last label starts with a letter, or an IP literal in its one canonical form (no octal, no hex)."""
    if len(host) > 253:
        return False
    if ":" not in host and host.rsplit(".", 1)[-1][0].isalpha():
        return True
    try:
        literal = ip_address(host)
    except ValueError:
        return False
    return isinstance(literal, IPv6Address) or str(literal) == host


def is_literal(host: str) -> bool:
    """Whether a plain host is an IP address rather than a name."""
    return ":" in host or host.rsplit(".", 1)[-1][0].isdigit()


def ever_called(there: Target, allow: tuple[Network, ...] = ()) -> bool:
    """Whether its host may be called at all: a number is judged now, a name when it is called, but for one that leads
    to this very machine whoever asks (RFC 6761, 6.3)."""
    if there.host == "localhost" or there.host.endswith(".localhost"):
        return any(address_allowed(loopback, allow) for loopback in ("127.0.0.1", "::1"))
    return not is_literal(there.host) or address_allowed(there.host, allow)


def under_root(url: str, root: str) -> bool:
    """Whether `url` is `root` or lies below it by whole path segments (spec/protocol.md 1.4), with no way back up.

    Below an https root lies nothing that is not https.
    """
    there, base = target(url, insecure=True), target(root.rstrip("/"), insecure=True)
    if there is None or base is None or there.origin != base.origin or there.query is not None:
        return False
    if _HIDDEN.search(there.path) or "//" in there.path:
        return False
    if "/." in there.path:  # some servers drop what follows a semicolon before they resolve the dots
        names = {segment.partition(";")[0] for segment in there.path.split("/")}
        if not {".", ".."}.isdisjoint(names):
            return False
    return f"{there.path}/".startswith(f"{base.path}/")


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """CIDR texts as networks; ValueError names the one that is none."""
    return tuple(ip_network(text) for text in texts)


@lru_cache(maxsize=4096)
def address_allowed(text: str, allow: tuple[Network, ...] = ()) -> bool:
    """Whether a socket may connect to this IP address: public, or in one of the allowed networks."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return _within(address, allow) or (address.is_global and not address.is_multicast and not _within(address, _DENIED))


def _within(address: IPv4Address | IPv6Address, ranges: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in ranges)
