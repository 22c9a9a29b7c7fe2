"""Settings: which layer wins, what a mistake says, where each value came from."""

import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.foundation.errors import Mistake
from connector.foundation.language import say
from connector.foundation.settings import load as settings_load
from connector.foundation.settings.load import (
    Secret,
    database_url,
    free_port,
    load,
    master_key,
    peer_port,
    public_url,
    web_origin,
)


def test_defaults_lie_in_the_data_folder(tmp_path: Path) -> None:
    settings = load(tmp_path, {})
    assert settings.peer.host == "127.0.0.1"
    assert settings.api.socket == tmp_path / "api.sock"
    assert database_url(settings) == f"sqlite://{tmp_path}/hanse.db"
    assert set(settings.origins.values()) == {"default"}


def test_file_beats_default_and_environment_beats_file(tmp_path: Path) -> None:
    """defaults < TOML < environment, and each key knows its origin."""
    (tmp_path / "hanse.toml").write_text(
        '[peer]\nport = 8443\nhost = "::1"\n[trust]\nca_files = ["ca.pem", "/etc/x.pem"]\n'
    )
    settings = load(tmp_path, {"HANSE_PEER__PORT": "9443", "HANSE_OUTBOUND__ALLOW": "127.0.0.0/8, ::1/128"})
    assert (settings.peer.port, settings.peer.host) == (9443, "::1")
    assert settings.trust.ca_files == (tmp_path / "ca.pem", Path("/etc/x.pem"))
    assert settings.outbound.allow == ("127.0.0.0/8", "::1/128")
    assert settings.origins["peer.port"] == "HANSE_PEER__PORT"
    assert settings.origins["peer.host"] == str(tmp_path / "hanse.toml")
    assert settings.origins["log.level"] == "default"


def test_a_secret_file_beats_all(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://hanse:pw@db/hanse\n")
    environ = {"HANSE_DATABASE__URL": "postgresql://other", "HANSE_DATABASE__URL_FILE": "url"}
    settings = load(tmp_path, environ)
    assert database_url(settings) == "postgresql://hanse:pw@db/hanse"
    assert settings.origins["database.url"] == str(tmp_path / "url")


def test_the_default_secret_file_does_not_beat_a_named_value(tmp_path: Path) -> None:
    """Only a file that somebody named wins over a value that somebody gave."""
    first = master_key(load(tmp_path, {}))
    given = load(tmp_path, {"HANSE_TRUST__MASTER_KEY": "ab" * 32})
    assert master_key(given) == bytes.fromhex("ab" * 32) != first


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    assert load(tmp_path, {"HANSE_PEER__PORT": "", "HANSE_DATA": "x", "HANSE_PORT": "tcp://10.0.0.1:1"}).peer.port == 0


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("HANSE_PEER__PROT", "peer.port"),
        ("HANSE_PEERS__PORT", "peer.port"),
        ("HANSE_DATABASE__URI", "database.url"),
        ("HANSE_TRUST__MASTERKEY", "trust.master_key"),
        ("HANSE_OUTBOUND__ALOW", "outbound.allow"),
    ],
)
def test_an_unknown_key_names_the_nearest(tmp_path: Path, variable: str, nearest: str) -> None:
    with pytest.raises(Mistake) as caught:
        load(tmp_path, {variable: "1"})
    assert caught.value.facts["nearest"] == nearest
    assert nearest in say(f"error.{caught.value.code}", "de", **caught.value.facts)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("[peer]\nprot = 1", "settings.unknown-key"),
        ("[pier]\nport = 1", "settings.unknown-key"),
        ("peer = 1", "settings.bad-value"),
        ('[peer]\nport = "8443"', "settings.bad-value"),
        ("[peer]\nport = 70000", "settings.bad-value"),
        ("[outbound]\ntotal_s = 0", "settings.bad-value"),
        ("[log]\nlevel = 'loud'", "settings.bad-value"),
        ("[data]\nfiles = 3", "settings.bad-value"),
        ("[peer", "settings.bad-file"),
        ("[trust]\nmaster_key_file = 'gone'", "settings.secret-unreadable"),
        (f"[api]\nsocket = '{'x' * 101}'", "settings.socket-too-long"),
        ("[api]\ntoken = 'x'", "settings.retired-token"),
        ("[api]\ntoken_file = 'x'", "settings.retired-token"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, document: str, code: str) -> None:
    (tmp_path / "hanse.toml").write_text(document)
    with pytest.raises(Mistake) as caught:
        load(tmp_path, {})
    assert caught.value.code == code
    assert all(say(f"error.{code}", lang, **caught.value.facts) for lang in ("de", "en"))


def test_bug_a_secret_that_is_not_there_was_told_with_a_number(tmp_path: Path) -> None:
    """>> a file named for a secret, and none there << in words, in both languages."""
    with pytest.raises(Mistake) as caught:
        load(tmp_path, {"HANSE_TRUST__MASTER_KEY_FILE": "gone"})
    told = [say(f"error.{caught.value.code}", lang, **caught.value.facts) for lang in ("de", "en")]
    assert all("Errno" not in one for one in told)
    assert "es gibt sie nicht" in told[0]


@pytest.mark.parametrize("text", ["on", "2"])
def test_a_bad_switch_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Mistake, match="bad-value"):
        load(tmp_path, {"HANSE_PEER__REUSE_PORT": text})


