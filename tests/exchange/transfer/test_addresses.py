"""What a peer may name as a place for data, under which names, and what it may never name (decision 0016)."""

import pytest
from msgspec.structs import replace

from connector.data.dataplane.receive.pull import Address
from connector.data.dataplane.serve.push import Destination
from connector.exchange.transfer import addresses
from connector.exchange.transfer.addresses import EDC, PULL_TYPE, PUSH_TYPE, Reach
from connector.foundation.errors import PeerError
from connector.foundation.http.outbound import SafeClient
from connector.kernel.protocol import messages as m

ROOT = "https://nachbardorf.de/hanse"
REACH = Reach(SafeClient().calls, ["https://lager.de/eingang"])


def address(kind: str = PUSH_TYPE, endpoint: str | None = None, **pairs: str) -> m.DataAddress:
    """`edc_x` stands for the name of Eclipse EDC."""
    named = {
        EDC + name.removeprefix("edc_") if name.startswith("edc_") else name: value for name, value in pairs.items()
    }
    properties = [m.EndpointProperty(name=name, value=value) for name, value in named.items()]
    return m.DataAddress(endpoint_type=kind, endpoint=endpoint, endpoint_properties=properties or None)


SOURCES = {
    "names of the specification": (address(PULL_TYPE, f"{ROOT}/x", authorization="k", authType="bearer"), "k"),
    "names of EDC alone": (address(PULL_TYPE, edc_endpoint=f"{ROOT}/x", edc_authorization="k"), "k"),
    "another EDC's token name": (address("HttpData", endpoint=f"{ROOT}/x", access_token="Bearer k"), "k"),
    "no token": (address(PULL_TYPE, f"{ROOT}/x"), ""),
    "anywhere": (address(PULL_TYPE, "https://anderswo.de/x?a=1", authorization="k"), "k"),
}


@pytest.mark.parametrize(("said", "token"), SOURCES.values(), ids=SOURCES)
def test_a_source_is_read_under_every_name(said: m.DataAddress, token: str) -> None:
    url = "https://anderswo.de/x?a=1" if "anderswo" in str(said.endpoint) else f"{ROOT}/x"
    assert addresses.source(said, REACH) == Address(url, token)


DESTINATIONS = {
    "names of the specification": (
        address(PUSH_TYPE, f"{ROOT}/in", authorization="k", authType="bearer"),
        Destination(url=f"{ROOT}/in", headers={"Authorization": "Bearer k"}),
    ),
    "names of EDC": (
        address("HttpData", edc_baseUrl=f"{ROOT}/in", edc_authKey="X-Api-Key", edc_authCode="geheim", edc_method="put"),
        Destination(url=f"{ROOT}/in", method="PUT", headers={"X-Api-Key": "geheim"}),
    ),
    "no key": (address("http", f"{ROOT}/in"), Destination(url=f"{ROOT}/in")),
    "a query": (address(PUSH_TYPE, f"{ROOT}/in?x=1"), Destination(url=f"{ROOT}/in?x=1")),
    "where an operator permits it": (
        address(PUSH_TYPE, "https://lager.de/eingang/7"),
        Destination(url="https://lager.de/eingang/7"),
    ),
}


@pytest.mark.parametrize(("said", "meant"), DESTINATIONS.values(), ids=DESTINATIONS)
def test_a_destination_is_read_under_every_name(said: m.DataAddress, meant: Destination) -> None:
    assert addresses.destination(said, REACH, [ROOT]) == meant


@pytest.mark.threat("T37")
@pytest.mark.parametrize(
    "url",
    [
        "https://musterstadt.de/hanse/data/in/1",
        "https://nachbardorf.de/anderswo",
        "https://nachbardorf.de/hanse2/x",
        "https://nachbardorf.de/hanse/../admin",
        "https://nachbardorf.de/hanse/%2e%2e/admin",
        "https://nachbardorf.de:8443/hanse/x",
        "http://nachbardorf.de/hanse/x",
        "https://169.254.169.254/latest",
        "https://localhost/hanse",
        "https://[::1]/hanse",
        "https://user@nachbardorf.de/hanse/x",
        "https://nachbardorf.de.evil.de/hanse/x",
        "ftp://nachbardorf.de/hanse/x",
        "/hanse/x",
        "",
    ],
)
def test_data_goes_to_the_peer_and_to_nobody_else(url: str) -> None:
    """>> another host, port, scheme or path than the peer's root << transfer.destination."""
    with pytest.raises(PeerError, match=r"transfer\.destination"):
        addresses.destination(address(PUSH_TYPE, url), REACH, [ROOT])


@pytest.mark.threat("T37")
def test_a_peer_without_a_root_gets_nothing_sent() -> None:
    with pytest.raises(PeerError, match=r"transfer\.destination"):
        addresses.destination(address(PUSH_TYPE, f"{ROOT}/in"), REACH, [])


DID = "did:web:nachbardorf.de:hanse"
INNER = "https://intranet.bank.example/hanse"


