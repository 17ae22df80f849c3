"""Webhooks over HTTP, as Standard Webhooks specifies them (https://www.standardwebhooks.com).

The URLs come from users. A request must not reach what only the service can reach, so the address
is checked after the name is resolved, and the request is sent to that address.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import secrets
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Callable

import httpx2
from fastapi import HTTPException, Request
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.common.errors import ConflictError
from app.infrastructure.redis import get_redis, reachable
from app.infrastructure.settings import get_settings
from app.infrastructure.tls import get_tls

ERROR_SCHEME = "The URL must begin with https://"
ERROR_PARTS = "The URL must have a valid host and port, and no user, password or fragment"
ERROR_PRIVATE = "The URL leads to an address that is not public"
ERROR_UNSIGNED = "The webhook has no valid signature"
ERROR_REPLAYED = "The webhook was received before"
SECRET_BYTES = 32
# Twice the age at which a signature is too old.
REPLAY_SECONDS = 600
# All other IPv6 addresses are local, reserved, or have an IPv4 address in them.
PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
# A network without IPv4 reaches its addresses here, in the last 32 bits.
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
MAX_PORT = 65535


class PrivateAddressError(Exception):
    """The host has an address of this machine or of its network."""


class InvalidUrlError(ValueError):
    """The URL has no host to which a message could be sent."""


def new_secret() -> str:
    """Return a new secret to sign with."""
    return f"whsec_{b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


async def send_webhook(url: str, secret: str, message_id: str, body: str) -> int:
    """Send a message once, and return the status of the answer. Redirects are not followed.

    Raises:
        InvalidUrlError: the URL has no valid host or port.
        PrivateAddressError: the host has an address that is not public.
        httpx2.HTTPError, OSError: the host did not answer.
    """
    timeout = get_settings().webhook_timeout_seconds
    async with asyncio.timeout(timeout):
        target = parse_url(url)
        host = target.raw_host.decode("ascii")
        address = await public_address(host, target.port or 443)
        now = dt.datetime.now(dt.UTC)
        headers = {
            "Host": target.netloc.decode("ascii"),
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(message_id, now, body),
        }
        # A proxy of the environment would resolve the name again. The answer is not read.
        async with (
            httpx2.AsyncClient(timeout=timeout, verify=get_tls(), trust_env=False) as client,
            client.stream(
                "POST",
                target.copy_with(host=address),
                content=body,
                headers=headers,
                extensions={"sni_hostname": host},
            ) as response,
        ):
            return int(response.status_code)


async def public_address(host: str, port: int) -> str:
    """Resolve a host, all of whose addresses must be public."""
    loop = asyncio.get_running_loop()
    entries = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in entries]
    if not get_settings().webhook_allow_private and not all(map(is_public, addresses)):
        raise PrivateAddressError(host)
    return addresses[0]


def is_public(address: str) -> bool:
    """Return whether an address is public. An IPv6 address can contain an IPv4 address."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = _inner_address(parsed)
        if inner is None:
            return parsed in PUBLIC_IPV6 and parsed.is_global
        parsed = inner
    return parsed.is_global and not parsed.is_multicast


def _inner_address(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour


def parse_url(url: str) -> httpx2.URL:
    """Return a URL whose host can be resolved."""
    try:
        target = httpx2.URL(url)
        target.raw_host.decode("ascii").encode("idna")  # checks the length of each label
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise InvalidUrlError(ERROR_PARTS) from error
    is_valid = target.host and 0 < (target.port or 443) <= MAX_PORT
    if not is_valid or target.userinfo or target.fragment:
        raise InvalidUrlError(ERROR_PARTS)
    return target


def refuse_private(url: str) -> str:
    """Raise ValueError for a URL that a webhook cannot have. Names are resolved later, to send."""
    target = parse_url(url)
    is_private = get_settings().webhook_allow_private
    if target.scheme != "https" and not (is_private and target.scheme == "http"):
        raise ValueError(ERROR_SCHEME)
    if not is_private and _is_private_literal(target.host):
        raise ValueError(ERROR_PRIVATE)
    return url


def _is_private_literal(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        return host == "localhost"


def received_webhook(sender: str) -> Callable[[Request], AsyncIterator[bytes]]:
    """Return a dependency that yields the body of a webhook of this sender, once.

    A webhook without a valid signature gets 401, and one that was received before 409. If the
    endpoint fails, the sender can send it again.

        Body = Annotated[bytes, Depends(received_webhook("shop"), scope="function")]
    """

    async def receive(request: Request) -> AsyncIterator[bytes]:
        body = await request.body()
        secret = get_settings().incoming_webhook_secrets.get(sender)
        try:
            if secret is None:
                raise WebhookVerificationError(sender)
            signed = Webhook(secret.get_secret_value())
            signed.verify(body, dict(request.headers), json_parse=False)
        except (WebhookVerificationError, ValueError) as error:
            raise HTTPException(401, ERROR_UNSIGNED) from error
        key = f"webhook:{sender}:{request.headers['webhook-id']}"
        with reachable():
            is_new = await get_redis().set(key, "1", nx=True, ex=REPLAY_SECONDS)
        if not is_new:
            raise ConflictError(ERROR_REPLAYED, code="replayed")
        try:
            yield body
        except BaseException:
            with reachable():
                await get_redis().delete(key)
            raise

    return receive
