"""Reads only those files of the working tree that the merge needs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from cofee.files import File, Tree, read_file
from cofee.git import enclosing_git_dir, git

LARGEST = 1 << 20  # bytes; a larger file is not a renamed file of a template


def read_sides(
    root: Path, base: Tree, template: Tree, history: str, folders: Iterable[str] = ()
) -> tuple[Tree, Tree, Tree]:
    """Return the base, the template's version and the working tree, limited to relevant files.

    Args:
        history: the directory of migrations; one is never a renamed other migration.
        folders: directories of which all files are relevant, large and ignored ones as well.

    If all rendered files exist, only the files that differ between the two versions are relevant.
    If one is missing, it may have been moved, so all files are compared.
    """
    kept = {path for folder in folders for path in _inside(root, folder)}
    if any(not os.path.lexists(root / path) for path in base):
        known = {path for path in _listed(root) if not path.startswith(f"{history}/")}
        return base, template, _read(root, {*known, *base, *template, *kept})
    changed = {path for path in {*base, *template} if base.get(path) != template.get(path)}
    cut_base = {path: base[path] for path in changed if path in base}
    cut_template = {path: template[path] for path in changed if path in template}
    return cut_base, cut_template, _read(root, changed | kept)


def _read(root: Path, paths: Iterable[str]) -> dict[str, File]:
    """Return the files at `paths`, and files that exist in place of one of their directories."""
    found: dict[str, File] = {}
    for path in paths:
        standing = _obstacle(root, path) or path
        if standing not in found and (file := read_file(root / standing)):
            found[standing] = file
        elif (root / path).is_dir():
            found |= _read(root, _below(root, path))
    return found


def _obstacle(root: Path, path: str) -> str | None:
    """Return the parent of `path` that is not a directory but a file or a link."""
    for parent in reversed(PurePosixPath(path).parents[:-1]):
        place = root / parent
        if place.is_symlink() or place.is_file():
            return str(parent)
        if not place.exists():
            return None
    return None


def _below(root: Path, folder: str) -> Iterator[str]:
    """Yield one file of a directory, so that git sees that the path exists."""
    for path in (root / folder).rglob("*"):
        if path.is_file():
            yield path.relative_to(root).as_posix()
            return


def _inside(root: Path, folder: str) -> Iterator[str]:
    """Yield the files of a directory, without Python caches and nested repositories."""
    for place, folders, files in os.walk(root / folder):
        if ".git" in (*folders, *files):
            folders.clear()
            continue
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in (*files, *links):
            yield (Path(place) / name).relative_to(root).as_posix()


def _listed(root: Path) -> Iterator[str]:
    """Yield the tracked and untracked files, without ignored files and submodules."""
    shown = ("ls-files", "-z", "--others", "--exclude-standard")
    if enclosing_git_dir(root):
        output = git(*shown, "--cached", "--deduplicate", cwd=root)
    else:
        output = _listed_without_repository(root, shown)
    for name in output.split(b"\0"):
        path = name.decode(errors="surrogateescape")
        place = root / path
        if path and not path.endswith("/") and (place.is_symlink() or _is_small(place)):
            yield path


def _listed_without_repository(root: Path, shown: tuple[str, ...]) -> bytes:
    """Yield the files of a service outside git, respecting `.gitignore`."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="cofee-") as folder:
        git("init", "--quiet", "--bare", "--template=", folder, isolated=True)
        return git(f"--git-dir={folder}", f"--work-tree={root}", *shown, cwd=root)


def _is_small(place: Path) -> bool:
    return place.is_file() and place.stat().st_size <= LARGEST
