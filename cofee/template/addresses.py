"""Where a template comes from: the addresses that Copier takes, and what git is given for them."""

from __future__ import annotations

import os
import re
from pathlib import Path

# The short forms that Copier takes, so that a recorded `_src_path` means the same to both.
SHORT_FORMS = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}


def located(source: str, base: Path | None) -> str:
    """Return the address of a source; Copier may have recorded a path that counts from `base`."""
    if base is None or is_remote(source):
        return source
    return os.path.normpath(base / Path(source).expanduser())


def is_remote(source: str) -> bool:
    """Tell a URL from a path."""
    return bool(re.match(r"(gh:|gl:|git\+|git@|[a-z][a-z0-9+.-]*://)", source))


def git_address(source: str) -> str:
    """Return what git takes for a source, short forms written out."""
    for short, address in SHORT_FORMS.items():
        if source.startswith(short):
            return address + source.removeprefix(short).strip("/").removesuffix(".git") + ".git"
    return source.removeprefix("git+")
