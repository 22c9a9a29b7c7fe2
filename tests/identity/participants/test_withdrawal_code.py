"""A withdrawal code is read as it was printed, however it is typed or read aloud; nobody guesses it."""

import pytest

from connector.foundation.errors import Mistake
from connector.identity.participants.withdrawal_code import CODE_LENGTH, code_digest, new_code


def test_a_code_is_read_however_it_is_typed() -> None:
    code = new_code()
    assert len(code.replace("-", "")) == CODE_LENGTH
    spelt = [code, code.lower(), code.replace("-", " "), f" {code.replace('-', '')} ", code.replace("0", "O")]
    spelt += [code.replace("1", "I"), code.replace("1", "l")]
    assert {code_digest(one) for one in spelt} == {code_digest(code)}
    assert code_digest(new_code()) != code_digest(code)


@pytest.mark.parametrize("code", ["", "ABCD", "U" * CODE_LENGTH, "0" * (CODE_LENGTH + 1), "ä" * CODE_LENGTH])
def test_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(Mistake):
        code_digest(code)
