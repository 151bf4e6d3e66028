"""Byte units and the formatting of byte sizes for messages."""

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30


def format_bytes(count: int) -> str:
    """Return a size in bytes as text with a binary unit, such as `4 MiB`."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if count >= unit:
            return f"{count / unit:.4g} {name}"
    return f"{count} bytes"
