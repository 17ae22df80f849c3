"""The template reads like the program that it becomes, and says so in numbers."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from cofee.spec.names import FIELD_NAME
from cofee.template.template import CONTRACTS
from tests.generated import EVERY_PART, REPOSITORY, rendered_here
from tests.tiny import run_git

TEMPLATE = REPOSITORY / "template"
FILES = [path for path in sorted(TEMPLATE.rglob("*")) if path.is_file()]
FILES = [path for path in FILES if "__pycache__" not in path.parts]
# The only Python files that may hold a block tag: the module blueprint and the composition.
ALLOWED = re.compile(
    r"app/(main|api/v1/router|common/enums|modules/__init__|infrastructure/(health|settings))\.py\.jinja"
    r"|dev/(__main__|servers)\.py\.jinja|tests/conftest\.py\.jinja"
    r"|app/infrastructure/clients(_settings\.py|/{%.*)\.jinja"
    r"|(app|tests)/modules/{%.*|migrations/versions/{%.*"
)
LEAN = 3_600  # a service without options has fewer lines of Python, its tests included
MODULE = {"app": 230, "tests": 60}  # a small module has at most so many
BUDGET = 996  # block tags in `template/` and `macros/`; it may only fall
SOURCES = (
    "cofee",
    "hooks",
    "macros",
    "template",
    "docs",
    "README.md",
    "CHANGELOG.md",
    "copier.yml",
)
# Texts for users and contributors, generated code included.
PLAIN = (
    "*.md",
    "*.yml",
    "bench/*.py",
    "cofee/*.py",
    "hooks/*.py",
    "tests/*.py",
    ":!tests/test_hygiene.py",  # which has the words
    "macros/*.jinja",
    "template/*",
    ":!template/migrations/v*.py",  # which are history
    ":!template/dev/postgresql.py",  # which names the user `nobody`
)
OLD_WORDS = re.compile(
    r"\b(any|every|no|some)body\b|\b(any more|one's own|whoever|leads? nowhere|mend(s|ed|ing)?"
    r"|(?<!there )is no (?!longer|more)\w+|stands? (in|behind|beside|below|for itself))\b",
    re.IGNORECASE,
)


def relative(path: Path) -> str:
    """Return a template file's path inside the template."""
    return path.relative_to(TEMPLATE).as_posix()


def python_files() -> list[Path]:
    """Return the template's Python files, rendered ones included."""
    return [path for path in FILES if path.name.removesuffix(".jinja").endswith(".py")]


def test_block_tags_only_fall() -> None:
    """Jinja is counted wherever it is, in macros too."""
    macros = (REPOSITORY / "macros").rglob("*.jinja")
    count = sum(path.read_text(errors="replace").count("{%") for path in [*FILES, *macros])

    assert count <= BUDGET


def test_only_the_blueprint_has_block_tags_in_python() -> None:
    """The rest is plain Python, but for the files that print what the parts of a service bring."""
    tagged = [relative(path) for path in python_files() if "{%" in path.read_text()]

    assert [name for name in tagged if not ALLOWED.fullmatch(name)] == []


def test_a_service_without_options_is_lean() -> None:
    """What only a module or an option needs is not there before it."""
    tree = rendered_here({"auth": "none"})
    lines = {
        path: len(file.content.splitlines()) for path, file in tree.items() if path.endswith(".py")
    }

    assert sum(lines.values()) < LEAN, sorted(lines.items(), key=lambda item: -item[1])[:10]


@pytest.mark.parametrize("auth", ["none", "jwt"])
def test_tasks_run_what_a_service_has(auth: str) -> None:
    """Also one that has no rows yet."""
    tree = rendered_here({"auth": auth})
    run = set(re.findall(r"-m ((?:app|dev)[.\w]*)", tree["pyproject.toml"].content.decode()))

    assert run >= {"dev"}
    for module in run:
        path = module.replace(".", "/")
        assert f"{path}.py" in tree or f"{path}/__main__.py" in tree


def test_a_module_is_short() -> None:
    """What every module needs is in `app/common`, `app/db` and `tests/contract`."""
    price = {"name": "price", "type": "decimal", "precision": 10, "scale": 2}
    fields = [{"name": "name", "type": "str", "filter": True}, price]
    products = {"name": "products", "entity": "Product", "fields": fields}
    tree = rendered_here({"modules": [products]})
    lines = dict.fromkeys(MODULE, 0)
    for path, file in tree.items():
        folder, _, rest = path.partition("/")
        if rest.startswith("modules/products/"):
            lines[folder] += len(file.content.splitlines())

    assert {folder for folder, most in MODULE.items() if lines[folder] > most} == set(), lines


def test_examples_of_settings_are_comments_and_assignments() -> None:
    """A line that is neither would be a warning of every command that reads `.env`."""
    text = rendered_here(EVERY_PART)[".env.example"].content.decode()

    assert [
        one for one in text.splitlines() if not re.fullmatch(r"(#.*|[A-Z_0-9]+=.*)?", one)
    ] == []


