"""Every noun that permissions speak of: its rules, who holds them, and its object roles; each domain has its table.

docs/decisions/0006-adding-a-noun.md shows how. Scopes are written O own, R organization, C collaboration, G global.
"""

from models.nouns.accounts import ACCOUNTS
from models.nouns.data import DATA
from models.nouns.federation import FEDERATION
from models.nouns.sessions import SESSIONS
from models.nouns.studies import STUDIES, STUDY_PERMISSIONS
from models.nouns.words import ObjectRole, Resource
from models.vocabulary import Noun

__all__ = ["NOUNS", "STUDY_PERMISSIONS", "ObjectRole", "Resource"]

NOUNS: dict[Resource, Noun] = {**ACCOUNTS, **SESSIONS, **FEDERATION, **STUDIES, **DATA}
