"""Labels that replace input file names in shared results, and their substitution by names.

A label is the number of a file in the inputs and the start of its SHA-256, for example `0003-ab12cd34ef56`. It depends
on the bytes only, not on the file name. Shared results contain labels only. Each reader substitutes the names of its
own operation's files.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

DIGITS, HASH_DIGITS = 4, 12
LABEL = re.compile(rf"(?<![0-9])[0-9]{{{DIGITS},}}-[0-9a-f]{{{HASH_DIGITS}}}(?![0-9a-f])")
InputNames: TypeAlias = Mapping[str, str]
"""The file names of one operation, by label."""


def labels(digests: Sequence[str]) -> list[str]:
    """Return the label of each file, given its SHA-256. The labels sort in the order of the inputs."""
    digits = max(DIGITS, len(str(len(digests))))
    return [f"{number:0{digits}d}-{digest[:HASH_DIGITS]}" for number, digest in enumerate(digests, 1)]


def substitute_names(text: str, names: InputNames) -> str:
    """Return the text with labels replaced by names, in one pass. Unknown labels stay."""
    return LABEL.sub(lambda found: names.get(found[0], found[0]), text) if names else text


def substitute_names_in_json(value: Any, names: InputNames) -> Any:
    """Return a JSON value with labels replaced by names, in its texts and in its keys.

    If two files have the same name, the later key keeps its label beside the name, so that no key is lost.
    """
    if not names:
        return value
    if isinstance(value, str):
        return substitute_names(value, names)
    if isinstance(value, list):
        return [
            substitute_names_in_json(each, names) if isinstance(each, str | list | dict) else each for each in value
        ]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, each in value.items():
        found[_unused_key(substitute_names(key, names), key, found)] = substitute_names_in_json(each, names)
    return found


def _unused_key(name: str, key: str, taken: Mapping[str, Any]) -> str:
    while name in taken:
        name += f" ({key})"
    return name
