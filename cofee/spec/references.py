"""The rules of a reference: what it may point at, and what happens when that is deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cofee.errors import CofeeError, did_you_mean, listing, quote
from cofee.spec.record import ON_DELETE, Scope

# The folders that options of a template bring along, and no record describes.
OF_OPTIONS = {
    "users": "the users of `auth: jwt`",
    "projects": "the projects of `isolation: project`",
}


def check(record: Mapping[str, Any], scope: Scope) -> None:
    """Refuse a reference that no row could satisfy."""
    if scope.argument(record["type"]) != "module":
        return
    name, target = record["name"], record["to"]
    if target != scope.module and target not in scope.modules:
        raise _unknown_module(name, target, scope)
    if record["type"] == "many":
        return
    required = "nullable" not in record
    if target == scope.module and required:
        raise CofeeError(
            f"`{name}`: a reference to its own module must be optional, "
            "or the first row could never be made",
            hint="add `:null`",
        )
    if target in scope.later and required:
        raise CofeeError(
            f"`{name}`: `{target}` is listed after `{scope.module}`, so that it may refer to it, "
            "and a reference to it must be optional",
            hint="add `:null`",
        )
    rule = record.get("on_delete", ON_DELETE[0])
    if rule not in ON_DELETE:
        raise CofeeError(
            f"`{name}`: the on_delete {quote(rule)} is unknown; it is one of {listing(ON_DELETE)}",
            hint=did_you_mean(str(rule), ON_DELETE),
        )
    if rule == "set_null" and required:
        raise CofeeError(
            f"`{name}`: a required reference cannot become null when its target is deleted",
            hint="add `:null`, or use `on_delete=restrict` or `on_delete=cascade`",
        )


def check_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuse to make something else of links, or links of something else."""
    if "many" not in (old["type"], new["type"]):
        return
    raise CofeeError(
        f"`{old['name']}`: links of rows cannot become anything else, nor anything else links",
        hint="remove the field, and add the new one",
    )


def _unknown_module(name: str, target: object, scope: Scope) -> CofeeError:
    known = sorted({*scope.modules, scope.module})
    makes = "make that module first: `cofee new-module`"
    if brought := OF_OPTIONS.get(str(target)):
        makes = f"{makes}; of {brought}, keep their id in a `uuid` field"
    return CofeeError(
        f"`{name}`: there is no module {quote(target)} to refer to; modules are {listing(known)}",
        hint=did_you_mean(str(target), known) or makes,
    )
