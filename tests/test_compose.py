"""`compose.yaml` is a deployment that starts, as far as that can be seen without Docker.

Its services refer to what there is, its values are those that the service accepts in production,
and a password with any character reaches the database.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.generated import EXAMPLES, environment, make_service, run
from tests.released import template

__all__ = ["template"]  # pytest finds the fixture by its name

SERVICES: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "sqlite": {"database": "sqlite", "auth": "none"},
    "cache": {"auth": "none", "cache": "redis"},
    "coffee": EXAMPLES["coffee"],
}
PASSWORD = "p@ss/w#rd%:$"
# What an operator writes into `.env`.
ENV = {
    "SECRET_KEY": "k" * 43,
    "DATABASE_PASSWORD": PASSWORD,
    "S3_ACCESS_KEY_ID": "key",
    "S3_SECRET_ACCESS_KEY": "se cret'\"$",
}
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
# The programs of the images that health checks and commands start.
PROGRAMS = {
    "postgres": {"pg_isready"},
    "valkey/valkey": {"valkey-cli", "valkey-server"},
    "rclone/rclone": {"serve"},  # the entry point is rclone
    "build": {"python", "alembic", "uvicorn"},
}
PRINT = """
import json
from app.db.session import get_engine
from app.infrastructure.settings import get_settings

settings = get_settings()
print(json.dumps([get_engine().url.password, settings.environment, settings.s3_endpoint]))
"""


def composed(template: Path, target: Path, answers: Mapping[str, Any]) -> Any:
    """Return the `compose.yaml` of a new service, with its variables replaced as Docker does."""
    project = make_service(template, target, answers)
    return replaced(yaml.safe_load((project / "compose.yaml").read_text()))


def replaced(value: Any) -> Any:
    """Return a value with its variables replaced. Docker does it after the YAML has been read."""
    if isinstance(value, dict):
        return {key: replaced(item) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item) for item in value]
    return VARIABLE.sub(value_of, value) if isinstance(value, str) else value


def value_of(variable: re.Match[str]) -> str:
    """Return the value of `${NAME}`, `${NAME:-default}` or `${NAME:?error}`."""
    name, kind, default = variable.groups()
    assert kind == "-" or name in ENV, f"{name} is needed"
    return ENV.get(name, default)


def words(command: Any) -> list[str]:
    """Return the words of a command, which is a list or has no quotes."""
    if isinstance(command, list):
        return command[1:] if command[0] in ("CMD", "CMD-SHELL") else command
    assert not set(command) & set("'\"$\\"), command
    return str(command).split()


@pytest.mark.parametrize("name", SERVICES)
def test_services_refer_to_what_there_is(name: str, template: Path, tmp_path: Path) -> None:
    document = composed(template, tmp_path / "shop", SERVICES[name])

    services = document["services"]
    mounted = set()
    for service in services.values():
        image = service.get("image", "build").partition(":")[0]
        commands = [service.get("command"), service.get("healthcheck", {}).get("test")]
        for command in filter(None, commands):
            assert words(command)[0] in PROGRAMS[image], command
        for other, needed in service.get("depends_on", {}).items():
            is_healthy = needed["condition"] == "service_healthy"
            assert "healthcheck" in services[other] or not is_healthy, other
        mounted |= {volume.partition(":")[0] for volume in service.get("volumes", [])}
    assert mounted == {*document["volumes"]}
    serving = services["service"]
    # A process that was killed would be counted on, since the next one has its pid.
    assert serving.get("tmpfs") == serving["environment"].get("PROMETHEUS_MULTIPROC_DIR")
    for variable, text in serving["environment"].items():
        if host := re.search(r"://(?:\w+@)?([a-z]+):\d+", text):
            assert host[1] in {*services, "localhost"}, variable


@pytest.mark.service
def test_service_starts_with_any_password(template: Path, tmp_path: Path) -> None:
    document = composed(template, tmp_path / "coffee", SERVICES["coffee"])
    services, programs = document["services"], environment(template)

    given = {**ENV, **services["service"]["environment"], "SPEECH_URL": "http://speech"}
    printed = run(tmp_path / "coffee", programs, "python", "-c", PRINT, **given)

    assert json.loads(printed) == [PASSWORD, "production", "http://storage:9000"]
    assert services["database"]["environment"]["POSTGRES_PASSWORD"] == PASSWORD
    assert services["storage"]["command"][-1] == f"key,{ENV['S3_SECRET_ACCESS_KEY']}"
