"""Finds values that match a pattern and one that does not, in a process of its own.

A pattern can be written that takes longer to match than anyone waits, and Python cannot interrupt a
match; a process can be ended. This file is run as a script, so it imports nothing of the package.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

PATIENCE = 3.0  # Seconds; a harmless pattern takes a twentieth of one.
ATTEMPTS = 300
BUDGET = 3_000_000  # Characters that may be looked at; wide classes and nested repeats cost most.


class Search(TypedDict):
    """What the process is asked."""

    pattern: str
    shortest: int
    longest: int
    texts: list[str]


class Findings(TypedDict):
    """What the process answers: which texts match, two samples, and a text that does not match."""

    matching: list[bool]
    examples: list[str]
    counterexample: str | None


def search(question: Search) -> Findings | None:
    """Ask the process, or give nothing when it does not answer in time.

    The same question has the same answer in every run, so that rendering stays reproducible.
    """
    command = [sys.executable, "-P", "-W", "ignore", str(Path(__file__).resolve())]
    asked = json.dumps(question).encode()
    try:
        done = subprocess.run(
            command, input=asked, capture_output=True, timeout=PATIENCE, check=True
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        return None
    findings: Findings = json.loads(done.stdout)
    return findings


def find(question: Search) -> Findings:
    """Answer inside the process."""
    compiled = re.compile(question["pattern"])
    examples: list[str] = []
    for candidate in _candidates(question):
        if candidate not in examples and compiled.search(candidate):
            examples.append(candidate)
        if len(examples) == 2:
            break
    odd_ones = (text for text in _odd_ones(question, examples) if _fits(question, text))
    misses = (text for text in odd_ones if not compiled.search(text))
    return {
        "matching": [compiled.search(text) is not None for text in question["texts"]],
        "examples": examples,
        "counterexample": next(misses, None),
    }


class _Chooser(random.Random):
    """Chooses short repeats and plain characters, and gives up when its budget is spent."""

    span = 3
    spent = 0

    def randint(self, a: int, b: int) -> int:
        """Choose how often something repeats: seldom much more often than it must."""
        self._spend(1)
        most = min(b, a + self.span)
        return most if self.random() < 0.5 else super().randint(a, most)

    def choice(self, seq: Any) -> Any:
        """Choose a letter or digit where there is one; sorted, because sets have no order."""
        self._spend(len(seq))
        if not all(isinstance(item, str) for item in seq):
            return super().choice(seq)
        ordered = sorted(seq)
        plain = [character for character in ordered if character.isascii() and character.isalnum()]
        return super().choice(plain or ordered)

    def _spend(self, cost: int) -> None:
        self.spent += cost
        if self.spent > BUDGET:
            raise TimeoutError("the pattern has too many possibilities")


def _candidates(question: Search) -> Iterator[str]:
    """Generate texts that a form could hold: not empty, printable, without spaces around."""
    from rstr import Rstr

    chooser = _Chooser(0)
    generator = Rstr(chooser)
    for attempt in range(ATTEMPTS):
        chooser.span = (3, 8, question["shortest"], 100)[attempt % 4]
        text = _generate(generator, question["pattern"])
        if _fits(question, text):
            yield text


def _generate(generator: Any, pattern: str) -> str:
    """Generate one text; the library raises whatever comes for what it does not know of `re`."""
    with contextlib.suppress(Exception):
        return str(generator.xeger(pattern))
    return ""


def _odd_ones(question: Search, examples: list[str]) -> Iterator[str]:
    """List texts that most patterns refuse: samples with a mark in them, then plain repeats."""
    for example in examples:
        yield from (f"{example[:-1]}!", f"!{example[1:]}", f"!{example}", f"{example}!")
    for length in (max(1, question["shortest"]), question["longest"]):
        yield from (mark * length for mark in "!-a0AZ~" if length <= 255)


def _fits(question: Search, text: str) -> bool:
    shortest = max(1, question["shortest"])
    in_bounds = shortest <= len(text) <= question["longest"]
    return in_bounds and text.isprintable() and text == text.strip()


if __name__ == "__main__":
    json.dump(find(json.load(sys.stdin)), sys.stdout)
