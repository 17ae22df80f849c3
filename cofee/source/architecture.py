"""The architecture rules of a template, and where the files of a service break them.

The rules are data of the template (`macros/architecture.yml`). Each names one of the `CHECKERS`,
the files that it is for, and what the checker looks for there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cofee.errors import CofeeError, listing, quote
from cofee.source.checkers import CHECKERS, Found, Rule
from cofee.source.code import Code
from cofee.source.imports import UNREADABLE

TEXTS = ("id", "name", "check", "says", "why", "fix")
OF_ANY_FILE = "names"  # the only checker of files that are not Python
# A comment that allows findings on its line, or in the lines below up to the next empty one.
ALLOW = re.compile(r"#\s*allow\((?P<rule>[\w-]+)\)(?::\s*(?P<reason>\S.*))?")


@dataclass(frozen=True)
class Finding:
    """A place that breaks a rule. `code` is its line without the white space around it."""

    rule: Rule
    path: str
    line: int
    message: str
    code: str


def read_rules(stated: object, where: str) -> list[Rule]:
    """Return the rules of a template.

    Raises:
        CofeeError: a rule lacks a text, or names a checker that this cofee does not have.
    """
    entries = stated.get("rules") if isinstance(stated, dict) else None
    if not isinstance(entries, list):
        raise CofeeError(f"{where} must have a list of `rules`")
    return [_rule(entry, f"{where}: rule {number}") for number, entry in enumerate(entries, 1)]


def findings(sources: Mapping[str, str], rules: Iterable[Rule]) -> list[Finding]:
    """Return what breaks the rules, by path and line.

    Args:
        sources: the text of each Python file of the service by its path; files that are not Python
        have an empty text, because rules can be about names of files.

    Raises:
        CofeeError: a file is not valid Python.
    """
    files = {path: _parsed(path, text) for path, text in sources.items() if path.endswith(".py")}
    found = [
        Finding(rule, path, line, rule.says.format(found=what), _line(files.get(path), line))
        for rule in rules
        for path in sources
        if rule.is_for(path) and (path in files or rule.check == OF_ANY_FILE)
        for line, what in CHECKERS[rule.check](Found(path, files), rule)
    ]
    kept = [one for one in dict.fromkeys(found) if not _is_allowed(files.get(one.path), one)]
    return sorted(kept, key=lambda one: (one.path, one.line, one.rule.name))


def _rule(entry: object, where: str) -> Rule:
    if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in TEXTS):
        raise CofeeError(f"{where} must have the texts {listing(TEXTS)}")
    if entry["check"] not in CHECKERS:
        raise CofeeError(
            f"{where} has the check {quote(entry['check'])}, which this cofee does not have",
            hint=f"it has {listing(CHECKERS)}",
        )
    options = {key: _words(value) for key, value in entry.items() if key not in TEXTS}
    texts = {key: entry[key].strip() for key in TEXTS}
    return Rule(
        **texts,
        files=options.pop("files", ()),
        without=options.pop("without", ()),
        options=options,
    )


def _words(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _parsed(path: str, text: str) -> Code:
    try:
        return Code(path, text, ast.parse(text))
    except UNREADABLE as error:
        raise CofeeError(
            f"`{path}` is not valid Python: {error}", hint="correct it, and check again"
        ) from error


def _line(code: Code | None, line: int) -> str:
    return code.lines[line - 1].strip() if code and line <= len(code.lines) else ""


def _is_allowed(code: Code | None, finding: Finding) -> bool:
    """Return whether a comment with a reason allows it, on its line or above its paragraph."""
    return any(
        allowed["reason"] and allowed["rule"] in {finding.rule.id, finding.rule.name}
        for comment in _comments(code, finding.line)
        for allowed in ALLOW.finditer(comment)
    )


def _comments(code: Code | None, line: int) -> Iterator[str]:
    """Yield a line, and the comments above it up to the next empty line."""
    yield _line(code, line)
    while (line := line - 1) > 0 and (text := _line(code, line)):
        if text.startswith("#"):
            yield text
