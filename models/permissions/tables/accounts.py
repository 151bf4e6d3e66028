"""People, their organizations, their credentials and roles, and what happened."""

from models.permissions.enums import MemberRole, Noun
from models.permissions.resources import Resource

GUEST, READONLY, MEMBER, ADMIN = MemberRole
ACCOUNTS: dict[Resource, Noun] = {
    Resource.USER: Noun(
        description="A person with an account.",
        rules="view:ORCG edit:ORCG create:RCG delete:ORCG",
        roles={
            "researcher": "view:O edit:O",
            "desk": "view:O",
            "root": "view:RCG edit:ORCG create:RCG delete:ORCG",
            "viewer": "view:R edit:O delete:O",
            "organization_admin": "create:R edit:R delete:R",
            "collaboration_admin": "view:C create:C edit:C",
        },
    ),
    Resource.ORGANIZATION: Noun(
        description="A group of people who work together: an institute, a lab.",
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
        members={GUEST: "view", READONLY: "view", MEMBER: "view", ADMIN: "view edit"},
    ),
    Resource.MEMBERSHIP: Noun(
        description="Who belongs to an organization, and as what.",
        rules="view:RG edit:RG",
        members={MEMBER: "view", ADMIN: "view edit"},
    ),
    Resource.TOKEN: Noun(
        description="A credential of a person for programs.",
        rules="view:OG create:O delete:OG",
        roles={"researcher": "view:O create:O delete:O"},
    ),
    Resource.ROLE: Noun(
        description="A named set of rules, and the rules that users hold.",
        rules="view:ORCG edit:RCG create:RCG delete:RCG",
        roles={
            "researcher": "view:O",
            "root": "view:RCG edit:RCG create:RCG delete:RCG",
            "viewer": "view:R",
            "organization_admin": "create:R edit:R delete:R",
            "collaboration_admin": "view:C",
        },
    ),
    Resource.HISTORY: Noun(
        description="What happened, who did it and why.",
        rules="view:OG",
        roles={"researcher": "view:O"},
    ),
}
