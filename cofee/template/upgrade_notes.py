"""Manual steps after an update: the upgrade notes it crosses, and follow-ups of changed files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cofee.errors import CofeeError
from cofee.files import load_yaml
from cofee.template.template import Template
from cofee.template.versions import parse_version

if TYPE_CHECKING:
    from packaging.version import Version

UPGRADES = "UPGRADES.yml"


def notes_between(old: Template, new: Template) -> list[str]:
    """Return the notes that an update crosses, oldest version first.

    A note that the old commit has already is never among them.
    """
    known = set(_notes(old))
    crossed = [
        (version, note)
        for version, note in _notes(new)
        if (version, note) not in known and _is_crossed(version, old.version, new.version)
    ]
    return [f"{version}: {note}" for version, note in sorted(crossed, key=lambda pair: pair[0])]


def follow_up(template: Template, changed: Collection[str]) -> list[str]:
    """Return what the template asks for where some of its files change."""
    wanted: Mapping[str, Sequence[str]] = template.setting("cofee_follow_up", {})
    return [step for path, steps in wanted.items() if path in changed for step in steps]


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
    """Return whether a version's notes lie between two versions; an unknown one is no bound.

    `0.2.0.dev0` is on the way to 0.2.0: it has some of the notes of 0.2.0, and not yet all.
    """
    version, first, last = _release(noted), _release(old), _release(new)
    if first and first == last:
        return version is not None and version >= first
    if version is None or (last and version > last):
        return False
    is_incomplete = old is not None and old.is_prerelease
    return first is None or version > first or (is_incomplete and version == first)


def _release(version: Version | None) -> Version | None:
    """Return the release that a version is, or is on the way to."""
    return parse_version(version.base_version) if version else None
