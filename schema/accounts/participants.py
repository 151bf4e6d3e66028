"""Who takes part in collaborations, as clients see it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry
from tortoise.expressions import Q

from models.accounts.roles import Operation, Resource
from models.permissions.principal import Principal
from models.policies.accounts import organizations
from schema.accounts.organizations import Organization
from schema.graphql.connection import Direction
from schema.graphql.enums import expose
from schema.graphql.filters import DateTimeFilter, IdFilter, combined, every, given
from schema.graphql.permissions import public, requires
from schema.graphql.relations import by


@strawberry.type(description="An organization's part in a collaboration.")
class Participant:
    """Shows a participant."""

    organization_id: strawberry.Private[int]
    created_at: datetime = public(description="Since when.")

    organization: Organization | None = requires(
        Resource.ORGANIZATION,
        Operation.VIEW,
        description="The organization; null when the caller may not know of it.",
        **by("organization_id", "organizations"),
    )


class ParticipantColumn(StrEnum):
    """Columns that participants can be sorted by."""

    CREATED_AT = "created_at"


expose(ParticipantColumn, "What participants can be sorted by.", {ParticipantColumn.CREATED_AT: "Since when they are."})


@strawberry.input(description="One sort key of participants.")
class ParticipantOrder:
    """A column and a direction."""

    field: ParticipantColumn = strawberry.field(description="The column.")
    direction: Direction = strawberry.field(description="Its direction.", default=Direction.ASC)


@strawberry.input(description="Conditions on participants; all must hold.")
class ParticipantWhere:
    """Conditions."""

    organization: IdFilter | None = strawberry.field(description="On who takes part.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="On since when.", default=None)
    and_: list["ParticipantWhere"] | None = strawberry.field(
        name="AND", description="All of these as well.", default=None
    )
    or_: list["ParticipantWhere"] | None = strawberry.field(
        name="OR", description="At least one of these.", default=None
    )
    not_: "ParticipantWhere | None" = strawberry.field(name="NOT", description="And not this.", default=None)


def _own(where: ParticipantWhere, caller: Principal) -> Q:
    visible = organizations.readable(caller)
    return every(
        given(created_at=where.created_at),
        where.organization.condition("organization_id", "Organization", visible) if where.organization else Q(),
    )


def participant_condition(where: ParticipantWhere | None, caller: Principal) -> Q:
    """Return the whole condition of `where`, with the caller's rights."""
    return combined(where, lambda each: _own(each, caller))


ParticipantsWhere = Annotated[
    ParticipantWhere | None, strawberry.argument(description="Only those for which all of this holds.")
]
ParticipantsOrder = Annotated[
    list[ParticipantOrder] | None, strawberry.argument(description="The order; longest first if not said.")
]
