"""Grants object roles to users and organizations, and revokes them, for every resource."""

from typing import Any

from tortoise.models import Model

from core.errors import BadInput, Conflict
from core.messaging import outbox
from models.accounts.roles import Grant, ObjectRole, Resource
from models.permissions.principal import Actor
from models.permissions.rules import OBJECT_ROLE_RESOURCE
from models.permissions.tables import RESOURCE_PERMISSIONS
from models.services.accounts import history
from models.services.accounts.permission_changes import serialized


def check_role(resource: Resource, role: ObjectRole) -> None:
    """Raise BadInput for an object role of another resource."""
    if OBJECT_ROLE_RESOURCE[role] is not resource:
        raise BadInput(f"{role} is not a role on a {resource}.", path=("role",))


async def grant(
    row: Model, role: ObjectRole, *, actor: Actor, user_id: int | None = None, organization_id: int | None = None
) -> None:
    """Grant the role on the object to a user, or to all members of an organization. Does nothing if it was granted."""
    async with serialized():
        values = _values(row, role, user_id, organization_id)
        if not await Grant.filter(**values).exists():
            await Grant.create(**values)
            await history.record(OBJECT_ROLE_RESOURCE[role], row.pk, "grant", actor, detail=_detail(values))
            _publish_change(user_id, organization_id)


async def revoke(
    row: Model, role: ObjectRole, *, actor: Actor, user_id: int | None = None, organization_id: int | None = None
) -> None:
    """Revoke the role on the object. Does nothing if it was not granted. Conflict for a required last holder."""
    async with serialized():
        values = _values(row, role, user_id, organization_id)
        await _keep_last_holder(row, role, values)
        if await Grant.filter(**values).delete():
            await history.record(OBJECT_ROLE_RESOURCE[role], row.pk, "revoke_grant", actor, detail=_detail(values))
            _publish_change(user_id, organization_id)


def _publish_change(user_id: int | None, organization_id: int | None) -> None:
    # Streams of an organization's members do not listen to its topic; they read permissions again every 30 seconds.
    outbox.publish(f"organization:{organization_id}" if user_id is None else f"user:{user_id}")


async def _keep_last_holder(row: Model, role: ObjectRole, leaving: dict[str, Any]) -> None:
    resource = OBJECT_ROLE_RESOURCE[role]
    if RESOURCE_PERMISSIONS[resource].last_holder_role != role:
        return
    holders = await Grant.filter(resource=resource, object_id=row.pk, role=role).values_list("id", flat=True)
    if len(holders) == 1 and await Grant.filter(**leaving).exists():
        raise Conflict(f"The last {role} cannot be removed; grant the role to another user first.")


def _values(row: Model, role: ObjectRole, user_id: int | None, organization_id: int | None) -> dict[str, Any]:
    holder = {"user_id": user_id} if organization_id is None else {"organization_id": organization_id}
    return {**holder, "resource": OBJECT_ROLE_RESOURCE[role], "object_id": row.pk, "role": role}


def _detail(values: dict[str, Any]) -> dict[str, Any]:
    holder = {
        name.removesuffix("_id"): value for name, value in values.items() if name in {"user_id", "organization_id"}
    }
    return {**holder, "role": values["role"]}
