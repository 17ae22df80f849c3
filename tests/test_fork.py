"""A fork changes what its services look like, and the command follows it unchanged.

The fork keeps its modules in `app/objects`, gives each a class of events, and has a field type and
other rules. All of that is data or template files: the command is not edited.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import Run, snapshot
from tests.generated import snapshot_template
from tests.judging import Judge
from tests.tiny import run_git

EVENTS = '''\
"""Events of {{ module.plural }}."""

from __future__ import annotations


class {{ module.entity }}Events:
    created = "{{ module.slug }}.created"
    is_audited = {{ module.get("audited", false) }}
    retention = "{{ module.get("retention", "short") }}"
'''
COLOR = {
    "help": "Color of the web",
    "argument": "none",
    "value": "string",
    "modifiers": ["null", "unique", "index", "filter", "sort"],
    "aliases": ["colour"],
    "searchable": True,
    "python": "str",
    "column": "sa.String(7)",
    "stored": "sa.String(7)",
    "schema": "str",
    "meaning": "Color",
    "samples": ["#aa0000", "#bb0000"],
    "wrong": [1],
}
MODULE = "{% yield module from views %}{{ module.name }}{% endyield %}"
EVENTS_FILE = f"template/app/objects/{MODULE}/events.py.jinja"


def replace(path: Path, old: str, new: str) -> None:
    """Replace a text of a file, which has it."""
    text = path.read_text()
    assert old in text, old
    path.write_text(text.replace(old, new))


def move_modules(folder: Path) -> None:
    """Keep modules in `app/objects` and their tests in `tests/objects`."""
    for place in ("app", "tests"):
        (folder / f"template/{place}/modules").rename(folder / f"template/{place}/objects")
    texts = [folder / "copier.yml", *folder.glob("macros/**/*"), *folder.glob("template/**/*")]
    for path in texts:
        if path.is_file():
            text = old = path.read_text()
            for place in ("app", "tests"):
                text = text.replace(f"{place}.modules", f"{place}.objects")
                text = text.replace(f"{place}/modules", f"{place}/objects")
            if text != old:
                path.write_text(text)


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fork of the template of the working tree, released as v1.0.0."""
    folder = snapshot_template(tmp_path_factory.mktemp("fork") / "template", tag="v0.1.0")
    move_modules(folder)
    (folder / EVENTS_FILE).write_text(EVENTS)
    facts = folder / "macros/facts.yml"
    replace(facts, "Stats, Similar]", "Stats, Similar, Events]")
    rules = "  audited: {kind: flag}\n  retention: {kind: choice, values: [short, long]}\n"
    replace(facts, "  owned_by: {kind", f"{rules}  owned_by: {{kind")
    with (folder / "macros/types.yml").open("a") as types:
        types.write("\n" + yaml.safe_dump({"color": COLOR}, sort_keys=False))
    settings = (folder / "copier.yml").read_text()
    (folder / "copier.yml").write_text(settings[: settings.index("_tasks:")])
    release(folder, "v1.0.0")
    return folder


def release(folder: Path, tag: str) -> None:
    """Commit and tag the fork."""
    run_git(folder, "add", "--all")
    run_git(folder, "commit", "--quiet", "--message", tag)
    run_git(folder, "tag", tag)


@pytest.fixture
def service(fork: Path, tmp_path: Path, cofee: Run) -> Path:
    """A committed service of the fork with the module `products`."""
    root = tmp_path / "service"
    module = "products name:str tint:color:filter"
    options = ("--data", "auth=none", "--module", module)
    made = cofee("new", root, "--defaults", "--template", fork, "--ref", "v1.0.0", *options)
    assert made.code == 0, made.err
    run_git(root, "init", "--quiet", "--initial-branch=main")
    run_git(root, "add", "--all")
    run_git(root, "commit", "--quiet", "--message", "first")
    return root


def done(cofee: Run, root: Path, *arguments: str) -> str:
    """Run a command that succeeds; return what it printed for a person."""
    ran = cofee(*arguments, "-C", root)
    assert ran.code == 0, ran.err
    return ran.err


