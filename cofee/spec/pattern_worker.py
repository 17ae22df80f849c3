"""Finds values that match a pattern and one that does not, in a separate process.

A pattern can take very long to match, and Python cannot interrupt a match, but a process can be
terminated. This file runs as a script, so it does not import the package.
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

PATIENCE = 3.0  # Seconds; a usual pattern takes 0.05 s.
ATTEMPTS = 300
BUDGET = 3_000_000  # The limit of choices; wide classes and nested repeats need most.


class Search(TypedDict):
    """The input of the process."""

    pattern: str
    shortest: int
    longest: int
    texts: list[str]


class Findings(TypedDict):
    """The output of the process: which texts match, two samples and a text that does not match."""

    matching: list[bool]
    examples: list[str]
    counterexample: str | None


def search(question: Search) -> Findings | None:
    """Return the output of the process, or None after the time limit.

    The result is the same in every run, so that rendering is reproducible.
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
    """Return the findings, inside the process."""
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
    """Chooses short repeats and plain characters, within a budget."""

    span = 3
    spent = 0

    def randint(self, a: int, b: int) -> int:
        """Return a number of repeats, close to the minimum."""
        self._spend(1)
        most = min(b, a + self.span)
        return most if self.random() < 0.5 else super().randint(a, most)

    def choice(self, seq: Any) -> Any:
        """Return a letter or digit if there is one; sorted, because sets have no order."""
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
    """Yield texts that are not empty, printable and without surrounding spaces."""
    from rstr import Rstr

    chooser = _Chooser(0)
    generator = Rstr(chooser)
    for attempt in range(ATTEMPTS):
        chooser.span = (3, 8, question["shortest"], 100)[attempt % 4]
        text = _generate(generator, question["pattern"])
        if _fits(question, text):
            yield text


def _generate(generator: Any, pattern: str) -> str:
    """Return one text, empty if the library does not support the pattern."""
    with contextlib.suppress(Exception):
        return str(generator.xeger(pattern))
    return ""


def _odd_ones(question: Search, examples: list[str]) -> Iterator[str]:
    """Yield texts that most patterns reject: samples with a mark, then plain repeats."""
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
