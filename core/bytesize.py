"""Sizes in bytes, and how a person says them."""

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30


def readable(count: int) -> str:
    """Give a size in bytes as a person says it: 4 MiB."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if count >= unit:
            return f"{count / unit:.4g} {name}"
    return f"{count} bytes"
