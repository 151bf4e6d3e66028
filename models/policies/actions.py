"""All actions, and the rule that says when a principal may take one. The domains declare the rules."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tortoise.queryset import QuerySet

from models.accounts.roles import Permission, PermissionVerb, Resource
from models.permissions.principal import Principal
from models.policies import PolicyDecision

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


def rule(
    description: str,
    resource: Resource,
    verb: PermissionVerb,
    check: PolicyCheck,
    rows: RowQuery | None = None,
    *,
    permission_on: Resource | None = None,
) -> ActionRule:
    """Return the rule of an action; its permission is on `permission_on` if the action creates another resource."""
    return ActionRule(description, resource, Permission(permission_on or resource, verb), check, rows)
