"""The schema: every noun's queries, mutations and subscriptions, merged."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.access import AccessMutations, AccessQueries
from schema.accounts import AccountMutations, AccountQueries
from schema.core.ids import NodeQueries
from schema.core.scalars import SCALARS
from schema.core.schema import Schema
from schema.following import SessionSubscriptions
from schema.history import HistoryQueries
from schema.images import ImageMutations, ImageSubscriptions
from schema.launching import SessionMutations
from schema.lifetimes import LifetimeMutations
from schema.logos import LogoMutations
from schema.organizations import OrganizationMutations, OrganizationQueries
from schema.regions import RegionQueries
from schema.sessions import SessionQueries
from schema.stopping import StoppingMutations
from schema.uploads import Upload, UploadMutations
from schema.workstations import WorkstationMutations, WorkstationQueries


@strawberry.type(description="What can be read.")
class Query(
    AccountQueries,
    AccessQueries,
    OrganizationQueries,
    RegionQueries,
    WorkstationQueries,
    SessionQueries,
    HistoryQueries,
    NodeQueries,
):
    """The root of reads."""


@strawberry.type(description="What can be changed.")
class Mutation(
    AccountMutations,
    AccessMutations,
    OrganizationMutations,
    UploadMutations,
    WorkstationMutations,
    LogoMutations,
    ImageMutations,
    SessionMutations,
    LifetimeMutations,
    StoppingMutations,
):
    """The root of changes."""


@strawberry.type(description="What can be followed.")
class Subscription(ImageSubscriptions, SessionSubscriptions):
    """The root of streams."""


schema = Schema(Query, Mutation, Subscription, types=[Upload], config=StrawberryConfig(scalar_map=SCALARS))
