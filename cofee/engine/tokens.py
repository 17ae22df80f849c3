"""Merges edits of the same lines of Python if the template only renames in them.

A rename is known by the command: `products` becomes `articles`. In the lines that both sides
changed, the template must have renamed every occurrence of some names and done nothing else, and
the user must have kept each of these names. Then the rename is applied to the user's lines.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Mapping, Sequence

# A string, a comment, a word, space, or another character.
TOKEN = re.compile(
    r"""[bfruBFRU]{0,2}(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}"""
    r"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|\#[^\n]*|\w+|\s+|.""",
    re.DOTALL,
)
QUOTES = "\"'"


def merge_tokens(base: str, template: str, yours: str, renaming: Mapping[str, str]) -> str | None:
    """Return lines with the edits of both sides, or None if that is not certain.

    Args:
        renaming: the old and new names, also as parts of other names.
    """
    before, theirs, mine = (TOKEN.findall(text) for text in (base, template, yours))
    renamed = _renamed(before, theirs, renaming)
    if not renamed or not _keeps(before, mine, renamed):
        return None
    return "".join(renamed.get(token, token) for token in mine)


def _renamed(
    before: Sequence[str], after: Sequence[str], renaming: Mapping[str, str]
) -> dict[str, str] | None:
    """Return the new name of each old one, if only names have changed."""
    if len(before) != len(after):
        return None
    pairs = dict(zip(before, after, strict=True))
    is_uniform = all(pairs[old] == new for old, new in zip(before, after, strict=True))
    renamed = {old: new for old, new in pairs.items() if old != new}
    is_known = all(_is_name(old) and _follow(old, renaming) == new for old, new in renamed.items())
    return renamed if is_uniform and is_known else None


def _follow(token: str, renaming: Mapping[str, str]) -> str:
    """Return a name or string with the rename applied to its parts, in both spellings."""
    parts = {**{_camel(old): _camel(new) for old, new in renaming.items()}, **renaming}
    longest_first = sorted(parts, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), lambda found: parts[found[0]], token)


def _camel(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _is_name(token: str) -> bool:
    is_string = len(token) > 1 and token[-1] in QUOTES
    return is_string or (token.isidentifier() and not keyword.iskeyword(token))


def _keeps(before: Sequence[str], after: Sequence[str], renamed: Mapping[str, str]) -> bool:
    """Return whether a side has the old and the new names as often as the base has them."""
    names = {*renamed, *renamed.values()}
    return _count(before, names) == _count(after, names) and not _has_open_string(after)


def _count(tokens: Sequence[str], names: set[str]) -> Counter[str]:
    return Counter(token for token in tokens if token in names)


def _has_open_string(tokens: Sequence[str]) -> bool:
    """Return whether a part of a longer string is among the lines."""
    return any(token in QUOTES for token in tokens)
