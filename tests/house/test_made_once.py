"""What is made before the processes of the tests are forked is there, and is what each would have made."""

from pathlib import Path

import psycopg
import pytest

from connector.foundation.language import LANGUAGES, catalogue
from connector.surfaces.web import render
from tests import forked, made_once, postgres


def test_a_cluster_is_made_once_and_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> two ask for one, a copy is started and used << one was made; the copy has roles and schema, and is emptied."""
    shared = forked.shared or tmp_path
    model = made_once.cluster(shared)
    with monkeypatch.context() as patched:
        patched.delattr(postgres, "running_cluster")
        assert made_once.cluster(shared) == model
    with postgres.running_cluster(model) as copied:
        with copied.database() as urls, psycopg.connect(urls.app, autocommit=True) as connection:
            connection.execute("INSERT INTO lease (name, owner, until, fence) VALUES ('a', '', 0, 0)")
        with copied.database() as again, psycopg.connect(again.app) as connection:
            assert again == urls
            assert connection.execute("SELECT count(*) FROM lease").fetchone() == (0,)


def test_every_template_is_compiled() -> None:
    """>> the templates of the desk << each is kept by the environment that every page asks."""
    made_once._templates()
    environment = render._environment()
    assert environment.cache is not None
    assert len(environment.cache) >= len(environment.list_templates()) > 50


def test_every_sentence_is_read() -> None:
    """>> first use << of neither language a room is left to read."""
    made_once._empty_town()
    assert [dict(catalogue(language)._unread) for language in LANGUAGES] == [{}, {}]


def test_what_cannot_be_made_stops_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a template that cannot be compiled, then something that can be made << the second is made."""
    made: list[str] = []
    works = {"sys": lambda: render._environment().from_string("{% nothing %}"), "os": lambda: made.append("os")}
    monkeypatch.setattr(made_once, "_WORKS", works)
    monkeypatch.setattr("gc.freeze", lambda: made.append("frozen"))
    made_once.make()
    assert made == ["os", "frozen"]
