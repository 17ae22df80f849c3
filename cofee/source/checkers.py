"""The checks that architecture rules are made of, each a plain function over one file.

A checker gets a file and a rule, and yields the line and the name of each thing that it finds. What
it looks for is in the rule's options, so that a template adds a rule without a new checker.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from cofee.source.code import Code, Function, matches, matches_path

Place = tuple[int, str]  # a line, and what was found there


@dataclass(frozen=True)
class Rule:
    """A rule of the architecture.

    Attributes:
        id: of the convention, for people: `M3`. Several rules can have the same.
        name: of this rule alone, in words.
        check: the checker.
        says: what is wrong, with `{found}` for what the checker found.
        files: the paths that it is for, as patterns.
        without: paths of these that it is not for.
        options: what the checker looks for.
    """

    id: str
    name: str
    check: str
    says: str
    why: str
    fix: str
    files: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    def is_for(self, path: str) -> bool:
        """Return whether the rule is for a file."""
        return matches_path(path, self.files) and not matches_path(path, self.without)

    def option(self, name: str) -> tuple[str, ...]:
        """Return the values of an option; none if the rule does not have it."""
        return self.options.get(name, ())

    def has(self, name: str) -> bool:
        """Return whether an option is on."""
        return self.option(name) == ("True",)


@dataclass(frozen=True)
class Found:
    """A file to check, with the other files of the service."""

    path: str
    files: Mapping[str, Code]

    @property
    def code(self) -> Code:
        return self.files[self.path]

    @property
    def module(self) -> str:
        """The name of its folder, which is the module in a module's files."""
        return PurePosixPath(self.path).parent.name

    def beside(self, name: str) -> Code | None:
        """Return another file of the same folder."""
        return self.files.get(str(PurePosixPath(self.path).with_name(name)))


def check_names(found: Found, rule: Rule) -> Iterator[Place]:
    """Find files whose path is not one of `allowed`, which are patterns."""
    if not matches_path(found.path, rule.option("allowed")):
        yield 1, PurePosixPath(found.path).name


def check_imports(found: Found, rule: Rule) -> Iterator[Place]:
    """Find imports of `forbidden` names, except `allowed` ones; with `relative`, relative ones.

    `{module}` in a pattern is the module that the file belongs to.
    """
    allowed = tuple(one.format(module=found.module) for one in rule.option("allowed"))
    for one in found.code.imports:
        is_forbidden = matches(one.name, rule.option("forbidden")) and not matches(
            one.name, allowed
        )
        if is_forbidden or (rule.has("relative") and one.is_relative):
            yield one.line, one.name


def check_calls(found: Found, rule: Rule) -> Iterator[Place]:
    """Find calls of `forbidden` names; with `in_async`, only those in `async` functions."""
    code = found.code
    for call in code.nodes(ast.Call):
        inside = code.functions[call]
        if rule.has("in_async") and not isinstance(inside, ast.AsyncFunctionDef):
            continue
        name = code.dotted(call.func)
        if matches(name, rule.option("forbidden")):
            yield call.lineno, name.replace("?.", "….")


def check_uses(found: Found, rule: Rule) -> Iterator[Place]:
    """Find `forbidden` names wherever they are used, called or not."""
    code = found.code
    for node in [*code.nodes(ast.Name), *code.nodes(ast.Attribute)]:
        name = code.dotted(node)
        if matches(name, rule.option("forbidden")):
            yield node.lineno, name


def check_texts(found: Found, rule: Rule) -> Iterator[Place]:
    """Find texts that match a `pattern`."""
    patterns = [re.compile(pattern) for pattern in rule.option("pattern")]
    for node in found.code.nodes(ast.Constant):
        text = node.value
        if isinstance(text, str) and any(pattern.search(text) for pattern in patterns):
            yield node.lineno, text


