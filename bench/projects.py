"""Projects with many modules of six fields each."""

from __future__ import annotations

from pathlib import Path

import yaml

from bench.measure import COFEE, run

FIELDS = [
    {"name": "name", "type": "str", "max_length": 120, "filter": True, "sort": True},
    {"name": "sku", "type": "str", "max_length": 40, "unique": True},
    {"name": "price", "type": "decimal", "precision": 10, "scale": 2, "min": "0.00"},
    {"name": "status", "type": "enum", "values": ["draft", "active"], "default": "draft"},
    {"name": "stock", "type": "int", "default": 0},
    {"name": "note", "type": "text", "nullable": True},
]


def make_project(folder: Path, template: Path, size: int) -> None:
    """Make and commit a project with many modules of six fields."""
    modules = [
        {"name": f"items_{number:03}", "entity": f"Item{number:03}", "fields": FIELDS}
        for number in range(size)
    ]
    data = folder / f"data{size}.yml"
    data.write_text(yaml.safe_dump({"modules": modules}))
    shop = folder / f"shop{size}"
    new = ("new", str(shop), "--template", str(template), "--defaults", "--trust", "--quiet")
    run((*COFEE, *new, "--data-file", str(data)), folder)