def test_paths_work_everywhere() -> None:
    """Windows knows neither `"` nor `|` in a name, and a dangling link stops Copier."""
    assert [relative(path) for path in FILES if set('"|') & set(relative(path))] == []
    assert [path for path in TEMPLATE.rglob("*") if path.is_symlink()] == []


def test_jinja_suffix_says_the_truth() -> None:
    """A file is a template exactly when something in it is rendered."""
    for path in FILES:
        text = path.read_text(errors="replace")
        if path.suffix == ".jinja":
            assert "{{" in text or "{%" in text, relative(path)
        elif ".github" not in path.parts:
            assert not re.search(r"\{\{ |\{% ", text), relative(path)


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".py"], ids=relative)
def test_plain_python_parses(path: Path) -> None:
    """Every file without an option's or a module's content is plain Python in its place."""
    ast.parse(path.read_text())


def test_tables_of_the_services_own_tests_have_names_that_no_module_can_have() -> None:
    """A module `samples` or `parts` is as good as any other."""
    tables = re.compile(
        r'(?:__tablename__ = |(?:sa\.Table|unique_key)\(|CREATE TABLE |ForeignKey\()"?(\w+)'
    )
    named = {
        name
        for path in FILES
        if relative(path).startswith("tests/")
        for name in tables.findall(path.read_text())
    }

    assert len(named) > 5
    assert {name for name in named if FIELD_NAME.fullmatch(name)} == set()


def test_questionnaire_is_short_and_explained() -> None:
    """Seven questions and one a part, each with a type, a help sentence, a default and a check."""
    text = (REPOSITORY / "copier.yml").read_text()
    questions = {k: v for k, v in yaml.safe_load(text).items() if not k.startswith("_")}
    readme = (REPOSITORY / "README.md").read_text()
    computed = {name for name, question in questions.items() if question.get("when") is False}
    asked = {name for name, question in questions.items() if question.get("ask", True)} - computed

    assert len(text.splitlines()) < 340
    assert len(asked) <= 7 + 12
    for name, question in questions.items():
        assert list(question)[:2] == ["type", "help"], name
        assert question["help"].endswith((".", "?")), name
        assert "default" in question, name
        if name not in computed:
            assert name in readme, name
            assert {"choices", "validator"} & question.keys() or question["type"] == "bool", name


def test_contract_number_is_this_commands() -> None:
    """The template of this repository speaks the contract of its command."""
    settings = yaml.safe_load((REPOSITORY / "copier.yml").read_text())

    assert settings["_cofee_contract"] == max(CONTRACTS)


def test_only_two_modules_import_copier() -> None:
    """Importing Copier costs a second, so it happens where it is needed and inside a function."""
    importing = {
        path.name
        for path in (REPOSITORY / "cofee").rglob("*.py")
        if re.search(r"^\s*(from|import) copier", path.read_text(), re.MULTILINE)
    }

    assert importing == {"ask.py", "trust.py"}


def test_page_of_the_architecture_names_every_module() -> None:
    """A reader who looks for a module finds its package."""
    page = (REPOSITORY / "docs/architecture.md").read_text()
    rows = dict(re.findall(r"(?m)^\| `(\w+)/` (.*)$", page))
    named = {(package, name) for package in rows for name in re.findall(r"`(\w+)`", rows[package])}
    modules = (REPOSITORY / "cofee").glob("*/[a-z]*.py")

    assert named >= {(path.parent.name, path.stem) for path in modules}


def test_no_path_of_one_machine_and_nothing_unfinished() -> None:
    """What is committed is the product's alone."""
    listed = run_git(REPOSITORY, "ls-files", "--", *SOURCES).splitlines()
    unwanted = re.compile(r"(?<![\w.])/(tmp|work|root|home)/\w|TODO|FIXME|NotImplementedError")
    found = [
        f"{name}: {line}"
        for name in listed
        for line in (REPOSITORY / name).read_text(errors="replace").splitlines()
        if unwanted.search(line)
    ]

    assert found == []


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["mypy"],
        ["lint-imports"],
        ["codespell"],
    ],
)
def test_our_own_code_is_clean(command: list[str]) -> None:
    """The command's code passes what we ask of generated code, and its packages keep their order.

    `lint-imports` holds the layers of `pyproject.toml`; imports inside functions count as well.
    """
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_texts_use_plain_words() -> None:
    """Users read texts without words that have a plainer synonym."""
    found = [
        f"{name}:{number}: {line.strip()}"
        for name in run_git(REPOSITORY, "ls-files", "--", *PLAIN).splitlines()
        for number, line in enumerate((REPOSITORY / name).read_text("utf-8").splitlines(), 1)
        if OLD_WORDS.search(line)
    ]

    assert found == []
