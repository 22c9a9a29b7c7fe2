"""The vocabulary and the two languages, as the composition root hands them to the policy room."""

from collections.abc import Callable
from pathlib import Path

import pytest

from connector.data.catalogue.concepts import vocabulary as read
from connector.foundation.language import say as message
from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy.wording.words import Words
from tests.kernel.policy.cases import words_of
from tests.testkit.places import SHARED


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return read()


@pytest.fixture(params=["de", "en"])
def lang(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def say(lang: str) -> Callable[..., str]:
    return lambda key, /, **facts: message(key, lang, **facts)


@pytest.fixture
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("official files absent: put them into ../shared/data beside the checkout")
    return SHARED


@pytest.fixture
def words(vocabulary: Vocabulary, lang: str) -> Words:
    return words_of(vocabulary, lang)


@pytest.fixture
def german(vocabulary: Vocabulary) -> Words:
    return words_of(vocabulary, "de")
