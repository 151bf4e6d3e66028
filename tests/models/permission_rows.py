"""A small world with things of one's own, one's organization, its partners and others, for every noun that has rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from core.clock import now
from models.accounts.collaborations import Collaboration, Participant
from models.accounts.history import ActorKind, HistoryEntry
from models.accounts.organizations import MemberRole, Membership, Organization
from models.accounts.roles import Grant, ObjectRole, Operation, Resource, Role, RoleHolder, Rule, Scope, UserRule
from models.accounts.users import Token, TokenKind, User
from models.data.dataoperations import DataOperation
from models.data.datasessions import Datasession
from models.data.results import Result
from models.data.uploads import Upload
from models.permissions.actor import Actor
from models.permissions.principal import Principal, PrincipalKind
from models.policies.accounts import collaborations, history, organizations, roles
from models.policies.accounts import users as accounts_users
from models.policies.data import dataoperations, datasessions, results, uploads
from models.policies.row_access import Reach
from models.policies.sessions import images, regions, sessions, workstations
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import Session
from models.sessions.workstations import Workstation

REACHES: Mapping[str, Reach[Any]] = {
    "user": accounts_users.USERS,
    "token": accounts_users.TOKENS,
    "organization": organizations.ORGANIZATIONS,
    "membership": organizations.MEMBERSHIPS,
    "role": roles.ROLES,
    "role_holder": roles.HOLDERS,
    "user_rule": roles.USER_RULES,
    "history": history.HISTORY,
    "region": regions.REGIONS,
    "upload": uploads.UPLOADS,
    "workstation": workstations.WORKSTATIONS,
    "image": images.IMAGES,
    "session": sessions.SESSIONS,
    "collaboration": collaborations.COLLABORATIONS,
    "datasession": datasessions.DATASESSIONS,
    "data_operation": dataoperations.DATA_OPERATIONS,
    "result": results.RESULTS,
}
"""Every definition of who reaches what, by what its rows are."""
OWN, OURS, PARTNERS, THEIRS = "own", "ours", "partners", "theirs"


@dataclass
class World:
    """Me, my organization, a colleague at home in it, its partner's people, a stranger; their things by noun and side.

    The partner has another collaboration, with the stranger's organization, which is none of our business.
    """

    users: dict[str, User] = field(default_factory=dict)
    labs: dict[str, Organization] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def me(self, *rules: Rule) -> Principal:
        """Return me as a caller with these rules, at home in my organization."""
        home = self.labs[OURS].id
        anchored = frozenset((rule, home) for rule in rules if rule.scope is not Scope.OWN)
        return Principal(PrincipalKind.USER, self.users[OWN].id, frozenset(rules), frozenset({home}), anchored=anchored)


async def build() -> World:
    """Fill a migrated database; `ours` is the colleague's, `partners` of the partner, `theirs` the stranger's."""
    world = World()
    for side in (OURS, PARTNERS, THEIRS):
        world.labs[side] = await Organization.create(name=f"Lab {side}", slug=f"lab-{side}")
    for side in (OWN, OURS, PARTNERS, THEIRS):
        lab = world.labs[OURS if side == OWN else side]
        user = await User.create(username=f"user-{side}", home_organization=lab)
        world.users[side] = user
        for noun, row in (await _things(side, user, lab)).items():
            world.rows.setdefault(noun, {})[side] = row
    world.rows["organization"] = {OWN: world.labs[OURS]} | {side: world.labs[side] for side in (PARTNERS, THEIRS)}
    world.rows["collaboration"] = {
        OURS: await _collaboration(world.labs[OURS], world.labs[PARTNERS]),
        THEIRS: await _collaboration(world.labs[PARTNERS], world.labs[THEIRS]),
    }
    world.rows["region"] = {THEIRS: await Region.create(name="other")}
    return world


async def _collaboration(*labs: Organization) -> Collaboration:
    collaboration = await Collaboration.create(name=" and ".join(lab.name for lab in labs))
    await Participant.bulk_create([Participant(collaboration=collaboration, organization=lab) for lab in labs])
    return collaboration


async def _things(side: str, user: User, lab: Organization) -> dict[str, Any]:
    place = await Workstation.create(title=side, slug=f"place-{side}", creator=user)
    await Grant.create(user=user, resource=Resource.WORKSTATION, object_id=place.id, role=ObjectRole.WORKSTATION_EDITOR)
    image = await Image.create(workstation=place, creator=user, state=ImageState.READY)
    session = await Session.create(
        image=image,
        region=await Region.create(name=f"region-{side}"),
        creator=user,
        label=f"label-{side}",
        maximum_seconds=60,
        expires_at=now() + timedelta(hours=1),
    )
    datasession = await Datasession.create(name=side, creator=user, organization=lab)
    result = await Result.create(key=side, slot=side, maker=1)
    operation = await DataOperation.create(
        datasession=datasession, creator=user, name="Median", code_version="1", result=result
    )
    role = await Role.create(name=f"role-{side}", rules=[], organization=lab)
    return {
        "user": user,
        "workstation": place,
        "image": image,
        "session": session,
        "datasession": datasession,
        "data_operation": operation,
        "result": result,
        "role": role,
        "membership": await Membership.create(user=user, organization=lab, role=MemberRole.MEMBER),
        "role_holder": await RoleHolder.create(user=user, role=role),
        "user_rule": await UserRule.create(user=user, rule="session:view:own"),
        "token": await Token.create(kind=TokenKind.API, key=f"key-{side}", digest="", user=user),
        "upload": await Upload.create(creator=user, filename="a", storage_key=f"key-{side}", expires_at=now()),
        "history": await HistoryEntry.create(
            resource=Resource.REGION,
            object_id=1,
            action="look",
            actor_kind=Actor(ActorKind.USER, user.id).kind,
            actor_id=user.id,
        ),
    }


def expected(noun: str, rule: Rule) -> set[str]:
    """Return whose rows a single rule reaches, said without the policies: own ⊂ organization ⊂ collaboration ⊂ global.

    What one holds or belongs to is seen as one's own, and changed only where one may change it for all. An image is
    seen as one's own where one has used it; whatever else is done to it goes by its workstation.
    """
    if rule.scope is Scope.GLOBAL:
        return {OWN, OURS, PARTNERS, THEIRS}
    wide = rule.scope is not Scope.OWN
    shared = {PARTNERS} if rule.scope is Scope.COLLABORATION else set()
    if noun == "collaboration":
        return {OURS}
    if noun == "region":
        return set()
    if noun == "membership":
        return {OWN, OURS} if wide else set()
    if noun == "role":
        mine = {OWN} if rule.operation is Operation.VIEW else set()
        return {OWN, OURS} | shared if wide else mine
    if noun == "image":
        return {OWN} if rule.operation is Operation.VIEW else set()
    if noun == "organization":
        return {OWN} | shared if wide or rule.operation is Operation.VIEW else set()
    grouped = {"user", "role_holder", "user_rule", "datasession", "data_operation", "result"}
    return {OWN, OURS} | shared if wide and noun in grouped else {OWN}
