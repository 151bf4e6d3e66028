"""Resolvers of workstations. `workstation_grants` has their grants, `workstation_logos` their logos."""

from collections.abc import Mapping
from typing import Any

from models.permissions.principal import Actor, Principal
from models.policies.authorization import Action
from models.policies.sessions import workstations as policy
from models.services.sessions import workstations
from models.sessions.workstations import Workstation
from resolvers.guards import require, visible
from resolvers.row_reader import RowReader

SLUG_LIMIT = 64
reader = RowReader(policy.readable)


async def create(principal: Principal, title: str, description: str, is_public: bool) -> Workstation:
    """Create a workstation."""
    await require(principal, Action.WORKSTATION_CREATE)
    return await workstations.create(
        title, actor=Actor.from_principal(principal), description=description, is_public=is_public
    )


async def update(
    principal: Principal, key: int, changes: Mapping[str, Any], expected_version: int | None
) -> Workstation:
    """Change a workstation; with `expected_version`, only if it was not changed since."""
    workstation = await visible(policy.readable(principal), key)
    await require(principal, Action.WORKSTATION_UPDATE, workstation)
    version = workstation.version if expected_version is None else expected_version
    await workstations.update(workstation, changes, version=version, actor=Actor.from_principal(principal))
    return workstation


async def find_by_slug(principal: Principal, slug: str) -> Workstation | None:
    """Return the workstation with this slug; None if the principal cannot see it."""
    is_possible = len(slug) <= SLUG_LIMIT and slug.isprintable()
    return await policy.readable(principal).get_or_none(slug=slug) if is_possible else None
