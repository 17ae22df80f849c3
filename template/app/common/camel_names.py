"""Names of fields in camelCase, those of all schemas of the service."""

from __future__ import annotations

from app.common.names import JsonNames


class CamelNames(JsonNames):
    """Names such as `createdAt` of `created_at`."""

    def __call__(self, name: str) -> str:
        first, *words = super().__call__(name).split("_")
        return first + "".join(word[:1].upper() + word[1:] for word in words)


NAMES = CamelNames({})
