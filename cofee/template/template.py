"""A template at a commit: its origin, its cached checkout, its settings and its versions."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cofee.template.addresses import git_address, is_remote, located
from cofee.errors import CofeeError, quote
from cofee.files import load_yaml, reason
from cofee.git import GitError, git

CONTRACT = 1  # the number of the contract between command and template that this command speaks
# What git says where our side has no room or no right to write.
LOCAL_FAULTS = re.compile(r"No space left on device|Read-only file system|Disk quota exceeded")


@dataclass(frozen=True)
class Template:
    """An unchanging checkout of one commit.

    `source` and `commit` are what the answers file records as `_src_path` and `_commit`;
    `root` is a folder of the cache that nobody writes to again.
    """

    source: str
    commit: str
    root: Path

    @cached_property
    def configuration(self) -> dict[str, Any]:
        """The whole of `copier.yml`."""
        path = self.root / "copier.yml"
        if not path.is_file():
            raise CofeeError(f"`{self.source}` at `{self.commit}` holds no `copier.yml`")
        loaded = load_yaml(path.read_bytes(), path="copier.yml")
        return loaded if isinstance(loaded, dict) else {}

    @property
    def questions(self) -> dict[str, dict[str, Any]]:
        """The questionnaire; a bare value is a question with that default, as for Copier."""
        return {
            name: question if isinstance(question, dict) else {"default": question}
            for name, question in self.configuration.items()
            if not name.startswith("_")
        }

    def setting(self, name: str, default: Any) -> Any:
        """Return the setting `_name` of `copier.yml`."""
        return self.configuration.get(f"_{name}", default)

    @cached_property
    def types(self) -> Mapping[str, Any]:
        """The table of field types of this commit."""
        path = self.root / "macros" / "types.yml"
        table = load_yaml(path.read_bytes(), path="macros/types.yml")
        return table if isinstance(table, dict) else {}

    @cached_property
    def rules(self) -> list[str]:
        """The rules of modules that this commit knows."""
        return [str(name) for name in self.setting("cofee_rules", [])]

    def require_contract(self) -> None:
        """Refuse a template that speaks another contract than this command.

        Raises:
            CofeeError: the number is missing (no cofee template) or unknown.
        """
        number = self.setting("cofee_contract", None)
        if number is None:
            raise CofeeError(
                f"`{self.source}` is no cofee template: its `copier.yml` has no `_cofee_contract`"
            )
        if number != CONTRACT:
            raise CofeeError(
                f"the template speaks contract {number} and this cofee speaks contract {CONTRACT}",
                hint="install the cofee that came with the template",
            )


def cache_dir() -> Path:
    """Return the folder that holds clones and checkouts of templates."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "cofee"


def recorded(source: str, commit: str, base: Path | None = None) -> Template:
    """Return the template that a project records, from the cache where it is there.

    Args:
        base: the project's root, from which a relative `source` counts. What `commit` named when
            the project first asked is remembered, so that a tag that moves changes nothing here.
    """
    address = located(source, base)
    clone = _clone_path(address)
    pin = _pin(address, commit, base)
    known = pin.read_text() if pin.is_file() else ""
    if known and (kept := cache_dir() / "commits" / known).exists():
        return Template(source, commit, kept)
    sha = _resolve(clone, known) or _resolve(clone, commit)
    if sha is None:
        _fetch(address, clone)
        sha = _resolve(clone, commit)
    if sha is None:
        raise CofeeError(
            f"the template `{source}` has no commit `{commit}`",
            hint="`_commit` in `.copier-answers.yml` names it; was the tag moved or removed?",
        )
    if sha != known:
        with _cache_written():
            pin.parent.mkdir(parents=True, exist_ok=True)
            pin.write_text(sha)
    return Template(source, commit, _checkout(clone, sha))


def latest(source: str, ref: str | None = None, base: Path | None = None) -> Template:
    """Return the template at `ref`, or at its newest version, asking its origin.

    The newest version is the highest tag by PEP 440 that is no pre-release, else `HEAD`:
    what Copier takes. A relative `source` counts from `base`.
    """
    address = located(source, base)
    clone = _clone_path(address)
    _fetch(address, clone)
    wanted = ref or next(iter(_versions(clone)), "HEAD")
    sha = _resolve(clone, wanted)
    if sha is None:
        raise CofeeError(f"the template `{source}` has no commit `{wanted}`")
    if wanted == "HEAD" and not is_remote(address):
        _refuse_uncommitted(address)
    described = git("describe", "--tags", "--always", sha, cwd=clone).decode().strip()
    return Template(source, described, _checkout(clone, sha))


def newer_versions(source: str, commit: str, base: Path | None = None) -> list[str]:
    """Return the versions of the template after `commit`, oldest first."""
    address = located(source, base)
    clone = _clone_path(address)
    _fetch(address, clone)
    sha = _resolve(clone, commit)
    behind = git("tag", "--merged", sha, cwd=clone).decode().split() if sha else []
    return [tag for tag in reversed(_versions(clone)) if tag not in behind]


