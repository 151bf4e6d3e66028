"""The served library for tests of this folder."""

from tests.schema.library_server import library, server_options

__all__ = ["library", "server_options"]
