"""Compare, byte for byte, what two versions of the template and its command render.

A refactoring that must not change the output is safe once this prints no difference: the examples,
every type with every modifier, and random specifications are rendered by a commit, with the command
of that commit, and by the working tree.

    uv run python -m bench.same_output COMMIT [--count 500] [--seed 1] [--only PREFIX …]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from difflib import unified_diff
from itertools import islice
from pathlib import Path
from typing import Any

import hypothesis
import yaml
from hypothesis import HealthCheck, Phase

from bench.measure import REPOSITORY
from tests import every, strategies
from tests.generated import files_of

CACHE = REPOSITORY / ".cache" / "same-output"
SHOWN = 5  # differing files whose diff is printed

Answers = dict[str, Any]
Trees = dict[str, dict[str, str]]  # by specification: path to content

# Renders every specification of a file with the command that is on Python's path.
RENDER = """
import json, sys
from pathlib import Path
try:
    from cofee.engine.render import Renderer
    from cofee.template.template import Template
except ImportError:
    from cofee.render import Renderer
    from cofee.template import Template
root, source, target = map(Path, sys.argv[1:])
renderer = Renderer(Template(str(root), "HEAD", root))
trees = {}
for name, given in json.loads(source.read_text()).items():
    tree = renderer.render(renderer.settle(given, {}, "service"), "copy")
    texts = {path: file.content.decode() for path, file in tree.items()}
    trees[name] = {path: text.replace(str(root), "TEMPLATE") for path, text in texts.items()}
target.write_text(json.dumps(trees))
"""


def specifications(count: int, seed: int) -> dict[str, Answers]:
    """Return the answers to render by a name: examples, every type and option, random modules."""
    found = {
        path.name: {key: value for key, value in answers.items() if not key.startswith("_")}
        for path in sorted((REPOSITORY / "examples").glob("*.yml"))
        if (answers := yaml.safe_load(path.read_text()))
    }
    found["every module"] = {"modules": every.every_module(), "auth": "none"}
    found["owned modules"] = {
        "modules": every.owned_modules(),
        "auth": "oauth",
        "isolation": "project",
        "database": "sqlite",
    }
    found["bare"] = {"auth": "none", "ci": "none", "python_version": "3.14"}
    found["module alone"] = {"kind": "module", "modules": every.every_module(), "auth": "none"}
    for number, modules in enumerate(random_modules(count, seed)):
        found[f"random {number}"] = {"modules": modules, **strategies.options_of(modules)}
    return found


def random_modules(count: int, seed: int) -> list[list[strategies.Record]]:
    """Draw the modules of `count` services, the same ones for the same seed."""
    drawn: list[list[strategies.Record]] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(strategies.modules())
    def draw(modules: list[strategies.Record]) -> None:
        drawn.append(modules)

    draw()
    return list(islice(drawn, count))


def checkout(commit: str) -> Path:
    """Return a folder with the files of a commit."""
    folder = CACHE / commit
    if not folder.exists():
        files_of(commit, folder)
    return folder


def rendered(root: Path, source: Path, target: Path) -> Trees:
    """Render specifications with the template and the command of a folder."""
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONSAFEPATH": "1"}
    subprocess.run(
        [sys.executable, "-c", RENDER, root, source, target], env=environment, check=True
    )
    return dict(json.loads(target.read_text()))


def differences(before: Trees, after: Trees, only: tuple[str, ...]) -> list[str]:
    """Return a diff for each file that differs; a missing one counts as empty."""
    found = []
    for name, tree in before.items():
        for path in sorted({*tree, *after[name]}):
            old, new = tree.get(path, ""), after[name].get(path, "")
            if old != new and path.startswith(only):
                lines = unified_diff(old.splitlines(), new.splitlines(), path, name, lineterm="")
                found.append("\n".join(lines))
    return found


def main() -> int:
    """Print what differs; return 1 where something does."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("commit")
    parser.add_argument("--count", type=int, default=500, help="random specifications")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[""], help="prefixes of paths to compare")
    options = parser.parse_args()
    commit = subprocess.run(
        ["git", "rev-parse", "--verify", f"{options.commit}^{{commit}}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    CACHE.mkdir(parents=True, exist_ok=True)
    text = json.dumps(specifications(options.count, options.seed))
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    source, target = CACHE / f"{digest}.json", CACHE / f"{digest}-{commit}.json"
    source.write_text(text)
    before = (
        json.loads(target.read_text())
        if target.exists()
        else rendered(checkout(commit), source, target)
    )
    after = rendered(REPOSITORY, source, CACHE / f"{digest}-tree.json")
    found = differences(before, after, tuple(options.only))
    print("\n\n".join(found[:SHOWN]))
    files = sum(map(len, before.values()))
    print(f"{len(before)} specifications, {files} files, {len(found)} differ")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
