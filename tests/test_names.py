"""Names: one typed name gives all others, and the ones that would break generated code are refused.

`test_reserved.py` tests that the lists of reserved names are complete.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cofee.engine.render import Renderer
from cofee.errors import CofeeError
from cofee.spec.names import (
    Names,
    check_field_name,
    check_names,
    derive,
    from_record,
    snake,
)
from cofee.spec.record import Field
from cofee.template.template import Template
from tests.strategies import FACTS, ROOT

ORDER_ITEMS = Names(
    module="order_items",
    entity="OrderItem",
    table="order_items",
    url="/order-items",
    singular="order_item",
)

RENDERER = Renderer(Template(str(ROOT), "HEAD", ROOT))
# Plurals of every kind are what the two could count in different ways.
PLURALS = st.sampled_from(["", "s", "ies", "sses", "xes", "ches", "shes", "us", "ss", "es", "ises"])
FIELD_NAMES = st.builds(str.__add__, st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), PLURALS)


def hint(error: CofeeError) -> str:
    """Give the name that a hint suggests."""
    found = re.search(r"`(?:--entity |--plural )?([^`]+)`", error.hint or "")
    assert found, error
    return found[1]


@pytest.mark.parametrize(
    "typed",
    ["order-items", "order-item", "OrderItem", "OrderItems", "order_items", "order_item",
     "order item", "orderItem", "Order Items"],
)  # fmt: skip
def test_however_a_name_is_typed_it_means_one_module(typed: str) -> None:
    """Dashes, underscores, spaces, capitals, singular and plural all mean the same."""
    assert derive(typed) == ORDER_ITEMS


@pytest.mark.parametrize(
    ("typed", "module", "entity", "singular"),
    [
        ("category", "categories", "Category", "category"),
        ("addresses", "addresses", "Address", "address"),
        ("status", "statuses", "Status", "status"),
        ("bus", "buses", "Bus", "bus"),
        ("people", "people", "Person", "person"),
        ("criteria", "criteria", "Criterion", "criterion"),
        ("news", "news", "News", "news"),
        ("sensor-data", "sensor_data", "SensorData", "sensor_data"),
        ("virus", "viruses", "Virus", "virus"),
        ("lens", "lenses", "Lens", "lens"),
        ("index", "indexes", "Index", "index"),
        ("HTTPLog", "http_logs", "HttpLog", "http_log"),
        ("OAuth2Client", "oauth2_clients", "Oauth2Client", "oauth2_client"),
        ("top-10-items", "top10_items", "Top10Item", "top10_item"),
        ("caches", "caches", "Cache", "cache"),
        ("head-aches", "head_aches", "HeadAche", "head_ache"),
        ("axis", "axes", "Axis", "axis"),
        ("bias", "biases", "Bias", "bias"),
        ("species", "species", "Species", "species"),
        ("selfies", "selfies", "Selfie", "selfie"),
        ("branches", "branches", "Branch", "branch"),
        ("apis", "apis", "Api", "api"),
        ("order", "orders", "Order", "order"),
        ("s", "s", "S", "s"),
    ],
)
def test_english_words_are_counted_as_people_count_them(
    typed: str, module: str, entity: str, singular: str
) -> None:
    """The derived names are what a colleague would have typed."""
    names = derive(typed)

    assert (module, entity, singular) == (names.module, names.entity, names.singular)


def test_entity_and_plural_override_what_is_derived() -> None:
    """Where English is stronger than the rules, the user says the names."""
    names = derive("staff", entity="StaffMember", plural="staff_members")

    assert (names.module, names.entity, names.singular) == (
        "staff_members", "StaffMember", "staff_member",
    )  # fmt: skip
    assert derive("staff", entity="staff-member").entity == "StaffMember"
    assert derive("clients", entity="OAuthClient").singular == "oauth_client"


def test_the_summary_shows_every_derived_name() -> None:
    """It is what a user sees before anything is written."""
    assert (
        ORDER_ITEMS.summary(FACTS)
        == "OrderItem · table order_items · /order-items · app/modules/order_items"
    )


@given(st.lists(st.from_regex(r"[a-z]{2,8}", fullmatch=True), min_size=1, max_size=3))
def test_derived_names_are_identifiers_that_fit_one_another(words: list[str]) -> None:
    """The module, the class and the path are of one name."""
    names = derive("-".join(words))

    assert names.module.isidentifier()
    assert names.entity.isidentifier()
    assert names.url == "/" + names.module.replace("_", "-")


@given(entity=st.from_regex(r"[A-Z][A-Za-z0-9]{0,12}", fullmatch=True), name=FIELD_NAMES)
def test_the_template_computes_the_names_of_the_command(entity: str, name: str) -> None:
    """Both need the names of variables and columns, and neither can ask the other."""
    macros: Any = RENDERER.environment.get_template("macros/names.jinja").module

    assert macros.words(entity).replace(" ", "_") == snake(entity)
    for kind, more in (("int", {}), ("ref", {"to": "x"}), ("many", {"to": "x"})):
        record = {"name": name, "type": kind, **more}
        assert macros.column(record) == Field.from_record(record).column


@given(st.text(max_size=30))
def test_any_text_gives_names_or_a_refusal_with_a_name_that_works(text: str) -> None:
    """A refusal always suggests what can be derived."""
    try:
        names = derive(text)
    except CofeeError as error:
        names = derive(hint(error))
    assert names.module.isidentifier()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "the module name is empty"),
        (" ", "the module name is empty"),
        ("../x", "is a path"),
        ("a/b", "is a path"),
        ("/etc", "is a path"),
        ("C:\\x", "is a path"),
        ("1st", "is not a module name"),
        ("café", "is not a module name"),
        ("_items", "is not a module name"),
        ("items_", "is not a module name"),
        ("order__items", "is not a module name"),
        ("order\nitems", r"`order\nitems` is not a module name"),
    ],
)
def test_what_is_no_identifier_is_refused(typed: str, sentence: str) -> None:
    """A name never leaves the folder of the modules."""
    with pytest.raises(CofeeError) as caught:
        derive(typed)

    assert sentence in caught.value.message


@pytest.mark.parametrize(
    ("typed", "suggestion"),
    [
        ("Straße", "strasse"),
        ("Æble", "aeble"),
        ("café", "cafe"),
        ("Łódź", "lodz"),
        ("注文", "items"),
    ],
)
def test_a_refused_name_is_spelt_in_ascii(typed: str, suggestion: str) -> None:
    """No letter of the word gets lost."""
    with pytest.raises(CofeeError) as caught:
        derive(typed)

    assert hint(caught.value) == suggestion


@pytest.mark.parametrize("entity", ["", "1x", "Ünï", "a/b"])
def test_an_override_obeys_the_same_rules(entity: str) -> None:
    """An override is a name too."""
    with pytest.raises(CofeeError):
        derive("items", entity=entity)
    with pytest.raises(CofeeError):
        derive("items", plural=entity)


@pytest.mark.parametrize("name", ["order", "user", "group", "select", "table", "transaction"])
def test_words_of_sql_are_good_names(name: str) -> None:
    """SQLAlchemy quotes them."""
    check_names(derive(name), FACTS)
    check_field_name(name, FACTS)


CLASSES = FACTS.reserved["classes"]["a name that generated code uses"].pattern.split("|")


@pytest.mark.parametrize("entity", CLASSES)
def test_classes_of_generated_code_are_refused_with_one_that_works(entity: str) -> None:
    """The suggested class is accepted."""
    names = derive("things", entity=entity)
    with pytest.raises(CofeeError) as caught:
        check_names(names, FACTS)

    check_names(derive("things", entity=hint(caught.value)), FACTS)


@pytest.mark.parametrize("name", ["class", "type", "list", "import", "match", "l", "collection"])
def test_an_entity_can_be_named_like_a_word_of_python(name: str) -> None:
    """The variable of its rows gets another name: `class_row`."""
    check_names(derive(name), FACTS)


@pytest.mark.parametrize("entity", ["O", "I", "None", "TestRun"])
def test_an_entity_that_breaks_generated_code_is_refused(entity: str) -> None:
    """Linters, Python and pytest each read such a class in their own way."""
    with pytest.raises(CofeeError, match="cannot name a class"):
        check_names(derive("things", entity=entity), FACTS)


RECORDED = [from_record("orders", "Order")]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (derive("order"), "the module `orders` exists already"),
        (derive("purchases", entity="Order"), "the class `Order` exists already"),
        (derive("order-services"), "the class `OrderService` exists already"),
        (derive("a-b", entity="ORder"), "would both be called `order` in code"),
    ],
)
def test_modules_of_one_project_have_names_of_their_own(names: Names, sentence: str) -> None:
    """No other module may have the name of the module or of its classes."""
    with pytest.raises(CofeeError) as caught:
        check_names(names, FACTS, RECORDED)

    assert sentence in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("place", "value", "shown"),
    [
        ("folders", "order_items", "the module folder `order_items`"),
        ("tables", "order_items", "the table `order_items`"),
        ("classes", "OrderItem", "the class `OrderItem`"),
        ("routes", "/order-items", "the route `/order-items`"),
    ],
)
def test_what_exists_in_the_project_is_refused(place: str, value: str, shown: str) -> None:
    """The user's own tables, classes and routes count as much as recorded modules."""
    with pytest.raises(CofeeError, match=shown):
        check_names(ORDER_ITEMS, FACTS, (), **{place: {value}})


