"""Permissions on uploads, data sessions, operations and results."""

from models.permissions.enums import MemberRole, ResourcePermissions
from models.permissions.resources import ObjectRole, Resource

GUEST, READONLY, MEMBER, ADMIN = MemberRole
DATA: dict[Resource, ResourcePermissions] = {
    Resource.UPLOAD: ResourcePermissions(
        description="An uploaded file. Only its creator can see it.",
        rules="view:O create:O",
        roles={"researcher": "view:O create:O"},
    ),
    Resource.DATASESSION: ResourcePermissions(
        description="The files of a project, and the operations on them.",
        rules="view:ORG edit:ORG create:O delete:OG",
        roles={"researcher": "view:O edit:O create:O delete:O", "session": "view:O"},
        member_roles={READONLY: "view", MEMBER: "view", ADMIN: "view edit"},
        object_roles={
            ObjectRole.DATASESSION_EDITOR: (
                "datasession:view datasession:edit result:view data_operation:view data_operation:create"
                " data_operation:edit data_operation:delete"
            ),
            ObjectRole.DATASESSION_VIEWER: "datasession:view data_operation:view result:view",
        },
        sharing_permission="datasession:edit",
    ),
    Resource.DATA_OPERATION: ResourcePermissions(
        description="A computation on the files of a data session.",
        rules="view:ORG create:ORG edit:ORG delete:ORG",
        roles={"researcher": "view:O create:O edit:O delete:O", "session": "view:O"},
        member_roles={READONLY: "view", MEMBER: "view", ADMIN: "view create edit delete"},
    ),
    Resource.RESULT: ResourcePermissions(
        description="The output of a data operation: files and numbers.",
        rules="view:ORG",
        roles={"researcher": "view:O", "session": "view:O"},
        member_roles={READONLY: "view", MEMBER: "view", ADMIN: "view"},
    ),
}
