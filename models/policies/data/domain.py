"""The rules of actions, the shared tables and the history readers of data sessions."""

from collections.abc import Awaitable
from typing import Any

from tortoise.expressions import Q, Subquery

from models.accounts.roles import Permission, PermissionVerb, Resource
from models.permissions.principal import Principal
from models.policies import PolicyDecision
from models.policies.accounts import tokens
from models.policies.actions import Action, ActionRule, PolicyCheck, rule
from models.policies.data import dataoperations, datasessions, results, uploads
from models.policies.delegation import can_grant
from models.policies.registry import DomainPolicies


def _datasession_rule(
    description: str, check: PolicyCheck = datasessions.can_edit, verb: PermissionVerb = PermissionVerb.EDIT
) -> ActionRule:
    return rule(description, Resource.DATASESSION, verb, check, datasessions.readable)


def _share_datasession(description: str) -> ActionRule:
    return _datasession_rule(description, _can_share_datasession)


def _can_share_datasession(principal: Principal, datasession: Any, *details: Any) -> Awaitable[PolicyDecision]:
    if details:
        return can_grant(principal, datasessions.DATASESSIONS, datasession, *details)
    return datasessions.can_share(principal, datasession)


def _operation_rule(description: str, verb: PermissionVerb, check: PolicyCheck) -> ActionRule:
    return rule(description, Resource.DATA_OPERATION, verb, check, dataoperations.readable)


def _history_of_editable_datasessions(principal: Principal, _permission: Permission) -> Q:
    edited = datasessions.DATASESSIONS.rows(principal, PermissionVerb.EDIT).values("id")
    operations = dataoperations.editable(principal)
    opened = operations.filter(result_id__isnull=False).values("result_id")
    return (
        Q(resource=Resource.DATASESSION, object_id__in=Subquery(edited))
        | Q(resource=Resource.DATA_OPERATION, object_id__in=Subquery(operations.values("id")))
        | Q(resource=Resource.RESULT, object_id__in=Subquery(opened))
    )


POLICIES = DomainPolicies(
    actions={
        Action.UPLOAD_CREATE: rule("Upload a file.", Resource.UPLOAD, PermissionVerb.CREATE, uploads.can_create),
        Action.DATASESSION_CREATE: rule(
            "Create a data session.", Resource.DATASESSION, PermissionVerb.CREATE, datasessions.can_create
        ),
        Action.DATASESSION_UPDATE: _datasession_rule("Rename a data session."),
        Action.DATASESSION_INPUT_ADD: _datasession_rule("Add files to a data session."),
        Action.DATASESSION_INPUT_REMOVE: _datasession_rule("Remove files from a data session."),
        Action.DATASESSION_DELETE: _datasession_rule(
            "Delete a data session with all its results.", datasessions.can_delete, PermissionVerb.DELETE
        ),
        Action.DATASESSION_USER_ADD: _share_datasession("Share a data session with a user."),
        Action.DATASESSION_USER_REMOVE: _share_datasession("Stop sharing a data session with a user."),
        Action.DATASESSION_ORGANIZATION_ADD: _share_datasession("Share a data session with an organization."),
        Action.DATASESSION_ORGANIZATION_REMOVE: _share_datasession("Stop sharing a data session with an organization."),
        Action.OPERATION_CREATE: rule(
            "Run an operation in a data session.",
            Resource.DATASESSION,
            PermissionVerb.CREATE,
            dataoperations.can_create,
            datasessions.readable,
            permission_on=Resource.DATA_OPERATION,
        ),
        Action.OPERATION_CANCEL: _operation_rule("Cancel an operation.", PermissionVerb.EDIT, dataoperations.can_edit),
        Action.OPERATION_RERUN: _operation_rule(
            "Run an operation again.", PermissionVerb.EDIT, dataoperations.can_edit
        ),
        Action.OPERATION_DELETE: _operation_rule(
            "Delete an operation.", PermissionVerb.DELETE, dataoperations.can_delete
        ),
        Action.RESULT_OPEN: rule(
            "Get links to the files of a result.",
            Resource.RESULT,
            PermissionVerb.VIEW,
            results.can_open,
            results.readable,
        ),
        Action.ARCHIVE_TOKEN_SET: rule(
            "Store a token of the frame archive.", Resource.TOKEN, PermissionVerb.CREATE, tokens.can_create
        ),
        Action.ARCHIVE_TOKEN_REMOVE: rule(
            "Delete the token of the frame archive.", Resource.TOKEN, PermissionVerb.CREATE, tokens.can_create
        ),
    },
    grantable=(datasessions.DATASESSIONS,),
    history=(_history_of_editable_datasessions,),
)
