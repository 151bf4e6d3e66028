"""Pages of rows: keysets, counts and nested pages."""