def test_a_table_that_postgresql_would_cut_is_refused() -> None:
    """Its primary key's name has to fit into 63 bytes too."""
    check_names(derive("x", plural="a" * 58), FACTS)
    with pytest.raises(CofeeError, match="1 characters too long"):
        check_names(derive("x", plural="a" * 59), FACTS)


FIELDS = [name for names in FACTS.reserved["fields"].values() for name in names.pattern.split("|")]


@pytest.mark.parametrize("name", [name.replace(".*", "_x") for name in FIELDS])
def test_reserved_fields_are_refused_with_a_name_that_works(name: str) -> None:
    """Every reserved name has a way out."""
    with pytest.raises(CofeeError) as caught:
        check_field_name(name, FACTS)

    check_field_name(hint(caught.value), FACTS, filterable=True)


@pytest.mark.parametrize(
    "name",
    ["case", "cls", "date", "datetime", "filter", "format", "hash", "license", "limit", "match",
     "max", "model_year", "next", "object", "range", "set", "status", "time", "type"],
)  # fmt: skip
def test_common_field_names_are_free(name: str) -> None:
    """A rule that refuses more than it must is a nuisance."""
    check_field_name(name, FACTS)


@pytest.mark.parametrize("name", ["session", "request", "service", "query", "email", "problem"])
def test_common_module_names_are_free(name: str) -> None:
    """Generated code never brings such a class together with its own of the name."""
    check_names(derive(name), FACTS)


@pytest.mark.parametrize("name", ["count", "cursor", "limit", "sort", "created_at_from"])
def test_a_filter_leaves_the_parameters_of_lists_alone(name: str) -> None:
    """The same name is fine for a field without a filter."""
    check_field_name(name, FACTS)
    with pytest.raises(CofeeError, match="cannot be a filter"):
        check_field_name(name, FACTS, filterable=True)
