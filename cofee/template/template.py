"""A template at a commit: its origin, its cached checkout, its settings and its version."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofee.errors import CofeeError
from cofee.spec.facts import Facts, read_facts
from cofee.template.addresses import is_remote, located
from cofee.template.clones import Clone, cache_dir, cache_written, checkout_of
from cofee.template.parsed import parsed_yaml
from cofee.template.versions import AFTER_TAG, is_hash, labelled, tag_version, version_of

if TYPE_CHECKING:
    from packaging.version import Version

# The contract versions that this command supports. Templates with contract 1 define only their
# types; the other facts about them are data of the command.
CONTRACTS = (1, 2)
ARCHITECTURE = "macros/architecture.yml"
FROZEN = Path(__file__).with_name("contract_1.yml")


@dataclass(frozen=True)
class Question:
    """A question of `copier.yml`; strings may be Jinja templates."""

    type: str | None = None
    default: object = None
    has_default: bool = False
    choices: object = ()
    validator: str = ""
    when: object = True
    ask: object = True
    is_multiselect: bool = False
    is_secret: bool = False

    @classmethod
    def read(cls, entry: object) -> Question:
        """Return the question of an entry; as in Copier, a plain value is its default."""
        if not isinstance(entry, dict):
            return cls(default=entry, has_default=True)
        return cls(
            entry.get("type"),
            entry.get("default"),
            "default" in entry,
            entry.get("choices", ()),
            str(entry.get("validator", "")),
            entry.get("when", True),
            entry.get("ask", True),
            bool(entry.get("multiselect")),
            bool(entry.get("secret")),
        )

    @property
    def is_for_users(self) -> bool:
        """Whether a user can be asked it, perhaps depending on other answers."""
        return self.ask is not False and self.when is not False


@dataclass(frozen=True)
class Template:
    """An immutable checkout of a commit.

    `source`, `commit` and `commit_hash` are recorded in the answers file as `_src_path`, `_commit`
    and `_commit_hash`. The hash identifies the commit; `commit` is a tag or an abbreviated hash
    for messages. `root` is a directory of the cache that is never written to again.
    """

    source: str
    commit: str
    root: Path
    commit_hash: str | None = None  # None for a working tree, in tests and benchmarks

    @cached_property
    def version(self) -> Version | None:
        """The version in `pyproject.toml` at this commit, else that of its tag."""
        path = self.root / "pyproject.toml"
        pyproject = path.read_bytes() if path.is_file() else None
        return version_of(pyproject, self.commit, self.commit_hash)

    @property
    def label(self) -> str:
        """The commit for messages, with the version unless the tag is the version."""
        return labelled(self.commit, self.commit_hash, self.version)

    @cached_property
    def configuration(self) -> dict[str, Any]:
        """The content of `copier.yml`."""
        path = self.root / "copier.yml"
        if not path.is_file():
            raise CofeeError(
                f"`{self.source}` at `{self.commit}` has no `copier.yml`",
                hint="use the repository of a template",
            )
        loaded = parsed_yaml(path.read_bytes(), path="copier.yml")
        return loaded if isinstance(loaded, dict) else {}

    @property
    def questions(self) -> dict[str, Question]:
        """The questions by name, in the order of `copier.yml`."""
        return {
            name: Question.read(entry)
            for name, entry in self.configuration.items()
            if not name.startswith("_")
        }

    def setting(self, name: str, default: Any) -> Any:
        """Return the setting `_name` of `copier.yml`."""
        return self.configuration.get(f"_{name}", default)

    @property
    def bytecode(self) -> Path:
        """The directory for compiled template files."""
        return cache_dir() / "bytecode"

    @cached_property
    def facts(self) -> Facts:
        """The facts about generated code at this commit.

        Raises:
            CofeeError: a file or a fact is missing or invalid.
        """
        types = self._data("macros/types.yml")
        if self.setting("cofee_contract", None) == 1:
            return self._facts_of_contract_1(types)
        stated = self._data("macros/facts.yml")
        return read_facts(stated, types, f"`macros/facts.yml` of the template `{self.source}`")

    @property
    def architecture(self) -> dict[str, Any]:
        """The architecture rules at this commit, as `source.architecture` reads them.

        Raises:
            CofeeError: the template has none.
        """
        if not (self.root / ARCHITECTURE).is_file():
            raise CofeeError(
                f"`{self.source}` at `{self.commit}` has no architecture rules",
                hint="`cofee update` brings those of a newer version",
            )
        return self._data(ARCHITECTURE)

    def require_contract(self) -> None:
        """Reject a template with an unsupported contract.

        Raises:
            CofeeError: the number is missing (not a cofee template) or not supported.
        """
        number = self.setting("cofee_contract", None)
        if number is None:
            raise CofeeError(
                f"`{self.source}` is not a cofee template: "
                "its `copier.yml` has no `_cofee_contract`",
                hint="use Copier for other templates",
            )
        if number not in CONTRACTS:
            raise CofeeError(
                f"the template has contract {number}, and this cofee supports contracts "
                f"{' and '.join(map(str, CONTRACTS))}",
                hint="install the version of cofee that belongs to the template",
            )

    def _facts_of_contract_1(self, types: Mapping[str, Any]) -> Facts:
        stated = parsed_yaml(FROZEN.read_bytes(), path=FROZEN.name)
        added = stated.pop("types")
        known = {name: {**added.get(name, {}), **entry} for name, entry in types.items()}
        rules = self.setting("cofee_rules", [])
        stated["rules"] = {name: stated["rules"].get(name, {"kind": "other"}) for name in rules}
        return read_facts(stated, known, f"the template `{self.source}`")

    def _data(self, path: str) -> dict[str, Any]:
        file = self.root / path
        if not file.is_file():
            raise CofeeError(
                f"`{self.source}` at `{self.commit}` has no `{path}`",
                hint="use the repository of a template",
            )
        loaded = parsed_yaml(file.read_bytes(), path=path)
        return loaded if isinstance(loaded, dict) else {}


def recorded(
    source: str, commit: str, commit_hash: str | None = None, base: Path | None = None
) -> Template:
    """Return the recorded template of a service, from the cache if possible.

    Args:
        commit_hash: None in an answers file of an older template. Then the commit is the one that
            `commit` named at the first use, so that a moved tag changes nothing.
        base: the directory of the service, to which a relative `source` refers.

    Raises:
        CofeeError: the template cannot be reached, or no longer has the commit.
    """
    address = located(source, base)
    clone = Clone(address)
    if commit_hash is None:
        sha = _pinned(clone, source, commit, base)
    elif checkout_of(commit_hash).exists():
        sha = commit_hash
    else:
        sha = _require_hash(clone, source, commit, commit_hash)
    return Template(source, commit, clone.checkout(sha), sha)


def latest(source: str, ref: str | None = None, base: Path | None = None) -> Template:
    """Fetch and return the template at `ref`, or at its newest version.

    As in Copier, the newest version is the highest PEP 440 tag that is not a pre-release, else
    `HEAD`. A relative `source` refers to `base`.
    """
    clone = Clone(located(source, base))
    tags = clone.fetch(ref)
    wanted = ref or next(iter(tags), "HEAD")
    sha = clone.resolve(wanted)
    if sha is None:
        raise CofeeError(
            f"the template `{source}` has no commit `{wanted}`",
            hint="use an existing tag, branch or commit",
        )
    if wanted == "HEAD":
        clone.refuse_uncommitted()
    return Template(source, clone.describe(sha), clone.checkout(sha), sha)


def newer_versions(template: Template, base: Path | None = None) -> list[str]:
    """Fetch and return the labels of newer versions, oldest first.

    These are the tags after the template's commit, one per commit, or `HEAD` without version tags.
    """
    clone = Clone(located(template.source, base))
    tags = clone.fetch() or {"": clone.resolve("HEAD") or ""}
    highest: dict[str, str] = {}  # of the tags of one commit
    for tag, sha in tags.items():
        highest.setdefault(sha, tag)
    labels = [
        _label(clone, tag, sha)
        for sha, tag in highest.items()
        if _is_newer(clone, template, tag, sha)
    ]
    return labels[::-1]


def changed_tag(template: Template, base: Path | None = None) -> str | None:
    """Return a note if the recorded tag was deleted or names another commit.

    This reads the clone, which `latest` and `newer_versions` update.
    """
    tag, sha = template.commit, template.commit_hash
    clone = Clone(located(template.source, base))
    if sha is None or is_hash(tag, sha) or AFTER_TAG.search(tag) or not clone.path.exists():
        return None
    named = clone.resolve(f"refs/tags/{tag}")
    if named == sha:
        return None
    kept = f"this service stays based on commit `{sha[:12]}`"
    if named is None:
        return f"the template no longer has the tag `{tag}`; {kept}"
    return f"the tag `{tag}` of the template has moved to commit `{named[:12]}`; {kept}"


def absolute_source(source: str) -> str:
    """Return `source` as a URL or an absolute path."""
    if is_remote(source):
        return source
    path = Path(source).expanduser().resolve()
    if not path.is_dir():
        raise CofeeError(
            f"no template found at `{source}`", hint="use a git URL or the path of a git repository"
        )
    if not (path / ".git").exists():
        raise CofeeError(
            f"`{source}` is not a git repository, so a later update could not read it",
            hint="run `git init` there and commit the template",
        )
    return str(path)


def _pinned(clone: Clone, source: str, commit: str, base: Path | None) -> str:
    """Return the hash of the commit that a recorded name had at its first use."""
    pin = _pin(clone.address, commit, base)
    known = pin.read_text() if pin.is_file() else ""
    if known and checkout_of(known).exists():
        return known
    sha = clone.resolve(known) or clone.resolve(commit)
    if sha is None:
        clone.fetch()
        sha = clone.resolve(commit)
    if sha is None:
        raise CofeeError(
            f"the template `{source}` has no commit `{commit}`",
            hint="`_commit` in `.copier-answers.yml` names it; was the tag moved or removed?",
        )
    if sha != known:
        with cache_written():
            pin.parent.mkdir(parents=True, exist_ok=True)
            pin.write_text(sha)
    return sha


def _pin(address: str, commit: str, base: Path | None) -> Path:
    """Return the file that stores the hash of a recorded commit."""
    place = f"{base}:{base.stat().st_ino}" if base is not None else ""
    digest = hashlib.sha256(f"{place}:{address}:{commit}".encode()).hexdigest()[:20]
    return cache_dir() / "pins" / digest


def _require_hash(clone: Clone, source: str, commit: str, commit_hash: str) -> str:
    """Return a recorded hash after its commit has been fetched."""
    if sha := clone.resolve(commit_hash):
        return sha
    clone.fetch()
    if sha := clone.resolve(commit_hash) or clone.fetch_commit(commit_hash):
        return sha
    raise CofeeError(
        f"the template `{source}` no longer has commit `{commit_hash[:12]}`, "
        "which this service was made from",
        hint="its history was rewritten: push that commit again, as a tag of any name; or, if "
        f"`{commit}` has the same files today, remove `_commit_hash` from `.copier-answers.yml`",
    )


def _is_newer(clone: Clone, template: Template, tag: str, sha: str) -> bool:
    """Return whether a commit is newer than the template's; by version if that is lost."""
    known = template.commit_hash or ""
    if clone.resolve(known):
        return not clone.holds(sha, known)
    version = tag_version(tag, sha)
    return not version or not template.version or version > template.version


def _label(clone: Clone, tag: str, sha: str) -> str:
    commit = tag or clone.describe(sha)
    return labelled(commit, sha, version_of(clone.read(sha, "pyproject.toml"), commit, sha))
