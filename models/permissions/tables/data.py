"""Data sessions, what is computed in them, and what came of it."""

from models.permissions.enums import MemberRole, Noun
from models.permissions.resources import ObjectRole, Resource

GUEST, READONLY, MEMBER, ADMIN = MemberRole
DATA: dict[Resource, Noun] = {
    Resource.DATASESSION: Noun(
        description="Files of a project, and what was computed from them.",
        rules="view:ORG edit:ORG create:O delete:OG",
        roles={"researcher": "view:O edit:O create:O delete:O", "desk": "view:O"},
        members={READONLY: "view", MEMBER: "view", ADMIN: "view edit"},
        objects={
            ObjectRole.DATASESSION_EDITOR: (
                "datasession:view datasession:edit result:view data_operation:view data_operation:create"
                " data_operation:edit data_operation:delete"
            ),
            ObjectRole.DATASESSION_VIEWER: "datasession:view data_operation:view result:view",
        },
        shared_with="datasession:edit",
    ),
    Resource.DATA_OPERATION: Noun(
        description="A computation on the files of a data session.",
        rules="view:ORG create:ORG edit:ORG delete:ORG",
        roles={"researcher": "view:O create:O edit:O delete:O", "desk": "view:O"},
        members={READONLY: "view", MEMBER: "view", ADMIN: "view create edit delete"},
    ),
    Resource.RESULT: Noun(
        description="What data operations computed: files and numbers.",
        rules="view:ORG",
        roles={"researcher": "view:O", "desk": "view:O"},
        members={READONLY: "view", MEMBER: "view", ADMIN: "view"},
    ),
}
