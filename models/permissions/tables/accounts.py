"""Permissions on users, organizations, tokens, roles and history."""

from models.permissions.enums import MemberRole, ResourcePermissions
from models.permissions.resources import Resource

GUEST, READONLY, MEMBER, ADMIN = MemberRole
ACCOUNTS: dict[Resource, ResourcePermissions] = {
    Resource.USER: ResourcePermissions(
        description="A person with an account.",
        rules="view:ORCG edit:ORCG create:RCG delete:ORCG",
        roles={
            "researcher": "view:O edit:O",
            "session": "view:O",
            "root": "view:RCG edit:ORCG create:RCG delete:ORCG",
            "viewer": "view:R edit:O delete:O",
            "organization_admin": "create:R edit:R delete:R",
            "collaboration_admin": "view:C create:C edit:C",
        },
    ),
    Resource.ORGANIZATION: ResourcePermissions(
        description="A group of people who work together, for example an institute or a lab.",
        rules="view:ORCG edit:RCG create:G delete:G",
        roles={
            "researcher": "view:O",
            "root": "view:RCG edit:RCG create:G delete:G",
            "viewer": "view:RC",
            "organization_admin": "edit:R",
            "collaboration_admin": "view:G edit:C",
            "node": "view:RC edit:R",
            "container": "view:RC",
        },
        member_roles={GUEST: "view", READONLY: "view", MEMBER: "view", ADMIN: "view edit"},
    ),
    Resource.MEMBERSHIP: ResourcePermissions(
        description="A user's membership in an organization, with a member role.",
        rules="view:RG edit:RG",
        member_roles={MEMBER: "view", ADMIN: "view edit"},
    ),
    Resource.TOKEN: ResourcePermissions(
        description="A user's credential for programs.",
        rules="view:OG create:O delete:OG",
        roles={"researcher": "view:O create:O delete:O"},
    ),
    Resource.ROLE: ResourcePermissions(
        description="A named set of rules, and the rules that users have.",
        rules="view:ORCG edit:RCG create:RCG delete:RCG",
        roles={
            "researcher": "view:O",
            "root": "view:RCG edit:RCG create:RCG delete:RCG",
            "viewer": "view:R",
            "organization_admin": "create:R edit:R delete:R",
            "collaboration_admin": "view:C",
        },
    ),
    Resource.HISTORY: ResourcePermissions(
        description="A record of changes, with the actor and the cause.",
        rules="view:OG",
        roles={"researcher": "view:O"},
    ),
}
