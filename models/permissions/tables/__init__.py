"""Every noun that permissions speak of: its rules, who holds them, and its object roles; each domain has its table.

docs/decisions/0006-adding-a-noun.md shows how. Scopes are written O own, R organization, C collaboration, G global.
"""

from models.permissions.enums import Noun
from models.permissions.resources import ObjectRole, Resource
from models.permissions.tables.accounts import ACCOUNTS
from models.permissions.tables.data import DATA
from models.permissions.tables.federation import FEDERATION
from models.permissions.tables.sessions import SESSIONS
from models.permissions.tables.studies import STUDIES, STUDY_PERMISSIONS

__all__ = ["NOUNS", "STUDY_PERMISSIONS", "ObjectRole", "Resource"]

NOUNS: dict[Resource, Noun] = {**ACCOUNTS, **SESSIONS, **FEDERATION, **STUDIES, **DATA}
