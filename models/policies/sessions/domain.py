"""The rules of actions, the shared tables and the history readers of workstations and sessions."""

from collections.abc import Awaitable
from typing import Any

from tortoise.expressions import Q, Subquery

from models.accounts.roles import Permission, PermissionVerb, Resource
from models.permissions.principal import Principal
from models.policies import PolicyDecision
from models.policies.actions import Action, ActionRule, PolicyCheck, rule
from models.policies.delegation import can_grant
from models.policies.registry import DomainPolicies
from models.policies.sessions import images, sessions, workstations


def _edit_workstation(description: str, check: PolicyCheck = workstations.can_edit) -> ActionRule:
    return rule(description, Resource.WORKSTATION, PermissionVerb.EDIT, check, workstations.readable)


def _share_workstation(description: str) -> ActionRule:
    return _edit_workstation(description, _can_share_workstation)


def _can_share_workstation(
    principal: Principal, workstation: Any, *details: Any
) -> PolicyDecision | Awaitable[PolicyDecision]:
    if details:
        return can_grant(principal, workstations.WORKSTATIONS, workstation, *details)
    return workstations.can_share(principal, workstation)


def _edit_image(description: str) -> ActionRule:
    return rule(description, Resource.IMAGE, PermissionVerb.EDIT, images.can_edit, images.readable)


def _session_rule(description: str, verb: PermissionVerb, check: PolicyCheck) -> ActionRule:
    return rule(description, Resource.SESSION, verb, check, sessions.readable)


def _history_of_own_sessions(principal: Principal, _permission: Permission) -> Q:
    return Q(resource=Resource.SESSION, object_id__in=Subquery(sessions.readable(principal).values("id")))


def _history_of_editable_workstations(principal: Principal, _permission: Permission) -> Q:
    return Q(resource=Resource.WORKSTATION, object_id__in=Subquery(workstations.editable(principal).values("id")))


POLICIES = DomainPolicies(
    actions={
        Action.WORKSTATION_CREATE: rule(
            "Create a workstation.", Resource.WORKSTATION, PermissionVerb.CREATE, workstations.can_create
        ),
        Action.WORKSTATION_UPDATE: _edit_workstation("Change a workstation."),
        Action.WORKSTATION_LOGO_SET: _edit_workstation("Set the logo of a workstation."),
        Action.WORKSTATION_LOGO_REMOVE: _edit_workstation("Remove the logo of a workstation."),
        Action.WORKSTATION_USER_ADD: _share_workstation("Share a workstation with a user."),
        Action.WORKSTATION_USER_REMOVE: _share_workstation("Stop sharing a workstation with a user."),
        Action.WORKSTATION_ORGANIZATION_ADD: _share_workstation("Share a workstation with an organization."),
        Action.WORKSTATION_ORGANIZATION_REMOVE: _share_workstation("Stop sharing a workstation with an organization."),
        Action.IMAGE_CREATE: rule(
            "Import an image for a workstation.",
            Resource.WORKSTATION,
            PermissionVerb.CREATE,
            workstations.can_edit,
            workstations.readable,
            permission_on=Resource.IMAGE,
        ),
        Action.IMAGE_UPDATE: _edit_image("Change the ports, path or comment of an image."),
        Action.IMAGE_MOVE: _edit_image("Move an image to another workstation."),
        Action.IMAGE_MAKE_DESIRED: _edit_image("Make an image the one that new sessions run."),
        Action.SESSION_LAUNCH: rule(
            "Launch a session of a workstation.",
            Resource.WORKSTATION,
            PermissionVerb.CREATE,
            sessions.can_launch,
            workstations.readable,
            permission_on=Resource.SESSION,
        ),
        Action.SESSION_OPEN: _session_rule("Open a session.", PermissionVerb.EDIT, sessions.can_connect),
        Action.SESSION_KEEP_ALIVE: _session_rule("Extend a session.", PermissionVerb.VIEW, sessions.can_keep_alive),
        Action.SESSION_STOP: _session_rule("Stop a session.", PermissionVerb.EDIT, sessions.can_stop),
    },
    grantable=(workstations.WORKSTATIONS,),
    history=(
        _history_of_own_sessions,
        _history_of_editable_workstations,
    ),
)
