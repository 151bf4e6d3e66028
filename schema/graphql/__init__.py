"""Building blocks of the schema: permissions, connections, filters, errors and scalars."""
