"""A small local Qdrant server: its API over HTTP, as far as the service uses it.

Behind it is the local mode of Qdrant's own client, which only one process at a time can use. It
compares all vectors, so it is not for many.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
Call = Callable[[Any, str, Any], object]


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[dict[str, str]]:
    """Run the server in a thread with its data in `folder`, and yield the setting that names it."""
    from qdrant_client import QdrantClient

    data = folder / "qdrant"
    data.mkdir(parents=True, exist_ok=True)
    client = QdrantClient(path=str(data), force_disable_check_same_thread=True)
    server = ThreadingHTTPServer((HOST, 0), type("Bound", (Handler,), {"client": client}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield {"QDRANT_URL": f"http://{HOST}:{server.server_port}"}
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        client.close()


def exists(client: Any, name: str, _: Any) -> object:
    return {"exists": client.collection_exists(name)}


def collections(client: Any, *_: Any) -> object:
    return client.get_collections().model_dump(mode="json")


def create(client: Any, name: str, body: Any) -> object:
    from qdrant_client import models

    size = models.VectorParams.model_validate(body["vectors"])
    return client.create_collection(name, vectors_config=size)


def index(*_: Any) -> object:
    """Do nothing: the local mode has no indexes."""
    return {"operation_id": 0, "status": "completed"}


def upsert(client: Any, name: str, body: Any) -> object:
    from qdrant_client import models

    points = [models.PointStruct.model_validate(point) for point in body["points"]]
    return client.upsert(name, points=points).model_dump(mode="json")


def delete(client: Any, name: str, body: Any) -> object:
    from qdrant_client import models

    selected = models.PointIdsList.model_validate(body)
    return client.delete(name, points_selector=selected).model_dump(mode="json")


def query(client: Any, name: str, body: Any) -> object:
    from qdrant_client import models

    asked = models.QueryRequest.model_validate(body)
    found = client.query_points(
        name,
        query=asked.query.nearest if isinstance(asked.query, models.NearestQuery) else asked.query,
        query_filter=asked.filter,
        limit=asked.limit or 10,
        offset=asked.offset,
        with_payload=bool(asked.with_payload),
    )
    return found.model_dump(mode="json")


# The calls by their method and the path after the name of the collection.
CALLS: dict[tuple[str, str], Call] = {
    ("GET", ""): collections,
    ("GET", "exists"): exists,
    ("PUT", ""): create,
    ("PUT", "index"): index,
    ("PUT", "points"): upsert,
    ("POST", "points/delete"): delete,
    ("POST", "points/query"): query,
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    client: Any
    lock = threading.Lock()

    def do_GET(self) -> None:
        self._call()

    def do_PUT(self) -> None:
        self._call()

    def do_POST(self) -> None:
        self._call()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""

    def _call(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "null")
        path = self.path.partition("?")[0].removeprefix("/collections").strip("/")
        name, _, rest = path.partition("/")
        if rest.startswith("points") and not self.client.collection_exists(name):
            self._send(404, {"status": {"error": f"Collection `{name}` doesn't exist"}, "time": 0})
            return
        try:
            with self.lock:
                result = CALLS[self.command, rest](self.client, name, body)
            self._send(200, {"result": result, "status": "ok", "time": 0})
        except (KeyError, ValueError) as error:
            self._send(400, {"status": {"error": str(error)}, "time": 0})

    def _send(self, status: int, answer: object) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