def check_keywords(found: Found, rule: Rule) -> Iterator[Place]:
    """Find calls of `names`, as decorators or not, that lack one of the `required` keywords.

    A `required` entry `lazy=raise|joined` also limits the values, and `index|unique` is satisfied
    by either keyword. `containing` limits the rule to calls with such a call among their arguments.
    """
    code = found.code
    for call in [*code.nodes(ast.Call), *_bare_decorators(code)]:
        name = code.dotted(call)
        if not matches(name, rule.option("names")) or not _contains(code, call, rule):
            continue
        given = {one.arg: one.value for one in call.keywords} if isinstance(call, ast.Call) else {}
        missing = [one for one in rule.option("required") if not _is_given(one, given)]
        if missing and None not in given:  # `**options` can have all of them
            yield call.lineno, ", ".join(one.replace("|", " or ") for one in missing)


def check_classes(found: Found, rule: Rule) -> Iterator[Place]:
    """Find classes named like `named`, or with the attribute `having`, whose bases break the rule.

    `forbidden` are patterns of bases; `type_parameters` and `inside_functions` also forbid those.
    `required` are patterns of which each needs a base.
    """
    code = found.code
    for node in code.nodes(ast.ClassDef):
        if not _is_meant(node, rule):
            continue
        bases = [code.dotted(base) for base in node.bases]
        is_wrong = any(matches(base, rule.option("forbidden")) for base in bases)
        is_wrong |= rule.has("type_parameters") and bool(getattr(node, "type_params", ()))
        is_wrong |= rule.has("inside_functions") and code.functions[node] is not None
        lacking = [
            one
            for one in rule.option("required")
            if not any(matches(base, (one,)) for base in bases)
        ]
        if is_wrong or lacking:
            yield node.lineno, node.name


def check_annotations(found: Found, rule: Rule) -> Iterator[Place]:
    """Find functions with a parameter or a result without a type."""
    for node in found.code.definitions():
        parameters = node.args
        every = [*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs]
        every += [one for one in (parameters.vararg, parameters.kwarg) if one]
        untyped = [
            one.arg
            for index, one in enumerate(every)
            if one.annotation is None and not (index == 0 and one.arg in {"self", "cls"})
        ]
        if untyped or node.returns is None:
            yield node.lineno, node.name


def check_handlers(found: Found, rule: Rule) -> Iterator[Place]:
    """Find handlers of `broad` exceptions that neither raise nor call one of `logging`.

    `suppressing` are the names of context managers that ignore the exceptions they are given.
    """
    code, broad = found.code, rule.option("broad")
    for call in code.nodes(ast.Call):
        if matches(code.dotted(call.func), rule.option("suppressing")):
            ignored = [name for one in call.args for name in code.mentioned(one)]
            yield from ((call.lineno, name) for name in ignored if matches(name, broad))
    for node in code.nodes(ast.ExceptHandler):
        caught = list(code.mentioned(node.type)) if node.type else ["everything"]
        is_broad = node.type is None or any(matches(name, broad) for name in caught)
        if is_broad and not _raises_or_logs(code, node, rule.option("logging")):
            yield node.lineno, caught[0]


def check_messages(found: Found, rule: Rule) -> Iterator[Place]:
    """Find errors that are raised with a literal text.

    The text can be the first argument, one of the keywords `named`, or a local name for it.
    """
    code = found.code
    for node in code.nodes(ast.Raise):
        error = node.exc
        if not isinstance(error, ast.Call) or matches(code.dotted(error), rule.option("except")):
            continue
        given = [*error.args]
        given += [one.value for one in error.keywords if one.arg in rule.option("named")]
        if any(_is_text(_assigned(code, error, one)) for one in given):
            yield node.lineno, code.dotted(error).rpartition(".")[2]


def check_pages(found: Found, rule: Rule) -> Iterator[Place]:
    """Find routes, decorated with one of `names`, whose answer is one of the types `forbidden`."""
    for function, decorator, answers in _routes(found.code, rule.option("names")):
        if any(_outer(found.code, answer, rule.option("forbidden")) for answer in answers):
            yield decorator.lineno, function.name