@pytest.mark.threat("T27")
def test_secrets_hide_themselves(tmp_path: Path) -> None:
    settings = load(tmp_path, {"HANSE_DATABASE__URL": "postgresql://u:geheim@h", "HANSE_SIGNERS__CSC_TOKEN": "geheim2"})
    assert "geheim" not in repr(settings) + str(settings) + f"{settings.signers.csc_token}"
    assert settings.signers.csc_token.reveal() == "geheim2"
    assert not Secret()


def test_the_port_is_chosen_once(tmp_path: Path) -> None:
    """DIDs depend on the port, so two starts, even at the same time, agree on it."""
    settings = load(tmp_path, {})
    chosen: list[int] = []
    threads = [threading.Thread(target=lambda: chosen.append(peer_port(settings))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(chosen)) == 1
    assert public_url(load(tmp_path, {})) == f"https://localhost:{chosen[0]}"
    assert [path.name for path in tmp_path.iterdir()] == ["port"]


def test_a_chosen_port_is_none_that_a_connection_of_another_program_may_have(tmp_path: Path) -> None:
    """Linux gives 32768 and above to connections that go out; the port is kept, and has to be free at each start."""
    assert 20_000 <= peer_port(load(tmp_path, {})) < 32_768


def test_a_port_that_somebody_listens_on_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> all are taken << says to name one; >> all but one << that."""
    with socket.create_server(("127.0.0.1", free_port("127.0.0.1"))) as taken:
        port = int(taken.getsockname()[1])
        monkeypatch.setattr(settings_load, "_LISTENING", range(port, port + 1))
        monkeypatch.setattr(settings_load, "_TRIES", 1)
        with pytest.raises(Mistake, match=r"settings\.no-port"):
            free_port("127.0.0.1")
    assert free_port("127.0.0.1") == port


@pytest.mark.parametrize("make", [lambda place: place.write_bytes(b"\xff" * 32), lambda place: place.mkdir()])
def test_bug_a_master_key_that_is_no_text_ended_in_a_traceback(tmp_path: Path, make: Callable[[Path], object]) -> None:
    """>> 32 bytes as they are, a folder, where its file is looked for unless another is named << said which file."""
    (tmp_path / "trust").mkdir()
    make(tmp_path / "trust/master.key")
    with pytest.raises(Mistake, match=r"settings\.secret-unreadable .*trust/master\.key"):
        master_key(load(tmp_path, {}))


def test_bug_an_address_of_another_machine_ended_in_a_traceback() -> None:
    """>> a free port is looked for at an address that this machine does not have << said which, and why."""
    with pytest.raises(Mistake, match=r"http\.no-address .*192\.0\.2\.1"):
        free_port("192.0.2.1")


def test_a_named_port_and_url_are_taken_as_they_are(tmp_path: Path) -> None:
    environ = {"HANSE_PEER__PORT": "18443", "HANSE_PEER__PUBLIC_URL": "https://daten.stadt.example/"}
    settings = load(tmp_path, environ)
    assert (peer_port(settings), public_url(settings)) == (18443, "https://daten.stadt.example")


@pytest.mark.threat("T28")
@pytest.mark.parametrize(
    ("url", "host", "said"),
    [
        ("https://Desk.Stadt.example/", "0.0.0.0", "https://desk.stadt.example"),
        ("https://desk.stadt.example:443", "127.0.0.1", "https://desk.stadt.example"),
        ("https://desk.stadt.example:8443", "127.0.0.1", "https://desk.stadt.example:8443"),
        ("http://localhost:80", "127.0.0.1", "http://localhost"),
        ("http://desk.stadt.example", "127.0.0.1", "settings.web-open"),
        ("http://localhost:8080", "0.0.0.0", "settings.web-open"),
        ("https://desk.stadt.example/desk", "127.0.0.1", "settings.web-url"),
        ("https://user@desk.stadt.example", "127.0.0.1", "settings.web-url"),
        ("ftp://desk.stadt.example", "127.0.0.1", "settings.web-url"),
    ],
)
def test_where_people_open_the_desk(tmp_path: Path, url: str, host: str, said: str) -> None:
    """Bug: with the usual port in the setting every form was refused as foreign. >> addresses and where it listens
    << the origin as browsers say it; passwords never over plain HTTP but on this computer."""
    settings = load(tmp_path, {"HANSE_WEB__PUBLIC_URL": url, "HANSE_WEB__HOST": host})
    if said.startswith("http"):
        assert web_origin(settings) == said
    else:
        with pytest.raises(Mistake, match=said):
            web_origin(settings)


def test_the_master_key_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    key = master_key(load(tmp_path, {}))
    place = tmp_path / "trust" / "master.key"
    assert len(key) == 32
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert master_key(load(tmp_path, {})) == key


@pytest.mark.parametrize("text", ["ab" * 32, "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="])
def test_a_master_key_may_be_hex_or_base64(tmp_path: Path, text: str) -> None:
    assert master_key(load(tmp_path, {"HANSE_TRUST__MASTER_KEY": text})) == b"\xab" * 32


@pytest.mark.parametrize("text", ["ab", "zz" * 32, "!" * 44])
def test_a_bad_master_key_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Mistake, match="bad-master-key"):
        master_key(load(tmp_path, {"HANSE_TRUST__MASTER_KEY": text}))
