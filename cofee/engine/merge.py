"""Three-way merge of the base, the template's version and the working tree.

The three trees become commits of a temporary bare repository, and `git merge-tree` merges them.
The user's repository and index are not touched, and a service outside git works as well. A file
with a conflict is merged a second time by exact line edits: git treats edits on neighbouring lines
as a conflict, but here edits may be adjacent. Each side is the base with some runs of lines
replaced, and all runs are applied unless two of them replace the same line of the base. In Python,
such lines are merged by their tokens if a command only renames in them.
"""

from __future__ import annotations

import ast
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import NamedTuple

from cofee.engine.tokens import merge_tokens
from cofee.errors import CofeeError
from cofee.files import File, Tree, is_crlf, lines_of, load_yaml, with_crlf, with_lf
from cofee.git import GitError, git, require_modern_git

ALIKE = 0.6  # the similarity from which a line counts as a changed version of another
Settle = Callable[[str, str, str], str | None]  # of the base, the template and the user
YOURS, TEMPLATE = "yours", "template"  # the labels of conflict markers
# The end of the name that git gives to a file if a directory is in its way.
INVENTED = re.compile(rf"~({YOURS}|{TEMPLATE})(_\d+)?$")
MERGE_SETTINGS = (
    *("-c", "merge.directoryRenames=true"),  # add new files to renamed directories
    *("-c", "merge.conflictStyle=merge"),
)


@dataclass(frozen=True)
class Conflict:
    """A path with a conflict; `sides` are its versions at stages 1, 2 and 3."""

    path: str
    sides: Mapping[int, File]

    @property
    def reason(self) -> str:
        if any(b"\0" in file.content for file in self.sides.values()):
            return "it is not a text file; your version is kept until you decide"
        if 3 not in self.sides:
            return "the template removed it and you changed it"
        if 1 not in self.sides:
            return "you and the template both added this file"
        return "you and the template changed the same lines"


@dataclass
class Merged:
    """The working tree after the merge, limited to the paths that were merged."""

    tree: dict[str, File]
    conflicts: list[Conflict] = field(default_factory=list)
    still_deleted: list[str] = field(
        default_factory=list
    )  # changed by the template, deleted by you


def merge(
    base: Tree,
    template: Tree,
    yours: Tree,
    *,
    prefer_template: bool = False,
    renaming: Mapping[str, str] = MappingProxyType({}),
) -> Merged:
    """Merge the changes from `base` to `template` into `yours`.

    Args:
        renaming: the names that the template renames, old to new.
        prefer_template: resolve every conflict for the template; the user has confirmed it.

    Raises:
        CofeeError: both sides use a path for different kinds of file.
    """
    line_endings = {
        path
        for path, file in yours.items()
        if is_crlf(file)
        and not any(path in side and is_crlf(side[path]) for side in (base, template))
    }
    if not line_endings and (settled := _changed_once(base, template, yours)) is not None:
        return Merged(settled)
    plain = {path: with_lf(file) if path in line_endings else file for path, file in yours.items()}
    with tempfile.TemporaryDirectory(prefix="cofee-") as folder:
        repository = _Repository(Path(folder), renaming)
        repository.load(base, template, plain)
        merged, oid = repository.merge()
        renamed = repository.renamed(oid) if line_endings else {}
    if prefer_template:
        _decide_for_template(merged)
    moved = {renamed.get(path, path) for path in line_endings}
    for path in moved & merged.tree.keys():
        merged.tree[path] = with_crlf(merged.tree[path])
    return merged


def _changed_once(base: Tree, template: Tree, yours: Tree) -> dict[str, File] | None:
    """Return the merge if each file changed on one side at most, or None.

    Starting git takes longer than the rest of the merge. Git is needed for files that both sides
    changed, and to find where the user moved a missing file.
    """
    rendered = base.keys() | template.keys()
    if not base.keys() <= yours.keys() <= rendered:
        return None
    merged: dict[str, File] = {}
    for path in rendered:
        before, theirs, mine = base.get(path), template.get(path), yours.get(path)
        if theirs != before and mine not in (before, theirs):
            return None
        after = mine if theirs == before else theirs
        if after is not None:
            merged[path] = after
    return merged


