"""Loaders of one operation: related rows by key, each kind in one statement, with the caller's rights."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader
from tortoise.models import Model
from tortoise.queryset import QuerySet

from models.access import Operation, Resource, Role
from models.accounts import User
from models.dataoperations import DataOperation, Need
from models.datasessions import Datasession
from models.images import Image, ImageState
from models.policies import (
    accounts,
    dataoperations,
    datasessions,
    images,
    organizations,
    regions,
    results,
    roles,
    sessions,
    workstations,
)
from models.principal import Principal
from models.regions import Region
from models.results import Result
from models.services.sessions import queue_positions
from models.sessions import Session
from models.workstations import Workstation

M = TypeVar("M", bound=Model)


class Loaders:
    """The loaders of one operation of one caller."""

    def __init__(self, principal: Principal) -> None:
        """Load with the rights of `principal`."""
        self._principal = principal
        self.users = DataLoader[int, User | None](load_fn=self._by_key(accounts.readable))
        self.organizations = DataLoader(load_fn=self._by_key(organizations.readable))
        self.regions = DataLoader[int, Region | None](load_fn=self._by_key(regions.readable))
        self.workstations = DataLoader[int, Workstation | None](load_fn=self._by_key(workstations.readable))
        self.images = DataLoader[int, Image | None](load_fn=self._by_key(images.readable))
        self.sessions = DataLoader[int, Session | None](load_fn=self._by_key(sessions.readable))
        self.active_images = DataLoader[int, Image | None](load_fn=self._active_images)
        self.queue_positions = DataLoader[int, int | None](load_fn=_positions)
        self.datasessions = DataLoader[int, Datasession | None](load_fn=self._by_key(datasessions.readable))
        self.data_operations = DataLoader[int, DataOperation | None](load_fn=self._by_key(dataoperations.readable))
        self.results = DataLoader[int, Result | None](load_fn=self._by_key(results.readable))
        self.needed_by = DataLoader[int, list[DataOperation]](load_fn=self._needed_by)
        self.granted: dict[Resource, DataLoader[int, Any]] = {
            Resource.WORKSTATION: self.workstations,
            Resource.DATASESSION: self.datasessions,
        }
        self.roles_of = DataLoader[int, list[Role]](load_fn=self._roles_of)
        self.rules_of = DataLoader[int, list[str]](load_fn=self._rules_of)
        self.editable = DataLoader[int, bool](load_fn=self._editable)
        self.editable_datasessions = DataLoader[int, bool](load_fn=self._editable_datasessions)

    def _by_key(
        self, readable: Callable[[Principal], QuerySet[M]]
    ) -> Callable[[Sequence[int]], Awaitable[list[M | None]]]:
        async def load(keys: Sequence[int]) -> list[M | None]:
            found = {row.pk: row for row in await readable(self._principal).filter(id__in=list(keys))}
            return [found.get(key) for key in keys]

        return load

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
        rows = datasessions.DATASESSIONS.rows(self._principal, Operation.EDIT).filter(id__in=list(keys))
        found = {row.id for row in await rows.only("id")}
        return [key in found for key in keys]

    async def _needed_by(self, keys: Sequence[int]) -> list[list[DataOperation]]:
        needs = await Need.filter(operation_id__in=list(keys)).order_by("needed_id")
        rows = dataoperations.readable(self._principal).filter(id__in={need.needed_id for need in needs})
        found = {row.id: row for row in await rows}
        return [
            [found[need.needed_id] for need in needs if need.operation_id == key and need.needed_id in found]
            for key in keys
        ]


async def _positions(keys: Sequence[int]) -> list[int | None]:
    found = await queue_positions(list(keys))
    return [found.get(key) for key in keys]