def check_answers(found: Found, rule: Rule) -> Iterator[Place]:
    """Find routes, decorated with one of `names`, whose answer mentions a type `forbidden`."""
    code = found.code
    for function, decorator, answers in _routes(code, rule.option("names")):
        mentioned = [name for answer in answers for name in code.mentioned(answer)]
        if any(matches(name, rule.option("forbidden")) for name in mentioned):
            yield decorator.lineno, function.name


def check_conditions(found: Found, rule: Rule) -> Iterator[Place]:
    """Find queries of models with a column that no condition in the same function mentions.

    Args of the rule: `queries`, the names of functions that make a statement; `bases`, patterns of
    bases of models that have the column `column`; or `marked`, a word in the definition of the
    column. A function whose name matches `unless_named` is free.
    """
    code = found.code
    models = _columns(found.beside("models.py"), rule)
    for call in code.nodes(ast.Call):
        if not matches(code.dotted(call.func), rule.option("queries")):
            continue
        function = code.functions[call]
        name = getattr(function, "name", "")
        for model in _queried(code, call, models):
            mentioned = _mentioned(function or _statement(code, call))
            if models[model] not in mentioned and not matches(name, rule.option("unless_named")):
                yield call.lineno, model


def check_owner_parameters(found: Found, rule: Rule) -> Iterator[Place]:
    """Find parameters named like an owner, a column `marked` and not null, that can be left out."""
    owners = set(_columns(found.beside("models.py"), rule).values())
    for node in found.code.definitions():
        for one, default in _parameters(node):
            text = ast.unparse(one.annotation) if one.annotation else ""
            if one.arg in owners and (default is not None or "None" in text or "Optional" in text):
                yield one.lineno, f"{node.name}({one.arg})"


CHECKERS: Mapping[str, Callable[[Found, Rule], Iterator[Place]]] = {
    "names": check_names,
    "imports": check_imports,
    "calls": check_calls,
    "uses": check_uses,
    "texts": check_texts,
    "keywords": check_keywords,
    "classes": check_classes,
    "annotations": check_annotations,
    "handlers": check_handlers,
    "messages": check_messages,
    "pages": check_pages,
    "answers": check_answers,
    "conditions": check_conditions,
    "owner_parameters": check_owner_parameters,
}


def _bare_decorators(code: Code) -> Iterator[ast.expr]:
    """Yield decorators without parentheses, which are calls as well."""
    for node in code.definitions():
        yield from (one for one in node.decorator_list if not isinstance(one, ast.Call))


def _contains(code: Code, call: ast.expr, rule: Rule) -> bool:
    wanted = rule.option("containing")
    calls = [node for node in ast.walk(call) if isinstance(node, ast.Call) and node is not call]
    return not wanted or any(matches(code.dotted(one.func), wanted) for one in calls)


def _is_given(required: str, given: Mapping[str | None, ast.expr]) -> bool:
    names, _, values = required.partition("=")
    for name in names.split("|"):
        value = given.get(name)
        if isinstance(value, ast.Constant) and value.value is False:
            continue
        text = value.value if isinstance(value, ast.Constant) else value
        if value is not None and (not values or text in values.split("|")):
            return True
    return False


def _is_meant(node: ast.ClassDef, rule: Rule) -> bool:
    assigned = {
        target.id
        for statement in node.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for target in (
            statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        )
        if isinstance(target, ast.Name)
    }
    having = rule.option("having")
    return matches(node.name, rule.option("named") or ("*",)) and (
        not having or not assigned.isdisjoint(having)
    )


def _raises_or_logs(code: Code, handler: ast.ExceptHandler, logging: tuple[str, ...]) -> bool:
    return any(
        isinstance(node, ast.Raise)
        or (isinstance(node, ast.Call) and matches(code.dotted(node.func), logging))
        for statement in handler.body
        for node in ast.walk(statement)
    )


