"""Asks the questions of a template with Copier's prompts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cofee.errors import CancelledError
from cofee.files import load_yaml
from cofee.template.template import Template

Ask = Callable[[Template, Mapping[str, object], str], Mapping[str, object]]


def ask(template: Template, known: Mapping[str, object], folder_name: str) -> dict[str, Any]:
    """Return all answers, the known ones and those of the user.

    Copier has no function that only asks, so it renders into a temporary directory.

    Raises:
        CancelledError: the user cancelled.
    """
    from copier import run_copy

    with tempfile.TemporaryDirectory(prefix="cofee-") as folder:
        destination = Path(folder) / (folder_name or "service")
        try:
            run_copy(str(template.root), destination, data=dict(known), skip_tasks=True, quiet=True)
        except KeyboardInterrupt as error:
            raise CancelledError from error
        content = (destination / ".copier-answers.yml").read_bytes()
    answers = load_yaml(content, path=".copier-answers.yml")
    return {key: value for key, value in answers.items() if not key.startswith("_")}
