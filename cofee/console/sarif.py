"""Findings as SARIF 2.1.0 (OASIS), which code hosts show beside the lines of a change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cofee.source.architecture import Finding
from cofee.source.checkers import Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def document(rules: Sequence[Rule], findings: Sequence[Finding], version: str) -> dict[str, Any]:
    """Return the log of one run.

    Args:
        rules: all rules that were checked, found broken or not.
        version: of the command.
    """
    driver = {
        "name": "cofee check",
        "version": version,
        "rules": [_rule(rule) for rule in rules],
    }
    results = [_result(finding) for finding in findings]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": f"{rule.id}/{rule.name}",
        "shortDescription": {"text": rule.why},
        "help": {"text": rule.fix},
        "defaultConfiguration": {"level": "error"},
    }


def _result(finding: Finding) -> dict[str, Any]:
    place = {
        "artifactLocation": {"uri": finding.path},
        "region": {"startLine": finding.line},
    }
    return {
        "ruleId": f"{finding.rule.id}/{finding.rule.name}",
        "level": "error",
        "message": {"text": f"{finding.message}. {finding.rule.fix}"},
        "locations": [{"physicalLocation": place}],
    }
