"""The GraphQL schema: the queries, mutations and subscriptions of all domains, merged."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.accounts.collaborations import CollaborationMutations, CollaborationQueries
from schema.accounts.grants import GrantQueries
from schema.accounts.history import HistoryQueries
from schema.accounts.member_mutations import MemberMutations
from schema.accounts.organizations import OrganizationMutations, OrganizationQueries
from schema.accounts.role_mutations import RoleAssignmentMutations
from schema.accounts.roles import RoleMutations, RoleQueries
from schema.accounts.rules import AccessQueries
from schema.accounts.tokens import TokenMutations
from schema.accounts.users import AccountMutations, AccountQueries
from schema.data.dataoperations import DataOperationQueries
from schema.data.datasession_grants import DatasessionUserMutations
from schema.data.datasession_mutations import DatasessionMutations
from schema.data.datasession_subscriptions import DatasessionSubscriptions
from schema.data.datasessions import DatasessionQueries
from schema.data.operation_catalog import OperationCatalogQueries
from schema.data.operation_mutations import OperationMutations
from schema.data.operation_subscriptions import OperationSubscriptions
from schema.data.results import ResultMutations
from schema.data.source_credentials import ArchiveTokenMutations, ArchiveTokenQueries
from schema.data.uploads import UploadMutations, UploadQueries
from schema.execution.schema import Schema
from schema.graphql.node import NodeQueries
from schema.graphql.scalars import SCALARS
from schema.sessions.bulk_stop import BulkStopMutations
from schema.sessions.images import ImageMutations, ImageSubscriptions
from schema.sessions.keep_alive import KeepAliveMutations
from schema.sessions.logo_mutations import LogoMutations
from schema.sessions.regions import RegionQueries
from schema.sessions.session_mutations import SessionMutations
from schema.sessions.session_subscriptions import SessionSubscriptions
from schema.sessions.sessions import SessionQueries
from schema.sessions.workstation_grants import WorkstationUserMutations
from schema.sessions.workstations import WorkstationMutations, WorkstationQueries


@strawberry.type(description="The root of all queries.")
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
    OperationCatalogQueries,
    ArchiveTokenQueries,
    HistoryQueries,
    NodeQueries,
):
    """The root query type."""


@strawberry.type(description="The root of all mutations.")
class Mutation(
    AccountMutations,
    TokenMutations,
    RoleMutations,
    RoleAssignmentMutations,
    OrganizationMutations,
    MemberMutations,
    CollaborationMutations,
    UploadMutations,
    WorkstationMutations,
    WorkstationUserMutations,
    LogoMutations,
    ImageMutations,
    SessionMutations,
    KeepAliveMutations,
    BulkStopMutations,
    DatasessionMutations,
    DatasessionUserMutations,
    OperationMutations,
    ResultMutations,
    ArchiveTokenMutations,
):
    """The root mutation type."""


@strawberry.type(description="The root of all subscriptions.")
class Subscription(ImageSubscriptions, SessionSubscriptions, OperationSubscriptions, DatasessionSubscriptions):
    """The root subscription type."""


schema = Schema(Query, Mutation, Subscription, config=StrawberryConfig(scalar_map=SCALARS))
