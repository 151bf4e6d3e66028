"""Permissions on studies and on the responses of participants."""

from models.permissions.enums import MemberRole, ResourcePermissions
from models.permissions.resources import ObjectRole, Resource

GUEST, READONLY, MEMBER, ADMIN = MemberRole
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
"""The letters of the study matrix, with the permission of each and its code name in the reference system.

A grant applies to one study (own). A member role applies to all studies of an organization, like the reference's
`edit_lab__study__…` (organization). A site's role applies to all studies (global)."""


def _study(letters: str) -> str:
    return " ".join(STUDY_PERMISSIONS[each][0] for each in letters.split())


STUDIES: dict[Resource, ResourcePermissions] = {
    Resource.STUDY: ResourcePermissions(
        description="A study that people take part in from home.",
        rules="view:ORG edit:ORG create:RG",
        member_roles={GUEST: "create", READONLY: "view", MEMBER: "create view", ADMIN: "create view edit"},
        object_roles={
            ObjectRole.STUDY_PREVIEW: _study("RD RP CP"),
            ObjectRole.STUDY_DESIGN: _study("RD RP CP DP WD"),
            ObjectRole.STUDY_ANALYSIS: _study("RD RP CP DP RR"),
            ObjectRole.STUDY_SUBMISSION_PROCESSOR: _study("RD RP CP DP CS CC EF CT"),
            ObjectRole.STUDY_RESEARCHER: _study("RD RP CP DP CS RR CC EF CT"),
            ObjectRole.STUDY_MANAGER: _study("RD RP CP DP WD CS MR"),
            ObjectRole.STUDY_ADMIN: _study("RD RP CP DP WD CS MR RR CC EF CT CL"),
        },
        sharing_permission="study_role:edit",
        last_holder_role=ObjectRole.STUDY_ADMIN,
    ),
    Resource.STUDY_STATUS: ResourcePermissions(
        description="The state of a study in its workflow.", rules="edit:ORG", member_roles={ADMIN: "edit"}
    ),
    Resource.STUDY_ROLE: ResourcePermissions(
        description="The roles of users on a study.", rules="edit:ORG", member_roles={ADMIN: "edit"}
    ),
    Resource.STUDY_ORGANIZATION: ResourcePermissions(
        description="The organization that a study belongs to.", rules="edit:ORG"
    ),
    Resource.STUDY_APPROVAL: ResourcePermissions(
        description="The decision of the site's reviewers on a study.", rules="edit:G"
    ),
    Resource.RESPONSE: ResourcePermissions(description="A participant's answers.", rules="view:ORG"),
    Resource.PREVIEW_RESPONSE: ResourcePermissions(
        description="Answers given in the preview of a study.",
        rules="view:ORG delete:ORG",
        member_roles={READONLY: "view", MEMBER: "view", ADMIN: "view delete"},
    ),
    Resource.CONSENT_RULING: ResourcePermissions(
        description="Whether a participant's consent is valid.", rules="edit:ORG"
    ),
    Resource.PREVIEW_CONSENT_RULING: ResourcePermissions(
        description="A ruling on the consent of a preview.",
        rules="edit:ORG",
        member_roles={MEMBER: "edit", ADMIN: "edit"},
    ),
    Resource.PARTICIPANT_MESSAGE: ResourcePermissions(
        description="A message to the participants of a study.", rules="edit:ORG"
    ),
    Resource.RESPONSE_FEEDBACK: ResourcePermissions(
        description="Feedback to a participant about a response.", rules="edit:ORG"
    ),
}
