"""Give object roles to users and organizations, and take them away; the same verbs for every noun."""

from typing import Any

from tortoise.models import Model

from core.errors import BadInput, Conflict
from core.messaging import outbox
from models.accounts.roles import Grant, ObjectRole, Resource
from models.permissions.actor import Actor
from models.permissions.rules import NOUN_OF
from models.permissions.tables import NOUNS
from models.services.accounts import history
from models.services.accounts.permission_changes import alone


def check_role(resource: Resource, role: ObjectRole) -> None:
    """Refuse an object role of another noun."""
    if NOUN_OF[role] is not resource:
        raise BadInput(f"{role} is no role on a {resource}.", path=("role",))


async def give(
    row: Model, role: ObjectRole, *, actor: Actor, user_id: int | None = None, organization_id: int | None = None
) -> None:
    """Let a user, or all members of an organization, hold the role on the object; harmless when they do."""
    async with alone():
        values = _values(row, role, user_id, organization_id)
        if not await Grant.filter(**values).exists():
            await Grant.create(**values)
            await history.record(NOUN_OF[role], row.pk, "grant", actor, detail=_detail(values))
            _tell(user_id, organization_id)


async def take(
    row: Model, role: ObjectRole, *, actor: Actor, user_id: int | None = None, organization_id: int | None = None
) -> None:
    """Take the role on the object away; harmless when it was not held, Conflict for the last holder it keeps."""
    async with alone():
        values = _values(row, role, user_id, organization_id)
        await _keep_one(row, role, values)
        if await Grant.filter(**values).delete():
            await history.record(NOUN_OF[role], row.pk, "revoke_grant", actor, detail=_detail(values))
            _tell(user_id, organization_id)


def _tell(user_id: int | None, organization_id: int | None) -> None:
    """Let the rights of the user be read again; streams of a group's members do so within half a minute."""
    outbox.publish(f"organization:{organization_id}" if user_id is None else f"user:{user_id}")


async def _keep_one(row: Model, role: ObjectRole, leaving: dict[str, Any]) -> None:
    resource = NOUN_OF[role]
    if NOUNS[resource].keeper != role:
        return
    held = await Grant.filter(resource=resource, object_id=row.pk, role=role).values_list("id", flat=True)
    if len(held) == 1 and await Grant.filter(**leaving).exists():
        raise Conflict(f"The last {role} stays; make somebody else one first.")


def _values(row: Model, role: ObjectRole, user_id: int | None, organization_id: int | None) -> dict[str, Any]:
    holder = {"user_id": user_id} if organization_id is None else {"organization_id": organization_id}
    return {**holder, "resource": NOUN_OF[role], "object_id": row.pk, "role": role}


def _detail(values: dict[str, Any]) -> dict[str, Any]:
    holder = {
        name.removesuffix("_id"): value for name, value in values.items() if name in {"user_id", "organization_id"}
    }
    return {**holder, "role": values["role"]}
