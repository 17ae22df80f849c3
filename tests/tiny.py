"""A template of a few files with all that the engine must handle, in its own repository."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

COPIER_YML = """\
_min_copier_version: "9.19.0"
_cofee_contract: 1
_subdirectory: template
_envops:
  undefined: jinja2.StrictUndefined
  trim_blocks: true
  lstrip_blocks: true
_exclude:
  - |
    {% if kind == "module" %}
    **
    !/app/modules/**
    {% endif %}
    {% if _copier_operation == "update" %}
    /migrations/versions/
    {% endif %}
    {% if ci == "none" %}
    /ci.yml
    {% endif %}
_cofee_rules: [unique_together, indexes, checks, examples, routes, search, deletion, versioned]
project_name:
  type: str
  help: What is the service called?
  default: "{{ _folder_name }}"
  validator: "{% if not project_name %}say at least a letter{% endif %}"
ci:
  type: str
  help: Which CI?
  default: github
  choices: [github, none]
kind:
  type: str
  default: project
  ask: false
modules:
  type: yaml
  default: []
  ask: false
migrations:
  type: yaml
  when: false
  default: >-
    [{% for module in modules %}{module: {{ module.name }}, operation: create,
    revision: "{{ loop.index }}", date: "2026-01-01", slug: "create_{{ module.name }}",
    down_revision: {% if loop.first %}null{% else %}"{{ loop.index0 }}"{% endif %}},{% endfor %}]
"""
MODULE = "app/modules/{% yield module from modules %}{{ module.name }}{% endyield %}"
MIGRATION = "{% yield m from migrations %}{{ m.date }}_{{ m.slug }}{% endyield %}.py.jinja"
FILES = {
    "copier.yml": COPIER_YML,
    "macros/types.yml": (
        "str: {help: Text, argument: none, value: string, max_length: 255, modifiers: "
        "['null', unique, index, filter, sort, default, len]}\n"
        "int: {help: Number, argument: none, value: integer, least: -2147483648, "
        "greatest: 2147483647, modifiers: ['null', index, default, min, max]}\n"
        "ref: {help: Reference, argument: module, value: none, "
        "modifiers: ['null', unique, index, filter, on_delete]}\n"
    ),
    "template/.copier-answers.yml.jinja": (
        "# By cofee.\n"
        "{{ dict(_copier_answers, _commit_hash=_copier_conf.vcs_ref_hash) | to_nice_yaml }}"
    ),
    "template/README.md.jinja": "# {{ project_name }}\n",
    "template/ci.yml": "on: ${{ push }}\n",
    "template/run.sh": "#!/bin/sh\necho run\n",
    "template/app/main.py": (
        'NAME = "app"\nDEBUG = False\nPORT = 8000\n\n\ndef main():\n    return 1\n'
    ),
    "template/app/router.py.jinja": (
        "{% for module in modules %}\n"
        "from app.modules.{{ module.name }} import models as {{ module.name }}\n"
        "{% endfor %}\n"
        "ROUTERS = [\n"
        "{% for module in modules %}\n"
        "    {{ module.name }},\n"
        "{% endfor %}\n"
        "]\n"
    ),
    f"template/{MODULE}/models.py.jinja": (
        "class {{ module.entity }}:\n"
        "{% for field in module.fields %}\n"
        '    {{ field.name }} = "{{ field.type }}"\n'
        "{% endfor %}\n"
        "    created_at = None\n"
    ),
    f"template/{MODULE}/schemas.py.jinja": (
        "class {{ module.entity }}Read:\n"
        "{% for field in module.fields %}\n"
        "    {{ field.name }}: object\n"
        "{% endfor %}\n"
        "    id: int\n"
    ),
    f"template/{MODULE}/service.py.jinja": (
        "LIMIT = 10\n\n\ndef create():\n    return LIMIT\n\n\ndef delete():\n    return None\n"
    ),
    f"template/migrations/versions/{MIGRATION}": (
        'revision = "{{ m.revision }}"\n'
        'down_revision = {{ (m.down_revision | to_json) if m.down_revision else "None" }}\n'
        "\n\ndef upgrade():\n"
        '    {{ "op.create_table" if m.operation == "create" else m.operation }}'
        '("{{ m.module }}")\n'
    ),
}


# The same files make the same commit in every test, so that cofee's cache knows it again.
WHEN = {f"GIT_{who}_DATE": "2026-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")}


def run_git(folder: Path, *arguments: str) -> str:
    """Run git with a fixed user and time, independent of the machine's configuration."""
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *who, *arguments],
        cwd=folder,
        env={**os.environ, **WHEN},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def write(folder: Path, files: Mapping[str, str | None]) -> None:
    """Write files; None removes one."""
    for name, content in files.items():
        path = folder / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, newline="")


def release(folder: Path, tag: str, files: Mapping[str, str | None]) -> None:
    """Commit changed files of a repository and tag them."""
    write(folder, files)
    run_git(folder, "add", "--all")
    run_git(folder, "commit", "--quiet", "--message", tag)
    run_git(folder, "tag", tag)


def make_template(folder: Path) -> Path:
    """Make the template's repository, released as v1.0.0."""
    return Path(shutil.copytree(_first_template(), folder, symlinks=True))


@functools.cache
def _first_template() -> Path:
    """Return the repository that is copied, because a copy starts no process."""
    place = Path(tempfile.mkdtemp(prefix="cofee-template-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    run_git(place, "init", "--quiet", "--initial-branch=main", "--template=")
    write(place, FILES)
    (place / "template/run.sh").chmod(0o755)
    release(place, "v1.0.0", {})
    run_git(place, "gc", "--quiet")
    return place


def move(folder: Path, file: str, old: Path, new: Path) -> None:
    """Write in a file of a copied folder where what it names is now."""
    path = folder / file
    path.write_text(path.read_text().replace(str(old), str(new)))
