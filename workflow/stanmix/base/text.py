"""Text that people write, in cells and in the configuration: numbers within limits, characters that can be seen."""

from __future__ import annotations

import math
import re
import unicodedata

LARGEST = 1e150  # the squares of larger values, and their sums, are beyond double precision
SMALLEST = 1e-150  # the squares of what is smaller are 0
COUNTABLE = 2.0**53  # whole numbers are exact in double precision up to here
LARGEST_COUNT = 2**31 - 1  # CmdStan keeps whole numbers in 32 bits
# Spreadsheets compute what begins with these; a number does no harm, and an apostrophe is what keeps others from it.
COMPUTED = ("=", "+", "-", "@", "'")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
# What turns the direction of the text around it (Unicode Annex 9), so that it reads as something else.
TURNING = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def hidden(text: str) -> str | None:
    """The first character of a text that no reader can see, as U+0007, or None.

    Tabs and ends of lines are fine; other control characters, single surrogates and what turns the direction of text
    are not.
    """
    for letter in text:
        if letter in TURNING or (unicodedata.category(letter) in ("Cc", "Cs") and letter not in "\t\n\r"):
            return f"U+{ord(letter):04X}"
    return None


def tidy(name: str) -> str:
    """A name without blanks around it, in the composed form of Unicode."""
    return unicodedata.normalize("NFC", name.strip())


def plain(value: float) -> str:
    """A number as people write it: 3 for 3.0, all digits that count otherwise."""
    return str(int(value)) if value == math.floor(value) and abs(value) < 1e15 else repr(float(value))


def shielded(text: str) -> str:
    """A text as it stands in our CSV files: behind an apostrophe where a spreadsheet would compute it."""
    return f"'{text}" if text.startswith(COMPUTED) and not NUMBER.fullmatch(text) else text


def unshielded(text: str) -> str:
    """The text that `shielded` was given."""
    return text.removeprefix("'")
