"""All actions, with the permission and the policy check of each. Resolvers check every mutation here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from inspect import isawaitable
from typing import Any

from tortoise.models import Model
from tortoise.queryset import QuerySet

from models.accounts.roles import Permission, PermissionVerb, Resource
from models.permissions.principal import Principal
from models.policies.accounts import collaborations, grants, organizations, roles, users
from models.policies.data import dataoperations, datasessions, results, uploads
from models.policies.sessions import images, sessions, workstations
from models.policies.verdicts import PolicyDecision

RowQuery = Callable[[Principal], QuerySet[Any]]
PolicyCheck = Callable[..., PolicyDecision | Awaitable[PolicyDecision]]


class Action(StrEnum):
    """An action that a caller can ask for. Each mutation is one, under its own name."""

    USER_CREATE = "user_create"
    USER_ROLE_ADD = "user_role_add"
    USER_ROLE_REMOVE = "user_role_remove"
    USER_RULE_ADD = "user_rule_add"
    USER_RULE_REMOVE = "user_rule_remove"
    TOKEN_CREATE = "token_create"  # noqa: S105 - an action, not a secret
    TOKEN_REVOKE = "token_revoke"  # noqa: S105
    ROLE_CREATE = "role_create"
    ROLE_UPDATE = "role_update"
    ROLE_DELETE = "role_delete"
    ORGANIZATION_CREATE = "organization_create"
    ORGANIZATION_MEMBER_ADD = "organization_member_add"
    ORGANIZATION_MEMBER_REMOVE = "organization_member_remove"
    COLLABORATION_CREATE = "collaboration_create"
    COLLABORATION_UPDATE = "collaboration_update"
    COLLABORATION_ORGANIZATION_ADD = "collaboration_organization_add"
    COLLABORATION_ORGANIZATION_REMOVE = "collaboration_organization_remove"
    UPLOAD_CREATE = "upload_create"
    WORKSTATION_CREATE = "workstation_create"
    WORKSTATION_UPDATE = "workstation_update"
    WORKSTATION_LOGO_SET = "workstation_logo_set"
    WORKSTATION_LOGO_REMOVE = "workstation_logo_remove"
    WORKSTATION_USER_ADD = "workstation_user_add"
    WORKSTATION_USER_REMOVE = "workstation_user_remove"
    WORKSTATION_ORGANIZATION_ADD = "workstation_organization_add"
    WORKSTATION_ORGANIZATION_REMOVE = "workstation_organization_remove"
    IMAGE_CREATE = "image_create"
    IMAGE_UPDATE = "image_update"
    IMAGE_MOVE = "image_move"
    IMAGE_MAKE_DESIRED = "image_make_desired"
    SESSION_LAUNCH = "session_launch"
    SESSION_OPEN = "session_open"
    SESSION_KEEP_ALIVE = "session_keep_alive"
    SESSION_STOP = "session_stop"
    DATASESSION_CREATE = "datasession_create"
    DATASESSION_UPDATE = "datasession_update"
    DATASESSION_INPUT_ADD = "datasession_input_add"
    DATASESSION_INPUT_REMOVE = "datasession_input_remove"
    DATASESSION_DELETE = "datasession_delete"
    DATASESSION_USER_ADD = "datasession_user_add"
    DATASESSION_USER_REMOVE = "datasession_user_remove"
    DATASESSION_ORGANIZATION_ADD = "datasession_organization_add"
    DATASESSION_ORGANIZATION_REMOVE = "datasession_organization_remove"
    OPERATION_CREATE = "operation_create"
    OPERATION_CANCEL = "operation_cancel"
    OPERATION_RERUN = "operation_rerun"
    OPERATION_DELETE = "operation_delete"
    RESULT_OPEN = "result_open"
    ARCHIVE_TOKEN_SET = "archive_token_set"  # noqa: S105
    ARCHIVE_TOKEN_REMOVE = "archive_token_remove"  # noqa: S105


@dataclass(frozen=True)
class ActionRule:
    """The permission and the policy check of one action. `resource` is the resource of the row that it needs."""

    description: str
    resource: Resource
    permission: Permission
    check: PolicyCheck
    readable_rows: RowQuery | None = None
    """The rows that the action can apply to, or None for an action that creates an object."""


def _rule(
    description: str,
    resource: Resource,
    verb: PermissionVerb,
    check: PolicyCheck,
    rows: RowQuery | None = None,
    *,
    permission_on: Resource | None = None,
) -> ActionRule:
    return ActionRule(description, resource, Permission(permission_on or resource, verb), check, rows)


def _edit_users(description: str, check: Callable[..., Awaitable[PolicyDecision]]) -> ActionRule:
    def check_user(principal: Principal, user: Any, *details: Any) -> Awaitable[PolicyDecision]:
        return check(principal, user, *details) if details else users.can_change_permissions(principal, user)

    return _rule(description, Resource.USER, PermissionVerb.EDIT, check_user, users.readable)


def _edit_members(description: str) -> ActionRule:
    return _rule(
        description,
        Resource.ORGANIZATION,
        PermissionVerb.EDIT,
        _can_manage,
        organizations.readable,
        permission_on=Resource.MEMBERSHIP,
    )


def _can_manage(principal: Principal, organization: Any, *details: Any) -> PolicyDecision | Awaitable[PolicyDecision]:
    if details:
        return organizations.can_change_member(principal, organization, *details)
    return organizations.can_manage(principal, organization)


def _edit_collaboration(description: str, check: PolicyCheck) -> ActionRule:
    return _rule(description, Resource.COLLABORATION, PermissionVerb.EDIT, check, collaborations.readable)


def _edit_workstation(description: str, check: PolicyCheck = workstations.can_edit) -> ActionRule:
    return _rule(description, Resource.WORKSTATION, PermissionVerb.EDIT, check, workstations.readable)


def _share_workstation(description: str) -> ActionRule:
    return _edit_workstation(description, _can_share_workstation)


def _can_share_workstation(
    principal: Principal, workstation: Any, *details: Any
) -> PolicyDecision | Awaitable[PolicyDecision]:
    if details:
        return grants.can_grant(principal, Resource.WORKSTATION, workstation, *details)
    return workstations.can_share(principal, workstation)


def _edit_image(description: str) -> ActionRule:
    return _rule(description, Resource.IMAGE, PermissionVerb.EDIT, images.can_edit, images.readable)


def _on_session(description: str, verb: PermissionVerb, check: PolicyCheck) -> ActionRule:
    return _rule(description, Resource.SESSION, verb, check, sessions.readable)


def _on_datasession(
    description: str, check: PolicyCheck = datasessions.can_edit, verb: PermissionVerb = PermissionVerb.EDIT
) -> ActionRule:
    return _rule(description, Resource.DATASESSION, verb, check, datasessions.readable)


def _share_datasession(description: str) -> ActionRule:
    return _on_datasession(description, _can_share_datasession)


def _can_share_datasession(principal: Principal, datasession: Any, *details: Any) -> Awaitable[PolicyDecision]:
    if details:
        return grants.can_grant(principal, Resource.DATASESSION, datasession, *details)
    return datasessions.can_share(principal, datasession)


def _on_operation(description: str, verb: PermissionVerb, check: PolicyCheck) -> ActionRule:
    return _rule(description, Resource.DATA_OPERATION, verb, check, dataoperations.readable)


ACTION_RULES: dict[Action, ActionRule] = {
    Action.USER_CREATE: _rule("Create an account.", Resource.USER, PermissionVerb.CREATE, users.can_register),
    Action.USER_ROLE_ADD: _edit_users("Assign roles to a user.", roles.can_assign),
    Action.USER_ROLE_REMOVE: _edit_users("Remove roles from a user.", roles.can_assign),
    Action.USER_RULE_ADD: _edit_users("Assign rules to a user.", roles.can_assign_rule),
    Action.USER_RULE_REMOVE: _edit_users("Remove rules from a user.", roles.can_assign_rule),
    Action.TOKEN_CREATE: _rule("Create a token.", Resource.TOKEN, PermissionVerb.CREATE, users.can_create_token),
    Action.TOKEN_REVOKE: _rule(
        "Revoke a token.", Resource.TOKEN, PermissionVerb.DELETE, users.can_revoke_token, users.readable_tokens
    ),
    Action.ROLE_CREATE: _rule("Create a role.", Resource.ROLE, PermissionVerb.CREATE, roles.can_create),
    Action.ROLE_UPDATE: _rule("Change a role.", Resource.ROLE, PermissionVerb.EDIT, roles.can_update, roles.readable),
    Action.ROLE_DELETE: _rule("Delete a role.", Resource.ROLE, PermissionVerb.DELETE, roles.can_delete, roles.readable),
    Action.ORGANIZATION_CREATE: _rule(
        "Create an organization.", Resource.ORGANIZATION, PermissionVerb.CREATE, organizations.can_create
    ),
    Action.ORGANIZATION_MEMBER_ADD: _edit_members("Add members, or change their member roles."),
    Action.ORGANIZATION_MEMBER_REMOVE: _edit_members("Remove members."),
    Action.COLLABORATION_CREATE: _rule(
        "Create a collaboration.", Resource.COLLABORATION, PermissionVerb.CREATE, collaborations.can_create
    ),
    Action.COLLABORATION_UPDATE: _edit_collaboration("Rename a collaboration.", collaborations.can_edit),
    Action.COLLABORATION_ORGANIZATION_ADD: _edit_collaboration(
        "Add an organization to a collaboration.", collaborations.can_add_organization
    ),
    Action.COLLABORATION_ORGANIZATION_REMOVE: _edit_collaboration(
        "Remove an organization from a collaboration.", collaborations.can_edit
    ),
    Action.UPLOAD_CREATE: _rule("Upload a file.", Resource.UPLOAD, PermissionVerb.CREATE, uploads.can_create),
    Action.WORKSTATION_CREATE: _rule(
        "Create a workstation.", Resource.WORKSTATION, PermissionVerb.CREATE, workstations.can_create
    ),
    Action.WORKSTATION_UPDATE: _edit_workstation("Change a workstation."),
    Action.WORKSTATION_LOGO_SET: _edit_workstation("Set the logo of a workstation."),
    Action.WORKSTATION_LOGO_REMOVE: _edit_workstation("Remove the logo of a workstation."),
    Action.WORKSTATION_USER_ADD: _share_workstation("Share a workstation with a user."),
    Action.WORKSTATION_USER_REMOVE: _share_workstation("Stop sharing a workstation with a user."),
    Action.WORKSTATION_ORGANIZATION_ADD: _share_workstation("Share a workstation with an organization."),
    Action.WORKSTATION_ORGANIZATION_REMOVE: _share_workstation("Stop sharing a workstation with an organization."),
    Action.IMAGE_CREATE: _rule(
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
    Action.SESSION_LAUNCH: _rule(
        "Launch a session of a workstation.",
        Resource.WORKSTATION,
        PermissionVerb.CREATE,
        sessions.can_launch,
        workstations.readable,
        permission_on=Resource.SESSION,
    ),
    Action.SESSION_OPEN: _on_session("Open a session.", PermissionVerb.EDIT, sessions.can_connect),
    Action.SESSION_KEEP_ALIVE: _on_session("Extend a session.", PermissionVerb.VIEW, sessions.can_keep_alive),
    Action.SESSION_STOP: _on_session("Stop a session.", PermissionVerb.EDIT, sessions.can_stop),
    Action.DATASESSION_CREATE: _rule(
        "Create a data session.", Resource.DATASESSION, PermissionVerb.CREATE, datasessions.can_create
    ),
    Action.DATASESSION_UPDATE: _on_datasession("Rename a data session."),
    Action.DATASESSION_INPUT_ADD: _on_datasession("Add files to a data session."),
    Action.DATASESSION_INPUT_REMOVE: _on_datasession("Remove files from a data session."),
    Action.DATASESSION_DELETE: _on_datasession(
        "Delete a data session with all its results.", datasessions.can_delete, PermissionVerb.DELETE
    ),
    Action.DATASESSION_USER_ADD: _share_datasession("Share a data session with a user."),
    Action.DATASESSION_USER_REMOVE: _share_datasession("Stop sharing a data session with a user."),
    Action.DATASESSION_ORGANIZATION_ADD: _share_datasession("Share a data session with an organization."),
    Action.DATASESSION_ORGANIZATION_REMOVE: _share_datasession("Stop sharing a data session with an organization."),
    Action.OPERATION_CREATE: _rule(
        "Run an operation in a data session.",
        Resource.DATASESSION,
        PermissionVerb.CREATE,
        dataoperations.can_create,
        datasessions.readable,
        permission_on=Resource.DATA_OPERATION,
    ),
    Action.OPERATION_CANCEL: _on_operation("Cancel an operation.", PermissionVerb.EDIT, dataoperations.can_edit),
    Action.OPERATION_RERUN: _on_operation("Run an operation again.", PermissionVerb.EDIT, dataoperations.can_edit),
    Action.OPERATION_DELETE: _on_operation("Delete an operation.", PermissionVerb.DELETE, dataoperations.can_delete),
    Action.RESULT_OPEN: _rule(
        "Get links to the files of a result.",
        Resource.RESULT,
        PermissionVerb.VIEW,
        results.can_open,
        results.readable,
    ),
    Action.ARCHIVE_TOKEN_SET: _rule(
        "Store a token of the frame archive.", Resource.TOKEN, PermissionVerb.CREATE, users.can_create_token
    ),
    Action.ARCHIVE_TOKEN_REMOVE: _rule(
        "Delete the token of the frame archive.", Resource.TOKEN, PermissionVerb.CREATE, users.can_create_token
    ),
}


async def authorize(principal: Principal, action: Action, row: Model | None = None, *details: object) -> PolicyDecision:
    """Return True if the principal may take the action on the row with these details, else the reason."""
    rule = ACTION_RULES[action]
    arguments = (row, *details) if rule.readable_rows is not None else details
    pending = rule.check(principal, *arguments)
    decision = await pending if isawaitable(pending) else pending
    # A check decides by row and role. The action's own permission is required in any case.
    if decision is True and not principal.has_permission(*rule.permission):
        return f"You do not have {rule.permission}."
    return decision