@pytest.mark.threat("T37")
@pytest.mark.parametrize(
    ("did", "said", "entered", "roots"),
    [
        (DID, ROOT, None, [ROOT]),
        (DID, f"{ROOT}/dsp", None, [f"{ROOT}/dsp"]),
        ("did:web:nachbardorf.de", ROOT, None, [ROOT]),
        (f"{DID}:tief", ROOT, None, []),
        ("did:web:nachbardorf.de%3A8443:hanse", ROOT, None, []),
        (DID, INNER, None, []),
        (DID, "https://nachbardorf.de/anderswo", None, []),
        (DID, "https://nachbardorf.de/hanse2", None, []),
        (DID, "https://nachbardorf.de.evil.de/hanse", None, []),
        (DID, f"{ROOT}/../anderswo", None, []),
        (DID, INNER, INNER, [INNER]),
        (DID, INNER, "https://lager.de/hanse", ["https://lager.de/hanse"]),
        (DID, "", "https://lager.de/hanse", ["https://lager.de/hanse"]),
        (DID, "", None, []),
        ("did:key:z6Mk", ROOT, None, []),
        ("EDC", ROOT, ROOT, [ROOT]),
    ],
)
def test_a_did_document_cannot_make_another_host_the_peers_own(
    did: str, said: str, entered: str | None, roots: list[str]
) -> None:
    """Its own is what its did:web names and its document says; anything else an operator must have entered."""
    assert list(addresses.own_roots(did, said, entered)) == roots


@pytest.mark.threat("T37")
def test_what_an_operator_permits_is_still_judged() -> None:
    """An address literal inside our network stays out of reach, whatever the settings name."""
    careless = Reach(SafeClient().calls, ["https://169.254.169.254/"])
    with pytest.raises(PeerError, match=r"transfer\.destination"):
        addresses.destination(address(PUSH_TYPE, "https://169.254.169.254/latest"), careless, [ROOT])


@pytest.mark.threat("T20")
@pytest.mark.parametrize(
    "name", ["secretName", f"{EDC}secretName", "oauth2:clientSecretKey", "tokenUrl", f"{EDC}oauth2:tokenUrl"]
)
def test_no_peer_names_a_secret_of_ours(name: str) -> None:
    said = m.DataAddress(
        endpoint_type=PUSH_TYPE, endpoint=f"{ROOT}/in", endpoint_properties=[m.EndpointProperty(name=name, value="x")]
    )
    with pytest.raises(PeerError, match=r"transfer\.address-secret"):
        addresses.destination(said, REACH, [ROOT])
    with pytest.raises(PeerError, match=r"transfer\.address-secret"):
        addresses.source(said, REACH)


@pytest.mark.parametrize(
    "pairs",
    [
        {"authorization": "a\r\nX: y"},
        {"authorization": "ä"},
        {"authorization": "k", "authType": "basic"},
        {"edc_authKey": "Host", "edc_authCode": "x"},
        {"edc_authKey": "Authorization", "edc_authCode": "a\nb"},
        {"edc_method": "DELETE"},
        {"authorization": " "},
        {"authorization": "x" * 9000},
    ],
)
def test_no_peer_writes_our_headers(pairs: dict[str, str]) -> None:
    """Line breaks, other headers, other methods and other schemes << transfer.address."""
    with pytest.raises(PeerError, match=r"transfer\.address"):
        addresses.destination(address(PUSH_TYPE, f"{ROOT}/in", **pairs), REACH, [ROOT])


@pytest.mark.parametrize("kind", ["AmazonS3", "https://w3id.org/dspace-sig/profile/http/http-pull", "Kafka"])
def test_another_kind_of_endpoint_is_no_destination(kind: str) -> None:
    with pytest.raises(PeerError, match=r"transfer\.address"):
        addresses.destination(address(kind, f"{ROOT}/in"), REACH, [ROOT])


def test_what_we_write_is_what_we_read() -> None:
    """Both of our own addresses, also by a peer that overlooks the top-level `endpoint` as EDC does."""
    for blind in (False, True):
        pull, push = addresses.pull_address(f"{ROOT}/data/1", "k"), addresses.push_address(f"{ROOT}/data/in/1", "k")
        if blind:
            pull, push = (_without_endpoint(one) for one in (pull, push))
        assert addresses.source(pull, REACH) == Address(f"{ROOT}/data/1", "k")
        meant = Destination(url=f"{ROOT}/data/in/1", headers={"Authorization": "Bearer k"})
        assert addresses.destination(push, REACH, [ROOT]) == meant


def test_no_text_form_shows_a_secret() -> None:
    for one in (Address("https://a.de", "geheim"), Destination(url="https://a.de", headers={"X-Api-Key": "geheim"})):
        assert "geheim" not in f"{one} {one!r}"


def _without_endpoint(address: m.DataAddress) -> m.DataAddress:
    theirs = [one for one in address.endpoint_properties or () if one.name.startswith(EDC)]
    return replace(address, endpoint=None, endpoint_properties=theirs)
