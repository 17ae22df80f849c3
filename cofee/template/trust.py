"""Trust: which templates may run tasks on the user's machine."""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cofee.errors import CofeeError

if TYPE_CHECKING:
    from copier import Settings

    from cofee.template.template import Template

NO_ORIGIN = "no template: cofee does not know where it was installed from"


def default_source() -> str:
    """Return the source from which cofee was installed (PEP 610), which has the template.

    Raises:
        CofeeError: it was installed from a package index, which has no template.
    """
    origin = _origin()
    if origin is None:
        raise CofeeError(NO_ORIGIN, hint="use `--template SRC`, or set `COFEE_TEMPLATE`")
    return origin


def require_trusted(template: Template, *, trusted: bool) -> None:
    """Reject a template with tasks that is not trusted.

    Trusted are the template with which cofee was installed, those in Copier's settings, and any
    template with `--trust`.
    """
    if template.setting("jinja_extensions", []):
        raise CofeeError(
            f"the template `{template.source}` needs Jinja extensions, which cofee cannot load",
            hint="use `copier copy --trust` instead",
        )
    if trusted or not template.setting("tasks", []):
        return
    if template.source == _origin() or _is_in_settings(template.source):
        return
    raise CofeeError(
        f"the template `{template.source}` runs tasks and is not trusted",
        hint="read `_tasks` in its `copier.yml`, then run again with `--trust`",
    )


def copier_settings() -> Settings | None:
    """Return the user's Copier settings or None, without importing Copier."""
    if not _settings_path().is_file():
        return None
    from copier import load_settings

    return load_settings()


def _origin() -> str | None:
    text = importlib.metadata.distribution("cofee").read_text("direct_url.json")
    if text is None:
        return None
    origin = json.loads(text)
    url: str = origin["url"]
    if "vcs_info" in origin:
        return url
    path = url.removeprefix("file://")
    return path if (Path(path) / "copier.yml").is_file() else None


def _is_in_settings(source: str) -> bool:
    settings = copier_settings()
    prefixes = settings.trust if settings else []
    return any(
        source.startswith(prefix) if prefix.endswith("/") else source == prefix
        for prefix in prefixes
    )


def _settings_path() -> Path:
    """Return the path of Copier's settings."""
    if named := os.environ.get("COPIER_SETTINGS_PATH"):
        return Path(named)
    if sys.platform == "darwin":
        return Path("~/Library/Application Support/copier/settings.yml").expanduser()
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "copier" / "settings.yml"
