"""Template URLs: Copier's short forms and how they map to git URLs."""

from __future__ import annotations

import os
import re
from pathlib import Path

# Copier's short forms, so that a recorded `_src_path` has the same meaning for both.
SHORT_FORMS = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}


def located(source: str, base: Path | None) -> str:
    """Return the URL or path of a source; Copier may have recorded a path relative to `base`."""
    if base is None or is_remote(source):
        return source
    return os.path.normpath(base / Path(source).expanduser())


def is_remote(source: str) -> bool:
    """Return whether an address is a URL, not a path."""
    return bool(re.match(r"(gh:|gl:|git\+|git@|[a-z][a-z0-9+.-]*://)", source))


def git_address(source: str) -> str:
    """Return the git URL of a source, with short forms expanded."""
    for short, address in SHORT_FORMS.items():
        if source.startswith(short):
            return address + source.removeprefix(short).strip("/").removesuffix(".git") + ".git"
    return source.removeprefix("git+")
