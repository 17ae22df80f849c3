"""An OpenID Connect provider as a process, which makes errors on request."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import httpx2
import uvicorn
from fastapi import FastAPI, Form, HTTPException, Response
from fastapi.responses import RedirectResponse
from joserfc import jwt
from joserfc.jwk import RSAKey

ROOT = Path(__file__).resolve().parents[1]
CLIENT_ID = "service"
CLIENT_SECRET = "a secret of the provider"
KEY_SIZE = 2048


def make_provider(issuer: str) -> FastAPI:
    """Return the provider. It signs in the user in `login_hint`, as JSON."""
    provider = FastAPI()
    keys = {name: RSAKey.generate_key(KEY_SIZE, {"kid": "k"}) for name in ("own", "foreign")}
    waiting: dict[str, dict[str, Any]] = {}

    @provider.get("/.well-known/openid-configuration")
    def describe() -> dict[str, Any]:
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    @provider.get("/keys")
    def publish() -> dict[str, Any]:
        return {"keys": [keys["own"].as_dict(private=False)]}

    @provider.post("/next")
    def prepare(claims: dict[str, Any]) -> None:
        """Set the claims of the next ID token."""
        waiting["next"] = claims

    @provider.get("/authorize")
    def authorize(
        redirect_uri: str, state: str, nonce: str, code_challenge: str, code_challenge_method: str
    ) -> RedirectResponse:
        if code_challenge_method != "S256":
            raise HTTPException(400)
        code = secrets.token_urlsafe()
        waiting[code] = {"nonce": nonce, **waiting.pop("next"), "challenge": code_challenge}
        return RedirectResponse(f"{redirect_uri}?code={code}&state={state}", 302)

    @provider.post("/token")
    def trade(code: Annotated[str, Form()], code_verifier: Annotated[str, Form()]) -> Any:
        claims = waiting.pop(code, None)
        digest = base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest())
        if claims is None or claims.pop("challenge") != digest.rstrip(b"=").decode():
            raise HTTPException(400, "invalid_grant")
        if "answer" in claims:
            return Response(claims["answer"], media_type="application/json")
        key = keys[claims.pop("signed_by", "own")]
        now = int(time.time())
        token = {"iss": issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 60, **claims}
        signed = jwt.encode({"alg": "RS256", "kid": "k"}, token, key)
        return {"access_token": "theirs", "token_type": "Bearer", "id_token": signed}

    return provider


@contextlib.contextmanager
def running_provider() -> Iterator[str]:
    """Start the provider and yield its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603  # it is this file
        [sys.executable, "-m", "tests.provider", str(port)], cwd=ROOT
    )
    try:
        yield wait_for(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()


def wait_for(issuer: str) -> str:
    """Return the URL when the provider answers."""
    with httpx2.Client() as client:
        for _ in range(300):
            with contextlib.suppress(httpx2.TransportError):
                client.get(f"{issuer}/keys")
                return issuer
            time.sleep(0.1)
    raise TimeoutError(issuer)


if __name__ == "__main__":
    port = int(sys.argv[1])
    uvicorn.run(make_provider(f"http://127.0.0.1:{port}"), port=port, log_level="error")
