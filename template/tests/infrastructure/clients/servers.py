"""A real server on loopback that fails, stalls and recovers on request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

HOST = "127.0.0.1"
STALL, HANG_UP = 0, -1  # instead of a status


@dataclass
class OtherService:
    """Answers with the planned statuses one after another, and then with 200."""

    planned: list[int] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    url: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                self.received.append((await reader.readuntil(b"\r\n\r\n")).decode())
                status = self.planned.pop(0) if self.planned else 200
                if status == HANG_UP:
                    return
                if status == STALL:
                    await asyncio.sleep(60)
                writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: 2\r\n\r\n{{}}".encode())
                await writer.drain()


@contextlib.asynccontextmanager
async def serve() -> AsyncIterator[OtherService]:
    """Run the server on a free port."""
    service = OtherService()
    server = await asyncio.start_server(service.answer, HOST, 0)
    service.url = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
    try:
        yield service
    finally:
        server.close()
