"""A three-way merge on exact line edits, for the files that git's merge leaves conflicted.

Git calls two edits on neighbouring lines a conflict. Here edits may touch without overlapping:
each side is the base with some runs of lines replaced, and the runs of both sides are applied
together unless two of them claim the same base line.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from io import StringIO
from typing import NamedTuple

ALIKE = 0.6  # how much of two lines must be the same for one to be the other, changed


class Edit(NamedTuple):
    """The base lines `start` to `end` (exclusive) become `lines`; an insertion has start == end."""

    start: int
    end: int
    lines: tuple[str, ...]


def merge_lines(
    base: str, template: str, yours: str, *, prefer_template: bool = False
) -> str | None:
    """Return the base with the edits of both sides; None where two edits overlap.

    At one point the template's insertion stands before the user's.

    Args:
        prefer_template: leave out those of the user's edits that overlap one of the template's.
    """
    original = _lines(base)
    theirs, mine = _edits(original, template), _edits(original, yours)
    if prefer_template:
        mine = [edit for edit in mine if not _overlaps_any(edit, theirs)]
    combined = _combine(theirs, mine)
    if combined is None:
        return None
    merged: list[str] = []
    position = 0
    for edit in combined:
        merged += original[position : edit.start]
        merged += edit.lines
        position = edit.end
    return "".join(merged + original[position:])


def overlapping_lines(base: str, template: str | None, yours: str) -> list[str]:
    """Return the user's lines in those of their edits that overlap one of the template's.

    Args:
        template: None where the file goes as a whole, and every edit with it.
    """
    original = _lines(base)
    edits = _edits(original, yours)
    if template is not None:
        theirs = _edits(original, template)
        edits = [edit for edit in edits if _overlaps_any(edit, theirs)]
    return [line.strip() for edit in edits for line in edit.lines if line.strip()]


def _overlaps_any(edit: Edit, others: Sequence[Edit]) -> bool:
    """Tell whether an edit claims a base line that another claims, or stands inside it."""
    return any(
        (edit.start < other.end and other.start < edit.end)
        or other.start < edit.start == edit.end < other.end
        or edit.start < other.start == other.end < edit.end
        for other in others
        if edit != other
    )


def _lines(text: str) -> list[str]:
    """Split at newlines alone: `str.splitlines` would split a line at a form feed as well."""
    return StringIO(text).readlines()


def _edits(original: Sequence[str], text: str) -> list[Edit]:
    changed = _lines(text)
    # No "junk" heuristic: in code the lines that repeat most are the ones that carry its shape.
    matcher = SequenceMatcher(None, original, changed, autojunk=False)
    found: list[Edit] = []
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind != "equal":
            edit = Edit(start, end, tuple(changed[new_start:new_end]))
            found += _by_line(edit, original) or [edit]
    return found


def _by_line(edit: Edit, original: Sequence[str]) -> list[Edit]:
    """Return one edit for each line, where every line is a likeness of the one that it replaces.

    A renamed word in neighbouring lines is so many small edits, and what somebody put between two
    of those lines stays there. Nothing is returned where the lines have nothing in common.
    """
    old = original[edit.start : edit.end]
    if len(old) != len(edit.lines):
        return []
    pairs = list(zip(old, edit.lines, strict=True))
    if not all(SequenceMatcher(None, *pair).ratio() >= ALIKE for pair in pairs):
        return []
    return [
        Edit(edit.start + number, edit.start + number + 1, (line,))
        for number, (_, line) in enumerate(pairs)
    ]


def _combine(template: list[Edit], yours: list[Edit]) -> list[Edit] | None:
    """Return all edits in the order of the base; None where two overlap."""
    ordered: list[Edit] = []
    # The sort is stable, so that of two insertions at one point the template's stays first.
    for edit in sorted([*template, *yours], key=lambda edit: (edit.start, edit.end)):
        if ordered and edit == ordered[-1]:
            continue  # both sides made the same edit
        if ordered and edit.start < ordered[-1].end:
            return None
        ordered.append(edit)
    return ordered
