"""Text from a VTN: it may hold anything."""

from __future__ import annotations


def printable(text: str, longest: int = 1000) -> str:
    """One line that a terminal obeys in nothing.

    >>> printable("one\\ntwo" + chr(27))
    'one two?'
    """
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(text.split()))[:longest]
