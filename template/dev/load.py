"""Puts load on the service, as it is served in production: `poe load`, 100 users for a minute.

The routes and the values are those of the OpenAPI document, so a new module takes part. Rows that
need other rows are not created, and neither are files. Locust runs in a separate environment; it
shares the processors with the service here, so the service alone is faster.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2

HOST = "127.0.0.1"
SERVE = ["uvicorn", "app.main:app"]
LOCUST = ["uvx", "--from", "locust>=2.47,<3", "locust", "--locustfile", "dev/locustfile.py"]
START_SECONDS = 60
# All users come from one address.
LIMITS = ("LOGIN_RATE_LIMIT", "REGISTER_RATE_LIMIT", "REFRESH_RATE_LIMIT")
USERS, TOKENS = "/api/v1/users", "/api/v1/auth/token"
ACCOUNTS = 3
NUMBER = "{number}"  # stands for another one in each request, since a field can be unique
DIGITS = 7
LIMITING = {"enum", "const", "format", "pattern"}  # keys of texts that are no plain words
PASSWORD = secrets.token_urlsafe(24)

Json = dict[str, Any]


def main() -> int:
    """Serve, run Locust, and return its exit code: 1 for errors or slow requests."""
    parser = argparse.ArgumentParser(prog="poe load", description=__doc__)
    parser.add_argument("--users", type=int, default=100, help="how many at once")
    parser.add_argument("--seconds", type=int, default=60, help="how long")
    parser.add_argument("--max-p95-ms", type=int, default=500, help="of all requests")
    arguments = parser.parse_args()
    with serving() as url:
        planned = {**plan(url), "max_p95_ms": arguments.max_p95_ms}
        command = [
            *(*LOCUST, "--headless", "--only-summary", "--host", url),
            *("--users", str(arguments.users), "--spawn-rate", str(arguments.users)),
            *("--run-time", f"{arguments.seconds}s"),
        ]
        environment = {**os.environ, "LOAD_PLAN": json.dumps(planned)}
        return subprocess.run(command, env=environment, check=False).returncode


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Yield the URL of the service, which is served on a free port."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port = listener.getsockname()[1]
    environment = {**os.environ, **dict.fromkeys(LIMITS, "1000/second"), "LOG_LEVEL": "ERROR"}
    served = subprocess.Popen([*SERVE, "--port", str(port)], env=environment)
    try:
        wait_until_ready(served, f"http://{HOST}:{port}")
        yield f"http://{HOST}:{port}"
    finally:
        served.terminate()
        served.wait()


def wait_until_ready(served: subprocess.Popen[bytes], url: str) -> None:
    """Wait until the service answers.

    Raises:
        SystemExit: it ended, or does not answer.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and served.poll() is None:
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(f"{url}/health/ready").is_success:
                return
        time.sleep(0.1)
    sys.exit("the service did not start")


def plan(url: str) -> Json:
    """Return what users do: the lists that they read, what they create, and their tokens."""
    document = httpx2.get(f"{url}/openapi.json").json()
    paths: dict[str, Json] = document["paths"]
    lists = [
        path
        for path, routes in paths.items()
        if "{" not in path and is_list(routes.get("get", {}), document)
    ]
    bodies = [
        (path, example_body(paths[path].get("post", {}), document))
        for path in lists
        if path != USERS  # to hash a password takes long, on purpose
    ]
    tokens = []
    if TOKENS in paths:
        person = example_body(paths[USERS]["post"], document)
        tokens = [sign_in(url, person) for _ in range(ACCOUNTS)]
    return {"lists": lists, "bodies": [pair for pair in bodies if pair[1]], "tokens": tokens}


def sign_in(url: str, person: Json) -> str:
    """Register a user, and return the access token."""
    email = f"load-{uuid.uuid4()}@example.com"
    registration = {**person, "email": email, "password": PASSWORD}
    httpx2.post(f"{url}{USERS}", json=registration, timeout=30).raise_for_status()
    form = {"username": email, "password": PASSWORD}
    answer = httpx2.post(f"{url}{TOKENS}", data=form, timeout=30).raise_for_status()
    return str(answer.json()["access_token"])


def is_list(route: Json, document: Json) -> bool:
    """Return whether a route answers with a page of rows."""
    answer = schema_of(route.get("responses", {}).get("200", {}), document)
    return "items" in answer.get("properties", {})


def example_body(route: Json, document: Json) -> Json:
    """Return a body of examples, or an empty one if a field has none."""
    schema = schema_of(route.get("requestBody", {}), document)
    fields = schema.get("properties", {})
    values = {name: example(fields[name], document) for name in schema.get("required", [])}
    return {} if None in values.values() else values


def schema_of(part: Json, document: Json) -> Json:
    """Return the schema of a body in JSON; empty if there is none."""
    content = part.get("content", {}).get("application/json", {})
    return resolved(content.get("schema", {}), document)


def resolved(schema: Json, document: Json) -> Json:
    """Follow a reference."""
    name = schema.get("$ref", "").rpartition("/")[2]
    return dict(document["components"]["schemas"][name]) if name else schema


def example(field: Json, document: Json) -> object:
    """Return a value of a field, or None if it needs another row. A plain word gets a number."""
    schema = resolved(field, document)
    values = [*schema.get("examples", []), *schema.get("enum", []), schema.get("const")]
    if schema.get("format") == "uuid":
        return None
    is_word = schema.get("type") == "string" and not schema.keys() & LIMITING
    if is_word and len(str(values[0])) + DIGITS <= schema.get("maxLength", 255):
        return f"{values[0]}{NUMBER}"
    return values[0] or {"boolean": False, "array": [], "object": {}}.get(schema.get("type", ""))


if __name__ == "__main__":
    sys.exit(main())
