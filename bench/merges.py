"""The share of conflicts of random hand edits with changes of a module, with and without tokens.

Each of 500 pairs is one edit of a line that a developer could make, in a file that the change
touches, half of them at a line that it touches. The seed is fixed, so that two versions of the
merge see the same pairs.
"""

from __future__ import annotations

import keyword
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from bench.measure import REPOSITORY
from cofee.changes import fields, modules, rules
from cofee.changes.step import Step
from cofee.engine import merge as merging
from cofee.engine.render import Renderer
from cofee.engine.tokens import merge_tokens
from cofee.files import File
from cofee.spec import gate, names
from cofee.spec.facts import Facts
from cofee.spec.record import Module
from cofee.template.template import Template

SEED, PAIRS = 9, 500
RECORDS = [
    {"name": "customers", "entity": "Customer", "fields": [{"name": "name", "type": "str"}]},
    {
        "name": "products",
        "entity": "Product",
        "fields": [
            {"name": "sku", "type": "str", "max_length": 20, "unique": True},
            {"name": "price", "type": "decimal", "precision": 10, "scale": 2, "min": "0"},
            {"name": "stock", "type": "int", "default": 0, "sort": True},
            {"name": "note", "type": "text", "nullable": True},
            {"name": "customer", "type": "ref", "to": "customers", "filter": True},
        ],
    },
]
WORD = re.compile(r"[A-Za-z_]\w*|\d+")
Modules = tuple[Module, ...]
CHANGES: Mapping[str, Callable[[Modules, Facts], Step]] = {
    "add-field": lambda before, facts: fields.add_fields(
        before, "products", ["weight:float:null:sort", "colour:str:default=red:filter"], None, facts
    ),
    "change-field": lambda before, facts: fields.change_fields(
        before, "products", ["note:str:null:len=500", "sku:str:len=40:unique"], None, facts
    ),
    "remove-field": lambda before, facts: fields.remove_fields(before, "products", ["note"], facts),
    "rename-field": lambda before, facts: fields.rename_field(
        before, "products", "stock", "quantity", facts
    ),
    "rename-module": lambda before, facts: modules.rename_module(
        before, "products", names.derive("articles"), facts
    ),
    "change-module": lambda before, facts: rules.change_module(
        before, "products", {"search": ["sku"], "versioned": True}, facts
    ),
}
Texts = tuple[str, str]


def main() -> None:
    """Print the share of pairs with a conflict, by command."""
    pairs = list(_pairs())
    print(f"{len(pairs)} pairs, seed {SEED}")
    for label, by_tokens in (("by lines", False), ("by tokens too", True)):
        conflicts = Counter(
            name
            for name, parts, (before, after), yours in pairs
            if _merged(before, after, yours, parts if by_tokens else {}) is None
        )
        listed = ", ".join(f"{name} {conflicts[name]}" for name in CHANGES)
        share = conflicts.total() / len(pairs)
        print(f"{label}: {conflicts.total()} conflicts ({share:.1%}): {listed}")


def _merged(before: str, after: str, yours: str, parts: Mapping[str, str]) -> str | None:
    settle = partial(merge_tokens, renaming=parts)
    merged = merging.merge_lines(before, after, yours, settle=settle if parts else None)
    return merged if merged is not None and merging.parses("x.py", merged) else None


def _pairs() -> Iterator[tuple[str, Mapping[str, str], Texts, str]]:
    """Yield a command, its rename, a file before and after it, and the file with an edit."""
    chosen = random.Random(SEED)  # noqa: S311 (the same pairs in each run)
    sides = {name: _sides(change) for name, change in CHANGES.items()}
    for number in range(PAIRS):
        name = list(CHANGES)[number % len(CHANGES)]
        parts, texts = sides[name]
        before, after = chosen.choice(texts)
        yours = before
        while yours == before or not merging.parses("x.py", yours):
            yours = _edited(before, after, chosen)
        yield name, parts, (before, after), yours


def _sides(
    change: Callable[[Modules, Facts], Step],
) -> tuple[Mapping[str, str], list[Texts]]:
    """Return the rename of a change, and the Python files that it touches before and after it."""
    renderer = Renderer(Template(str(REPOSITORY), "HEAD", REPOSITORY))
    facts = renderer.template.facts
    before = gate.check_modules(gate.read_modules(RECORDS, "here"), facts)
    step = change(tuple(before), facts)
    trees = [_tree(renderer, listed) for listed in (before, step.modules)]
    old = {_moved(path, step.moves): file for path, file in trees[0].items()}
    parts = step.renaming.parts if step.renaming else {}
    return parts, [
        (file.content.decode(), trees[1][path].content.decode())
        for path, file in sorted(old.items())
        if path.endswith(".py") and path in trees[1] and file != trees[1][path]
    ]


def _tree(renderer: Renderer, listed: Sequence[Module]) -> dict[str, File]:
    records = [module.to_record() for module in listed]
    return renderer.render(renderer.settle({"modules": records}, {}, "shop"), "update")


def _moved(path: str, moves: Mapping[str, str]) -> str:
    for old, new in moves.items():
        if path.startswith(f"{old}/"):
            return new + path.removeprefix(old)
    return path


def _edited(before: str, after: str, chosen: random.Random) -> str:
    """Return a file after one edit, at a line that the change touches or at any line."""
    lines = before.split("\n")
    kept = set(after.split("\n"))
    touched = [number for number, line in enumerate(lines) if line not in kept]
    place = chosen.choice(chosen.choice([touched or range(len(lines)), range(len(lines))]))
    line = lines[place]
    margin = line[: len(line) - len(line.lstrip())]
    words = [word for word in WORD.finditer(line) if not keyword.iskeyword(word[0])]
    kind = chosen.choice(["word", "word", "comment", "insert", "delete"])
    if kind == "word" and words:
        word = chosen.choice(words)
        new = "7" if word[0].isdigit() else f"my_{word[0]}"
        lines[place] = line[: word.start()] + new + line[word.end() :]
    elif kind == "comment":
        lines[place] = f"{line}  # mine"
    elif kind == "delete":
        del lines[place]
    else:
        lines.insert(place, f"{margin}# mine")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
