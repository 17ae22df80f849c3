"""Where files are stored, and the limits of uploads."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

MAX_OBJECT_BYTES = 5 * 2**30  # of one PUT, and of one copy
MAX_URL_SECONDS = 604_800


class StorageSettings(BaseSettings):
    """Settings of an S3 server (AWS, MinIO, R2, …)."""

    # Without an endpoint, it is that of AWS in the region.
    s3_endpoint: str = Field(default="", pattern="^(https?://[^/]+)?$")
    # The endpoint as clients reach it, if it differs.
    s3_public_endpoint: str = Field(default="", pattern="^(https?://[^/]+)?$")
    s3_bucket: str = "files"
    s3_access_key_id: str
    s3_secret_access_key: SecretStr
    s3_region: str = "us-east-1"
    s3_path_style: bool = True
    # Whether the server rejects content that does not match its `x-amz-checksum-sha256`.
    s3_verifies_checksums: bool = False
    s3_timeout_seconds: int = Field(default=30, ge=1)
    max_upload_bytes: int = Field(default=104_857_600, ge=1, le=MAX_OBJECT_BYTES)
    # In one process at once; each of unknown size needs 10 MB of memory.
    max_uploads: int = Field(default=8, ge=1)
    # Of one upload, and of reading an object to check it.
    upload_seconds: int = Field(default=600, ge=1)
    upload_types: tuple[str, ...] = ()
    upload_url_seconds: int = Field(default=900, ge=1, le=MAX_URL_SECONDS)
    download_url_seconds: int = Field(default=300, ge=1, le=MAX_URL_SECONDS)
