"""Addresses: an own grammar for URLs, an own judgement on IP addresses, roots by whole segments."""

import ipaddress
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from connector.foundation.http import address as addresses
from connector.foundation.http.address import LONGEST, address_allowed, networks, target, under_root

INWARD = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.8",
    "198.18.0.1",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.88.99.1",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00::1",
    "fec0::1",
    "ff02::1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "100::1",
    "nonsense",
    "1.2.3",
    "0177.0.0.1",
]
OUTWARD = [
    "8.8.8.8",
    "193.99.144.80",
    "1.1.1.1",
    "2606:4700:4700::1111",
    "2a02:2e0:3fe:1001:302::",
    "::ffff:8.8.8.8",
]


@pytest.mark.threat("T01")
@pytest.mark.parametrize("address", INWARD)
def test_inward_addresses_are_not_called(address: str) -> None:
    """>> private, special, embedding << no."""
    assert not address_allowed(address)


@pytest.mark.parametrize("address", OUTWARD)
def test_public_addresses_are_called(address: str) -> None:
    """>> public << yes."""
    assert address_allowed(address)


def test_an_operator_may_allow_networks() -> None:
    """What is allowed is allowed in its mapped form too, its neighbour is not."""
    allow = networks(["127.0.0.0/8", "fd12::/16"])
    assert address_allowed("127.0.0.1", allow)
    assert address_allowed("::ffff:127.0.0.1", allow)
    assert address_allowed("fd12::1", allow)
    assert not address_allowed("fd13::1", allow)
    assert not address_allowed("10.0.0.1", allow)


@pytest.mark.threat("T01")
@given(st.ip_addresses(v=4))
def test_no_embedding_of_a_private_address_passes(address: ipaddress.IPv4Address) -> None:
    """NAT64, 6to4 and IPv4-compatible forms never pass; the mapped form passes exactly with the address itself."""
    number = int(address)
    assert not address_allowed(str(ipaddress.IPv6Address((0x64FF9B << 96) | number)))
    assert not address_allowed(str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80))))
    assert not address_allowed(str(ipaddress.IPv6Address(number)))
    assert address_allowed(str(ipaddress.IPv6Address((0xFFFF << 32) | number))) == address_allowed(str(address))


ODD_URLS = [
    "http://stadt.de/",
    "ftp://stadt.de/",
    "file:///etc/passwd",
    "//stadt.de/",
    "stadt.de",
    "https:stadt.de",
    "https:///x",
    "https://ok@evil.de/",
    "https://ok:pw@evil.de/",
    "https://ok%40evil.de/",
    "https://evil.de\\@stadt.de/",
    "https://stadt.de\\.evil.de/",
    "https://stadt.de#@evil.de/",
    "https://stadt.de/#x",
    "https://stadt.de/\r\nHost: x",
    "https://stadt.de/ x",
    "https://stadt.de/\t",
    "https://stadt\u3002de/",
    "https://ｓtadt.de/",
    "https://städt.de/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.0.01/",
    "https://[::1",
    "https://[::1%25eth0]/",
    "https://[v1.x]/",
    "https://stadt.de:22/",
    "https://stadt.de:25/",
    "https://stadt.de:0/",
    "https://stadt.de:65536/",
    "https://stadt.de:/",
    "https://stadt.de:80/",
    "https://stadt.de./",
    "https://.stadt.de/",
    "https://stadt..de/",
    "https://-stadt.de/",
    "https://stadt_a.de/",
    "https://stadt.de/%",
    "https://stadt.de/%zz",
    "https://stadt.de/%2",
    "https://" + "a" * 3000 + ".de/",
    "https://%6c/",
    "https://localho\u017ft/",
    "https://e\u212aom.de/",
    "https://stadt.de/\u017f",
    "https://stadt.de/?q=\u0131",
    "https://stadt.de/ä",
    "https://stadt.de:443:443/",
    "javascript:alert(1)",
    "",
    "https://",
]


@pytest.mark.threat("T01")
@pytest.mark.parametrize("url", ODD_URLS)
def test_odd_urls_have_no_target(url: str) -> None:
    """>> an odd form << not a URL to us."""
    assert target(url) is None


@given(st.from_regex(r"https://[a-z0-9.:@\\\[\]%-]{1,30}(/[a-zA-Z0-9.%/-]{0,20})?", fullmatch=True))
def test_what_passes_means_the_same_to_the_http_library(url: str) -> None:
    """Whatever the grammar accepts, yarl sees the same host, port and path."""
    there = target(url)
    if there is not None:
        url_there = URL(url, encoded=True)
        assert (url_there.host, url_there.port) == (there.host, there.port)
        assert url_there.raw_path in (there.path, there.path + "/")


