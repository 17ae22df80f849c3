"""The wizard, driven by the keys that a user presses, on a real prompt."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.output.plain_text import PlainTextOutput

from cofee.console.mode import Options
from cofee.console.wizard import MODIFIER_HELP, ask_fields, ask_module_name, confirm
from cofee.errors import CofeeError
from cofee.spec.parse import format_field
from cofee.spec.record import MODIFIER_KEYS, Field
from cofee.template.template import Template
from tests.conftest import Run
from tests.tiny import FILES, release

ROOT = Path(__file__).resolve().parent.parent
FACTS = Template(str(ROOT), "HEAD", ROOT).facts
TYPES = FACTS.types

ENTER, DOWN, CLEAR, LEAVE, END = "\r", "\x1b[B", "\x15", "\x03", "\x04"
DONE = ENTER + ENTER  # No further field, and yes to the preview.


@pytest.fixture
def keyboard() -> Iterator[PipeInput]:
    """A terminal that is typed on by the test."""
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield pipe


def refuse_files(field: Field) -> None:
    if field.type == "file":
        raise CofeeError("the option `files` is `none`")


def asked(keyboard: PipeInput, keys: str) -> list[str]:
    """Press the keys in the wizard and give the specifications that come of it."""
    keyboard.send_text(keys)
    records = ask_fields(FACTS, ("customers", "products"), "orders", check=refuse_files)
    return [format_field(record, FACTS) for record in records]


def pick(*modifiers: str, of: str) -> str:
    """Give the keys that tick modifiers of a type."""
    shown = [modifier for modifier in MODIFIER_HELP if modifier in TYPES[of].modifiers]
    return "".join((" " if each in modifiers else "") + DOWN for each in shown) + ENTER


def test_module_name_is_asked_for_until_it_is_usable(keyboard: PipeInput) -> None:
    """Without a terminal a missing name is a usage error."""

    def check(name: str) -> None:
        if name != "orders":
            raise CofeeError("taken")

    keyboard.send_text("users" + ENTER + CLEAR + "orders" + ENTER)

    assert ask_module_name(check) == "orders"


def test_a_module_without_a_field_is_confirmed(keyboard: PipeInput) -> None:
    """Enter alone ends the questions."""
    assert asked(keyboard, DONE) == []


def test_fields_are_asked_for_one_after_the_other(keyboard: PipeInput) -> None:
    """The types are narrowed down by typing, the modifiers ticked."""
    keys = "sku" + ENTER + ENTER + pick("unique", "filter", of="str")
    keys += "placed_at" + ENTER + "datet" + ENTER + pick(of="datetime")

    assert asked(keyboard, keys + DONE) == ["sku:str:unique:filter", "placed_at:datetime"]


def test_arguments_and_values_are_asked_for(keyboard: PipeInput) -> None:
    """A wrong value is refused in the words of the field language, and asked for again."""
    keys = "status" + ENTER + "enum" + ENTER
    keys += "draft,draft" + ENTER + CLEAR + "draft,paid" + ENTER
    keys += pick("default", of="enum") + "gone" + ENTER + CLEAR + "paid" + ENTER
    keys += "total" + ENTER + "decimal" + ENTER + CLEAR + "8.2" + ENTER
    keys += pick("min", "max", of="decimal") + "5" + ENTER + "4" + ENTER + CLEAR + "9" + ENTER

    assert asked(keyboard, keys + DONE) == [
        "status:enum:draft,paid:default=paid",
        "total:decimal:8.2:min=5:max=9",
    ]


def test_a_readonly_field_is_asked_for_its_default(keyboard: PipeInput) -> None:
    """It needs one, or null, so it is complete only with the answer."""
    keys = "done" + ENTER + "bool" + ENTER + pick("readonly", "default", of="bool")
    keys += "false" + ENTER
    keys += "count" + ENTER + "bigint" + ENTER + pick("readonly", "min", "default", of="bigint")
    keys += "0" + ENTER + "7" + ENTER

    assert asked(keyboard, keys + DONE) == [
        "done:bool:readonly:default=false",
        "count:bigint:readonly:default=7:min=0",
    ]


def test_a_pattern_may_hold_colons(keyboard: PipeInput) -> None:
    """A default is checked against it, and keeps its colons too."""
    keys = "code" + ENTER + ENTER + pick("pattern", "default", of="str")
    keys += "^[a-z]:[0-9]$" + ENTER + "a" + ENTER + CLEAR + "a:1" + ENTER

    assert asked(keyboard, keys + DONE) == [r"code:str:default=a\:1:pattern=^[a-z]:[0-9]$"]


def test_a_reference_is_chosen_from_the_modules(keyboard: PipeInput) -> None:
    """Its own module is among them, and must then be optional."""
    keys = "customer" + ENTER + "ref" + ENTER + ENTER
    keys += pick("on_delete", of="ref") + DOWN + ENTER
    keys += "parent" + ENTER + "ref" + ENTER + DOWN + ENTER
    keys += ENTER + pick("null", of="ref")

    assert asked(keyboard, keys + DONE) == [
        "customer:ref:customers:on_delete=cascade",
        "parent:ref:orders:null",
    ]


def test_a_list_is_asked_for_the_type_of_its_items(keyboard: PipeInput) -> None:
    """Only what a list can hold is offered."""
    keys = "tags" + ENTER + "list" + ENTER + DOWN + ENTER + pick("len", of="list") + "1-5" + ENTER

    assert asked(keyboard, keys + DONE) == ["tags:list:int:len=1-5"]


def test_a_whole_specification_is_taken_for_a_name(keyboard: PipeInput) -> None:
    """Who knows the field language is asked nothing more; a mistake is refused in its words."""
    keys = "title:str:sort" + ENTER + "title:text" + ENTER + CLEAR + "body:txet" + ENTER
    keys += CLEAR + "parent:ref:orders:null" + ENTER

    assert asked(keyboard, keys + DONE) == ["title:str:sort", "parent:ref:orders:null"]


def test_a_name_is_refused_before_anything_else_is_asked(keyboard: PipeInput) -> None:
    """A reserved name and a name that is taken."""
    keys = "class" + ENTER + CLEAR + "rank" + ENTER + "int" + ENTER + pick(of="int")
    keys += "rank" + ENTER + CLEAR + "level" + ENTER + "int" + ENTER + pick(of="int")

    assert asked(keyboard, keys + DONE) == ["rank:int", "level:int"]


def test_a_type_that_does_not_fit_drops_the_field_with_a_reason(keyboard: PipeInput) -> None:
    """The column of a reference, and a type whose option is off; the fields so far are kept."""
    keys = "customer_id" + ENTER + "ref" + ENTER + "photo" + ENTER + "file" + ENTER
    keys += "photo:file:image/png" + ENTER + CLEAR
    keys += "customer" + ENTER + "ref" + ENTER + ENTER + pick(of="ref")

    assert asked(keyboard, keys + DONE) == ["customer:ref:customers"]


@pytest.mark.parametrize(
    "keys",
    [
        LEAVE,
        END,
        "sku" + ENTER + LEAVE,
        "sku" + ENTER + ENTER + LEAVE,
        "status" + ENTER + "enum" + ENTER + LEAVE,
        ENTER + LEAVE,
        ENTER + "n",
    ],
)
def test_leaving_at_any_question_is_a_refusal(keyboard: PipeInput, keys: str) -> None:
    """Ctrl-C and Ctrl-D write nothing and show no traceback; so does a no to the preview."""
    with pytest.raises(CofeeError) as caught:
        asked(keyboard, keys)

    assert caught.value.message == "cancelled; nothing was written"
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("keys", "default", "answer"),
    [(ENTER, True, True), (ENTER, False, False), ("y", False, True), ("n", True, False)],
)
def test_confirm_takes_the_default_on_enter(
    keyboard: PipeInput, keys: str, default: bool, answer: bool
) -> None:
    """One key answers."""
    keyboard.send_text(keys)

    assert confirm("Sure?", default) is answer


OWNERS = """\
auth: {type: str, default: jwt}
isolation: {type: str, default: project}
"""


WHOLE_MODULE = """
  Note · table notes · /notes · app/modules/notes
  its routes are below /projects/{project_id}/notes
  title:str
  --owned-by project
  --index title
  --search title
