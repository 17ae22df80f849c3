"""The baseline of `cofee check`: findings that are accepted for now. It may only shrink.

A finding is recognised by its rule, its file and its line of code, so it may move within the file.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cofee.errors import CofeeError
from cofee.files import File
from cofee.git import GitError, git
from cofee.project.disk import write_file
from cofee.source.architecture import Finding

BASELINE_FILE = "architecture-baseline.json"
KEYS = ("rule", "path", "code")

Key = tuple[str, str, str]  # the rule's name, the path, the line of code


@dataclass(frozen=True)
class Baseline:
    """The rules that were known when findings were accepted, and these findings."""

    rules: frozenset[str] = frozenset()
    accepted: Counter[Key] = field(default_factory=Counter)

    @classmethod
    def parse(cls, content: bytes) -> Baseline:
        """Read the file.

        Raises:
            CofeeError: it is not what `cofee check --accept` writes.
        """
        try:
            loaded = json.loads(content)
            keys = [tuple(str(one[key]) for key in KEYS) for one in loaded["findings"]]
            return cls(frozenset(map(str, loaded["rules"])), Counter(keys))  # type: ignore[arg-type]
        except (ValueError, KeyError, TypeError) as error:
            raise CofeeError(
                f"`{BASELINE_FILE}` is not readable",
                hint="restore it from the git history, or remove it and run `cofee check --accept`",
            ) from error

    def new(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return the findings that were not accepted."""
        left = Counter(self.accepted)
        new = []
        for finding in findings:
            left[key_of(finding)] -= 1
            if left[key_of(finding)] < 0:
                new.append(finding)
        return new

    def gone(self, findings: Iterable[Finding]) -> list[Key]:
        """Return what was accepted and is no longer found."""
        return sorted((self.accepted - Counter(map(key_of, findings))).elements())

    def following(self, findings: Sequence[Finding], rules: Iterable[str]) -> Baseline:
        """Return the baseline without what is gone, and with the findings of rules new to it."""
        found = Counter(map(key_of, findings))
        kept = self.accepted & found
        added = Counter({key: count for key, count in found.items() if key[0] not in self.rules})
        return Baseline(frozenset(rules), kept | added)

    def grown(self, before: Baseline) -> list[Key]:
        """Return what was added since `before` for rules that were known then."""
        added = self.accepted - before.accepted
        return sorted(key for key in added.elements() if key[0] in before.rules)

    def to_bytes(self) -> bytes:
        """Return the content of the file, which has a line for each finding."""
        findings = [dict(zip(KEYS, key, strict=True)) for key in sorted(self.accepted.elements())]
        document = {"rules": sorted(self.rules), "findings": findings}
        return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def key_of(finding: Finding) -> Key:
    """Return what a finding is recognised by."""
    return finding.rule.name, finding.path, finding.code


def read_baseline(root: Path) -> Baseline | None:
    """Return the baseline of a service; None if it has none."""
    path = root / BASELINE_FILE
    return Baseline.parse(path.read_bytes()) if path.is_file() else None


def committed_baseline(root: Path) -> Baseline | None:
    """Return the baseline at `HEAD`, or None without one or without a commit."""
    try:
        return Baseline.parse(git("show", f"HEAD:./{BASELINE_FILE}", cwd=root))
    except GitError:
        return None


def write_baseline(root: Path, baseline: Baseline) -> None:
    """Write the file in one step."""
    new = root / f".{BASELINE_FILE}.new"
    new.unlink(missing_ok=True)
    write_file(new, File(baseline.to_bytes()), owner=root)
    new.replace(root / BASELINE_FILE)
