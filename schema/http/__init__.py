"""HTTP endpoints beside GraphQL: sign-in, health, metrics, uploads and files."""
