"""Manual steps after an update: upgrade notes, and follow-ups of changed files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofee.errors import CofeeError
from cofee.files import load_yaml
from cofee.git import enclosing_repository
from cofee.template.template import Template
from cofee.template.versions import parse_version

if TYPE_CHECKING:
    from packaging.version import Version

UPGRADES = "UPGRADES.yml"


def notes_between(old: Template, new: Template) -> list[str]:
    """Return the notes of the versions between two commits, oldest first.

    Notes that the old commit already has are not included.
    """
    known = set(_notes(old))
    crossed = [
        (version, note)
        for version, note in _notes(new)
        if (version, note) not in known and _is_crossed(version, old.version, new.version)
    ]
    return [f"{version}: {note}" for version, note in sorted(crossed, key=lambda pair: pair[0])]


def follow_up(template: Template, changed: Collection[str]) -> list[str]:
    """Return the manual steps after changes of these files."""
    wanted: Mapping[str, Sequence[str]] = template.setting("cofee_follow_up", {})
    return [step for path, steps in wanted.items() if path in changed for step in steps]


def below_repository_root(template: Template, root: Path, created: Collection[str]) -> list[str]:
    """Return the manual steps for new files that a host reads only at the root of a repository.

    Args:
        root: the directory of the service; there are no steps if it is the repository's root.
    """
    repository = enclosing_repository(root)
    if repository is None or repository.top == root:
        return []
    folder = root.relative_to(repository.top).as_posix()
    steps: Mapping[str, str] = template.setting("cofee_repository_root", {})
    return [
        f"`{path}`: {step.replace('{folder}', folder)}"
        for path, step in steps.items()
        if path in created
    ]


def _notes(template: Template) -> Iterator[tuple[Version, str]]:
    path = template.root / UPGRADES
    if not path.is_file():
        return
    releases: list[dict[str, Any]] = load_yaml(path.read_bytes(), path=UPGRADES) or []
    for release in releases:
        version = parse_version(str(release["version"]))
        if version is None:
            raise CofeeError(
                f"`{UPGRADES}` of the template has an invalid version: `{release['version']}`",
                hint="fix the version in the template; it is written like a tag without the `v`",
            )
        for note in release["notes"]:
            yield version, str(note)


def _is_crossed(noted: Version, old: Version | None, new: Version | None) -> bool:
    """Return whether a version is between two versions; an unknown version sets no limit.

    `0.2.0.dev0` has some of the notes of 0.2.0, but not all.
    """
    version, first, last = _release(noted), _release(old), _release(new)
    if first and first == last:
        return version is not None and version >= first
    if version is None or (last and version > last):
        return False
    is_incomplete = old is not None and old.is_prerelease
    return first is None or version > first or (is_incomplete and version == first)


def _release(version: Version | None) -> Version | None:
    """Return the release of a version or pre-release."""
    return parse_version(version.base_version) if version else None