class _Repository:
    """A bare repository for one merge."""

    def __init__(self, folder: Path, renaming: Mapping[str, str]) -> None:
        self.folder = folder
        self.renaming = renaming
        self.paths: set[str] = set()
        for name in ("objects", "refs/heads"):
            (folder / name).mkdir(parents=True)
        (folder / "HEAD").write_text("ref: refs/heads/base\n")
        (folder / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")

    def git(self, *arguments: str, stdin: bytes = b"", accept: tuple[int, ...] = (0,)) -> bytes:
        where = f"--git-dir={self.folder}"
        return git(where, *arguments, cwd=self.folder, stdin=stdin, accept=accept, isolated=True)

    def load(self, base: Tree, template: Tree, yours: Tree) -> None:
        """Commit each tree."""
        self.paths = {*template, *yours}
        sides = (("base", base), (TEMPLATE, template), (YOURS, yours))
        stream = b"".join(part for name, tree in sides for part in _commit(name, tree))
        self.git("fast-import", "--quiet", "--done", stdin=stream + b"done\n")

    def merge(self) -> tuple[Merged, str]:
        """Return the result and the hash of git's tree, in which conflicts are not resolved."""
        head, _, notes = self._merge_tree().partition(b"\0\0")
        oid, *entries = head.split(b"\0")
        stages = _stages(entries)
        merged = Merged(self._tree(oid.decode()))
        for path, oids in sorted(stages.items()):
            self._decide(merged, path, oids, notes)
        return merged, oid.decode()

    def _merge_tree(self) -> bytes:
        command = ("merge-tree", "--write-tree", "-z", "--messages", YOURS, TEMPLATE)
        try:
            return self.git(*MERGE_SETTINGS, *command, accept=(0, 1))
        except GitError:
            require_modern_git()
            raise

    def _tree(self, oid: str) -> dict[str, File]:
        """Return the whole merged tree."""
        listing = self.git("ls-tree", "-r", "-z", "--full-tree", oid)
        rows = [row.split(b"\t", 1) for row in listing.split(b"\0") if row]
        heads = [head.split() for head, _ in rows]
        contents = self._read([head[2].decode() for head in heads])
        return {
            path.decode(errors="surrogateescape"): File(content, int(head[0], 8))
            for (_, path), head, content in zip(rows, heads, contents, strict=True)
        }

    def renamed(self, oid: str) -> dict[str, str]:
        """Return which of the user's paths the template renamed, and how."""
        settings = ("-r", "-z", "-M", "--diff-filter=R", "--name-status")
        words = self.git("diff-tree", *settings, YOURS, oid).split(b"\0")
        names = [word.decode(errors="surrogateescape") for word in words]
        return dict(zip(names[1::3], names[2::3], strict=False))

    def _decide(
        self, merged: Merged, path: str, oids: Mapping[int, tuple[int, str]], notes: bytes
    ) -> None:
        """Resolve a path on which git reported a conflict, or record the conflict."""
        contents = self._read([oid for _, oid in oids.values()])
        sides = {
            stage: File(content, mode)
            for (stage, (mode, _)), content in zip(oids.items(), contents, strict=True)
        }
        if set(sides) == {1, 3}:
            merged.still_deleted.append(path)
            merged.tree.pop(path, None)
            return
        # Git would rename one of two incompatible files, for example to `x~yours`.
        if set(sides) not in ({1, 2, 3}, {1, 2}, {2, 3}) or path not in self.paths:
            raise _incompatible(path, notes)
        resolved = None
        if set(sides) == {1, 2, 3}:
            resolved = _merge_exactly(path, sides, renaming=self.renaming)
        if resolved is None:
            merged.conflicts.append(Conflict(path, sides))
        else:
            merged.tree[path] = resolved

    def _read(self, oids: Iterable[str]) -> list[bytes]:
        wanted = "".join(f"{oid}\n" for oid in oids).encode()
        if not wanted:
            return []
        return list(_batch(self.git("cat-file", "--batch", "--buffer", stdin=wanted)))


def _commit(name: str, tree: Tree) -> Iterator[bytes]:
    """Yield the fast-import commands of a commit; both sides start from the base."""
    yield f"commit refs/heads/{name}\ncommitter cofee <cofee> 0 +0000\ndata 0\n".encode()
    if name != "base":
        yield b"from refs/heads/base\ndeleteall\n"
    for path, file in tree.items():
        quoted = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        name_bytes = quoted.encode(errors="surrogateescape")
        yield b'M %o inline "%b"\ndata %d\n' % (file.mode, name_bytes, len(file.content))
        yield file.content
        yield b"\n"


def _stages(entries: Iterable[bytes]) -> dict[str, dict[int, tuple[int, str]]]:
    """Read `<mode> <object> <stage>TAB<path>` rows into mode and object by path and stage."""
    found: dict[str, dict[int, tuple[int, str]]] = {}
    for entry in entries:
        head, _, path = entry.partition(b"\t")
        if path:
            mode, oid, stage = head.split()
            by_stage = found.setdefault(path.decode(errors="surrogateescape"), {})
            by_stage[int(stage)] = (int(mode, 8), oid.decode())
    return found


def _batch(output: bytes) -> Iterator[bytes]:
    """Yield the contents in the output of `git cat-file --batch`."""
    position = 0
    while position < len(output):
        end = output.index(b"\n", position)
        size = int(output[position:end].split()[2])
        yield output[end + 1 : end + 1 + size]
        position = end + size + 2


def _decide_for_template(merged: Merged) -> None:
    """Resolve a conflict for the template, keeping edits that do not overlap."""
    for conflict in [one for one in merged.conflicts if 1 in one.sides]:
        if 3 not in conflict.sides:
            del merged.tree[conflict.path]
            merged.conflicts.remove(conflict)
        elif resolved := _merge_exactly(conflict.path, conflict.sides, prefer_template=True):
            merged.tree[conflict.path] = resolved
            merged.conflicts.remove(conflict)


def lines_at_stake(conflict: Conflict) -> list[str]:
    """Return the user's lines that are lost if a conflict is resolved for the template."""
    texts = {stage: file.content.decode(errors="replace") for stage, file in conflict.sides.items()}
    return overlapping_lines(texts.get(1, ""), texts.get(3), texts.get(2, ""))


def _merge_exactly(
    path: str,
    sides: Mapping[int, File],
    *,
    prefer_template: bool = False,
    renaming: Mapping[str, str] = MappingProxyType({}),
) -> File | None:
    """Merge a file by exact lines; None if edits overlap or the result does not parse."""
    try:
        base, yours, template = (sides[stage].content.decode() for stage in (1, 2, 3))
    except UnicodeDecodeError:
        return None
    merged = merge_lines(base, template, yours, prefer_template=prefer_template)
    if merged is None and renaming and path.endswith(".py"):
        settle = partial(merge_tokens, renaming=renaming)
        merged = merge_lines(base, template, yours, settle=settle)
    if merged is None or not parses(path, merged):
        return None
    mode = sides[3].mode if sides[2].mode == sides[1].mode else sides[2].mode
    return File(merged.encode(), mode)


def parses(path: str, text: str) -> bool:
    """Return whether a text is valid in the language of its file name, if it is known."""
    import tomllib

    parsers: dict[str, Callable[[str], object]] = {
        ".py": ast.parse,
        ".toml": tomllib.loads,
        ".json": json.loads,
        ".yml": lambda text: load_yaml(text.encode(), path),
        ".yaml": lambda text: load_yaml(text.encode(), path),
    }
    parse = parsers.get(PurePosixPath(path).suffix)
    try:
        if parse:
            parse(text)
    except (SyntaxError, ValueError, CofeeError):
        return False
    return True


def _incompatible(path: str, notes: bytes) -> CofeeError:
    """Return why two sides are incompatible, in the words of git except for simple cases."""
    words = [note.decode(errors="replace") for note in notes.split(b"\0")]
    said = [note.strip() for note in words if note.startswith("CONFLICT") and path in note]
    reason = said[0] if said else "both versions use the path for different kinds of file"
    if invented := INVENTED.search(path):
        path = path.removesuffix(invented[0])
        kinds = ("file", "directory") if invented[1] == YOURS else ("directory", "file")
        reason = "you have a {} there, and the template a {}".format(*kinds)
    return CofeeError(
        f"`{path}` cannot be merged: {reason}", hint="move or rename yours, then run again"
    )


class Edit(NamedTuple):
    """The base lines `start` to `end` (exclusive) become `lines`; an insertion has start == end."""

    start: int
    end: int
    lines: tuple[str, ...]


def merge_lines(
    base: str,
    template: str,
    yours: str,
    *,
    prefer_template: bool = False,
    settle: Settle | None = None,
) -> str | None:
    """Return the base with the edits of both sides, or None if two edits overlap.

    Of two insertions at the same line, the template's is first.

    Args:
        prefer_template: omit the user's edits that overlap an edit of the template.
        settle: merges the lines of edits that overlap.
    """
    original = lines_of(base)
    theirs, mine = _edits(original, template), _edits(original, yours)
    if prefer_template:
        mine = [edit for edit in mine if not _overlaps_any(edit, theirs)]
    combined = _combine(theirs, mine)
    if combined is None and settle is not None:
        combined = _settle_overlaps(original, theirs, mine, settle)
    if combined is None:
        return None
    return _applied(original, combined, 0, len(original))


def overlapping_lines(base: str, template: str | None, yours: str) -> list[str]:
    """Return the lines of the user's edits that overlap an edit of the template.

    Args:
        template: None if the template removes the file and with it all edits.
    """
    original = lines_of(base)
    edits = _edits(original, yours)
    if template is not None:
        theirs = _edits(original, template)
        edits = [edit for edit in edits if _overlaps_any(edit, theirs)]
    return [line.strip() for edit in edits for line in edit.lines if line.strip()]


def _overlaps_any(edit: Edit, others: Sequence[Edit]) -> bool:
    """Return whether an edit replaces a base line that another replaces, or is inside it."""
    return any(
        (edit.start < other.end and other.start < edit.end)
        or other.start < edit.start == edit.end < other.end
        or edit.start < other.start == other.end < edit.end
        for other in others
        if edit != other
    )


def _edits(original: Sequence[str], text: str) -> list[Edit]:
    changed = lines_of(text)
    # Without the "junk" heuristic, which ignores frequent lines: in code they carry the structure.
    matcher = SequenceMatcher(None, original, changed, autojunk=False)
    found: list[Edit] = []
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind != "equal":
            edit = Edit(start, end, tuple(changed[new_start:new_end]))
            found += _by_line(edit, original) or [edit]
    return found


def _by_line(edit: Edit, original: Sequence[str]) -> list[Edit]:
    """Return one edit per line, if every line is similar to the one that it replaces.

    A renamed word in neighbouring lines becomes several small edits, so that lines which the user
    inserted between them are kept. Return nothing if the lines are not similar.
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
    """Return all edits in the order of the base, or None if two overlap."""
    ordered: list[Edit] = []
    # The sort is stable: of two insertions at the same line, the template's stays first.
    for edit in sorted([*template, *yours], key=lambda edit: (edit.start, edit.end)):
        if ordered and edit == ordered[-1]:
            continue  # both sides made the same edit
        if ordered and edit.start < ordered[-1].end:
            return None
        ordered.append(edit)
    return ordered


def _settle_overlaps(
    original: Sequence[str], theirs: list[Edit], mine: list[Edit], settle: Settle
) -> list[Edit] | None:
    """Return all edits, with those that overlap settled as one edit, or None if one is not."""
    settled: list[Edit] = []
    for group in _overlapping(theirs, mine):
        if len({*group}) == 1:
            settled.append(group[0])
            continue
        start, end = group[0].start, max(edit.end for edit in group)
        sides = [[edit for edit in side if edit in group] for side in (theirs, mine)]
        texts = [_applied(original, edits, start, end) for edits in ([], *sides)]
        merged = settle(*texts)
        if merged is None:
            return None
        settled.append(Edit(start, end, tuple(lines_of(merged))))
    return settled


def _overlapping(theirs: list[Edit], mine: list[Edit]) -> list[list[Edit]]:
    """Return the edits in the order of the base, grouped with those that they overlap."""
    groups: list[list[Edit]] = []
    for edit in sorted([*theirs, *mine], key=lambda edit: (edit.start, edit.end)):
        last = groups[-1] if groups else []
        if edit in last or any(edit.start < other.end for other in last):
            last.append(edit)
        else:
            groups.append([edit])
    return groups


def _applied(original: Sequence[str], edits: Iterable[Edit], start: int, end: int) -> str:
    """Return some lines of the base with the edits in them."""
    lines: list[str] = []
    for edit in edits:
        lines += original[start : edit.start]
        lines += edit.lines
        start = edit.end
    return "".join([*lines, *original[start:end]])


def holds_markers(file: File | None) -> bool:
    """Return whether a content has conflict markers of cofee."""
    starts = (f"<<<<<<< {YOURS}".encode(), f">>>>>>> {TEMPLATE}".encode())
    return file is not None and any(line.startswith(starts) for line in file.content.splitlines())