def _is_text(node: ast.expr) -> bool:
    """Return whether an expression has words in it, instead of the name of a constant."""
    return any(
        isinstance(part, ast.JoinedStr)
        or (isinstance(part, ast.Constant) and isinstance(part.value, str) and " " in part.value)
        for part in ast.walk(node)
    )


def _assigned(code: Code, where: ast.AST, node: ast.expr) -> ast.expr:
    """Return what a local name was given in the same function, else the expression itself."""
    function = code.functions[where]
    if not isinstance(node, ast.Name) or function is None:
        return node
    for statement in ast.walk(function):
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == node.id for target in statement.targets
        ):
            return statement.value
    return node


def _routes(
    code: Code, names: tuple[str, ...]
) -> Iterator[tuple[Function, ast.Call, list[ast.expr]]]:
    """Yield each route with its decorator and what it says about its answer."""
    for node in code.definitions():
        for one in node.decorator_list:
            if isinstance(one, ast.Call) and matches(code.dotted(one), names):
                models = [key.value for key in one.keywords if key.arg == "response_model"]
                yield node, one, [*models, *([node.returns] if node.returns else [])]


def _outer(code: Code, annotation: ast.expr, forbidden: tuple[str, ...]) -> bool:
    """Return whether a type, or one of the types of a union, is of a forbidden kind."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    if isinstance(annotation, ast.BinOp):
        return any(_outer(code, side, forbidden) for side in (annotation.left, annotation.right))
    name = code.dotted(annotation)
    if name.rpartition(".")[2] in {"Annotated", "Optional", "Union"} and isinstance(
        annotation, ast.Subscript
    ):
        inside = annotation.slice
        parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
        return any(_outer(code, part, forbidden) for part in parts)
    return matches(name, forbidden)


def _columns(models: Code | None, rule: Rule) -> dict[str, str]:
    """Return the column of each model that the rule is about."""
    if models is None:
        return {}
    found = {}
    for node in models.nodes(ast.ClassDef):
        bases = [models.dotted(base) for base in node.bases]
        if any(matches(base, rule.option("bases")) for base in bases):
            found[node.name] = rule.option("column")[0]
        for statement in node.body:
            name = _marked(statement, rule.option("marked"))
            if name:
                found[node.name] = name
    return found


def _marked(statement: ast.stmt, words: tuple[str, ...]) -> str:
    """Return the name of a column that is marked and not null."""
    if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
        return ""
    is_marked = any(
        isinstance(node, ast.Constant) and node.value in words for node in ast.walk(statement)
    )
    is_null = "None" in ast.unparse(statement.annotation)
    return statement.target.id if is_marked and not is_null else ""


def _queried(code: Code, call: ast.Call, models: Mapping[str, str]) -> Iterator[str]:
    """Yield the models among the arguments of a query, as themselves or by a column."""
    for argument in call.args:
        root = argument
        while isinstance(root, ast.Attribute):
            root = root.value
        if isinstance(root, ast.Name) and root.id in models:
            yield root.id


def _statement(code: Code, node: ast.AST) -> ast.AST:
    """Return the statement at the top of the file that a node is in."""
    line = getattr(node, "lineno", 0)
    around = [one for one in code.tree.body if one.lineno <= line <= (one.end_lineno or line)]
    return around[0] if around else code.tree


def _mentioned(function: ast.AST) -> set[str]:
    """Return the attributes, names and keywords in a function."""
    return {
        name
        for node in ast.walk(function)
        for name in (
            getattr(node, "attr", None),
            node.id if isinstance(node, ast.Name) else None,
            node.arg if isinstance(node, ast.keyword) else None,
        )
        if name
    }


def _parameters(function: Function) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """Yield the parameters of a function, each with its default."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    missing = [None] * (len(positional) - len(arguments.defaults))
    yield from zip(positional, [*missing, *arguments.defaults], strict=True)
    yield from zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
