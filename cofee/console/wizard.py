"""Prompts: the wizard for the fields of a module, and confirmations.

The wizard collects specifications of the field language, so it accepts the same fields as the
command line and shows the same messages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from cofee.errors import CancelledError, CofeeError
from cofee.spec.facts import Facts
from cofee.spec.field_rules import check_apart, check_constraints
from cofee.spec.names import check_field_name
from cofee.spec.parse import escape, format_field, parse_field
from cofee.spec.record import FLAG_KEYS, ON_DELETE, Field, Scope

MODIFIER_HELP = {
    "null": "optional; fields are required otherwise",
    "unique": "two rows cannot have the same value",
    "nocase": "values that differ only in case are the same",
    "index": "an index on the column",
    "filter": "lists can be filtered by it",
    "sort": "lists can be sorted by it",
    "readonly": "only the service sets it",
    "writeonly": "no response has it",
    "expand": "responses include its rows on demand",
    "min": "least value",
    "max": "greatest value",
    "len": "length: 40, or 3-40",
    "pattern": "regular expression that the value matches",
    "default": "value if the client sends none",
    "as": "what clients call it, if that is another name",
    "labels": "what the values mean, in their order: Being written,Paid",
    "on_delete": "what happens when the referenced row is deleted",
}

ARGUMENT_QUESTIONS = {
    "precision": ("Digits in total and after the decimal point:", "12.2"),
    "values": ("Values, separated by commas:", ""),
    "dimension": ("Length of its vectors:", "384"),
    "media_types": ("Media types, separated by commas:", "image/png,image/jpeg"),
}

Check = Callable[[Field], object]


@dataclass(frozen=True)
class _Draft:
    """A field while it is being described."""

    name: str
    type: str
    argument: str = ""
    flags: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def spec(self) -> str:
        """The specification of the answers so far; a pattern is last."""
        parts = [self.name, self.type, *([self.argument] if self.argument else []), *self.flags]
        parts += [f"{key}={escape(text)}" for key, text in self.values.items() if key != "pattern"]
        parts += [f"pattern={self.values['pattern']}"] if "pattern" in self.values else []
        return ":".join(parts)


def confirm(question: str, default: bool) -> bool:
    """Ask yes or no; Enter takes the default.

    Raises:
        CancelledError: the user left with Ctrl-C.
    """
    import questionary

    with _cancellable():
        return bool(questionary.confirm(question, default=default).unsafe_ask())


def ask_module_name(check: Callable[[str], object]) -> str:
    """Ask for the name of a module; the check raises an error for one that is rejected.

    Raises:
        CancelledError: the user left with Ctrl-C.
    """
    with _cancellable():
        return _ask_text("Name of the module:", lambda name: _verdict(lambda: check(name)))


def ask_fields(
    facts: Facts,
    modules: Collection[str],
    module: str,
    about: Sequence[str] = (),
    rules: Sequence[str] = (),
    check: Check = lambda field: None,
) -> list[Field]:
    """Ask for the fields of a module, show what was understood, and have it confirmed.

    Args:
        facts: what the template states.
        modules: the other modules that a reference can name.
        module: the module that gets the fields.
        about: its description, shown above the fields.
        rules: its rules as options, shown below them.
        check: raises an error for a field that the service cannot have.

    Raises:
        CancelledError: the user left with Ctrl-C, or did not confirm.
    """
    scope = Scope(facts, modules, module)
    records: list[Field] = []
    with _cancellable():
        while name := _ask_name(scope, records, check):
            record = _ask_field(name, scope, records, check)
            if record is not None:
                records.append(record)
        specified = [format_field(record, facts) for record in records] or ["(no fields)"]
        _preview([*about, *specified, *rules])
    if not confirm("Create this module?", default=True):
        raise CancelledError
    return records


@contextmanager
def _cancellable() -> Iterator[None]:
    """Turn Ctrl-C and Ctrl-D into an error without a traceback."""
    try:
        yield
    except (KeyboardInterrupt, EOFError) as error:
        raise CancelledError from error


def _ask_name(scope: Scope, records: Sequence[Field], check: Check) -> str:
    """Ask for a name; a whole specification is accepted instead."""

    def check_known(field: Field) -> None:
        _check_place(field, scope, records)
        check(field)

    def validate(name: str) -> bool | str:
        return not name or _verdict(lambda: check_known(_known(name, scope)))

    message = "Name of another field:" if records else "Name of the first field:"
    return _ask_text(message, validate, instruction="(or `name:type:…`; empty to finish) ")


def _known(name: str, scope: Scope) -> Field:
    """Return the field of a whole specification; of a name alone, a field without modifiers."""
    return _parse(name, scope) if ":" in name else Field(name, "str")


def _check_place(field: Field, scope: Scope, others: Sequence[Field]) -> None:
    """Check what can be known of a field before it is described in full."""
    check_field_name(field.name, scope.facts, reference=field.to is not None)
    check_apart(field, others, scope.facts)
    check_constraints(scope.module, field, scope.facts)


def _ask_field(name: str, scope: Scope, records: Sequence[Field], check: Check) -> Field | None:
    """Ask for the rest of a field after its name; None if the field is impossible."""
    import questionary

    if ":" in name:
        return _parse(name, scope)
    try:
        draft = _Draft(name, _ask_type(scope))
        check(Field(name, draft.type, to=scope.facts.types[draft.type].target))
        if scope.facts.types[draft.type].argument == "module":
            _check_place(Field(name, draft.type, to=""), scope, records)
        return _parse(_ask_rest(draft, scope).spec, scope)
    except CofeeError as error:
        questionary.print(f"  {_sentence(error)}", style="fg:ansired")
        return None


def _ask_rest(draft: _Draft, scope: Scope) -> _Draft:
    """Ask for the argument, the modifiers, and the values of those that have one."""
    draft = replace(draft, argument=_ask_argument(draft, scope))
    chosen = _ask_modifiers(draft, scope)
    flags = tuple(flag for flag in chosen if flag in FLAG_KEYS)
    draft = replace(draft, flags=_of_now(flags))
    for modifier in chosen:
        if modifier not in FLAG_KEYS:
            text = _ask_value(draft, modifier, scope)
            draft = replace(draft, values={**draft.values, modifier: text})
    return replace(draft, flags=flags)


def _of_now(chosen: Iterable[str]) -> tuple[str, ...]:
    """Return the flags to check before the default is known, which `readonly` may need."""
    return tuple(flag for flag in chosen if flag in FLAG_KEYS and flag != "readonly")


def _ask_type(scope: Scope) -> str:
    import questionary

    choices = [
        questionary.Choice(name, value=name, description=entry.help)
        for name, entry in scope.facts.types.items()
    ]
    # Typing filters the list, so the keys j and k cannot move in it.
    question = questionary.select("Type:", choices, use_search_filter=True, use_jk_keys=False)
    return str(question.unsafe_ask())


def _ask_argument(draft: _Draft, scope: Scope) -> str:
    """Ask for the argument of the type, with choices if they are known."""
    import questionary

    argument = scope.facts.types[draft.type].argument
    if argument == "module":
        modules = sorted({*scope.modules, scope.module})
        return str(questionary.select("Module to refer to:", modules).unsafe_ask())
    if argument == "items":
        types = scope.facts.types[draft.type].items
        return str(questionary.select("Type of the items:", types).unsafe_ask())
    if argument not in ARGUMENT_QUESTIONS:
        return ""

    def check(text: str) -> bool | str:
        return _verdict(lambda: _parse(replace(draft, argument=escape(text)).spec, scope))

    message, default = ARGUMENT_QUESTIONS[argument]
    return _ask_text(message, check, default)


def _ask_modifiers(draft: _Draft, scope: Scope) -> list[str]:
    """Ask which modifiers the field has, in the order in which their values are asked."""
    import questionary

    allowed = scope.facts.types[draft.type].modifiers
    choices = [
        questionary.Choice(modifier, value=modifier, description=description)
        for modifier, description in MODIFIER_HELP.items()
        if modifier in allowed
    ]
    if not choices:
        return []

    def check(chosen: list[str]) -> bool | str:
        known = [modifier for modifier in chosen if modifier in FLAG_KEYS]
        flags = _of_now(known) if "default" in chosen else tuple(known)
        return _verdict(lambda: _parse(replace(draft, flags=flags).spec, scope))

    return list(questionary.checkbox("Modifiers:", choices, validate=check).unsafe_ask())


def _ask_value(draft: _Draft, modifier: str, scope: Scope) -> str:
    import questionary

    if modifier == "on_delete":
        rules = [rule for rule in ON_DELETE if rule != "set_null" or "null" in draft.flags]
        return str(questionary.select("When the referenced row is deleted:", rules).unsafe_ask())

    def check(text: str) -> bool | str:
        values = {**draft.values, modifier: text}
        return _verdict(lambda: _parse(replace(draft, values=values).spec, scope))

    return _ask_text(f"{modifier} ({MODIFIER_HELP[modifier]}):", check)


def _ask_text(
    message: str,
    check: Callable[[str], bool | str],
    default: str = "",
    instruction: str | None = None,
) -> str:
    """Ask for a text that is checked on Enter, because a half-typed value is always wrong."""
    import questionary

    question = questionary.text(
        message,
        default=default,
        instruction=instruction,
        validate=check,
        validate_while_typing=False,
    )
    return str(question.unsafe_ask())


def _parse(specification: str, scope: Scope) -> Field:
    return parse_field(specification, scope.facts, scope.modules, scope.module)


def _verdict(check: Callable[[], object]) -> bool | str:
    """Return the result of a questionary validator: true, or the error message."""
    try:
        check()
    except CofeeError as error:
        return _sentence(error)
    return True


def _sentence(error: CofeeError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _preview(lines: Sequence[str]) -> None:
    """Show the module as it is written on the command line."""
    import questionary

    questionary.print("\n".join(f"  {line}" for line in lines), style="bold")
