"""A small server with the API of a model, which does what a message of the user says.

`think` gets no answer. `call` gets a call of the tool `wait`. Anything else gets "Done."
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CALL = {"index": 0, "id": "c1", "type": "function", "function": {"name": "wait", "arguments": "{}"}}
REPLIES: dict[str, dict[str, Any]] = {"call": {"tool_calls": [CALL]}}
CHUNK = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


@contextmanager
def thinking_model() -> Iterator[tuple[str, threading.Event]]:
    """Yield the base URL of the server, and what is set as soon as it thinks."""
    thinks, ended = threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Answer the last message."""
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text = asked["messages"][-1]["content"]
            if text == "think":
                thinks.set()
                ended.wait()
                return
            delta = {"role": "assistant", **REPLIES.get(text, {"content": "Done."})}
            choice = {"index": 0, "delta": delta, "finish_reason": None}
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            chunk = json.dumps({**CHUNK, "choices": [choice]})
            self.wfile.write(f"data: {chunk}\n\ndata: [DONE]\n\n".encode())

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1", thinks
        ended.set()
        server.shutdown()
