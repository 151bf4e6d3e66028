"""Everything that can be done, with the permission it takes and the policy that decides; a closed table."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from inspect import isawaitable
from typing import Any

from tortoise.models import Model
from tortoise.queryset import QuerySet

from models.accounts.roles import Operation, Permission, Resource
from models.permissions.principal import Principal
from models.policies.accounts import collaborations, grants, organizations, roles, users
from models.policies.data import dataoperations, datasessions, results, uploads
from models.policies.sessions import images, sessions, workstations
from models.policies.verdicts import Verdict

Readable = Callable[[Principal], QuerySet[Any]]
Can = Callable[..., Verdict | Awaitable[Verdict]]
_R, _O = Resource, Operation


class Action(StrEnum):
    """What somebody may want to do; each mutation is one, under its own name."""

    USER_CREATE = "user_create"
    USER_ROLE_ADD = "user_role_add"
    USER_ROLE_REMOVE = "user_role_remove"
    USER_RULE_ADD = "user_rule_add"
    USER_RULE_REMOVE = "user_rule_remove"
    TOKEN_CREATE = "token_create"  # noqa: S105 - what is done, not a secret
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
class Act:
    """One action: on which noun's rows, by which permission, and who decides; `description` finishes "Whether …"."""

    description: str
    on: Resource
    permission: Permission
    can: Can
    rows: Readable | None = None
    """The rows of which the action needs one; None when it makes something that is not there yet."""


def _act(
    description: str, on: Resource, permission: tuple[Resource, Operation], can: Can, rows: Readable | None = None
) -> Act:
    return Act(description, on, Permission(*permission), can, rows)


def _share(description: str) -> Act:
    return _act(description, _R.WORKSTATION, (_R.WORKSTATION, _O.EDIT), _can_share, workstations.readable)


def _together(description: str, can: Can) -> Act:
    return _act(description, _R.COLLABORATION, (_R.COLLABORATION, _O.EDIT), can, collaborations.readable)


def _edit(description: str) -> Act:
    return _act(description, _R.WORKSTATION, (_R.WORKSTATION, _O.EDIT), workstations.can_edit, workstations.readable)


def _can_share(principal: Principal, workstation: Any, *which: Any) -> Verdict | Awaitable[Verdict]:
    if which:
        return grants.can_give(principal, Resource.WORKSTATION, workstation, *which)
    return workstations.can_share(principal, workstation)


def _share_data(description: str) -> Act:
    return _act(description, _R.DATASESSION, (_R.DATASESSION, _O.EDIT), _can_share_data, datasessions.readable)


def _can_share_data(principal: Principal, datasession: Any, *which: Any) -> Awaitable[Verdict]:
    if which:
        return grants.can_give(principal, Resource.DATASESSION, datasession, *which)
    return datasessions.can_share(principal, datasession)


def _edit_data(description: str) -> Act:
    return _act(description, _R.DATASESSION, (_R.DATASESSION, _O.EDIT), datasessions.can_edit, datasessions.readable)


def _operate(description: str, operation: Operation, can: Can) -> Act:
    return _act(description, _R.DATA_OPERATION, (_R.DATA_OPERATION, operation), can, dataoperations.readable)


def _can_manage(principal: Principal, organization: Any, *which: Any) -> Verdict | Awaitable[Verdict]:
    if which:
        return organizations.can_change_member(principal, organization, *which)
    return organizations.can_manage(principal, organization)


def _rights(can: Callable[..., Awaitable[Verdict]]) -> Can:
    def decide(principal: Principal, user: Any, *which: Any) -> Awaitable[Verdict]:
        return can(principal, user, *which) if which else users.can_change_rights(principal, user)

    return decide


