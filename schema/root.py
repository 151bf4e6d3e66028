"""The GraphQL schema: the queries, mutations and subscriptions of all domains, merged."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.accounts.collaboration_mutations import CollaborationMutations
from schema.accounts.collaborations import CollaborationQueries
from schema.accounts.grants import GrantQueries
from schema.accounts.history import HistoryQueries
from schema.accounts.member_mutations import MemberMutations
from schema.accounts.organization_mutations import OrganizationMutations
from schema.accounts.organizations import OrganizationQueries
from schema.accounts.role_mutations import RoleAssignmentMutations, RoleMutations
from schema.accounts.roles import RoleQueries
from schema.accounts.rules import AccessQueries
from schema.accounts.token_mutations import TokenMutations
from schema.accounts.user_mutations import AccountMutations
from schema.accounts.users import AccountQueries
from schema.data.dataoperations import DataOperationQueries
from schema.data.datasession_grants import DatasessionUserMutations
from schema.data.datasession_mutations import DatasessionMutations
from schema.data.datasession_subscriptions import DatasessionSubscriptions
from schema.data.datasessions import DatasessionQueries
from schema.data.operation_catalog import OperationCatalogQueries
from schema.data.operation_mutations import OperationMutations
from schema.data.operation_subscriptions import OperationSubscriptions
from schema.data.result_mutations import ResultMutations
from schema.data.source_credentials import ArchiveTokenMutations, ArchiveTokenQueries
from schema.data.upload_mutations import UploadMutations
from schema.data.uploads import UploadQueries
from schema.execution.schema import Schema
from schema.graphql.node import NodeQueries
from schema.graphql.scalars import SCALARS
from schema.sessions.image_mutations import ImageMutations
from schema.sessions.image_subscriptions import ImageSubscriptions
from schema.sessions.regions import RegionQueries
from schema.sessions.session_mutations import SessionMutations
from schema.sessions.session_subscriptions import SessionSubscriptions
from schema.sessions.sessions import SessionQueries
from schema.sessions.workstation_grants import WorkstationUserMutations
from schema.sessions.workstation_mutations import WorkstationMutations
from schema.sessions.workstations import WorkstationQueries


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
    ImageMutations,
    SessionMutations,
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
