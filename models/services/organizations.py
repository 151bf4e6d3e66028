"""Found organizations, add and remove members."""

import re

from core.database import transaction
from core.errors import BadInput
from models.access import Resource
from models.accounts import User
from models.actors import Actor
from models.organizations import MemberRole, Membership, Organization
from models.services import history


def slugify(text: str) -> str:
    """Return lower-case words joined by dashes, at most 64 characters."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:64]


async def create(name: str, *, actor: Actor) -> Organization:
    """Found an organization; BadInput when the name is taken or has no letter."""
    slug = slugify(name)
    if not slug or slug.isdigit():
        raise BadInput("An organization's name has at least one letter.", path=("name",))
    async with transaction():
        if await Organization.filter(slug=slug).exists():
            raise BadInput("This name is taken.", path=("name",))
        organization = await Organization.create(name=name.strip(), slug=slug)
        await history.record(Resource.ORGANIZATION, organization.id, "create", actor)
    return organization


async def add_member(organization: Organization, user: User, role: MemberRole, *, actor: Actor) -> Membership:
    """Make the user a member, or give a member another role."""
    async with transaction():
        membership, _ = await Membership.update_or_create(
            {"role": role}, user_id=user.id, organization_id=organization.id
        )
        detail = {"user": user.id, "role": role}
        await history.record(Resource.ORGANIZATION, organization.id, "add_member", actor, detail=detail)
    return membership


async def remove_member(organization: Organization, user: User, *, actor: Actor) -> None:
    """End a membership; harmless when there is none."""
    async with transaction():
        if await Membership.filter(organization_id=organization.id, user_id=user.id).delete():
            detail = {"user": user.id}
            await history.record(Resource.ORGANIZATION, organization.id, "remove_member", actor, detail=detail)
