"""Clones of templates in the user's cache, and checkouts of their commits."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cofee.errors import CofeeError, quote
from cofee.files import reason
from cofee.git import GitError, git
from cofee.template.addresses import git_address, is_remote
from cofee.template.versions import parse_version

# Messages of git if the cache is full or cannot be written.
LOCAL_FAULTS = re.compile(r"No space left on device|Read-only file system|Disk quota exceeded")


def cache_dir() -> Path:
    """Return the directory of clones and checkouts of templates."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "cofee"


def checkout_of(commit_hash: str) -> Path:
    """Return the directory in the cache for the files of a commit; it may not exist."""
    return cache_dir() / "commits" / commit_hash


@contextlib.contextmanager
def cache_written() -> Iterator[None]:
    """Raise an error about the cache if it cannot be written."""
    try:
        yield
    except OSError as error:
        raise _cache_refusal(reason(error)) from error


@dataclass(frozen=True)
class Clone:
    """A mirror of a template's repository, created and updated by `fetch`."""

    address: str

    @property
    def path(self) -> Path:
        digest = hashlib.sha256(git_address(self.address).encode()).hexdigest()[:20]
        return cache_dir() / "clones" / f"{digest}.git"

    def resolve(self, ref: str) -> str | None:
        """Return the hash of the commit of a ref, or None."""
        if not self.path.exists() or ref.startswith("-"):
            return None
        try:
            found = self._git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        except GitError:
            return None
        return found.decode().strip()

    def fetch(self, ref: str | None = None) -> dict[str, str]:
        """Update the clone, or create it, and return its tags as `tags` does.

        To update its HEAD takes another connection. Without a `ref`, a clone with tags needs none.

        Raises:
            CofeeError: the template cannot be reached, or the cache cannot be written.
        """
        try:
            if not self.path.exists():
                self._clone()
                return self.tags()
            update = ("fetch", "--quiet", "--prune", "--prune-tags", "--force", "origin")
            self._git(*update, isolated=False)
            tags = self.tags()
            if ref or not tags:
                self._follow_head()
            return tags
        except GitError as error:
            if local := LOCAL_FAULTS.search(str(error)):
                raise _cache_refusal(local[0].lower()) from error
            raise CofeeError(
                f"the template `{self.address}` cannot be reached: {error.reason}",
                hint="check the network and your access; if the template of a service moved, run "
                "`cofee update --template SRC` with its new address",
            ) from error

    def fetch_commit(self, commit_hash: str) -> str | None:
        """Fetch a commit that is on no branch and no tag, if the server still has it."""
        with contextlib.suppress(GitError):
            self._git("fetch", "--quiet", "origin", commit_hash, isolated=False)
        return self.resolve(commit_hash)

    def tags(self) -> dict[str, str]:
        """Return the tags that are PEP 440 versions, highest first, without pre-releases.

        Returns:
            The hash of each tag's commit by the name of the tag.
        """
        columns = "%(refname:strip=2) %(objectname) %(*objectname)"
        listed = self._git("for-each-ref", f"--format={columns}", "refs/tags").decode()
        hashes = {name: found[-1] for name, *found in map(str.split, listed.splitlines())}
        versions = {name: version for name in hashes if (version := parse_version(name))}
        names = [name for name, version in versions.items() if not version.is_prerelease]
        ordered = sorted(names, key=versions.__getitem__, reverse=True)
        return {name: hashes[name] for name in ordered}

    def holds(self, ancestor: str, commit_hash: str) -> bool:
        """Return whether a commit is equal to another commit or a descendant of it."""
        try:
            self._git("merge-base", "--is-ancestor", ancestor, commit_hash)
        except GitError:
            return False
        return True

    def describe(self, commit_hash: str) -> str:
        """Return the name of a commit as Copier records it."""
        return self._git("describe", "--tags", "--always", commit_hash).decode().strip()

    def read(self, commit_hash: str, path: str) -> bytes | None:
        """Return the content of a file at a commit, without a checkout."""
        try:
            return self._git("cat-file", "blob", f"{commit_hash}:{path}")
        except GitError:
            return None

    def checkout(self, commit_hash: str) -> Path:
        """Return the directory in the cache with the files of a commit, creating it if needed."""
        target = checkout_of(commit_hash)
        if target.exists():
            return target
        with cache_written(), _folder_beside(target) as folder:
            fresh = Path(folder) / "tree"
            fresh.mkdir()
            bytewise = ("-c", "core.autocrlf=false", "-c", "core.eol=lf")
            exact = (*bytewise, f"--git-dir={self.path}", f"--work-tree={fresh}")
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            git(*exact, "read-tree", commit_hash, env=index)
            git(*exact, "checkout-index", "--all", env=index, cwd=fresh)
            _rename_new(fresh, target)
        return target

    def refuse_uncommitted(self) -> None:
        """Reject the HEAD of a local template with uncommitted changes."""
        if is_remote(self.address):
            return
        shown = ("status", "--porcelain", "--untracked-files=no")
        if git(*shown, cwd=Path(self.address), attributes=True).strip():
            raise CofeeError(
                f"the template `{self.address}` has uncommitted changes, "
                "so a later update could not read this version",
                hint="commit them first",
            )

    def _clone(self) -> None:
        with cache_written(), _folder_beside(self.path) as folder:
            fresh = Path(folder) / "clone.git"
            plain = ("--mirror", "--origin=origin", "--template=")
            git("clone", "--quiet", *plain, "--", git_address(self.address), str(fresh))
            _rename_new(fresh, self.path)

    def _follow_head(self) -> None:
        """Set the clone's HEAD to the branch of the origin's HEAD."""
        listed = self._git("ls-remote", "--symref", "origin", "HEAD", isolated=False).decode()
        if named := re.match(r"ref: (refs/heads/\S+)\tHEAD", listed):
            self._git("symbolic-ref", "HEAD", named[1])

    def _git(self, *arguments: str, isolated: bool = True) -> bytes:
        """Run git in the clone; only to reach the server it needs the user's settings."""
        return git(f"--git-dir={self.path}", *arguments, cwd=self.path, isolated=isolated)


def _cache_refusal(why: str) -> CofeeError:
    return CofeeError(
        f"the cache directory {quote(cache_dir())} cannot be written: {why}",
        hint="free space there, or set `XDG_CACHE_HOME` to another directory",
    )


@contextlib.contextmanager
def _folder_beside(target: Path) -> Iterator[str]:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        yield folder


def _rename_new(fresh: Path, target: Path) -> None:
    """Move a complete directory into place, unless another process was faster."""
    try:
        fresh.rename(target)
    except OSError:
        if not target.exists():
            raise
        shutil.rmtree(fresh)
