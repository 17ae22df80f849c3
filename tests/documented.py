"""What the documentation is compared with: the sources that its tables and lists come from."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
import yaml
from typer.testing import CliRunner

import cofee.cli.modules  # noqa: F401 (its commands register themselves)
from cofee.cli.app import app
from cofee.files import load_yaml

ROOT = Path(__file__).parents[1]
COMMANDS = [str(name) for name in getattr(typer.main.get_command(app), "commands")]  # noqa: B009
# The defaults that are computed, as a person who makes a service finds them.
COMPUTED = {"project_name": "made from the folder's name", "auth": "`jwt`"}
HELP_WIDTH = "92"
ERRORS = {"CofeeError", "UsageError"}
# How a message says what is allowed: in its clause, or in a second one.
ALLOWED = re.compile(
    r"\b(must|needs|allowed)\b|; .*\b(are|one of|holds|possible|takes?|use|write)\b"
)
# What follows a type in the table, by the kind of its argument.
ARGUMENTS = {
    "none": "",
    "precision": ":12.2",
    "values": ":draft,paid",
    "items": ":str",
    "media_types": ":image/png",
    "dimension": ":384",
    "module": ":customers",
}


def types_table() -> str:
    """Return the field types as a table."""
    types: dict[str, Any] = load_yaml((ROOT / "macros/types.yml").read_bytes(), path="types.yml")
    rows = ["| Type | Meaning | Modifiers |", "|---|---|---|"]
    for name, entry in types.items():
        modifiers = " ".join(f"`{modifier}`" for modifier in entry["modifiers"])
        rows.append(f"| `{name}{ARGUMENTS[entry['argument']]}` | {entry['help']} | {modifiers} |")
    return "\n".join(rows)


def rules_table() -> str:
    """Return the rules of the architecture as a table."""
    loaded: dict[str, Any] = load_yaml((ROOT / "macros/architecture.yml").read_bytes(), path="")
    rows = ["| Rule | What is found | Why | Instead |", "|---|---|---|---|"]
    for rule in loaded["rules"]:
        cells = (f"{rule['id']} `{rule['name']}`", rule["says"], rule["why"], rule["fix"])
        rows.append(f"| {' | '.join(cells).replace('`{found}`', '…')} |")
    return "\n".join(rows)


def questions_table() -> str:
    """Return the questions that a new service is asked as a table."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8"))
    rows = ["| Question | Meaning | Default |", "|---|---|---|"]
    for name, question in loaded.items():
        if name.startswith("_") or question.get("when") is False:
            continue
        shown = COMPUTED.get(name, f"`{question['default']}`")
        asked = "" if question.get("ask", True) else " Never asked."
        rows.append(f"| `{name}` | {question['help']}{asked}{_choices(question)} | {shown} |")
    return "\n".join(rows)


def _choices(question: dict[str, Any]) -> str:
    choices = question.get("choices", [])
    values = choices.values() if isinstance(choices, dict) else choices
    return " One of " + ", ".join(f"`{value}`" for value in values) + "." if values else ""


def commands() -> str:
    """Return what `--help` says, of the command as a whole and of each of its commands."""
    sections = [f"## cofee\n\n```text\n{_help()}\n```"]
    sections += [f"## cofee {name}\n\n```text\n{_help(name)}\n```" for name in COMMANDS]
    return "\n\n".join(sections)


def _help(*command: str) -> str:
    plain = {"COLUMNS": HELP_WIDTH, "TERM": "dumb"}
    shown = CliRunner().invoke(app, [*command, "--help"], prog_name="cofee", env=plain)
    assert shown.exit_code == 0, shown.output
    return "\n".join(line.rstrip() for line in shown.output.strip("\n ").splitlines())


GENERATORS: dict[str, Callable[[], str]] = {
    "types": types_table,
    "questions": questions_table,
    "commands": commands,
    "rules": rules_table,
}


def errors_without_help() -> Iterator[str]:
    """Yield the errors of the command without a hint that do not say what is allowed."""
    for path in sorted((ROOT / "cofee").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in ERRORS:
                continue
            message = _message(node.args[0])
            hints = [keyword.value for keyword in node.keywords if keyword.arg == "hint"]
            if not any(map(_is_certain, hints)) and not ALLOWED.search(message):
                yield message


def _is_certain(hint: ast.expr) -> bool:
    """Return whether a hint is always shown: a similar word, for example, may not exist."""
    match hint:
        case ast.Call(func=ast.Name(id="did_you_mean")) | ast.Constant(value=None):
            return False
        case ast.BoolOp(op=ast.Or()):
            return _is_certain(hint.values[-1])
        case ast.IfExp():
            return _is_certain(hint.body) and _is_certain(hint.orelse)
    return True


def _message(expression: ast.expr) -> str:
    """Return the text of a message; `…` replaces each value."""
    parts = expression.values if isinstance(expression, ast.JoinedStr) else [expression]
    if isinstance(expression, ast.BinOp):
        parts = [expression.left, expression.right]
    texts = [part.value if isinstance(part, ast.Constant) else "…" for part in parts]
    return "".join(map(str, texts)).replace("`", "")
