"""The rules, roles and object roles of every resource, with one table for each domain.

docs/decisions/0006-one-permission-table-per-noun.md shows how to add a resource.
Scope letters: O own, R organization, C collaboration, G global.
"""

from models.permissions.enums import ResourcePermissions
from models.permissions.resources import ObjectRole, Resource
from models.permissions.tables.accounts import ACCOUNTS
from models.permissions.tables.data import DATA
from models.permissions.tables.federation import FEDERATION
from models.permissions.tables.sessions import SESSIONS
from models.permissions.tables.studies import STUDIES, STUDY_PERMISSIONS

__all__ = ["RESOURCE_PERMISSIONS", "STUDY_PERMISSIONS", "ObjectRole", "Resource"]

RESOURCE_PERMISSIONS: dict[Resource, ResourcePermissions] = {**ACCOUNTS, **SESSIONS, **FEDERATION, **STUDIES, **DATA}
