"""Creates organizations, and adds and removes their members."""

import re

from core.errors import BadInput, Conflict
from core.messaging import outbox
from models.accounts.organizations import MemberRole, Membership, Organization
from models.accounts.roles import Resource
from models.accounts.users import User
from models.permissions.principal import Actor
from models.services.accounts import history
from models.services.accounts.permission_changes import serialized

NAME_LIMIT = 128


def slugify(text: str) -> str:
    """Return lower-case words joined by dashes, at most 64 characters."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:64]


async def create(name: str, *, actor: Actor) -> Organization:
    """Create an organization. BadInput if the name is taken or has no letter."""
    slug = slugify(name)
    if not slug or slug.isdigit() or len(name) > NAME_LIMIT or not name.isprintable():
        raise BadInput(
            f"An organization's name must have 1 to {NAME_LIMIT} printable characters, one of them a letter.",
            path=("name",),
        )
    async with serialized():
        if await Organization.filter(slug=slug).exists():
            raise BadInput("This name is taken; choose another one.", path=("name",))
        organization = await Organization.create(name=name.strip(), slug=slug)
        await history.record(Resource.ORGANIZATION, organization.id, "create", actor)
    return organization


async def add_member(organization: Organization, user: User, role: MemberRole, *, actor: Actor) -> Membership:
    """Add the user as a member, or change a member's role. Conflict for the last administrator."""
    async with serialized():
        if role is not MemberRole.ADMIN:
            await _require_other_admin(organization, user)
        membership, _ = await Membership.update_or_create(
            {"role": role}, user_id=user.id, organization_id=organization.id
        )
        detail = {"user": user.id, "role": role}
        await history.record(Resource.ORGANIZATION, organization.id, "add_member", actor, detail=detail)
        outbox.publish(f"user:{user.id}")
    return membership


async def remove_member(organization: Organization, user: User, *, actor: Actor) -> None:
    """Remove a member. Does nothing for others. Conflict for the last administrator."""
    async with serialized():
        await _require_other_admin(organization, user)
        if await Membership.filter(user_id=user.id, organization_id=organization.id).delete():
            detail = {"user": user.id}
            await history.record(Resource.ORGANIZATION, organization.id, "remove_member", actor, detail=detail)
            outbox.publish(f"user:{user.id}")


async def _require_other_admin(organization: Organization, leaving: User) -> None:
    admins = Membership.filter(organization_id=organization.id, role=MemberRole.ADMIN)
    if [admin.user_id for admin in await admins] == [leaving.id]:
        raise Conflict("The last administrator cannot be removed; make another member an administrator first.")
