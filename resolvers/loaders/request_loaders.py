"""The data loaders of one GraphQL operation: related rows by key, with the caller's permissions."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from tortoise.models import Model
from tortoise.queryset import QuerySet

from models.accounts.organizations import Organization
from models.accounts.roles import PermissionVerb, Resource, Role
from models.accounts.users import User
from models.data.dataoperations import DataOperation, OperationDependency
from models.data.datasessions import Datasession
from models.data.results import Result
from models.permissions.principal import Principal
from models.policies.accounts import organizations, roles
from models.policies.accounts import users as accounts_users
from models.policies.data import dataoperations, datasessions, results
from models.policies.sessions import images, regions, sessions, workstations
from models.services.sessions.session_queue import queue_positions
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import Session
from models.sessions.workstations import Workstation
from resolvers.loaders.dataloader import DataLoader

M = TypeVar("M", bound=Model)
V = TypeVar("V")


class Loaders:
    """The loaders of one operation of one caller. Each is created at its first use."""

    def __init__(self, principal: Principal) -> None:
        """Load with the permissions of `principal`."""
        self._principal = principal
        self._others: dict[Hashable, DataLoader[Any, Any]] = {}

    @cached_property
    def users(self) -> DataLoader[int, User | None]:
        """Users by key."""
        return self._by_key(accounts_users.readable)

    @cached_property
    def organizations(self) -> DataLoader[int, Organization | None]:
        """Organizations by key."""
        return self._by_key(organizations.readable)

    @cached_property
    def regions(self) -> DataLoader[int, Region | None]:
        """Regions by key."""
        return self._by_key(regions.readable)

    @cached_property
    def workstations(self) -> DataLoader[int, Workstation | None]:
        """Workstations by key."""
        return self._by_key(workstations.readable)

    @cached_property
    def images(self) -> DataLoader[int, Image | None]:
        """Images by key."""
        return self._by_key(images.readable)

    @cached_property
    def sessions(self) -> DataLoader[int, Session | None]:
        """Sessions by key."""
        return self._by_key(sessions.readable)

    @cached_property
    def active_images(self) -> DataLoader[int, Image | None]:
        """The image that new sessions run, by workstation."""
        return DataLoader(self._active_images)

    @cached_property
    def queue_positions(self) -> DataLoader[int, int | None]:
        """Positions in the session queue, by session."""
        return DataLoader(_positions)

    @cached_property
    def roles_of(self) -> DataLoader[int, list[Role]]:
        """Roles, by user."""
        return DataLoader(self._roles_of)

    @cached_property
    def rules_of(self) -> DataLoader[int, list[str]]:
        """Rules that are granted directly, by user."""
        return DataLoader(self._rules_of)

    @cached_property
    def editable(self) -> DataLoader[int, bool]:
        """Whether the caller may edit a workstation, by its key."""
        return DataLoader(self._editable)

    @cached_property
    def datasessions(self) -> DataLoader[int, Datasession | None]:
        """Data sessions by key."""
        return self._by_key(datasessions.readable)

    @cached_property
    def results(self) -> DataLoader[int, Result | None]:
        """Results of data operations by key."""
        return self._by_key(results.readable)

    @cached_property
    def needed_by(self) -> DataLoader[int, list[DataOperation]]:
        """The operations whose outputs an operation reads, by its key."""
        return DataLoader(self._needed_by)

    @cached_property
    def editable_datasessions(self) -> DataLoader[int, bool]:
        """Whether the caller may edit a data session, by its key."""
        return DataLoader(self._editable_datasessions)

    @property
    def granted(self) -> Mapping[Resource, DataLoader[int, Any]]:
        """Loaders of the objects of grants, by resource."""
        return {Resource.WORKSTATION: self.workstations, Resource.DATASESSION: self.datasessions}

    def custom(self, name: Hashable, read: Callable[[Sequence[Any]], Awaitable[Sequence[V]]]) -> DataLoader[Any, V]:
        """Return the loader with this name. The first call creates it with `read`."""
        if name not in self._others:
            self._others[name] = DataLoader(read)
        return self._others[name]

    def _by_key(self, readable: Callable[[Principal], QuerySet[M]]) -> DataLoader[int, M | None]:
        async def read(keys: Sequence[int]) -> list[M | None]:
            found = {row.pk: row for row in await readable(self._principal).filter(id__in=list(keys))}
            return [found.get(key) for key in keys]

        return DataLoader(read)

    async def _active_images(self, keys: Sequence[int]) -> list[Image | None]:
        rows = images.readable(self._principal).filter(
            workstation_id__in=list(keys), is_desired=True, state=ImageState.READY
        )
        found = {image.workstation_id: image for image in await rows}
        return [found.get(key) for key in keys]

    async def _roles_of(self, keys: Sequence[int]) -> list[list[Role]]:
        rows = await roles.readable_holders(self._principal).filter(user_id__in=list(keys)).select_related("role")
        return [sorted((row.role for row in rows if row.user_id == key), key=lambda role: role.name) for key in keys]

    async def _rules_of(self, keys: Sequence[int]) -> list[list[str]]:
        rows = await roles.readable_rules(self._principal).filter(user_id__in=list(keys))
        return [sorted(row.rule for row in rows if row.user_id == key) for key in keys]

    async def _editable(self, keys: Sequence[int]) -> list[bool]:
        rows = workstations.editable(self._principal).filter(id__in=list(keys))
        found = {row.id for row in await rows.only("id")}
        return [key in found for key in keys]

    async def _editable_datasessions(self, keys: Sequence[int]) -> list[bool]:
        rows = datasessions.DATASESSIONS.rows(self._principal, PermissionVerb.EDIT).filter(id__in=list(keys))
        found = {row.id for row in await rows.only("id")}
        return [key in found for key in keys]

    async def _needed_by(self, keys: Sequence[int]) -> list[list[DataOperation]]:
        edges = await OperationDependency.filter(operation_id__in=list(keys)).order_by("needed_id")
        rows = dataoperations.readable(self._principal).filter(id__in={edge.needed_id for edge in edges})
        found = {row.id: row for row in await rows}
        return [
            [found[edge.needed_id] for edge in edges if edge.operation_id == key and edge.needed_id in found]
            for key in keys
        ]


async def _positions(keys: Sequence[int]) -> list[int | None]:
    found = await queue_positions(list(keys))
    return [found.get(key) for key in keys]
