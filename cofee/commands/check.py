"""`cofee check`: compares the service's own code with the architecture rules of its template."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

from cofee.console import output, sarif
from cofee.console.mode import Options
from cofee.errors import FOUND, CofeeError, quote
from cofee.project import baseline, project
from cofee.project.baseline import BASELINE_FILE, Baseline
from cofee.project.project import Project
from cofee.source import architecture
from cofee.source.architecture import Finding
from cofee.source.checkers import Rule
from cofee.source.imports import visible_files


def check(directory: Path, options: Options, *, accept: bool, as_sarif: bool) -> None:
    """Print the findings that are not in the baseline, and exit with 1 if there are any.

    Args:
        accept: write the baseline first: a new one has all findings, and an old one shrinks.
    """
    found = project.find(directory)
    found.journal.recover()
    rules = architecture.read_rules(
        found.template.architecture, f"`macros/architecture.yml` of `{found.template.source}`"
    )
    findings = architecture.findings(sources(found.root), rules)
    known = _read_baseline(found)
    if accept:
        known = known.following(findings, [rule.name for rule in rules])
        baseline.write_baseline(found.root, known)
    new, gone = known.new(findings), known.gone(findings)
    accepted = len(findings) - len(new)
    if as_sarif:
        output.write(json.dumps(sarif.document(rules, new, version("cofee")), indent=2) + "\n")
    elif options.as_json:
        options.printer.data(document(new, len(gone), accepted))
    else:
        _print(new, len(gone), accepted, options)
    if new or gone:
        sys.exit(FOUND)


def sources(root: Path) -> dict[str, str]:
    """Return the text of each Python file by its path; other files have an empty text."""
    return {path: _text(root / path) for path in sorted(visible_files(root))}


def document(new: Sequence[Finding], gone: int, accepted: int) -> dict[str, Any]:
    """Return the findings as `--json` prints them."""
    rows = [
        {
            "rule": one.rule.id,
            "name": one.rule.name,
            "path": one.path,
            "line": one.line,
            "message": one.message,
            "why": one.rule.why,
            "fix": one.rule.fix,
        }
        for one in new
    ]
    return {"findings": rows, "accepted": accepted, "gone": gone}


def _text(path: Path) -> str:
    if path.suffix != ".py":
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CofeeError(
            f"{quote(path)} is not UTF-8 text", hint="save it as UTF-8, as Python expects"
        ) from error


def _read_baseline(found: Project) -> Baseline:
    """Return the baseline of a service, empty if it has none.

    Raises:
        CofeeError: it has more findings than the committed one.
    """
    known = baseline.read_baseline(found.root) or Baseline()
    before = baseline.committed_baseline(found.root)
    grown = known.grown(before) if before else []
    if grown:
        rule, path, _ = grown[0]
        raise CofeeError(
            f"`{BASELINE_FILE}` has {len(grown)} findings more than the committed one, "
            f"such as `{rule}` in `{path}`; it may only shrink",
            hint=f"restore it with `git checkout HEAD -- {BASELINE_FILE}`, and fix what is new, or "
            "allow it with a comment: `# allow(RULE): the reason`",
        )
    return known


def _print(new: Sequence[Finding], gone: int, accepted: int, options: Options) -> None:
    for rule, found in groupby(sorted(new, key=_by_rule), key=lambda one: one.rule):
        _print_rule(rule, list(found))
    said = f"{len(new)} findings" if new else "no findings"
    options.printer.say(f"{said}, {accepted} accepted in the baseline" if accepted else said)
    if gone:
        options.printer.say(
            f"{gone} findings of the baseline are gone: `cofee check --accept` removes them from it"
        )


def _by_rule(finding: Finding) -> tuple[str, str, str, int]:
    return finding.rule.id, finding.rule.name, finding.path, finding.line


def _print_rule(rule: Rule, findings: Sequence[Finding]) -> None:
    lines = [f"  {one.path}:{one.line}  {one.message}" for one in findings]
    title = output.paint(f"{rule.id} {rule.name}", "error")
    output.write("\n".join([title, *lines, f"  why: {rule.why}", f"  fix: {rule.fix}", "", ""]))
