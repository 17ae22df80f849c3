"""Object storage: uploads, downloads by presigned URLs, and removal, on an S3 server."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlsplit

import httpx2
import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from app.common.errors import ApiError, UnavailableError
from app.db.base import utc_now
from app.infrastructure.settings import get_settings
from app.infrastructure.tls import get_tls

ERROR_DOWN = "The file server does not respond; try again"
ERROR_BUSY = "Too many uploads at once; try again"
ERROR_TOO_SLOW = "The upload took longer than {limit} seconds"
RETRY_SECONDS = 5
# S3 requires parts of at least 5 MiB. An upload holds the one that is sent, and the one it fills.
PART_BYTES = 5 * 2**20
PARTS_AT_ONCE = 1
READ_BYTES = 2**20
ALGORITHM, UNSIGNED = "AWS4-HMAC-SHA256", "UNSIGNED-PAYLOAD"
CHECK_SECONDS = 5

logger = logging.getLogger(__name__)


class StorageDownError(UnavailableError):
    code = "storage_down"

    def __init__(self, message: str = ERROR_DOWN, code: str = "") -> None:
        super().__init__(message, code=code)
        self.headers = {"Retry-After": str(RETRY_SECONDS)}


class UploadTimeoutError(ApiError):
    status = 408
    code = "upload_timeout"


@dataclass(frozen=True)
class StoredObject:
    size: int
    content_type: str


@lru_cache
def get_store() -> S3Store:
    """Return the client of this process. It connects on first use."""
    settings = get_settings()
    endpoint = settings.s3_endpoint or _aws_endpoint()
    return S3Store(
        settings.s3_bucket,
        endpoint=endpoint if settings.s3_path_style else _bucket_url(endpoint),
        access_key_id=settings.s3_access_key_id,
        secret_access_key=settings.s3_secret_access_key.get_secret_value(),
        region=settings.s3_region,
        virtual_hosted_style_request=not settings.s3_path_style,
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": dt.timedelta(seconds=min(5, settings.s3_timeout_seconds)),
            "timeout": dt.timedelta(seconds=settings.s3_timeout_seconds),
        },
        retry_config={
            "max_retries": 2,
            "retry_timeout": dt.timedelta(seconds=settings.s3_timeout_seconds),
        },
    )


@lru_cache
def get_slots() -> asyncio.Semaphore:
    """Return the semaphore that limits the transfers of this process."""
    return asyncio.Semaphore(get_settings().max_uploads)


@contextlib.asynccontextmanager
async def transfer() -> AsyncIterator[None]:
    """Limit how many transfers run at once in this process, and how long each takes."""
    limit = get_settings().upload_seconds
    if get_slots().locked():
        raise StorageDownError(ERROR_BUSY, code="storage_busy")
    try:
        async with get_slots(), asyncio.timeout(limit):
            with reachable():
                yield
    except TimeoutError as error:
        raise UploadTimeoutError(ERROR_TOO_SLOW.format(limit=limit)) from error


async def upload(
    name: str, content_type: str, parts: AsyncIterator[bytes], size: int | None = None
) -> None:
    """Store a stream. An error of the stream leaves no object.

    A stream of a known size is passed on as it comes. Otherwise two parts of it are held.
    """
    async with transfer():
        if size is not None:
            await _pass_on(name, content_type, parts, size)
            return
        await obstore.put_async(
            get_store(),
            name,
            parts,
            attributes={"Content-Type": content_type},
            chunk_size=PART_BYTES,
            max_concurrency=PARTS_AT_ONCE,
        )


async def _pass_on(name: str, content_type: str, parts: AsyncIterator[bytes], size: int) -> None:
    """Send a stream in one request, which obstore would hold as a whole."""
    headers = {"Content-Type": content_type, "Content-Length": str(size)}
    url, headers = sign_request("PUT", name, headers)
    timeout = get_settings().s3_timeout_seconds
    try:
        async with httpx2.AsyncClient(timeout=timeout, verify=get_tls()) as http:
            (await http.put(url, headers=headers, content=parts)).raise_for_status()
    except httpx2.HTTPError as error:
        logger.warning("the file server does not answer: %s", error)
        raise StorageDownError() from error


async def find(name: str) -> StoredObject | None:
    """Ask for an object, without its content."""
    with reachable():
        try:
            response = await obstore.get_async(get_store(), name, options={"head": True})
        except FileNotFoundError:
            return None
        return StoredObject(response.meta["size"], response.attributes.get("Content-Type", ""))


async def checksum(name: str) -> str:
    """Return the SHA-256 of an object, which is read in parts."""
    digest = hashlib.sha256()
    async with transfer():
        response = await obstore.get_async(get_store(), name)
        async for part in response.stream(READ_BYTES):
            digest.update(part)
    return digest.hexdigest()


async def move(name: str, target: str) -> None:
    """Rename an object, if it exists."""
    with reachable(), contextlib.suppress(FileNotFoundError):
        await obstore.rename_async(get_store(), name, target)


async def remove(*names: str) -> None:
    """Remove objects. Missing ones are ignored."""
    with reachable():
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                await obstore.delete_async(get_store(), name)


async def check() -> None:
    """Raise 503 if the server, the bucket or the keys cannot be used."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            with reachable():
                await obstore.list_with_delimiter_async(get_store(), "health")
    except (TimeoutError, FileNotFoundError) as error:
        raise StorageDownError() from error


