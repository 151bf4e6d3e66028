"""Data operations: one file each, typed inputs, pure science on local files; found by introspection."""
