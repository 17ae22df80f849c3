"""A small local server of vectors, with the API of OpenAI: `POST /v1/embeddings`.

It knows no language. Texts are similar if they share words, or parts of words, and the same text has
the same vector on every machine. Production needs a model.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
USUAL_DIMENSION = 384


@contextlib.contextmanager
def serve(_: Path) -> Iterator[dict[str, str]]:
    """Run the server in a thread, and yield the settings that name it."""
    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield {
            "EMBEDDING_URL": f"http://{HOST}:{server.server_port}/v1",
            "EMBEDDING_MODEL": "words",
        }
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def vector_of(text: str, dimension: int) -> list[float]:
    """Return a vector of length 1: each part of a word adds to one of its numbers."""
    found = [0.0] * dimension
    for part in _parts(text.lower()):
        digest = int.from_bytes(hashlib.blake2b(part.encode(), digest_size=8).digest())
        found[digest % dimension] += 1 if digest >> 63 else -1
    length = math.sqrt(sum(number * number for number in found))
    return [number / length for number in found] if length else [1.0] + [0.0] * (dimension - 1)


def _parts(text: str) -> Iterator[str]:
    for word in re.findall(r"\w+", text):
        yield word
        marked = f"<{word}>"
        yield from (marked[start : start + 3] for start in range(len(marked) - 2))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Return the vectors of one text, or of a list of them."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        dimension = body.get("dimensions", USUAL_DIMENSION)
        data = [
            {"object": "embedding", "index": index, "embedding": vector_of(text, dimension)}
            for index, text in enumerate(texts)
        ]
        self._send({"object": "list", "model": body["model"], "data": data})

    def log_message(self, *_: Any) -> None:
        """Log nothing."""

    def _send(self, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