def absolute_source(source: str) -> str:
    """Return `source` as an address that means the same from any folder."""
    if is_remote(source):
        return source
    path = Path(source).expanduser().resolve()
    if not path.is_dir():
        raise CofeeError(
            f"there is no template at `{source}`", hint="give a git URL or a git repository's path"
        )
    if not (path / ".git").exists():
        raise CofeeError(
            f"`{source}` is no git repository, so `cofee update` could not use it later",
            hint="run `git init` there and commit the template",
        )
    return str(path)


def _pin(address: str, commit: str, base: Path | None) -> Path:
    """Return the file that remembers what a project's recorded commit names."""
    place = f"{base}:{base.stat().st_ino}" if base is not None else ""
    digest = hashlib.sha256(f"{place}:{address}:{commit}".encode()).hexdigest()[:20]
    return cache_dir() / "pins" / digest


@contextlib.contextmanager
def _cache_written() -> Iterator[None]:
    """Name the cache where it is what cannot be written, not the template's origin."""
    try:
        yield
    except OSError as error:
        raise _cache_refusal(reason(error)) from error


def _cache_refusal(why: str) -> CofeeError:
    return CofeeError(
        f"the cache folder {quote(cache_dir())} cannot be written: {why}",
        hint="make room there, or name another folder by `XDG_CACHE_HOME`",
    )


def _clone_path(source: str) -> Path:
    digest = hashlib.sha256(git_address(source).encode()).hexdigest()[:20]
    return cache_dir() / "clones" / f"{digest}.git"


def _resolve(clone: Path, ref: str) -> str | None:
    if not clone.exists() or ref.startswith("-"):
        return None
    try:
        found = git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", cwd=clone)
    except GitError:
        return None
    return found.decode().strip()


def _fetch(source: str, clone: Path) -> None:
    """Bring the clone up to date, making it first where it is missing."""
    address = git_address(source)
    try:
        if not clone.exists():
            _clone(address, clone)
            return
        git("fetch", "--quiet", "--prune", "--prune-tags", "--force", "origin", cwd=clone)
        _follow_head(clone)
    except GitError as error:
        if local := LOCAL_FAULTS.search(str(error)):
            raise _cache_refusal(local[0].lower()) from error
        why = str(error).splitlines()[-1].removeprefix("fatal: ")
        raise CofeeError(
            f"the template `{source}` cannot be reached: {why}",
            hint="is the address right, and the network up?",
        ) from error


def _clone(address: str, clone: Path) -> None:
    with _cache_written(), _folder_beside(clone) as folder:
        fresh = Path(folder) / "clone.git"
        git("clone", "--quiet", "--mirror", "--", address, str(fresh))
        _rename_new(fresh, clone)


@contextlib.contextmanager
def _folder_beside(target: Path) -> Iterator[str]:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        yield folder


def _follow_head(clone: Path) -> None:
    """Let the clone's HEAD name the branch that the origin's HEAD names today."""
    listed = git("ls-remote", "--symref", "origin", "HEAD", cwd=clone).decode()
    named = re.match(r"ref: (refs/heads/\S+)\tHEAD", listed)
    if named:
        git("symbolic-ref", "HEAD", named[1], cwd=clone)


def _versions(clone: Path) -> list[str]:
    """Return the tags that are versions by PEP 440, the highest first, no pre-release."""
    from packaging.version import InvalidVersion, Version

    versions = {}
    for tag in git("tag", cwd=clone).decode().split():
        try:
            version = Version(tag)
        except InvalidVersion:
            continue
        if not version.is_prerelease:
            versions[tag] = version
    return sorted(versions, key=versions.__getitem__, reverse=True)


def _refuse_uncommitted(source: str) -> None:
    """Refuse a local template whose HEAD is asked for while it has uncommitted changes."""
    if git("status", "--porcelain", "--untracked-files=no", cwd=Path(source)).strip():
        raise CofeeError(
            f"the template `{source}` has uncommitted changes, which no update could find again",
            hint="commit them first",
        )


def _checkout(clone: Path, sha: str) -> Path:
    """Return the folder of the cache that holds the files of one commit."""
    target = cache_dir() / "commits" / sha
    if target.exists():
        return target
    with _cache_written(), _folder_beside(target) as folder:
        fresh = Path(folder) / "tree"
        fresh.mkdir()
        exact = ("-c", "core.autocrlf=false", f"--git-dir={clone}", f"--work-tree={fresh}")
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git(*exact, "read-tree", sha, env=index)
        git(*exact, "checkout-index", "--all", env=index, cwd=fresh)
        _rename_new(fresh, target)
    return target


def _rename_new(fresh: Path, target: Path) -> None:
    """Move a finished folder into place; another process may have been quicker."""
    try:
        fresh.rename(target)
    except OSError:
        if not target.exists():
            raise
        shutil.rmtree(fresh)
