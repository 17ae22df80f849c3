"""Answers to the questions of a template, computed like Copier with `--defaults`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cofee.errors import CofeeError, did_you_mean, listing, quote
from cofee.files import load_yaml

if TYPE_CHECKING:
    from jinja2 import Environment

    from cofee.template.template import Question, Template

MISSING = object()
TRUE_WORDS = frozenset({"y", "yes", "t", "true", "on"})
FALSE_WORDS = frozenset({"n", "no", "f", "false", "off", "null", "none", "~", ""})


@dataclass(frozen=True)
class Answers:
    """The answered questionnaire.

    `recorded` is for the answers file, `context` for the files of the template, and `defaulted` has
    the questions for users that took their default.
    """

    recorded: dict[str, Any]
    context: dict[str, Any]
    defaulted: dict[str, Any]


@dataclass
class _Settling:
    """One pass through the questions, in order."""

    environment: Environment
    given: Mapping[str, object]
    last: Mapping[str, object]
    judged: bool
    context: dict[str, Any]
    recorded: dict[str, Any] = field(default_factory=dict)
    defaulted: dict[str, Any] = field(default_factory=dict)

    def settle(self, name: str, question: Question) -> None:
        asked_at_all = self.truth(question.when)
        value = self.value(name, question, asked_at_all)
        if value is MISSING:
            if asked_at_all:
                raise CofeeError(f"`{name}` has no default", hint=f"give `--data {name}=…`")
            return
        self.context[name] = value
        if asked_at_all and not question.is_secret:
            self.recorded[name] = value

    def value(self, name: str, question: Question, asked_at_all: bool) -> Any:
        """Return the given answer, else the recorded one, else the default."""
        if name in self.given:
            return self.checked(name, question, self.given[name])
        if asked_at_all and name in self.last:
            judge = self.cast if self.judged else self.checked
            return judge(name, question, self.last[name])
        if not question.has_default:
            return MISSING
        default = self.rendered(question.default)
        if not asked_at_all:
            return self.cast(name, question, default)
        value = self.checked(name, question, default)
        if self.truth(question.ask):
            self.defaulted[name] = value
        return value

    def checked(self, name: str, question: Question, raw: Any) -> Any:
        """Return `raw` in the type of the question, or raise an error with the allowed values."""
        value = self.cast(name, question, raw)
        choices = self.choices(question)
        chosen = value if question.is_multiselect else [value]
        if choices and not all(choice in choices for choice in chosen):
            allowed = ", ".join(f"`{choice}`" for choice in choices)
            raise CofeeError(
                f"`{name}` is `{raw}` and must be one of {allowed}",
                hint=did_you_mean(str(raw), map(str, choices)),
            )
        complaint = self.rendered(question.validator, {name: value})
        if str(complaint).strip():
            raise CofeeError(f"`{name}`: {str(complaint).strip()}")
        return value

    def choices(self, question: Question) -> list[Any]:
        found = self.rendered(question.choices)
        if isinstance(found, str):
            found = load_yaml(found.encode(), path="choices")
        pairs = found.items() if isinstance(found, dict) else found
        values = [pair[1] if isinstance(pair, tuple | list) else pair for pair in pairs]
        return [value["value"] if isinstance(value, dict) else value for value in values]

    def cast(self, name: str, question: Question, raw: Any) -> Any:
        kind = self.rendered(question.type or _natural_type(question.default))
        try:
            if question.is_multiselect and isinstance(raw, list):
                return [_cast(kind, item) for item in raw]
            return _cast(kind, raw)
        except (TypeError, ValueError) as error:
            raise CofeeError(f"`{name}` is `{raw}` and must be of type `{kind}`") from error

    def truth(self, condition: Any) -> bool:
        return truth(self.rendered(condition))

    def rendered(self, value: Any, more: Mapping[str, object] | None = None) -> Any:
        """Return `value` with each template string in it rendered.

        As in Copier, a question can use given and recorded answers to later questions.
        """
        if isinstance(value, list):
            return [self.rendered(item, more) for item in value]
        if not isinstance(value, str) or "{" not in value:
            return value
        seen = {**self.last, **self.given, **self.context, **(more or {})}
        return self.environment.from_string(value).render(seen)


def asked_of(template: Template) -> list[str]:
    """Return the questions that a template can ask, with those that depend on other answers."""
    return [name for name, question in template.questions.items() if question.is_for_users]


def settle(
    template: Template,
    environment: Environment,
    given: Mapping[str, object],
    last: Mapping[str, object],
    folder_name: str,
    judged: bool,
) -> Answers:
    """Answer every question from `given` (`--data`), `last` (recorded) or its default.

    Args:
        judged: the recorded answers belong to this template and are not validated again.

    Raises:
        CofeeError: an answer has the wrong type, is not a choice or fails its validator.
    """
    known = template.questions
    for name in given:
        if name not in known:
            asked = asked_of(template)
            raise CofeeError(
                f"the template has no question {quote(name)}",
                hint=did_you_mean(str(name), [*asked, "modules"])
                or f"it asks {listing(asked)}, and takes `modules`",
            )
    walk = _Settling(environment, given, last, judged, {"_folder_name": folder_name})
    for name, question in known.items():
        walk.settle(name, question)
    origin = {"_commit": template.commit, "_src_path": template.source}
    recorded = {**origin, **walk.recorded}
    # Copier provides more; the answers file records only the hash.
    about = {"vcs_ref_hash": template.commit_hash}
    context = {**walk.context, "_copier_answers": recorded, "_copier_conf": about}
    return Answers(recorded, context, walk.defaulted)


def _natural_type(default: Any) -> str:
    name = type(default).__name__
    return name if name in {"bool", "float", "int", "str"} else "yaml"


def _cast(kind: str, raw: Any) -> Any:
    if kind in {"yaml", "json"}:
        if not isinstance(raw, str):
            return raw
        return json.loads(raw) if kind == "json" else load_yaml(raw.encode(), path="answer")
    if raw is None:
        raise TypeError("null is not an answer")
    casts: dict[str, Callable[[Any], Any]] = {
        "bool": truth,
        "int": int,
        "float": float,
        "str": str,
        "path": str,
    }
    return casts[kind](raw)


def truth(value: Any) -> bool:
    """Return the truth value of a YAML text or number."""
    word = str(value).strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    try:
        return bool(float(word))
    except ValueError:
        return bool(value)
