"""Rows of every resource: of the user, its organization, a collaborator and a stranger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from core.clock import now
from models.accounts.collaborations import Collaboration, Participant
from models.accounts.history import ActorKind, HistoryEntry
from models.accounts.organizations import MemberRole, Membership, Organization
from models.accounts.roles import Grant, ObjectRole, PermissionVerb, Resource, Role, RoleHolder, Rule, Scope, UserRule
from models.accounts.tokens import Token, TokenKind
from models.accounts.users import User
from models.data.dataoperations import DataOperation
from models.data.datasessions import Datasession
from models.data.results import Result
from models.data.uploads import Upload
from models.permissions.principal import Actor, Principal, PrincipalKind
from models.policies.accounts import collaborations, history, organizations, roles, tokens
from models.policies.accounts import users as accounts_users
from models.policies.data import dataoperations, datasessions, results, uploads
from models.policies.row_access import RowAccess
from models.policies.sessions import images, regions, sessions, workstations
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import Session
from models.sessions.workstations import Workstation

ROW_ACCESS: Mapping[str, RowAccess[Any]] = {
    "user": accounts_users.USERS,
    "token": tokens.TOKENS,
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
"""All row access definitions, by the kind of their rows."""
OWN, COLLEAGUE, COLLABORATOR, STRANGER = "own", "colleague", "collaborator", "stranger"


@dataclass
class PermissionRows:
    """The users, organizations and rows of four owners: the user, a colleague, a collaborator and a stranger.

    The collaborator's organization has another collaboration, with the stranger's organization.
    """

    users: dict[str, User] = field(default_factory=dict)
    labs: dict[str, Organization] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def principal(self, *rules: Rule) -> Principal:
        """Return the user as a principal with these rules, at home in its organization."""
        home = self.labs[COLLEAGUE].id
        org_rules = frozenset((rule, home) for rule in rules if rule.scope is not Scope.OWN)
        return Principal(
            PrincipalKind.USER, self.users[OWN].id, frozenset(rules), frozenset({home}), org_rules=org_rules
        )


async def create_permission_rows() -> PermissionRows:
    """Fill a migrated database with rows of every owner."""
    data = PermissionRows()
    for owner in (COLLEAGUE, COLLABORATOR, STRANGER):
        data.labs[owner] = await Organization.create(name=f"Lab {owner}", slug=f"lab-{owner}")
    for owner in (OWN, COLLEAGUE, COLLABORATOR, STRANGER):
        lab = data.labs[COLLEAGUE if owner == OWN else owner]
        user = await User.create(username=f"user-{owner}", home_organization=lab)
        data.users[owner] = user
        for kind, row in (await _rows_of(owner, user, lab)).items():
            data.rows.setdefault(kind, {})[owner] = row
    data.rows["organization"] = {OWN: data.labs[COLLEAGUE]} | {
        owner: data.labs[owner] for owner in (COLLABORATOR, STRANGER)
    }
    data.rows["collaboration"] = {
        COLLEAGUE: await _collaboration(data.labs[COLLEAGUE], data.labs[COLLABORATOR]),
        STRANGER: await _collaboration(data.labs[COLLABORATOR], data.labs[STRANGER]),
    }
    data.rows["region"] = {STRANGER: await Region.create(name="other")}
    return data


async def _collaboration(*labs: Organization) -> Collaboration:
    collaboration = await Collaboration.create(name=" and ".join(lab.name for lab in labs))
    await Participant.bulk_create([Participant(collaboration=collaboration, organization=lab) for lab in labs])
    return collaboration


async def _rows_of(owner: str, user: User, lab: Organization) -> dict[str, Any]:
    place = await Workstation.create(title=owner, slug=f"place-{owner}", creator=user)
    await Grant.create(user=user, resource=Resource.WORKSTATION, object_id=place.id, role=ObjectRole.WORKSTATION_EDITOR)
    image = await Image.create(workstation=place, creator=user, state=ImageState.READY)
    session = await Session.create(
        image=image,
        region=await Region.create(name=f"region-{owner}"),
        creator=user,
        label=f"label-{owner}",
        maximum_seconds=60,
        expires_at=now() + timedelta(hours=1),
    )
    datasession = await Datasession.create(name=owner, creator=user, organization=lab)
    result = await Result.create(key=owner, slot=owner, maker=1)
    operation = await DataOperation.create(
        datasession=datasession, creator=user, name="Median", code_version="1", result=result
    )
    role = await Role.create(name=f"role-{owner}", rules=[], organization=lab)
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
        "token": await Token.create(kind=TokenKind.API, key=f"key-{owner}", digest="", user=user),
        "upload": await Upload.create(creator=user, filename="a", storage_key=f"key-{owner}", expires_at=now()),
        "history": await HistoryEntry.create(
            resource=Resource.REGION,
            object_id=1,
            action="look",
            actor_kind=Actor(ActorKind.USER, user.id).kind,
            actor_id=user.id,
        ),
    }


def expected(kind: str, rule: Rule) -> set[str]:
    """Return the owners whose rows a rule covers, computed without the policies.

    Users can view the roles, organizations and images that they have or use with the scope own. Changing a role or an
    organization takes a wider scope, and changing an image takes a permission on its workstation.
    """
    if rule.scope is Scope.GLOBAL:
        return {OWN, COLLEAGUE, COLLABORATOR, STRANGER}
    wide = rule.scope is not Scope.OWN
    shared = {COLLABORATOR} if rule.scope is Scope.COLLABORATION else set()
    if kind == "collaboration":
        return {COLLEAGUE}
    if kind == "region":
        return set()
    if kind == "membership":
        return {OWN, COLLEAGUE} if wide else set()
    if kind == "role":
        own = {OWN} if rule.verb is PermissionVerb.VIEW else set()
        return {OWN, COLLEAGUE} | shared if wide else own
    if kind == "image":
        return {OWN} if rule.verb is PermissionVerb.VIEW else set()
    if kind == "organization":
        return {OWN} | shared if wide or rule.verb is PermissionVerb.VIEW else set()
    grouped = {"user", "role_holder", "user_rule", "datasession", "data_operation", "result"}
    return {OWN, COLLEAGUE} | shared if wide and kind in grouped else {OWN}
