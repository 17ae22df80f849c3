"""`cofee check`: planted violations are found, generated services have none, baselines shrink."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from cofee.console.sarif import document
from cofee.errors import CofeeError
from cofee.project.baseline import BASELINE_FILE, Baseline
from cofee.source.architecture import findings, read_rules
from cofee.source.checkers import CHECKERS
from tests.conftest import Run
from tests.generated import EVERY_PART, rendered_here
from tests.planted import VIOLATIONS, rules
from tests.test_update import edit
from tests.tiny import release, run_git

NOTES = {
    "name": "notes",
    "entity": "Note",
    "owned_by": "user",
    "fields": [{"name": "text", "type": "str"}],
}
# The module of users gets two more files by the reference.
LETTERS = {
    "name": "letters",
    "entity": "Letter",
    "fields": [{"name": "author", "type": "ref", "to": "users"}],
}
PLANTED = [
    pytest.param(rule, path, text, id=f"{rule}-{number}")
    for rule, places in VIOLATIONS.items()
    for number, (path, text) in enumerate(places, 1)
]


def service(data: Mapping[str, object]) -> dict[str, str]:
    """Render a service and return the texts of its files."""
    return {
        path: file.content.decode() if path.endswith(".py") else ""
        for path, file in rendered_here(data).items()
    }


@cache
def notes() -> dict[str, str]:
    """Return a service with a module of users."""
    return service({"auth": "jwt", "modules": [NOTES]})


def test_a_service_with_every_part_has_no_findings() -> None:
    everything = {**EVERY_PART, "cache": "redis", "modules": [NOTES, LETTERS]}

    assert findings(service(everything), rules()) == []


def test_three_violations_of_each_rule_are_planted() -> None:
    assert [(rule.name, len(VIOLATIONS.get(rule.name, ()))) for rule in rules()] == [
        (rule.name, 3) for rule in rules()
    ]


@pytest.mark.parametrize(("rule", "path", "text"), PLANTED)
def test_a_planted_violation_is_found_where_it_is(rule: str, path: str, text: str) -> None:
    before = notes().get(path, "")
    beside = {one: notes()[one] for one in notes() if Path(one).parent == Path(path).parent}
    sources = {**beside, path: f"{before}\n{text}\n"}
    lines = sources[path].splitlines()
    marked = [number for number, line in enumerate(lines, 1) if "# here" in line]
    appended = len(before.splitlines()) + 2
    expected = 1 if rule == "module-files" else marked[0] if marked else appended

    found = [(one.rule.name, one.path, one.line) for one in findings(sources, rules())]

    assert (rule, path, expected) in found
    assert {(path, expected)} >= {place[1:] for place in found if place[0] == rule}


@pytest.mark.parametrize(
    ("comment", "is_allowed"),
    [
        ("X = os.environ  # allow(I2): the library reads it there", True),
        ("X = os.environ  # allow(environment): the library reads it there", True),
        ("# allow(I2): both are for the library\nX = os.environ\nY = os.environ", True),
        ("Y = '\f'\nX = os.environ  # allow(I2): it follows a form feed", True),
        ("X = os.environ  # allow(I2)", False),
        ("X = os.environ  # allow(I3): the library reads it there", False),
        ("# allow(I2): for the library\n\nX = os.environ", False),
    ],
)
def test_a_comment_with_a_reason_allows_a_finding(comment: str, is_allowed: bool) -> None:
    found = findings({"app/a.py": f"import os\n{comment}\n"}, rules())

    assert (found == []) is is_allowed


def test_each_checker_has_a_rule() -> None:
    assert {rule.check for rule in rules()} == set(CHECKERS)


def test_a_fork_adds_a_rule_as_data() -> None:
    stated = {
        "rules": [
            {
                "id": "X1", "name": "prints", "check": "calls", "files": ["app/**"],
                "forbidden": ["print"], "says": "`{found}` is called", "why": "It is not a log.",
                "fix": "Log it.",
            }
        ]
    }  # fmt: skip

    [found] = findings({"app/a.py": "print(1)"}, read_rules(stated, "the fork"))

    assert (found.rule.id, found.line, found.message) == ("X1", 1, "`print` is called")


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({}, "must have a list of `rules`"),
        ({"rules": [{"id": "X1"}]}, "rule 1 must have the texts"),
        (
            {"rules": [dict.fromkeys(("id", "name", "check", "says", "why", "fix"), "x")]},
            "rule 1 has the check `x`, which this cofee does not have",
        ),
    ],
)
def test_a_broken_rule_is_an_error(stated: object, message: str) -> None:
    with pytest.raises(CofeeError, match=message):
        read_rules(stated, "the fork")


def test_a_file_that_is_not_python_is_an_error() -> None:
    with pytest.raises(CofeeError, match=r"`app/a\.py` is not valid Python"):
        findings({"app/a.py": "def"}, rules())


def test_a_baseline_accepts_findings_that_move_and_no_others() -> None:
    before = findings({"app/a.py": "import os\nX = os.environ\n"}, rules())
    moved = findings({"app/a.py": "import os\n\n\nX = os.environ\nY = os.environ\n"}, rules())
    accepted = Baseline().following(before, [rule.name for rule in rules()])

    assert [one.code for one in accepted.new(moved)] == ["Y = os.environ"]
    assert accepted.following(moved, accepted.rules) == accepted
    assert accepted.following([], accepted.rules).accepted.total() == 0


def test_a_baseline_takes_the_findings_of_rules_that_are_new_to_it() -> None:
    found = findings({"app/a.py": "import os\nX = os.environ\n"}, rules())
    old = Baseline(frozenset({"mocks"}))

    assert old.following(found, ["mocks", "environment"]).new(found) == []


def test_a_baseline_is_read_as_it_was_written() -> None:
    found = findings({"app/a.py": "import os\nX = os.environ\nX = os.environ\n"}, rules())
    baseline = Baseline().following(found, ["environment"])

    assert Baseline.parse(baseline.to_bytes()) == baseline


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"rules": [], "findings": [{}]}'])
def test_a_broken_baseline_is_an_error(content: bytes) -> None:
    with pytest.raises(CofeeError, match=f"`{BASELINE_FILE}` is not readable"):
        Baseline.parse(content)


def test_sarif_names_each_rule_and_place() -> None:
    found = findings({"app/a.py": "import os\nX = os.environ\n"}, rules())
    [run] = document(rules(), found, "1.0")["runs"]
    known = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    [result] = run["results"]
    [place] = result["locations"]

    assert result["ruleId"] == "I2/environment"
    assert result["ruleId"] in known
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "app/a.py"},
        "region": {"startLine": 2},
    }
    assert json.loads(json.dumps(run)) == run


# The command

PRINTS = """\
rules:
  - {id: X1, name: prints, check: calls, files: [app/**], forbidden: [print],
     says: "`{found}` is called", why: Standard output is not a log., fix: Log it.}
"""


@pytest.fixture
def checked(shop: Path, template: Path, cofee: Run) -> Path:
    """A service with one finding, of a template that has one rule."""
    release(template, "v1.1.0", {"macros/architecture.yml": PRINTS})
    assert cofee("update", "-C", shop).code == 0
    with (shop / "app/main.py").open("a") as main:
        main.write("\nprint(1)\n")
    return shop


def test_a_template_without_rules_is_an_error(shop: Path, cofee: Run) -> None:
    ran = cofee("check", "-C", shop)

    assert ran.code == 1
    assert "has no architecture rules" in ran.err
    assert "cofee update" in ran.err


def test_a_finding_is_printed_with_its_reason(checked: Path, cofee: Run) -> None:
    line = (checked / "app/main.py").read_text().count("\n")

    ran = cofee("check", "-C", checked)

    assert ran.code == 1
    assert ran.out.splitlines() == [
        "X1 prints",
        f"  app/main.py:{line}  `print` is called",
        "  why: Standard output is not a log.",
        "  fix: Log it.",
        "",
    ]


def test_the_baseline_only_shrinks(checked: Path, cofee: Run) -> None:
    accepted = cofee("check", "--accept", "-C", checked)
    run_git(checked, "add", "--all")
    run_git(checked, "commit", "--quiet", "--message", "accepted")
    edit(checked / "app/main.py", "print(1)", "print(1)\nprint(2)")
    more = cofee("check", "--accept", "--json", "-C", checked)
    edit(checked / "app/main.py", "print(1)\nprint(2)", "")
    gone = cofee("check", "--json", "-C", checked)
    shrunk = cofee("check", "--accept", "-C", checked)

    assert [accepted.code, more.code, gone.code, shrunk.code] == [0, 1, 1, 0]
    [found] = json.loads(more.out)["findings"]
    assert (found["rule"], found["path"], found["why"]) == (
        "X1", "app/main.py", "Standard output is not a log.",
    )  # fmt: skip
    assert json.loads(gone.out) == {"findings": [], "accepted": 0, "gone": 1}
    assert json.loads((checked / BASELINE_FILE).read_bytes())["findings"] == []


def test_an_entry_that_was_added_by_hand_is_an_error(checked: Path, cofee: Run) -> None:
    cofee("check", "--accept", "-C", checked)
    run_git(checked, "add", "--all")
    run_git(checked, "commit", "--quiet", "--message", "accepted")
    baseline = json.loads((checked / BASELINE_FILE).read_bytes())
    baseline["findings"] *= 2
    (checked / BASELINE_FILE).write_text(json.dumps(baseline))

    ran = cofee("check", "-C", checked)

    assert ran.code == 1
    assert "it may only shrink" in ran.err
