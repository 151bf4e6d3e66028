"""The schema: every noun's queries, mutations and subscriptions, merged."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.accounts.collaborations import CollaborationMutations, CollaborationQueries
from schema.accounts.grants import GrantQueries
from schema.accounts.history import HistoryQueries
from schema.accounts.member_mutations import JoiningMutations
from schema.accounts.organizations import OrganizationMutations, OrganizationQueries
from schema.accounts.role_mutations import HolderMutations
from schema.accounts.roles import RoleMutations, RoleQueries
from schema.accounts.rules import AccessQueries
from schema.accounts.tokens import TokenMutations
from schema.accounts.users import AccountMutations, AccountQueries
from schema.data.dataoperations import DataOperationQueries
from schema.data.datasession_mutations import DatasessionMutations
from schema.data.datasession_sharing import DatasessionUserMutations
from schema.data.datasessions import DatasessionQueries
from schema.data.operation_catalog import AvailableQueries
from schema.data.operation_mutations import OperationMutations
from schema.data.results import ResultMutations
from schema.data.source_credentials import ArchiveTokenMutations, ArchiveTokenQueries
from schema.data.subscriptions import DataSubscriptions
from schema.data.uploads import UploadMutations, UploadQueries
from schema.execution.schema import Schema
from schema.graphql.node import NodeQueries
from schema.graphql.scalars import SCALARS
from schema.sessions.bulk_stop import StoppingMutations
from schema.sessions.images import ImageMutations, ImageSubscriptions
from schema.sessions.keep_alive import LifetimeMutations
from schema.sessions.logo_mutations import LogoMutations
from schema.sessions.regions import RegionQueries
from schema.sessions.session_mutations import SessionMutations
from schema.sessions.session_subscriptions import SessionSubscriptions
from schema.sessions.sessions import SessionQueries
from schema.sessions.workstation_sharing import WorkstationUserMutations
from schema.sessions.workstations import WorkstationMutations, WorkstationQueries


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