def test_new_modules_are_where_the_fork_keeps_them(service: Path, cofee: Run) -> None:
    """They have the class and the field type of the fork, and its names are taken."""
    printed = done(cofee, service, "new-module", "orders", "product:ref:products", "tint:color")

    assert "app/objects/orders" in printed
    for module, entity in (("products", "Product"), ("orders", "Order")):
        folder = service / f"app/objects/{module}"
        assert f"class {entity}Events:" in (folder / "events.py").read_text()
        assert "sa.String(7)" in (folder / "models.py").read_text()
    assert not (service / "app/modules").exists()
    refused = cofee("new-module", "orders", "-C", service)
    assert refused.code == 1
    assert "exists" in refused.err
    colour = cofee("add-field", "orders", "shade:colour", "-C", service)
    assert "did you mean `color`?" in colour.err


def test_renamed_module_takes_its_class_along(service: Path, cofee: Run) -> None:
    """References in hand-written code follow the class of the fork and the folder."""
    report = service / "app/report.py"
    report.write_text(
        "from app.objects.products.events import ProductEvents\n\nEVENTS = ProductEvents\n"
    )

    done(cofee, service, "rename-module", "products", "articles")

    expected = "from app.objects.articles.events import ArticleEvents\n\nEVENTS = ArticleEvents\n"
    assert report.read_text() == expected
    assert "class ArticleEvents:" in (service / "app/objects/articles/events.py").read_text()
    assert not (service / "app/objects/products").exists()
    assert not (service / "tests/objects/products").exists()


def test_rule_of_the_fork_is_changed_and_shown(service: Path, cofee: Run) -> None:
    """`--rule` sets it; without a column it needs no migration."""
    migrations = snapshot(service / "migrations/versions")
    rules = ("--rule", "audited=true", "--rule", "retention=long")

    done(cofee, service, "change-module", "products", *rules)

    events = (service / "app/objects/products/events.py").read_text()
    answers = yaml.safe_load((service / ".copier-answers.yml").read_text())
    assert "is_audited = True" in events
    assert 'retention = "long"' in events
    assert answers["modules"][0]["audited"] is True
    assert answers["modules"][0]["retention"] == "long"
    assert snapshot(service / "migrations/versions") == migrations
    status = cofee("status", "-C", service)
    assert "--rule audited=true" in status.out
    assert "--rule retention=long" in status.out
    done(cofee, service, "change-module", "products", "--rule", "audited=false")
    assert "is_audited = False" in (service / "app/objects/products/events.py").read_text()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("audit=true", "did you mean `audited`?"),
        ("audited=maybe", "`audited`"),
        ("retention=forever", "`short` or `long`"),
        ("audited", "`NAME=VALUE`"),
    ],
)
def test_wrong_rule_is_rejected(rule: str, said: str, service: Path, cofee: Run) -> None:
    """A rule that the fork does not have, or a value that it does not take."""
    before = snapshot(service)

    ran = cofee("change-module", "products", "--rule", rule, "-C", service)

    assert ran.code in (1, 64)
    assert said in ran.err
    assert snapshot(service) == before


def test_update_and_undo_reach_what_the_fork_adds(service: Path, fork: Path, cofee: Run) -> None:
    """A newer version of the fork changes the file of events, and an edit in it stays."""
    events = service / "app/objects/products/events.py"
    events.write_text(events.read_text() + "\n\nMINE = ProductEvents\n")
    before = snapshot(service)
    (fork / EVENTS_FILE).write_text(EVENTS.replace(".created", ".made"))
    release(fork, "v1.1.0")

    done(cofee, service, "update")

    assert "products.made" in events.read_text()
    assert "MINE = ProductEvents" in events.read_text()
    done(cofee, service, "undo")
    assert snapshot(service) == before


def test_changed_service_of_the_fork_is_sound(service: Path, cofee: Run, judge: Judge) -> None:
    """After all commands it is formatted, and its own tests pass."""
    done(cofee, service, "new-module", "orders", "product:ref:products", "tint:color")
    done(cofee, service, "add-field", "products", "shade:color:null")
    done(cofee, service, "rename-module", "products", "articles")
    done(cofee, service, "change-module", "articles", "--rule", "audited=true", "--search", "tint")
    done(cofee, service, "remove-field", "articles", "shade")
    done(cofee, service, "undo")

    for command in (["ruff", "check", "."], ["ruff", "format", "--check", "."]):
        checked = subprocess.run(command, cwd=service, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout
    (service / ".env").write_bytes((service / ".env.example").read_bytes())
    tests = ("tests/objects/articles", "tests/objects/orders")
    assert judge.complaint(service, *tests) == ""
