"""`hanse doctor` names the secret files that others can read, and shows nothing of what is in them (T60)."""

from pathlib import Path

import pytest

from connector.cli.main import main
from connector.cli.operate import doctor_secrets
from connector.foundation.settings.load import load

pytestmark = pytest.mark.threat("T60")


def test_every_secret_of_the_settings_is_looked_at() -> None:
    """The list is made from the settings themselves: a new secret cannot be forgotten."""
    found = doctor_secrets.secret_files()
    assert {
        "signers.csc_token_file",
        "signers.vault_token_file",
        "signers.pkcs11_pin_file",
        "signers.csc_pin_file",
        "timestamps.password_file",
        "peer.tls_key_file",
    } <= set(found)
    assert "trust.master_key_file" not in found


@pytest.mark.parametrize(("mode", "said"), [(0o600, 0), (0o640, 0), (0o604, 1), (0o644, 1)], ids=oct)
def test_a_file_that_others_can_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: int, said: int
) -> None:
    token = tmp_path / "vault.token"
    token.write_text("hvs.nobody-sees-this\n")
    token.chmod(mode)
    environ = {"HANSE_SIGNERS__VAULT_TOKEN_FILE": str(token)}
    found = list(doctor_secrets.lines(load(tmp_path, environ), "de"))
    assert found == [("warn", "open-secret", {"path": token, "setting": "signers.vault_token_file"})] * said
    main(["--data", str(tmp_path), "--lang", "de", "doctor", "--settings"], environ)
    told = capsys.readouterr()
    assert f"können {token} lesen" in told.out or not said
    assert "nobody-sees-this" not in told.out + told.err
