"""YAML of templates, parsed once: the same content is read as JSON from the cache the next time.

Parsing the tables of a template takes a tenth of the time of a command.
"""

from __future__ import annotations

import contextlib
import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

from cofee.files import load_yaml
from cofee.template.clones import cache_dir


def parsed_yaml(content: bytes, path: str) -> Any:
    """Return the content of a YAML file of a template.

    Raises:
        CofeeError: it is not valid YAML; the message has `path` and the line.
    """
    kept = cache_dir() / "yaml" / f"{sha256(content).hexdigest()}.json"
    with contextlib.suppress(OSError, ValueError):
        return json.loads(kept.read_bytes())
    loaded = load_yaml(content, path)
    with contextlib.suppress(OSError, ValueError, TypeError, RecursionError):
        _keep(loaded, kept)
    return loaded


def _keep(loaded: Any, kept: Path) -> None:
    """Write what was loaded as JSON, unless that is different, as for dates and numbers as keys."""
    text = json.dumps(loaded)
    if json.loads(text) != loaded:
        return
    kept.parent.mkdir(parents=True, exist_ok=True)
    draft = kept.with_suffix(f".{os.getpid()}")
    draft.write_text(text)
    draft.replace(kept)
