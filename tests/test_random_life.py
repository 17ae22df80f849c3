"""Random edits, operations and undos in sequence: no hand-written line is ever lost."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Run, snapshot
from tests.test_update import next_main
from tests.tiny import FILES, MODULE, release

SERVICE = f"template/{MODULE}/service.py.jinja"
EDITED = ("models.py", "schemas.py", "service.py", "main.py", "router.py")
EDITS = st.tuples(st.just("edit"), st.sampled_from(EDITED), st.integers(0, 12))
OPERATIONS = st.sampled_from(
    [
        ("run", "new-module", "orders", "customer:ref:customers:null"),
        ("run", "add-field", "customers", "email:str:null"),
        ("run", "add-field", "customers", "fax:str:null", "phone:int:null"),
        ("run", "change-field", "customers", "age:str:null"),
        ("run", "rename-field", "customers", "age", "years"),
        ("run", "rename-field", "customers", "years", "age"),
        ("run", "rename-module", "customers", "clients"),
        ("run", "rename-module", "clients", "customers"),
        ("run", "remove-field", "customers", "email"),
        ("run", "update"),
        ("run", "undo"),
    ]
)
LIVES = st.lists(st.one_of(EDITS, OPERATIONS, OPERATIONS), min_size=3, max_size=9)


def hand_edit(root: Path, name: str, place: int, token: str) -> bool:
    """Insert a hand-written line into a file; return whether the file exists."""
    path = next(iter(sorted((root / "app").rglob(name))), None)
    if path is None:
        return False
    lines = path.read_text().split("\n")
    at = min(place, len(lines) - 1)
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    lines.insert(at, f"{indent}# {token}")
    path.write_text("\n".join(lines))
    return True


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=LIVES)
def test_no_line_is_lost_in_any_life(
    life: list[tuple[str, ...]], shop: Path, template: Path, cofee: Run
) -> None:
    """After every step each line is present, and an aborted conflict leaves nothing."""
    if not (template / "template/improved.txt").exists():
        changes = {SERVICE: FILES[SERVICE].replace("10", "20"), **next_main(PORT="P")}
        release(template, "v1.1.0", {**changes, "template/improved.txt": "better\n"})
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "shop"
        shutil.copytree(shop, root)
        tokens: list[str] = []
        for number, step in enumerate(life):
            if step[0] == "edit":
                token = f"token-{number}-mine"
                tokens += [token] if hand_edit(root, step[1], int(step[2]), token) else []
                continue
            before = snapshot(root)
            ran = cofee(*step[1:], "-C", root)
            assert ran.code in {0, 1, 2}, ran.err
            text = b"\n".join(snapshot(root).values()).decode()
            assert [token for token in tokens if token not in text] == [], f"{step}: {ran.err}"
            if ran.code == 1:
                assert snapshot(root) == before, ran.err
            if ran.code == 2:
                assert cofee("update", "--abort", "-C", root).code == 0
                assert snapshot(root) == before
