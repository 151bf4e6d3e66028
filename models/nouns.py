"""Every noun that permissions speak of: its rules, who holds them, and its object roles; a new noun is a table here.

docs/decisions/0006-adding-a-noun.md shows how. Scopes are written O own, R organization, C collaboration, G global.
"""

from enum import StrEnum

from models.vocabulary import MemberRole, Noun

GUEST, READONLY, MEMBER, ADMIN = MemberRole


class Resource(StrEnum):
    """A noun that rules speak of."""

    USER = "user"
    ORGANIZATION = "organization"
    MEMBERSHIP = "membership"
    TOKEN = "token"  # noqa: S105 - the name of a noun, not a secret
    ROLE = "role"
    HISTORY = "history"
    REGION = "region"
    UPLOAD = "upload"
    WORKSTATION = "workstation"
    IMAGE = "image"
    SESSION = "session"
    COLLABORATION = "collaboration"
    FEDERATION_STUDY = "federation_study"
    NODE = "node"
    TASK = "task"
    RUN = "run"
    PORT = "port"
    EVENT = "event"
    STUDY = "study"
    STUDY_STATUS = "study_status"
    STUDY_ROLE = "study_role"
    STUDY_ORGANIZATION = "study_organization"
    STUDY_APPROVAL = "study_approval"
    RESPONSE = "response"
    PREVIEW_RESPONSE = "preview_response"
    CONSENT_RULING = "consent_ruling"
    PREVIEW_CONSENT_RULING = "preview_consent_ruling"
    PARTICIPANT_MESSAGE = "participant_message"
    RESPONSE_FEEDBACK = "response_feedback"
    DATASESSION = "datasession"
    DATA_OPERATION = "data_operation"
    RESULT = "result"


class ObjectRole(StrEnum):
    """What a grant makes somebody on one object."""

    WORKSTATION_EDITOR = "workstation_editor"
    WORKSTATION_USER = "workstation_user"
    STUDY_PREVIEW = "study_preview"
    STUDY_DESIGN = "study_design"
    STUDY_ANALYSIS = "study_analysis"
    STUDY_SUBMISSION_PROCESSOR = "study_submission_processor"
    STUDY_RESEARCHER = "study_researcher"
    STUDY_MANAGER = "study_manager"
    STUDY_ADMIN = "study_admin"
    DATASESSION_EDITOR = "datasession_editor"
    DATASESSION_VIEWER = "datasession_viewer"


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
SESSIONS: dict[Resource, Noun] = {
    Resource.REGION: Noun(
        description="A place where sessions run.",
        rules="view:G",
        roles={"researcher": "view:G"},
    ),
    Resource.UPLOAD: Noun(
        description="A file that somebody brought; nobody else sees it.",
        rules="view:O create:O",
        roles={"researcher": "view:O create:O"},
    ),
    Resource.WORKSTATION: Noun(
        description="A viewer, notebook or desktop that can be launched as a session.",
        rules="view:OG edit:OG create:O",
        roles={"researcher": "view:O edit:O", "builder": "create:O", "desk": "view:O"},
        objects={
            ObjectRole.WORKSTATION_EDITOR: "workstation:view workstation:edit",
            ObjectRole.WORKSTATION_USER: "workstation:view",
        },
        shared_with="workstation:edit",
    ),
    Resource.IMAGE: Noun(
        description="A version of a workstation.",
        rules="view:OG create:O edit:O",
        roles={"researcher": "view:O create:O edit:O", "desk": "view:O"},
    ),
    Resource.SESSION: Noun(
        description="A container lent to one person for a while.",
        rules="view:OG create:O edit:OG",
        roles={"researcher": "view:O create:O edit:O", "desk": "view:O"},
    ),
}
FEDERATION: dict[Resource, Noun] = {
    Resource.COLLABORATION: Noun(
        description="Organizations that compute together.",
        rules="view:RG edit:CG create:G delete:CG",
        roles={
            "root": "view:RG edit:CG create:G delete:CG",
            "viewer": "view:R",
            "collaboration_admin": "edit:C",
            "node": "view:R",
            "container": "view:R",
        },
    ),
    Resource.FEDERATION_STUDY: Noun(
        description="Some of a collaboration's organizations, for one question.",
        rules="view:RCG edit:RCG create:CG delete:RCG",
        roles={
            "root": "view:RCG edit:RCG create:CG delete:RCG",
            "viewer": "view:R",
            "collaboration_admin": "view:C create:C edit:C delete:C",
            "node": "view:R",
            "container": "view:R",
        },
    ),
    Resource.NODE: Noun(
        description="The agent of an organization, beside its data.",
        rules="view:RCG edit:RCG create:RCG delete:RCG",
        roles={
            "root": "view:RCG edit:RCG create:RCG delete:RCG",
            "viewer": "view:RC",
            "organization_admin": "create:R edit:R",
            "collaboration_admin": "create:C delete:C",
            "node": "view:R edit:R",
            "container": "view:R",
        },
    ),
    Resource.TASK: Noun(
        description="A computation that is sent to where the data is.",
        rules="view:ORCG create:CG delete:ORCG",
        roles={
            "root": "view:ORCG create:CG delete:ORCG",
            "viewer": "view:C",
            "federation_researcher": "create:C delete:R",
            "node": "view:C",
            "container": "view:C",
        },
    ),
    Resource.RUN: Noun(
        description="A task's part at one organization, and its result.",
        rules="view:ORCG",
        roles={"root": "view:ORCG", "viewer": "view:C", "node": "view:C", "container": "view:C"},
    ),
    Resource.PORT: Noun(
        description="A port that a run's container listens on.",
        rules="view:RG",
        roles={"root": "view:RG", "viewer": "view:R", "node": "view:R", "container": "view:R"},
    ),
    Resource.EVENT: Noun(
        description="What nodes and people tell one another while tasks run.",
        rules="send:RCG receive:RCG",
        roles={
            "root": "send:RCG receive:RCG",
            "viewer": "receive:RC",
            "organization_admin": "send:R",
            "collaboration_admin": "send:C",
        },
    ),
}
STUDY_PERMISSIONS = {
    "RD": ("study:view", "read_study__<DETAILS>"),
    "WD": ("study:edit", "edit_study__<DETAILS>"),
    "CS": ("study_status:edit", "edit_study__status"),
    "MR": ("study_role:edit", "edit_study__<GROUP>__user_set"),
    "RR": ("response:view", "read_study__responses"),
    "RP": ("preview_response:view", "read_study__responses(is_preview=True)"),
    "CC": ("consent_ruling:edit", "edit_study__responses__consent_rulings"),
    "CP": ("preview_consent_ruling:edit", "edit_study__responses__consent_rulings(is_preview=True)"),
    "CT": ("participant_message:edit", "edit_study__message_set"),
    "EF": ("response_feedback:edit", "edit_study__feedback"),
    "CL": ("study_organization:edit", "edit_study__lab"),
    "DP": ("preview_response:delete", "delete_study__responses(is_preview=True)"),
    "AR": ("study_approval:edit", "edit_study__<APPROVAL>"),
}
"""The letters of the study matrix, the permission that each is here, and its code name where it comes from.

A grant holds it on one study (own), a member role in all studies of an organization, the twin `edit_lab__study__…`
(organization), a site's role in all studies (global)."""


