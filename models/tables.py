"""The modules that define the tables of the domain; callers that connect to the database pass them."""

from core.database.connection import Tables

TABLES = Tables(
    modules=(
        "core.messaging.outbox",
        "models.accounts.users",
        "models.accounts.tokens",
        "models.accounts.roles",
        "models.accounts.organizations",
        "models.accounts.collaborations",
        "models.accounts.history",
        "models.accounts.idempotency_keys",
        "models.sessions.regions",
        "models.data.uploads",
        "models.sessions.workstations",
        "models.sessions.images",
        "models.sessions.sessions",
        "models.data.datasessions",
        "models.data.results",
        "models.data.dataoperations",
        "models.data.source_credentials",
    ),
    migrations="models.migrations",
)