@contextlib.contextmanager
def reachable() -> Iterator[None]:
    """Raise 503 for every error of the server, except for an object that does not exist."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, PermissionError) as error:
        logger.warning("the file server does not answer: %s", str(error).partition("\n")[0])
        raise StorageDownError() from error


def presign(
    method: str,
    name: str,
    seconds: int,
    headers: Mapping[str, str] = {},
    query: Mapping[str, str] = {},
) -> str:
    """Return a URL that allows one request, with exactly these headers and parameters.

    The server rejects others, because they are part of the signature (AWS Signature Version 4).
    obstore signs only a method and a name.
    """
    settings = get_settings()
    endpoint = settings.s3_public_endpoint or settings.s3_endpoint or _aws_endpoint()
    url = urlsplit(_bucket_url(endpoint))
    signed = {"host": url.netloc, **{key.lower(): value for key, value in headers.items()}}
    time, scope = _time_and_scope()
    parameters = {
        **query,
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{settings.s3_access_key_id}/{scope}",
        "X-Amz-Date": time,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": ";".join(sorted(signed)),
    }
    path = f"{url.path}/{quote(name)}"
    encoded = "&".join(f"{quote(k, '')}={quote(v, '')}" for k, v in sorted(parameters.items()))
    signature = _sign([method, path, encoded], signed, time, scope)
    return f"{url.scheme}://{url.netloc}{path}?{encoded}&X-Amz-Signature={signature}"


def sign_request(method: str, name: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return the URL and the headers of a request that the service sends itself.

    The URL has no signature, because URLs of requests are logged and traced.
    """
    settings = get_settings()
    url = urlsplit(_bucket_url(settings.s3_endpoint or _aws_endpoint()))
    path = f"{url.path}/{quote(name)}"
    time, scope = _time_and_scope()
    signed = {"host": url.netloc, **{key.lower(): value for key, value in headers.items()}}
    signed |= {"x-amz-content-sha256": UNSIGNED, "x-amz-date": time}
    signature = _sign([method, path, ""], signed, time, scope)
    signed["authorization"] = (
        f"{ALGORITHM} Credential={settings.s3_access_key_id}/{scope}, "
        f"SignedHeaders={';'.join(sorted(signed))}, Signature={signature}"
    )
    return f"{url.scheme}://{url.netloc}{path}", signed


def _time_and_scope() -> tuple[str, str]:
    now = utc_now()
    return f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}/{get_settings().s3_region}/s3/aws4_request"


def _sign(request: list[str], headers: Mapping[str, str], time: str, scope: str) -> str:
    """Sign a request: its method, path and query, and its headers in lower case."""
    lines = [f"{key}:{headers[key].strip()}" for key in sorted(headers)]
    canonical = "\n".join([*request, *lines, "", ";".join(sorted(headers)), UNSIGNED])
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{get_settings().s3_secret_access_key.get_secret_value()}".encode()
    for part in [*scope.split("/"), "\n".join([ALGORITHM, time, scope, digest])]:
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def _bucket_url(endpoint: str) -> str:
    settings = get_settings()
    scheme, _, host = endpoint.partition("://")
    path_style = f"{endpoint}/{settings.s3_bucket}"
    return path_style if settings.s3_path_style else f"{scheme}://{settings.s3_bucket}.{host}"


def _aws_endpoint() -> str:
    return f"https://s3.{get_settings().s3_region}.amazonaws.com"
