"""The version of a template: from its `pyproject.toml`, else from its tag."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.version import Version

SHORTEST_HASH = 7  # the minimum length of an abbreviated hash from `git describe --always`
AFTER_TAG = re.compile(r"-\d+-g[0-9a-f]+$")  # `v1.2.0-3-gabc1234` is three commits after `v1.2.0`


def version_of(pyproject: bytes | None, commit: str, commit_hash: str | None) -> Version | None:
    """Return the version of a template at a commit, or None without one.

    Args:
        pyproject: the content of the template's `pyproject.toml` at that commit.
        commit: the name of the commit by `git describe --tags --always`.
    """
    return parse_version(_declared(pyproject or b"")) or tag_version(commit, commit_hash)


def tag_version(commit: str, commit_hash: str | None) -> Version | None:
    """Return the version of the tag in a commit's name, or None for a hash."""
    return None if is_hash(commit, commit_hash) else parse_version(AFTER_TAG.sub("", commit))


def is_hash(commit: str, commit_hash: str | None) -> bool:
    """Return whether a commit name is a hash; one in ten parses as a version, such as `12a3456`."""
    return len(commit) >= SHORTEST_HASH and (commit_hash or "").startswith(commit)


def parse_version(text: str) -> Version | None:
    """Return the PEP 440 version of a text, or None."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text)
    except InvalidVersion:
        return None


def labelled(commit: str, commit_hash: str | None, version: Version | None) -> str:
    """Return a commit for messages: only its tag if the tag is the version."""
    if version is None or (parse_version(commit) == version and not is_hash(commit, commit_hash)):
        return commit
    return f"{commit}, version {version}"


def _declared(pyproject: bytes) -> str:
    import tomllib

    try:
        project = tomllib.loads(pyproject.decode()).get("project", {})
    except ValueError:  # not UTF-8, or not TOML
        return ""
    return str(project.get("version", "")) if isinstance(project, dict) else ""
