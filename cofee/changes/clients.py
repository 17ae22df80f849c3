"""Adding and removing clients of other services."""

from __future__ import annotations

from collections.abc import Sequence

from cofee.changes.step import Modules, Step
from cofee.errors import CofeeError, check_each, did_you_mean, quote
from cofee.spec import names
from cofee.spec.facts import Facts

CLIENTS = "clients"  # the answer that records them
LONGEST = 25  # the generated lines of a longer name would have to be wrapped


def add_client(modules: Modules, clients: Sequence[str], name: str, facts: Facts) -> Step:
    """Return the step that adds a client.

    Raises:
        CofeeError: the name is taken, or generated code cannot have it.
    """
    client = names.snake_name(name, "client")
    if client in clients:
        raise CofeeError(
            f"the client `{client}` exists already",
            hint=f"choose another name, or remove it with `cofee remove-client {client}`",
        )
    check_name(client, facts)
    return Step(f"cofee new-client {client}", modules, None, answers={CLIENTS: [*clients, client]})


def check_name(client: str, facts: Facts) -> None:
    """Raise if generated code cannot have a client of this name."""
    if len(client) > LONGEST:
        raise CofeeError(
            f"the client name {quote(client)} is longer than {LONGEST} characters",
            hint="use a shorter name",
        )
    if reason := facts.conflict(CLIENTS, client):
        raise CofeeError(
            f"`{client}` cannot name a client: it is {reason}", hint=f"try `{client}_api`"
        )


def read_clients(given: object, facts: Facts) -> list[str]:
    """Return the clients of a new service, which a data file lists.

    Raises:
        CofeeError: it is not a list of names, or generated code cannot have one of them.
    """
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise CofeeError(f"`{CLIENTS}` must be a list of names, not {quote(given)}")
    clients = [names.snake_name(name, "client") for name in given]
    check_each(lambda client: check_name(client, facts), clients)
    return clients


def remove_client(modules: Modules, clients: Sequence[str], name: str) -> Step:
    """Return the step that removes a client.

    Raises:
        CofeeError: it does not exist; the hint has a similar name.
    """
    client = names.snake_name(name, "client")
    if client not in clients:
        raise CofeeError(
            f"there is no client `{client}`",
            hint=did_you_mean(client, clients) or "`cofee new-client NAME` adds one",
        )
    left = [other for other in clients if other != client]
    return Step(
        f"cofee remove-client {client}", modules, None, takes_away=True, answers={CLIENTS: left}
    )
