"""A project on disk: its root, its recorded answers and its modules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cofee.errors import CofeeError, quote
from cofee.files import load_yaml
from cofee.project.journal import Journal
from cofee.project.migrations import Migrations
from cofee.spec.yaml_input import check_keys, check_modules
from cofee.template import template
from cofee.template.template import Template

ANSWERS_FILE = ".copier-answers.yml"
HASH = "_commit_hash"
ORIGIN = ("_src_path", "_commit", HASH)  # how an answers file records its template
HASH_FORM = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")  # SHA-1, or SHA-256


@dataclass(frozen=True)
class Project:
    """A folder with an answers file; `root` has no symbolic link in it."""

    root: Path

    @cached_property
    def answers(self) -> dict[str, Any]:
        """The recorded answers.

        Raises:
            CofeeError: the answers file is broken.
        """
        loaded = load_yaml((self.root / ANSWERS_FILE).read_bytes(), path=ANSWERS_FILE)
        if not isinstance(loaded, dict):
            raise CofeeError(f"`{ANSWERS_FILE}` must be a mapping of answers")
        for key in ORIGIN:
            if loaded.get(key) is None and key == HASH:
                continue  # older templates did not record it
            if loaded.get(key) is None:
                raise CofeeError(
                    f"`{ANSWERS_FILE}` has no `{key}`, so the template is unknown",
                    hint="restore the file from the git history",
                )
            if not isinstance(loaded[key], str):
                raise CofeeError(
                    f"`{ANSWERS_FILE}`: `{key}` is {quote(loaded[key])}, which is not text",
                    hint="put the value in quotes",
                )
            if not loaded[key].isprintable():
                raise CofeeError(
                    f"`{ANSWERS_FILE}`: `{key}` is {quote(loaded[key])}, which is not plain text",
                    hint="restore the file from the git history",
                )
        if not HASH_FORM.fullmatch(loaded.get(HASH) or "0" * 40):
            raise CofeeError(
                f"`{ANSWERS_FILE}`: `{HASH}` is {quote(loaded[HASH])}, which is not a full hash",
                hint="restore the file from the git history",
            )
        check_modules(loaded.get("modules", []), f"`{ANSWERS_FILE}`")
        return loaded

    @cached_property
    def template(self) -> Template:
        """The template at the commit that the project records.

        Raises:
            CofeeError: it is not to be had, or would not read all that is recorded of a module.
        """
        source, commit = self.answers["_src_path"], self.answers["_commit"]
        found = template.recorded(source, commit, self.answers.get(HASH), base=self.root)
        found.require_contract()
        check_keys(self.modules, found.facts, f"`{ANSWERS_FILE}`")
        return found

    @property
    def modules(self) -> list[dict[str, Any]]:
        """The recorded modules, oldest first."""
        found: list[dict[str, Any]] = self.answers.get("modules", [])
        return found

    @cached_property
    def migrations(self) -> Migrations:
        alembic = self.template.setting("cofee_alembic", "alembic")
        return Migrations(self.root, self.template.facts.migrations, alembic)

    @cached_property
    def journal(self) -> Journal:
        return Journal(self.root)


def find(start: Path) -> Project:
    """Return the project that `start` lies in.

    Raises:
        CofeeError: neither `start` nor a folder above it has an answers file.
    """
    folder = start.expanduser().resolve()
    if not folder.is_dir():
        raise CofeeError(
            f"the directory `{start}` does not exist", hint="check the path given with `-C`"
        )
    for candidate in (folder, *folder.parents):
        if (candidate / ANSWERS_FILE).is_file():
            return Project(candidate)
    raise CofeeError(
        f"`{start}` is not a cofee service: no `{ANSWERS_FILE}` here or in a parent directory",
        hint="create a service with `cofee new DEST`, or select one with `-C DIR`",
    )
