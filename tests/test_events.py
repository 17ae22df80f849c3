"""Events and the cache are options, and each has a rule of modules."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Run, snapshot
from tests.generated import environment, make_service, run, snapshot_template


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template in a repository."""
    return snapshot_template(tmp_path_factory.mktemp("released") / "template", tag="v0.1.0")


def test_events_without_users_are_refused(released: Path, tmp_path: Path, cofee: Run) -> None:
    service = make_service(released, tmp_path / "service", {"auth": "none"})
    before = snapshot(service)

    refused = cofee("set", "events=redis", "-C", service)

    words = " ".join(refused.err.split())
    assert refused.code == 1
    assert "`events: redis` needs users" in words
    assert "`cofee set auth=jwt events=redis`" in words
    assert snapshot(service) == before


def test_rule_needs_the_option(released: Path, tmp_path: Path, cofee: Run) -> None:
    """It is refused without events, and keeps them from being turned off."""
    service = make_service(released, tmp_path / "service", {})
    add = ("new-module", "notes", "text:str", "--notify", "deleted,created", "-C", service)

    refused = cofee(*add)
    assert (refused.code, "`cofee set events=redis`" in refused.err) == (1, True), refused.err
    assert cofee("set", "events=redis", "-C", service).code == 0
    assert cofee(*add).code == 0
    kept = cofee("set", "events=none", "-C", service)
    assert (kept.code, "the rule `notify` needs" in kept.err) == (1, True), kept.err

    code = (service / "app/modules/notes/service.py").read_text()
    assert 'NOTIFIED: list[Change] = ["created", "deleted"]' in code
    assert cofee("change-module", "notes", "--notify", "", "-C", service).code == 0
    assert not (service / "app/infrastructure/row_events.py").exists()


def test_unknown_change_is_refused(released: Path, tmp_path: Path, cofee: Run) -> None:
    service = make_service(released, tmp_path / "service", {"events": "redis"})

    for changes, words in (
        ("created,removed", "must be some of `created`, `updated`, `deleted`, not `removed`"),
        ("created,created", "`created` occurs twice"),
    ):
        refused = cofee("new-module", "notes", "text:str", "--notify", changes, "-C", service)
        assert (refused.code, words in " ".join(refused.err.split())) == (1, True), refused.err


@pytest.mark.service
def test_hundreds_of_streams_and_reconnects(
    released: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The tests of a service with the full numbers; its own run has a tenth."""
    if not request.config.getoption("every_cell"):
        pytest.skip("every service runs it with smaller numbers")
    service = make_service(released, tmp_path / "service", {"events": "redis"})
    tests = service / "tests/infrastructure/test_events.py"
    text = tests.read_text()
    for few, many in (
        ("RECONNECTS = 10\n", "RECONNECTS = 100\n"),
        ("STREAMS = 20\n", "STREAMS = 200\n"),
    ):
        assert few in text
        text = text.replace(few, many)
    tests.write_text(text)

    run(service, environment(released), "python", "-m", "pytest", "-q", str(tests), "-k",
        "reconnects or hold or stop")  # fmt: skip


def test_rows_that_cannot_be_cached_are_refused(released: Path, tmp_path: Path, cofee: Run) -> None:
    service = make_service(released, tmp_path / "service", {"cache": "redis"})

    for arguments, words in (
        (["text:str", "--cache", "86401"], "`cache` must be 1 to 86400 seconds, not `86401`"),
        (["text:str", "--cache", "1", "--only", "list"], "`cache` needs the route `read`"),
        (["notes:many:notes", "--cache", "1"], "a row changes with those that `notes` leads to"),
    ):
        refused = cofee("new-module", "notes", *arguments, "-C", service)
        assert (refused.code, words in " ".join(refused.err.split())) == (1, True), refused.err
    assert cofee("new-module", "notes", "text:str", "--cache", "9", "-C", service).code == 0
    assert "seconds=9)" in (service / "app/modules/notes/service.py").read_text()
    assert cofee("change-module", "notes", "--cache", "0", "-C", service).code == 0
    assert not (service / "app/infrastructure/row_cache.py").exists()
