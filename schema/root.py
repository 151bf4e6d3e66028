"""The schema: every noun's queries, mutations and subscriptions, merged."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.access import AccessMutations, AccessQueries
from schema.accounts import AccountMutations, AccountQueries
from schema.available import AvailableQueries
from schema.core.ids import NodeQueries
from schema.core.scalars import SCALARS
from schema.core.schema import Schema
from schema.data_following import DataSubscriptions
from schema.dataoperations import DataOperationQueries
from schema.datasessions import DatasessionQueries
from schema.filling import DatasessionMutations
from schema.following import SessionSubscriptions
from schema.history import HistoryQueries
from schema.images import ImageMutations, ImageSubscriptions
from schema.keeping import ArchiveTokenMutations, ArchiveTokenQueries
from schema.launching import SessionMutations
from schema.operating import OperationMutations
from schema.organizations import OrganizationMutations, OrganizationQueries
from schema.regions import RegionQueries
from schema.results import ResultMutations
from schema.sessions import SessionQueries
from schema.sharing import SharingMutations
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
    AccessMutations,
    OrganizationMutations,
    UploadMutations,
    WorkstationMutations,
    ImageMutations,
    SessionMutations,
    StoppingMutations,
    DatasessionMutations,
    SharingMutations,
    OperationMutations,
    ResultMutations,
    ArchiveTokenMutations,
):
    """The root of changes."""


@strawberry.type(description="What can be followed.")
class Subscription(ImageSubscriptions, SessionSubscriptions, DataSubscriptions):
    """The root of streams."""


schema = Schema(Query, Mutation, Subscription, types=[Upload], config=StrawberryConfig(scalar_map=SCALARS))
