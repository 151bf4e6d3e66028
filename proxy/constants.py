"""Values that several layers of the proxy share: a buffer size and bytes of protocols."""

HIGH_WATER = 256 * 1024
"""Bytes waiting to be written at which the other side is no longer read."""
LAST_CHUNK = b"0\r\n\r\n"
"""The end of a chunked body without trailers."""
SIGNED_OUT = 4401
"""Close code of a websocket whose access was revoked; 4000 to 4999 are for applications (RFC 6455)."""
RESTARTING = 1012
"""Close code of a websocket that the proxy's shutdown ends: `service restart` in IANA's registry."""
