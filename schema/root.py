"""The schema: every noun's queries, mutations and subscriptions, merged."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.access import AccessQueries
from schema.accounts import AccountMutations, AccountQueries
from schema.available import AvailableQueries
from schema.collaborations import CollaborationMutations, CollaborationQueries
from schema.core.ids import NodeQueries
from schema.core.scalars import SCALARS
from schema.core.schema import Schema
from schema.data_following import DataSubscriptions
from schema.dataoperations import DataOperationQueries
from schema.datasession_users import DatasessionUserMutations
from schema.datasessions import DatasessionQueries
from schema.filling import DatasessionMutations
from schema.following import SessionSubscriptions
from schema.grants import GrantQueries
from schema.history import HistoryQueries
from schema.holders import HolderMutations
from schema.images import ImageMutations, ImageSubscriptions
from schema.joining import JoiningMutations
from schema.keeping import ArchiveTokenMutations, ArchiveTokenQueries
from schema.launching import SessionMutations
from schema.lifetimes import LifetimeMutations
from schema.logos import LogoMutations
from schema.operating import OperationMutations
from schema.organizations import OrganizationMutations, OrganizationQueries
from schema.regions import RegionQueries
from schema.results import ResultMutations
from schema.roles import RoleMutations, RoleQueries
from schema.sessions import SessionQueries
from schema.stopping import StoppingMutations
from schema.tokens import TokenMutations
from schema.uploads import UploadMutations, UploadQueries
from schema.workstation_users import WorkstationUserMutations
from schema.workstations import WorkstationMutations, WorkstationQueries


@strawberry.type(description="What can be read.")
class Query(
    AccountQueries,
    AccessQueries,
    RoleQueries,
    GrantQueries,
    OrganizationQueries,
    CollaborationQueries,
    RegionQueries,
    UploadQueries,
    WorkstationQueries,
    SessionQueries,
    DatasessionQueries,
    DataOperationQueries,
    AvailableQueries,
    ArchiveTokenQueries,
    HistoryQueries,
    NodeQueries,
):
    """The root of reads."""


@strawberry.type(description="What can be changed.")
class Mutation(
    AccountMutations,
    TokenMutations,
    RoleMutations,
    HolderMutations,
    OrganizationMutations,
    JoiningMutations,
    CollaborationMutations,
    UploadMutations,
    WorkstationMutations,
    WorkstationUserMutations,
    LogoMutations,
    ImageMutations,
    SessionMutations,
    LifetimeMutations,
    StoppingMutations,
    DatasessionMutations,
    DatasessionUserMutations,
    OperationMutations,
    ResultMutations,
    ArchiveTokenMutations,
):
    """The root of changes."""


@strawberry.type(description="What can be followed.")
class Subscription(ImageSubscriptions, SessionSubscriptions, DataSubscriptions):
    """The root of streams."""


schema = Schema(Query, Mutation, Subscription, config=StrawberryConfig(scalar_map=SCALARS))
