"""Check how strong the generated tests are: change the code of a service, and expect a red test.

A service with every layer and rule is generated. Each mutant is one change of its code, which its
tests have to notice; a mutant that survives is a risk that no test covers.

    uv run python -m bench.mutants [--template DIR] [--only NAME …]

`--template` takes the checkout of another commit, to compare its tests with these. Mutants that do
not fit its code are reported as absent.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import REPOSITORY
from cofee.engine.render import Renderer
from cofee.project.staging import write_tree
from cofee.template.template import Template
from tests.generated import environment, snapshot_template
from tests.judging import Judge, forking

TESTS = ("tests/modules", "tests/db", "tests/common")
Record = dict[str, Any]


def field(name: str, kind: str, **more: object) -> Record:
    """Return the record of a field."""
    return {"name": name, "type": kind, **more}


TITLE = field("title", "str", unique=True, filter=True, sort=True)
FOLDER = field("folder", "ref", to="folders", on_delete="cascade")
MODULES: list[Record] = [
    {
        "name": "customers",
        "entity": "Customer",
        "fields": [
            field("name", "str", filter=True, sort=True),
            field("town", "str", nullable=True, filter=True, sort=True),
            field("email", "email", unique=True, nullable=True),
        ],
        "search": ["name", "town"],
    },
    {"name": "tags", "entity": "Tag", "fields": [field("name", "str", unique=True)]},
    {
        "name": "orders",
        "entity": "Order",
        "fields": [
            field("number", "str", unique=True),
            field("note", "str", nullable=True, sort=True),
            field("count", "int", default=1, min=0),
            field("price", "decimal", precision=10, scale=2),
            field("customer", "ref", to="customers", filter=True),
            field("payer", "ref", to="customers", nullable=True, on_delete="set_null"),
            field("parent", "ref", to="orders", nullable=True, on_delete="cascade"),
            field("tags", "many", to="tags"),
        ],
        "versioned": True,
        "unique_together": [["note", "customer"]],
    },
    {
        "name": "profiles",
        "entity": "Profile",
        "fields": [field("customer", "one", to="customers"), field("bio", "text")],
        "deletion": "hard",
    },
    {
        "name": "folders",
        "entity": "Folder",
        "fields": [field("name", "str", unique=True)],
        "owned_by": "user",
    },
    {
        "name": "notes",
        "entity": "Note",
        "fields": [
            TITLE,
            FOLDER,
            field("label", "ref", to="tags", nullable=True),
            field("folders", "many", to="folders"),
        ],
        "owned_by": "user",
        "search": ["title"],
    },
    {"name": "tasks", "entity": "Task", "fields": [TITLE], "owned_by": "project"},
    {
        "name": "events",
        "entity": "Event",
        "fields": [field("name", "str")],
        "routes": ["create", "list"],
    },
]


@dataclass(frozen=True)
class Mutant:
    """A replacement in the part of a file that has a dotted name, where a pattern fits once."""

    file: str
    part: str
    pattern: str
    replacement: str

    @property
    def name(self) -> str:
        """How the mutant is called on the command line and in the report."""
        path = self.file.removeprefix("app/").removeprefix("modules/")
        return f"{path}:{self.part or '*'}: {self.pattern} -> {self.replacement or 'nothing'}"

    @property
    def tests(self) -> list[tuple[str, ...]]:
        """Where a red test is looked for: in the tests of the module first, then in all."""
        folders = self.file.split("/")
        own = f"tests/modules/{folders[2]}" if folders[1] == "modules" else f"tests/{folders[1]}"
        return [(own,), TESTS]

    def changed(self, text: str) -> str | None:
        """Return the changed text of the file; nothing where the pattern does not fit once."""
        start, end = _part(text, self.part)
        changed, count = re.subn(self.pattern, self.replacement, text[start:end])
        return text[:start] + changed + text[end:] if count == 1 else None


def _part(text: str, name: str) -> tuple[int, int]:
    """Return where the class, function or assignment of a name starts and ends in a file."""
    body: list[ast.stmt] = ast.parse(text).body
    lines = [0]
    for line in text.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    start, end = 0, len(text)
    for word in name.split(".") if name else ():
        found = next((node for node in body if word in _names(node)), None)
        if found is None:
            return 0, 0
        decorators = getattr(found, "decorator_list", [])
        first = min([found.lineno, *(decorator.lineno for decorator in decorators)])
        start, end = lines[first - 1], lines[found.end_lineno or found.lineno]
        body = getattr(found, "body", [])
    return start, end


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return [node.name] if hasattr(node, "name") else []


def of(folder: str, *mutants: tuple[str, str, str, str]) -> list[Mutant]:
    """Return mutants of the files of a folder."""
    return [Mutant(f"{folder}/{file}", *more) for file, *more in mutants]


ORDERS = of(
    "app/modules/orders",
    ("models.py", "Order.price", r"10, 2", "10, 1"),
    ("models.py", "Order.tags", r"\"Tag.id\"", '"Tag.id.desc()"'),
    ("models.py", "Order.tags", r"live_links\(.*\)", '"orders__tags.c.other_id == Tag.id"'),
    ("schemas.py", "OrderCreate", r"price: .*", "price: Price | None = None"),
    ("schemas.py", "OrderCreate", r"(count: .*) = 1\b", r"\1 = 2"),
    ("schemas.py", "OrderCreate", r"(?m)(note: [^=\n]*\S) = None$", r"\1"),
    ("schemas.py", "OrderUpdate", r"number: (\w+)", r"number: \1 | None"),
    ("schemas.py", "OrderRead", r"    note: .*\n", ""),
    ("schemas.py", "OrderQuery", r"    customer_id: .*\n", ""),
    ("schemas.py", "", r"max_length=1000\b", "max_length=1001"),
    ("schemas.py", "Number", r"255", "256"),
    ("schemas.py", "Price", r"max_digits=10", "max_digits=11"),
    ("schemas.py", "Price", r"decimal_places=2", "decimal_places=3"),
    ("schemas.py", "Count", r"ge=0", "ge=-1"),
    ("schemas.py", "OrderSort", r", \"-note\"", ""),
    ("repository.py", "FILTERS", r"Order\.customer_id", "Order.payer_id"),
    (
        "repository.py",
        "OrderRepository.list_page",
        r"where_matches\((.*?), FILTERS, query\)",
        r"\1",
    ),
    (
        "repository.py",
        "OrderRepository.list_page_by_customer",
        r"(?s)(.*)customer_id=",
        r"\1payer_id=",
    ),
    (
        "repository.py",
        "OrderRepository.list_page_by_payer",
        r"where_matches\((.*?), FILTERS, query\)",
        r"\1",
    ),
    ("repository.py", "OrderRepository.add_link", r"await add_link\(.*", "return None"),
    ("repository.py", "OrderRepository.remove_link", r"await remove_link\(.*", "return None"),
    ("repository.py", "OrderRepository.delete", r"is_deleted = True", "is_deleted = False"),
    (
        "repository.py",
        "LIVE",
        r"sa\.not_\(Order\.is_deleted\)|Order\.is_deleted\.is_\(False\)",
        "sa.true()",
    ),
    ("service.py", "OrderService._write", r"await self\._validate\(.*\)", "pass"),
    (
        "service.py",
        "OrderService.replace",
        r"data\.model_dump\(\)",
        "data.model_dump(exclude_unset=True)",
    ),
    ("service.py", "OrderService.update", r"exclude_unset=True", ""),
    ("service.py", "OrderService.update", r", if_match\)", ")"),
    ("service.py", "OrderService.delete", r", if_match\)", ")"),
    ("service.py", "OrderService.delete", r"await self\._on_delete\(.*", "pass"),
    ("service.py", "OrderService.on_customer_delete", r"if await", "if not await"),
    ("service.py", "OrderService.on_parent_delete", r"await self\.delete\(.*", "break"),
    ("service.py", "OrderService.on_payer_delete", r"(?s)while .*", "pass\n\n"),
    ("service.py", "OrderService", r".*\"parent_id\", self\.exists.*\n", ""),
    ("service.py", "OrderService.add_tags", r".*TagService.*\n", ""),
    ("service.py", "OrderService.add_tags", r".*updated_at.*\n", ""),
    ("service.py", "OrderService.remove_tags", r".*updated_at.*\n", ""),
    ("service.py", "OrderService.list_page_by_customer", r".*CustomerService.*\n", ""),
    ("router.py", "create", r"HTTP_201_CREATED", "HTTP_200_OK"),
    ("router.py", "delete", r"HTTP_204_NO_CONTENT", "HTTP_202_ACCEPTED"),
    ("router.py", "get", r"tagged\(response, (.*)\)", r"\1"),
    ("router.py", "update", r", if_match\)", ", None)"),
    ("router.py", "list_page_by_payer", r"by-payer", "by-buyer"),
)
OTHERS = [
    *of(
        "app/modules/profiles",
        ("repository.py", "ProfileRepository.delete", r"await remove\(.*", "pass"),
        ("repository.py", "ProfileRepository.get_by_customer", r"\.filter_by\(.*?\)", ""),
    ),
    *of(
        "app/modules/customers",
        ("repository.py", "SEARCHED", r".*\"town\".*\n", ""),
        ("repository.py", "CustomerRepository.list_page", r".*where_contains.*\n", ""),
        ("repository.py", "FILTERS", r"Customer\.town", "Customer.name"),
        ("service.py", "CustomerService._on_delete", r".*on_payer_delete\(.*\n", ""),
        ("router.py", "replace", r"router\.put", "router.post"),
    ),
    *of(
        "app/modules/notes",
        ("repository.py", "NoteRepository", r"Note\.user_id == user_id", "sa.true()"),
        ("service.py", "NoteService.on_label_delete", r"if await", "if not await"),
        ("service.py", "NoteService.add_folders", r".*FolderService.*\n", ""),
        ("router.py", "get", r"user_id: CurrentUserId", "user_id: uuid.UUID"),
    ),
    *of(
        "app/modules/folders",
        ("repository.py", "FolderRepository", r"Folder\.user_id == user_id", "sa.true()"),
    ),
    *of(
        "app/modules/tasks",
        ("router.py", "delete", r"WritableProject", "ReadableProject"),
        ("router.py", "list_page", r"ReadableProject", "WritableProject"),
    ),
    *of("app/modules/events", ("router.py", "", r"prefix=\"/events\"", 'prefix="/event"')),
]
LIBRARY = [
    *of(
        "app/db",
        (
            "keyset.py",
            "where_matches",
            r"statement = statement\.where\(COMPARISONS.*",
            "pass",
        ),
        ("keyset.py", "where_matches", r"_is_any\((.*), value\)", r"\1 == value[-1]"),
        ("keyset.py", "COMPARISONS", r"operator\.lt", "operator.le"),
        ("keyset.py", "fetch_page", r"statement = where_matches.*", "pass"),
        ("links.py", "save_linked", r"await replace_links\(.*", "continue"),
        ("links.py", "replace_links", r".*sa\.delete.*\n", ""),
        ("links.py", "live_links", r", not_\(\{\w+\}\.is_deleted\)", ""),
        ("owners.py", "find_any", r"is_deleted=False", ""),
        ("owners.py", "find_any", r"\.filter_by\(\*\*\w+\)", ""),
        ("search.py", "where_contains", r"\"%_/\"", '""'),
        ("search.py", "where_contains", r"sa\.or_", "sa.and_"),
        ("violations.py", "_sent", r"!= owner", "== owner"),
        ("base.py", "BaseModelMixin", r"default=False", "default=True"),
    ),
    *of(
        "app/common",
        ("schemas.py", "Model", r"extra=\"forbid\"", 'extra="ignore"'),
        ("references.py", "require_reference", r"and not await", "and await"),
        ("references.py", "require_references", r"and not await", "and await"),
        ("versions.py", "tagged", r"headers\[\"ETag\"\]", 'headers["Tag"]'),
        ("versions.py", "require_version", r"strip\(\) != \"\*\"", 'strip() != "+"'),
    ),
]
MUTANTS = [*ORDERS, *OTHERS, *LIBRARY]


def generate(template: Path, target: Path) -> Path:
    """Generate the service that is mutated."""
    renderer = Renderer(Template(str(template), "HEAD", template))
    answers = {"isolation": "project", "auth": "jwt", "modules": MODULES}
    write_tree(renderer.render(renderer.settle(answers, {}, "service"), "copy"), target)
    return target


def verdicts(service: Path, judge: Judge, only: list[str]) -> Iterator[tuple[Mutant, str]]:
    """Yield what becomes of each mutant: it is killed, survives or is absent."""
    for mutant in MUTANTS:
        if only and not any(word in mutant.name for word in only):
            continue
        path = service / mutant.file
        original = path.read_text()
        changed = mutant.changed(original)
        if changed is None or changed == original or not _parses(changed):
            yield mutant, "absent"
            continue
        path.write_text(changed)
        red = any(judge.complaint(service, "-x", *places) for places in mutant.tests)
        path.write_text(original)
        yield mutant, "killed" if red else "survived"


def _parses(text: str) -> bool:
    """Return whether a file can be imported: otherwise the result of its tests says nothing."""
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def main() -> None:
    """Print a line for each mutant, and how many were killed, survived or are absent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--template", type=Path, default=REPOSITORY)
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    counts = {"killed": 0, "survived": 0, "absent": 0}
    with tempfile.TemporaryDirectory() as folder:
        service = generate(given.template.resolve(), Path(folder) / "service")
        programs = environment(snapshot_template(Path(folder) / "template"))
        with forking(programs) as forks:
            judge = Judge(forks)
            assert not (red := judge.complaint(service, *TESTS)), red
            for mutant, verdict in verdicts(service, judge, given.only):
                counts[verdict] += 1
                print(f"{verdict:>9}  {mutant.name}", flush=True)
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    missed = counts["survived"] + (counts["absent"] if given.template == REPOSITORY else 0)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
