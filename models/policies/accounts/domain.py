"""The rules of actions, the shared tables and the history readers of accounts."""

from collections.abc import Awaitable, Callable
from typing import Any

from tortoise.expressions import Q, Subquery

from models.accounts.roles import Permission, PermissionVerb, Resource
from models.permissions.principal import Principal
from models.policies import PolicyDecision
from models.policies.accounts import collaborations, organizations, roles, tokens, users
from models.policies.actions import Action, ActionRule, PolicyCheck, rule
from models.policies.registry import DomainPolicies


def _edit_users(description: str, check: Callable[..., Awaitable[PolicyDecision]]) -> ActionRule:
    def check_user(principal: Principal, user: Any, *details: Any) -> Awaitable[PolicyDecision]:
        return check(principal, user, *details) if details else users.can_change_permissions(principal, user)

    return rule(description, Resource.USER, PermissionVerb.EDIT, check_user, users.readable)


def _edit_members(description: str) -> ActionRule:
    return rule(
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
    return rule(description, Resource.COLLABORATION, PermissionVerb.EDIT, check, collaborations.readable)


def _own_user_history(principal: Principal, _permission: Permission) -> Q:
    return Q(resource=Resource.USER, object_id=principal.user_id)


def _history_of_managed_organizations(principal: Principal, _permission: Permission) -> Q:
    managed = organizations.MEMBERS.rows(principal, PermissionVerb.EDIT)
    return Q(resource=Resource.ORGANIZATION, object_id__in=Subquery(managed.values("id")))


def _history_of_editable_collaborations(principal: Principal, _permission: Permission) -> Q:
    edited = Subquery(collaborations.editable(principal).values("id"))
    return Q(resource=Resource.COLLABORATION, object_id__in=edited)


POLICIES = DomainPolicies(
    actions={
        Action.USER_CREATE: rule("Create an account.", Resource.USER, PermissionVerb.CREATE, users.can_register),
        Action.USER_ROLE_ADD: _edit_users("Assign roles to a user.", roles.can_assign),
        Action.USER_ROLE_REMOVE: _edit_users("Remove roles from a user.", roles.can_assign),
        Action.USER_RULE_ADD: _edit_users("Assign rules to a user.", roles.can_assign_rule),
        Action.USER_RULE_REMOVE: _edit_users("Remove rules from a user.", roles.can_assign_rule),
        Action.TOKEN_CREATE: rule("Create a token.", Resource.TOKEN, PermissionVerb.CREATE, tokens.can_create),
        Action.TOKEN_REVOKE: rule(
            "Revoke a token.", Resource.TOKEN, PermissionVerb.DELETE, tokens.can_revoke, tokens.readable
        ),
        Action.ROLE_CREATE: rule("Create a role.", Resource.ROLE, PermissionVerb.CREATE, roles.can_create),
        Action.ROLE_UPDATE: rule(
            "Change a role.", Resource.ROLE, PermissionVerb.EDIT, roles.can_update, roles.readable
        ),
        Action.ROLE_DELETE: rule(
            "Delete a role.", Resource.ROLE, PermissionVerb.DELETE, roles.can_delete, roles.readable
        ),
        Action.ORGANIZATION_CREATE: rule(
            "Create an organization.", Resource.ORGANIZATION, PermissionVerb.CREATE, organizations.can_create
        ),
        Action.ORGANIZATION_MEMBER_ADD: _edit_members("Add members, or change their member roles."),
        Action.ORGANIZATION_MEMBER_REMOVE: _edit_members("Remove members."),
        Action.COLLABORATION_CREATE: rule(
            "Create a collaboration.", Resource.COLLABORATION, PermissionVerb.CREATE, collaborations.can_create
        ),
        Action.COLLABORATION_UPDATE: _edit_collaboration("Rename a collaboration.", collaborations.can_edit),
        Action.COLLABORATION_ORGANIZATION_ADD: _edit_collaboration(
            "Add an organization to a collaboration.", collaborations.can_add_organization
        ),
        Action.COLLABORATION_ORGANIZATION_REMOVE: _edit_collaboration(
            "Remove an organization from a collaboration.", collaborations.can_edit
        ),
    },
    history=(
        _own_user_history,
        _history_of_managed_organizations,
        _history_of_editable_collaborations,
    ),
)