@pytest.mark.threat("T01")
def test_ports_of_other_services_are_not_called() -> None:
    """>> every port << 443 and those from 1024 on; where http is allowed its own one too."""
    for insecure, others in ((False, {443}), (True, {443, 80})):
        open_ = {port for port in range(1, 65537) if addresses.port_allowed(port, insecure=insecure)}
        assert open_ == {*range(1024, 65536), *others}


def test_a_name_has_at_most_253_letters() -> None:
    """>> one of as many as DNS has, and one letter more << read, and none."""
    name = ("a" * 62 + ".") * 4 + "b"
    assert [there and len(there.host) for there in map(target, (f"https://{name}", f"https://{name}b"))] == [253, None]


def test_literals_are_told_from_names() -> None:
    """>> addresses in their one form, and names with digits << which is which."""
    for url, host in (("https://8.8.8.8/", "8.8.8.8"), ("https://[2606:4700::1111]/", "2606:4700::1111")):
        there = target(url)
        assert there is not None
        assert there.host == host
        assert addresses.is_literal(host)
    assert not any(map(addresses.is_literal, ("localhost", "1.example", "1.2.example")))


ROOT = "https://localhost:18443/musterstadt"
UNDER = ["", "/", "/2025-1", "/2025-1/negotiations", "/a.b/c..d/%20x"]
OUTSIDE = [
    "https://localhost:18443/musterstadt2/x",
    "https://localhost:18443/musterstad",
    "https://localhost:18443/",
    "https://localhost:18443/nachbardorf/2025-1",
    "https://localhost:18444/musterstadt/x",
    "https://localhost/musterstadt",
    "http://localhost:18443/musterstadt/x",
    "https://localhost:18443/musterstadt/../nachbardorf",
    "https://localhost:18443/musterstadt/%2e%2e/nachbardorf",
    "https://localhost:18443/musterstadt/..%2fnachbardorf",
    "https://localhost:18443/musterstadt/%2E./x",
    "https://localhost:18443/musterstadt//x",
    "https://localhost:18443/musterstadt/./x",
    "https://localhost:18443/musterstadt/x?y=1",
    "https://localhost:18443/musterstadt/x%5c..",
    "https://localhost:18443/musterstadt/x%00",
    "https://localhost.evil.de:18443/musterstadt/x",
    "https://localhost:18443@evil.de/musterstadt/x",
    "https://localhost:18443/Musterstadt/x",
    "https://localhost:18443/%6dusterstadt/x",
]


@pytest.mark.threat("T01")
def test_a_callback_begins_with_the_root_by_whole_segments() -> None:
    """>> below the root << yes; >> beside it, above it, elsewhere << no."""
    assert all(under_root(ROOT + path, ROOT) for path in UNDER)
    assert [url for url in OUTSIDE if under_root(url, ROOT)] == []


def segment_by_segment(url: str, root: str) -> bool:
    """Of plain URLs of one origin: every segment is looked at."""
    there, base = (text.removeprefix("https://a.example").split("/") for text in (url, root))
    names = {segment.partition(";")[0] for segment in there}
    return "" not in there[1:-1] and there[: len(base)] == base and not {".", ".."} & names


@pytest.mark.threat("T01")
@pytest.mark.parametrize("longest", [3, pytest.param(4, marks=pytest.mark.long)])
def test_every_short_path_lies_below_a_root_as_its_segments_do(longest: int) -> None:
    """>> all paths of up to four segments, dots, semicolons and nothing among them << as a walk along them says."""
    words = ("a", "b", "ab", ".", "..", "...", ".a", "a.", ".;a", "..;", "a;..", "")
    paths = [
        "".join(f"/{one}" for one in some) for length in range(longest + 1) for some in product(words, repeat=length)
    ]
    for root in ("https://a.example", "https://a.example/a", "https://a.example/a/b"):
        for path in paths:
            url = f"https://a.example{path}"
            assert under_root(url, root) == segment_by_segment(url, root), (url, root)


def test_a_root_without_a_path() -> None:
    """A city with its own host name: its whole host, with or without the default port, and no other host."""
    assert under_root("https://daten.stadt.de/2025-1/x", "https://daten.stadt.de")
    assert under_root("https://daten.stadt.de:443/2025-1", "https://daten.stadt.de/")
    assert under_root("https://DATEN.stadt.de/2025-1", "https://daten.stadt.de")
    assert not under_root("https://daten.stadt.de.evil.de/2025-1", "https://daten.stadt.de")
    assert under_root("http://localhost:18080/a", "http://localhost:18080"), "where http is allowed at all"


@pytest.mark.threat("T112")
def test_bug_texts_of_any_length_were_kept_as_addresses() -> None:
    """>> an address as long as may be, one sign more << one is kept; the other is none, and is forgotten at once."""
    addresses._parts.cache_clear()
    longest = f"{ROOT}/".ljust(LONGEST, "x")
    assert target(longest) is not None
    assert target(longest + "x") is None
    assert addresses._parts.cache_info().currsize == 1
