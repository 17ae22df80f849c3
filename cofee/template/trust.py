"""Which templates may run code: their tasks run programs on the user's machine."""

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
    """Return where this cofee was installed from (PEP 610), which is its template's address.

    Raises:
        CofeeError: it came from a package index, which serves no template.
    """
    origin = _origin()
    if origin is None:
        raise CofeeError(NO_ORIGIN, hint="use `--template SRC`, or set `COFEE_TEMPLATE`")
    return origin


def require_trusted(template: Template, *, trusted: bool) -> None:
    """Refuse a template that would run code which the user has not agreed to.

    Trusted are the template that this command came with, those that Copier's settings name, and
    any by `--trust`.
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
    """Return the user's Copier settings; None where there are none, without loading Copier."""
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
    """Return where Copier keeps its settings."""
    if named := os.environ.get("COPIER_SETTINGS_PATH"):
        return Path(named)
    if sys.platform == "darwin":
        return Path("~/Library/Application Support/copier/settings.yml").expanduser()
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "copier" / "settings.yml"
