"""The measurement of public schemas: what it reads of SQL, and what counts as kept."""

from __future__ import annotations

from typing import Any

from bench.schemas import measure, read_tables

SQL = """
create type mood as enum ('glad', 'sad');
create table "user" (
    id uuid primary key default gen_random_uuid(),
    name varchar(40) not null unique, -- a comment, with a comma
    mood mood default 'glad',
    score numeric(5,2) not null,
    joined_at timestamptz not null default now(),
    created_at timestamptz
);
CREATE TABLE public.team (
    team_id integer NOT NULL,
    owner_id uuid NOT NULL REFERENCES "user" (id)
);
CREATE TABLE public.member (
    team_id integer NOT NULL,
    user_id uuid NOT NULL,
    PRIMARY KEY (team_id, user_id)
);
ALTER TABLE ONLY public.team
    ADD CONSTRAINT team_pkey PRIMARY KEY (team_id);
ALTER TABLE ONLY public.member
    ADD CONSTRAINT a FOREIGN KEY (team_id) REFERENCES public.team(team_id);
ALTER TABLE ONLY public.member
    ADD CONSTRAINT b FOREIGN KEY (user_id) REFERENCES public."user"(id);
"""
FIELDS: list[dict[str, Any]] = [
    {"name": "name", "type": "str", "max_length": 40, "unique": True},
    {
        "name": "mood",
        "type": "enum",
        "values": ["glad", "sad"],
        "nullable": True,
        "default": "glad",
    },
    {"name": "score", "type": "decimal", "precision": 5, "scale": 2},
    {"name": "joined_at", "type": "datetime", "default": "now"},
]
TEAMS = {
    "name": "teams",
    "fields": [
        {"name": "owner", "type": "ref", "to": "users"},
        {"name": "members", "type": "many", "to": "users"},
    ],
}


def lost(*fields: dict[str, Any]) -> list[str]:
    """Return what an example with these fields of users does not keep."""
    return measure(SQL, {"modules": [{"name": "users", "fields": [*fields]}, TEAMS]})[1]


def test_tables_have_their_keys_and_relations() -> None:
    tables = read_tables(SQL)

    assert {name: table.key for name, table in tables.items()} == {
        "user": {"id"},
        "team": {"team_id"},
        "member": {"team_id", "user_id"},
    }
    assert tables["team"].relations == {"owner_id": "user"}
    assert tables["member"].relations == {"team_id": "team", "user_id": "user"}


def test_an_example_with_the_same_columns_and_relations_is_clean() -> None:
    counts, missing = measure(SQL, {"modules": [{"name": "users", "fields": FIELDS}, TEAMS]})

    assert missing == []
    assert (counts["clean columns"], counts["columns"]) == (5, 5)
    assert (counts["clean relations"], counts["relations"]) == (3, 3)


def test_every_difference_of_a_column_is_named() -> None:
    name, mood, score, joined_at = FIELDS

    assert lost(
        {**name, "unique": False},
        {**mood, "values": ["glad"]},
        {**score, "nullable": True},
        {**joined_at, "default": "2026-01-01T00:00:00Z"},
    ) == [
        "`user.name`: uniqueness",
        "`user.mood`: type `mood`",
        "`user.score`: nullability",
        "`user.joined_at`: default",
    ]
    assert lost({**name, "max_length": 50}, mood, score) == [
        "`user.name`: type `varchar(40)`",
        "`user.joined_at`: no field of this name",
    ]
