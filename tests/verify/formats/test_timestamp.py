"""Tokens of an honest authority hold, however it sends them: with and without its certificates, RSA and EC."""

from pathlib import Path

import pytest
from cryptography import x509

from connector.verify.formats import timestamp
from connector.verify.formats.faults import Doubt, Fault
from tests.verify.authority import NOTE, Authority, tst_info


@pytest.fixture(scope="module", params=["ec", "rsa"])
def authority(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One that signs with EC, one with RSA."""
    return Authority(tmp_path_factory.mktemp("tsa"), request.param)


def test_a_token_says_when_who_and_over_what(authority: Authority) -> None:
    """Response and bare token are read alike; the time is the authority's."""
    answer = authority.reply(authority.query())
    token = timestamp.check(answer, NOTE, authority.roots)
    assert token == timestamp.read(answer)
    assert (token.algorithm, token.authority, token.policy) == ("SHA-256", "CN=Zeitstempel", "1.2.3.4.1")
    assert token.nonce is not None
    bare = timestamp.check(authority.token(), NOTE, authority.roots)
    assert abs(bare.time_ms - token.time_ms) < 60_000
    assert (bare.imprint, bare.serial) != (token.imprint, token.serial)
    assert bare.imprint == token.imprint


@pytest.mark.parametrize("hash", ["sha256", "sha384", "sha512"])
def test_every_hash_of_sha_2_counts(authority: Authority, hash: str) -> None:
    """For the imprint, for the signature, and for the digest of the certificate."""
    answer = authority.reply(authority.query(hash=hash, nonce=False), digest=hash, bound=hash)
    token = timestamp.check(answer, NOTE, authority.roots)
    assert token.algorithm == hash.upper().replace("SHA", "SHA-")
    assert token.nonce is None


def test_certificates_come_in_the_token_or_from_outside(authority: Authority) -> None:
    """What the token lacks of its chain must be given; what is given need not be in the token."""
    root, middle, leaf = authority.root, authority.middle, authority.leaf
    whole, without_chain = authority.token(), authority.token(chain=False)
    without_any = authority.token(certificates=False)
    enough: list[tuple[bytes, list[x509.Certificate]]] = [
        (whole, [root]),
        (whole, [root, middle, leaf]),
        (whole, [middle]),
        (whole, [leaf]),
        (without_chain, [root, middle]),
        (without_chain, [middle]),
        (without_chain, [leaf]),
        (without_any, [root, middle, leaf]),
        (without_any, [leaf]),
    ]
    for token, roots in enough:
        assert timestamp.check(token, NOTE, roots).authority == "CN=Zeitstempel"
    for token, roots in [(without_chain, [root]), (without_any, [root]), (without_any, [root, middle])]:
        with pytest.raises(Fault, match="timestamp-authority") as caught:
            timestamp.check(token, NOTE, roots)
        assert not isinstance(caught.value, Doubt)


def test_without_roots_nothing_is_wrong_and_nothing_is_proven(authority: Authority) -> None:
    """With the certificate in the token the signature is checked all the same."""
    for token in (authority.token(), authority.token(certificates=False)):
        with pytest.raises(Doubt, match="no-timestamp-roots"):
            timestamp.check(token, NOTE, [])
    assert timestamp.read(authority.token(certificates=False)).authority == ""
    broken = bytearray(authority.token())
    broken[-1] ^= 1
    with pytest.raises(Fault, match="timestamp-signature"):
        timestamp.check(bytes(broken), NOTE, [])


@pytest.mark.parametrize("options", [[], ["-keyid"], ["-nocerts"]])
def test_signed_data_of_other_programs(authority: Authority, options: list[str]) -> None:
    """Two ways to name the signer (RFC 5652, 5.3)."""
    roots = [authority.root, authority.middle, authority.leaf]
    assert timestamp.check(authority.sign(tst_info(), *options), NOTE, roots).serial == 7


@pytest.mark.parametrize("salt", ["max", "digest", "32", "0"])
def test_rsa_pss(tmp_path: Path, salt: str) -> None:
    """PSS with a mask of the same hash, the salt as long as it says."""
    authority = Authority(tmp_path, "rsa")
    pss = ["-keyopt", "rsa_padding_mode:pss", "-keyopt", f"rsa_pss_saltlen:{salt}"]
    assert timestamp.check(authority.sign(tst_info(), *pss), NOTE, authority.roots).serial == 7
    other = ["-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_mgf1_md:sha512"]
    with pytest.raises(Fault, match="timestamp-signature"):
        timestamp.check(authority.sign(tst_info(), *other), NOTE, authority.roots)


def test_times_have_fractions(authority: Authority) -> None:
    """The certificate has to hold at the time that the token says, to the millisecond."""
    second = authority.leaf.not_valid_after_utc.strftime("%Y%m%d%H%M%S").encode()
    token = timestamp.check(authority.sign(tst_info(time=second + b"Z")), NOTE, authority.roots)
    assert token.time_ms == authority.leaf.not_valid_after_utc.timestamp() * 1000
    assert timestamp.read(authority.sign(tst_info(time=second + b".25Z"))).time_ms == token.time_ms + 250
    with pytest.raises(Fault, match="timestamp-authority"):
        timestamp.check(authority.sign(tst_info(time=second + b".001Z")), NOTE, authority.roots)


def test_another_reader_agrees(authority: Authority) -> None:
    """rfc3161-client reads what we read; it refuses a token that carries the certificate of the CA, which we take."""
    client = pytest.importorskip("rfc3161_client", reason="no rfc3161-client: pip install '.[timestamps]'")
    answer = authority.reply(authority.query(), chain=False)
    theirs, ours = client.decode_timestamp_response(answer).tst_info, timestamp.read(answer)
    assert theirs.gen_time.timestamp() * 1000 == ours.time_ms
    assert (theirs.message_imprint.message, theirs.serial_number) == (ours.imprint, ours.serial)
    assert (theirs.nonce, theirs.policy.dotted_string) == (ours.nonce, ours.policy)
    verifier = (
        client.VerifierBuilder()
        .add_root_certificate(authority.root)
        .add_intermediate_certificate(authority.middle)
        .tsa_certificate(authority.leaf)
        .build()
    )
    assert verifier.verify_message(client.decode_timestamp_response(answer), NOTE)
    whole = authority.reply(authority.query())
    assert timestamp.check(whole, NOTE, authority.roots)
    with pytest.raises(ValueError, match="InvalidSetOrdering"):
        client.decode_timestamp_response(whole).time_stamp_token()
