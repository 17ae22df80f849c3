"""URLs of PostgreSQL as providers print them, translated for the driver."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

DRIVER = "postgresql+asyncpg"
SCHEMES = ("postgres", "postgresql", DRIVER)
MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
CERTIFICATES = ("sslrootcert", "sslcert", "sslkey")
SERVER_SETTINGS = ("application_name", "options")
# SQLAlchemy reads these itself.
KEPT = ("host", "port", "prepared_statement_cache_size")
OTHERS = ("ssl", "sslmode", "channel_binding", "connect_timeout", "target_session_attrs")
PARAMETERS = (*OTHERS, *CERTIFICATES, *SERVER_SETTINGS, *KEPT, "pgbouncer")
POOLED_HOST = "-pooler"  # ends the first label of the host names of Neon's pooler

ERROR_SCHEME = "must start with postgresql://, postgres:// or postgresql+asyncpg://"
ERROR_FORM = "is not a URL: write characters such as @ / # % : in a password as %40 %2F %23 %25 %3A"
ERROR_PARAMETERS = f"has unsupported parameters: {{}}. Supported are {', '.join(PARAMETERS)}"
ERROR_MODE = f"has an invalid sslmode: use {', '.join(MODES)}"
ERROR_TIMEOUT = "has an invalid connect_timeout: use a number of seconds"
ERROR_CERTIFICATE = "has a certificate or key that cannot be read: {}"
ERROR_OPTIONS = "sets server settings in `options`, which poolers reject: use DATABASE_DIRECT_URL"


@dataclass(frozen=True)
class Target:
    """A URL for SQLAlchemy, arguments for the driver, and whether a pooler is in between."""

    url: sa.URL
    connect_args: dict[str, Any]
    pooled: bool


def read_url(text: str, password: str | None = None, pooled: bool | None = None) -> Target:
    """Translate a URL. `password` is used if the URL has none.

    Raises:
        ValueError: the URL cannot be translated. The message does not contain the password.
    """
    url = _parse(text)
    query = {k: v[-1] if isinstance(v, tuple) else v for k, v in url.query.items() if k not in KEPT}
    if unknown := sorted(query.keys() - set(PARAMETERS)):
        raise ValueError(ERROR_PARAMETERS.format(", ".join(unknown)))
    if pooled is None:
        first_label = (url.host or "").partition(".")[0]
        pooled = first_label.endswith(POOLED_HOST) or query.get("pgbouncer") == "true"
    if pooled and "-c" in query.get("options", ""):
        raise ValueError(ERROR_OPTIONS)
    url = url.difference_update_query(query).set(drivername=DRIVER)
    if url.password is None and password is not None:
        url = url.set(password=password)
    return Target(url, {**_connect_args(query), **_tls(query)}, pooled)


def _parse(text: str) -> sa.URL:
    if text.partition("://")[0] not in SCHEMES:
        raise ValueError(ERROR_SCHEME)
    if text.count("@") > 1:
        raise ValueError(ERROR_FORM)
    with contextlib.suppress(ArgumentError, ValueError):
        return sa.make_url(text)
    raise ValueError(ERROR_FORM)  # without the cause, which contains a part of the password


def _connect_args(query: Mapping[str, str]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    if settings := {name: query[name] for name in SERVER_SETTINGS if name in query}:
        arguments["server_settings"] = settings
    if "connect_timeout" in query:
        if not query["connect_timeout"].isdecimal():
            raise ValueError(ERROR_TIMEOUT)
        arguments["timeout"] = float(query["connect_timeout"])
    if "target_session_attrs" in query:
        arguments["target_session_attrs"] = query["target_session_attrs"]
    return arguments


def _tls(query: Mapping[str, str]) -> dict[str, Any]:
    """Return the driver's argument `ssl`.

    The driver has no channel binding. Where it is required, the certificate is verified instead,
    which protects from the same attack.
    """
    mode = query.get("sslmode", query.get("ssl"))
    if "channel_binding" in query and query["channel_binding"] == "require":
        mode = "verify-full"
    if mode is None:
        return {}
    if mode not in MODES:
        raise ValueError(ERROR_MODE)
    if mode == "disable":
        return {"ssl": False}
    if mode in ("allow", "prefer") or (mode == "require" and not query.keys() & set(CERTIFICATES)):
        return {"ssl": mode}
    return {"ssl": _context(mode, {name: query.get(name) for name in CERTIFICATES})}


def _context(mode: str, files: Mapping[str, str | None]) -> ssl.SSLContext:
    """Verify the certificate with `sslrootcert`, or with the authorities that the system trusts."""
    root = files["sslrootcert"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = mode == "verify-full" or root == "system"
    if mode == "require" and root is None:
        context.verify_mode = ssl.CERT_NONE
    try:
        if root in (None, "system"):
            context.load_default_certs()
        else:
            context.load_verify_locations(root)
        if files["sslcert"]:
            context.load_cert_chain(files["sslcert"], files["sslkey"])
    except OSError as error:  # includes errors in the file's content
        raise ValueError(ERROR_CERTIFICATE.format(error)) from error
    return context