def _study(letters: str) -> str:
    return " ".join(STUDY_PERMISSIONS[each][0] for each in letters.split())


STUDIES: dict[Resource, Noun] = {
    Resource.STUDY: Noun(
        description="A study that people take part in from home.",
        rules="view:ORG edit:ORG create:RG",
        members={GUEST: "create", READONLY: "view", MEMBER: "create view", ADMIN: "create view edit"},
        objects={
            ObjectRole.STUDY_PREVIEW: _study("RD RP CP"),
            ObjectRole.STUDY_DESIGN: _study("RD RP CP DP WD"),
            ObjectRole.STUDY_ANALYSIS: _study("RD RP CP DP RR"),
            ObjectRole.STUDY_SUBMISSION_PROCESSOR: _study("RD RP CP DP CS CC EF CT"),
            ObjectRole.STUDY_RESEARCHER: _study("RD RP CP DP CS RR CC EF CT"),
            ObjectRole.STUDY_MANAGER: _study("RD RP CP DP WD CS MR"),
            ObjectRole.STUDY_ADMIN: _study("RD RP CP DP WD CS MR RR CC EF CT CL"),
        },
        shared_with="study_role:edit",
        keeper=ObjectRole.STUDY_ADMIN,
    ),
    Resource.STUDY_STATUS: Noun(
        description="Where a study stands in its workflow.", rules="edit:ORG", members={ADMIN: "edit"}
    ),
    Resource.STUDY_ROLE: Noun(
        description="Who holds which role on a study.", rules="edit:ORG", members={ADMIN: "edit"}
    ),
    Resource.STUDY_ORGANIZATION: Noun(description="The organization that a study belongs to.", rules="edit:ORG"),
    Resource.STUDY_APPROVAL: Noun(description="The verdict of the site's reviewers on a study.", rules="edit:G"),
    Resource.RESPONSE: Noun(description="What participants answered.", rules="view:ORG"),
    Resource.PREVIEW_RESPONSE: Noun(
        description="What was answered while previewing a study.",
        rules="view:ORG delete:ORG",
        members={READONLY: "view", MEMBER: "view", ADMIN: "view delete"},
    ),
    Resource.CONSENT_RULING: Noun(description="Whether a participant's consent is valid.", rules="edit:ORG"),
    Resource.PREVIEW_CONSENT_RULING: Noun(
        description="A ruling on the consent of a preview.",
        rules="edit:ORG",
        members={MEMBER: "edit", ADMIN: "edit"},
    ),
    Resource.PARTICIPANT_MESSAGE: Noun(description="A letter to a study's participants.", rules="edit:ORG"),
    Resource.RESPONSE_FEEDBACK: Noun(description="A word to a participant about a response.", rules="edit:ORG"),
}
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
NOUNS: dict[Resource, Noun] = {**ACCOUNTS, **SESSIONS, **FEDERATION, **STUDIES, **DATA}