_USERS, _ROLES, _LABS = users.readable, roles.readable, organizations.readable
ACTS: dict[Action, Act] = {
    Action.USER_CREATE: _act("Make an account.", _R.USER, (_R.USER, _O.CREATE), users.can_register),
    Action.USER_ROLE_ADD: _act("Give a user roles.", _R.USER, (_R.USER, _O.EDIT), _rights(roles.can_give), _USERS),
    Action.USER_ROLE_REMOVE: _act(
        "Take roles from a user.", _R.USER, (_R.USER, _O.EDIT), _rights(roles.can_give), _USERS
    ),
    Action.USER_RULE_ADD: _act("Give a user rules.", _R.USER, (_R.USER, _O.EDIT), _rights(roles.can_give_rule), _USERS),
    Action.USER_RULE_REMOVE: _act(
        "Take rules from a user.", _R.USER, (_R.USER, _O.EDIT), _rights(roles.can_give_rule), _USERS
    ),
    Action.TOKEN_CREATE: _act("Make a token.", _R.TOKEN, (_R.TOKEN, _O.CREATE), users.can_create_token),
    Action.TOKEN_REVOKE: _act(
        "Revoke a token.", _R.TOKEN, (_R.TOKEN, _O.DELETE), users.can_revoke_token, users.readable_tokens
    ),
    Action.ROLE_CREATE: _act("Make a role.", _R.ROLE, (_R.ROLE, _O.CREATE), roles.can_create),
    Action.ROLE_UPDATE: _act("Change a role.", _R.ROLE, (_R.ROLE, _O.EDIT), roles.can_update, _ROLES),
    Action.ROLE_DELETE: _act("Remove a role.", _R.ROLE, (_R.ROLE, _O.DELETE), roles.can_delete, _ROLES),
    Action.ORGANIZATION_CREATE: _act(
        "Found an organization.", _R.ORGANIZATION, (_R.ORGANIZATION, _O.CREATE), organizations.can_create
    ),
    Action.ORGANIZATION_MEMBER_ADD: _act(
        "Add members, or change what they are.", _R.ORGANIZATION, (_R.MEMBERSHIP, _O.EDIT), _can_manage, _LABS
    ),
    Action.ORGANIZATION_MEMBER_REMOVE: _act(
        "Remove members.", _R.ORGANIZATION, (_R.MEMBERSHIP, _O.EDIT), _can_manage, _LABS
    ),
    Action.COLLABORATION_CREATE: _act(
        "Found a collaboration.", _R.COLLABORATION, (_R.COLLABORATION, _O.CREATE), collaborations.can_create
    ),
    Action.COLLABORATION_UPDATE: _together("Rename a collaboration.", collaborations.can_edit),
    Action.COLLABORATION_ORGANIZATION_ADD: _together(
        "Let an organization take part in a collaboration.", collaborations.can_add_organization
    ),
    Action.COLLABORATION_ORGANIZATION_REMOVE: _together(
        "Let an organization leave a collaboration.", collaborations.can_edit
    ),
    Action.UPLOAD_CREATE: _act("Bring a file.", _R.UPLOAD, (_R.UPLOAD, _O.CREATE), uploads.can_create),
    Action.WORKSTATION_CREATE: _act(
        "Make a workstation.", _R.WORKSTATION, (_R.WORKSTATION, _O.CREATE), workstations.can_create
    ),
    Action.WORKSTATION_UPDATE: _edit("Change a workstation."),
    Action.WORKSTATION_LOGO_SET: _edit("Give a workstation a logo."),
    Action.WORKSTATION_LOGO_REMOVE: _edit("Take a workstation's logo away."),
    Action.WORKSTATION_USER_ADD: _share("Share a workstation with a user."),
    Action.WORKSTATION_USER_REMOVE: _share("Take a workstation from a user."),
    Action.WORKSTATION_ORGANIZATION_ADD: _share("Share a workstation with an organization."),
    Action.WORKSTATION_ORGANIZATION_REMOVE: _share("Take a workstation from an organization."),
    Action.IMAGE_CREATE: _act(
        "Bring an image for a workstation.",
        _R.WORKSTATION,
        (_R.IMAGE, _O.CREATE),
        workstations.can_edit,
        workstations.readable,
    ),
    Action.IMAGE_UPDATE: _act(
        "Change ports, path or comment of an image.", _R.IMAGE, (_R.IMAGE, _O.EDIT), images.can_edit, images.readable
    ),
    Action.IMAGE_MOVE: _act(
        "Give an image to another workstation.", _R.IMAGE, (_R.IMAGE, _O.EDIT), images.can_edit, images.readable
    ),
    Action.IMAGE_MAKE_DESIRED: _act(
        "Let new sessions run an image.", _R.IMAGE, (_R.IMAGE, _O.EDIT), images.can_edit, images.readable
    ),
    Action.SESSION_LAUNCH: _act(
        "Launch a session of a workstation.",
        _R.WORKSTATION,
        (_R.SESSION, _O.CREATE),
        sessions.can_launch,
        workstations.readable,
    ),
    Action.SESSION_OPEN: _act(
        "Work in a session.", _R.SESSION, (_R.SESSION, _O.EDIT), sessions.can_connect, sessions.readable
    ),
    Action.SESSION_KEEP_ALIVE: _act(
        "Let a session live longer.", _R.SESSION, (_R.SESSION, _O.VIEW), sessions.can_keep_alive, sessions.readable
    ),
    Action.SESSION_STOP: _act(
        "Stop a session.", _R.SESSION, (_R.SESSION, _O.EDIT), sessions.can_stop, sessions.readable
    ),
    Action.DATASESSION_CREATE: _act(
        "Make a data session.", _R.DATASESSION, (_R.DATASESSION, _O.CREATE), datasessions.can_create
    ),
    Action.DATASESSION_UPDATE: _edit_data("Rename a data session."),
    Action.DATASESSION_INPUT_ADD: _edit_data("Add files to a data session."),
    Action.DATASESSION_INPUT_REMOVE: _edit_data("Remove files from a data session."),
    Action.DATASESSION_DELETE: _act(
        "Delete a data session and all that was computed in it.",
        _R.DATASESSION,
        (_R.DATASESSION, _O.DELETE),
        datasessions.can_delete,
        datasessions.readable,
    ),
    Action.DATASESSION_USER_ADD: _share_data("Share a data session with a user."),
    Action.DATASESSION_USER_REMOVE: _share_data("Take a data session from a user."),
    Action.DATASESSION_ORGANIZATION_ADD: _share_data("Share a data session with an organization."),
    Action.DATASESSION_ORGANIZATION_REMOVE: _share_data("Take a data session from an organization."),
    Action.OPERATION_CREATE: _act(
        "Run an operation in a data session.",
        _R.DATASESSION,
        (_R.DATA_OPERATION, _O.CREATE),
        dataoperations.can_create,
        datasessions.readable,
    ),
    Action.OPERATION_CANCEL: _operate("Cancel an operation.", _O.EDIT, dataoperations.can_edit),
    Action.OPERATION_RERUN: _operate("Run an operation again.", _O.EDIT, dataoperations.can_edit),
    Action.OPERATION_DELETE: _operate("Delete an operation.", _O.DELETE, dataoperations.can_delete),
    Action.RESULT_OPEN: _act(
        "Get links to the files of a result.", _R.RESULT, (_R.RESULT, _O.VIEW), results.can_open, results.readable
    ),
    Action.ARCHIVE_TOKEN_SET: _act(
        "Keep a token of the frame archive.", _R.TOKEN, (_R.TOKEN, _O.CREATE), users.can_create_token
    ),
    Action.ARCHIVE_TOKEN_REMOVE: _act(
        "Forget the token of the frame archive.", _R.TOKEN, (_R.TOKEN, _O.CREATE), users.can_create_token
    ),
}


async def decide(principal: Principal, action: Action, row: Model | None = None, *which: object) -> Verdict:
    """Say whether the principal may do this, to this row, with these particulars; else why not."""
    act = ACTS[action]
    given = (row, *which) if act.rows is not None else which
    asked = act.can(principal, *given)
    verdict = await asked if isawaitable(asked) else asked
    if verdict is True and not principal.may(*act.permission):
        return f"You do not hold {act.permission}."
    return verdict