"""


def test_the_whole_module_is_shown_before_it_is_confirmed(
    shop: Path, template: Path, cofee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rules too, as on the command line, and the paths of its routes."""
    rules = FILES["copier.yml"].replace("_cofee_rules: [", "_cofee_rules: [owned_by, ")
    release(template, "v1.1.0", {"copier.yml": rules + OWNERS})
    assert cofee("update", "--defaults", "-C", shop).code == 0
    monkeypatch.setattr(Options, "interactive", True)
    shown = io.StringIO()

    with create_pipe_input() as pipe, create_app_session(pipe, PlainTextOutput(shown)):
        pipe.send_text("title:str" + ENTER + ENTER + "n")
        options = ["--owned-by", "project", "--search", "title", "--index", "title"]
        ran = cofee("new-module", "notes", *options, "-C", shop)

    assert ran.code == 1
    before_the_question, _, _ = shown.getvalue().partition("Create this module?")
    assert WHOLE_MODULE in before_the_question.replace("\r\n", "\n")


def test_every_modifier_of_the_language_is_explained() -> None:
    """The wizard offers all of them."""
    assert set(MODIFIER_KEYS) == set(MODIFIER_HELP)


def test_importing_loads_no_heavy_library() -> None:
    """A command pays for what it uses only."""
    heavy = ("questionary", "prompt_toolkit", "pluralizer", "rstr", "pydantic", "yaml", "copier")
    code = (
        "import sys, cofee.console.wizard, cofee.spec.parse, cofee.spec.names; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
