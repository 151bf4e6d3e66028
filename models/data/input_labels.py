"""Labels: what stands for the names of input files in all that equal work shares, and how names come back.

A label is the number of a file in the inputs and the start of its SHA-256, `0003-ab12cd34ef56`: the same for whoever
brings the same bytes, whatever they call them. What is shared holds labels alone; whoever reads it for an operation
puts the names of that operation's own files in their place.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

DIGITS, HASH_DIGITS = 4, 12
LABEL = re.compile(rf"(?<![0-9])[0-9]{{{DIGITS},}}-[0-9a-f]{{{HASH_DIGITS}}}(?![0-9a-f])")
Names: TypeAlias = Mapping[str, str]
"""What the files of one operation are called, by label."""


def labels(digests: Sequence[str]) -> list[str]:
    """Return the labels of files by their SHA-256, in the order of the inputs, which is also that of the texts."""
    digits = max(DIGITS, len(str(len(digests))))
    return [f"{number:0{digits}d}-{digest[:HASH_DIGITS]}" for number, digest in enumerate(digests, 1)]


def named(text: str, names: Names) -> str:
    """Return a text with names in the place of labels, in one pass; a label of none of them stays as it is."""
    return LABEL.sub(lambda found: names.get(found[0], found[0]), text) if names else text


def named_table(value: Any, names: Names) -> Any:
    """Return a JSON value with names in the place of labels, in its texts and in its keys; none of the keys gets lost.

    Where two keys of an object would become one, for files of one name, the later one keeps its label beside the name.
    """
    if not names:
        return value
    if isinstance(value, str):
        return named(value, names)
    if isinstance(value, list):
        return [named_table(each, names) if isinstance(each, str | list | dict) else each for each in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, each in value.items():
        found[_free(named(key, names), key, found)] = named_table(each, names)
    return found


def _free(name: str, key: str, taken: Mapping[str, Any]) -> str:
    while name in taken:
        name += f" ({key})"
    return name
