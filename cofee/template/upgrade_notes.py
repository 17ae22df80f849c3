"""What a person has to do by hand: the notes of the versions crossed, and what a file asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from packaging.version import InvalidVersion, Version

from cofee.project.plan import Plan
from cofee.files import load_yaml
from cofee.template.template import Template


def notes_between(old: Template, new: Template) -> list[str]:
    """Return the notes of every version after `old`, up to `new`, oldest first."""
    path = new.root / "UPGRADES.yml"
    since, until = _version(old.commit), _version(new.commit)
    if not path.is_file() or since is None or until is None:
        return []
    releases: list[dict[str, Any]] = load_yaml(path.read_bytes(), path="UPGRADES.yml") or []
    crossed = [(Version(str(release["version"])), release["notes"]) for release in releases]
    return [
        f"{version}: {note}"
        for version, notes in sorted(crossed, key=lambda pair: pair[0])
        if since < version <= until
        for note in notes
    ]


def follow_up(template: Template, plan: Plan) -> list[str]:
    """Return what the template asks for where a plan changes some of its files."""
    wanted: Mapping[str, Sequence[str]] = template.setting("cofee_follow_up", {})
    changed = {change.path for change in plan.changes}
    return [step for path, steps in wanted.items() if path in changed for step in steps]


def _version(commit: str) -> Version | None:
    """Read `v1.2.0` or `v1.2.0-3-gabc1234`, three commits after it; None for a bare commit."""
    tag, *after = commit.rsplit("-", 2)
    try:
        return Version(f"{tag}.post{after[0]}" if len(after) == 2 else commit)
    except InvalidVersion:
        return None
