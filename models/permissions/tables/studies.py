"""Studies, their roles as permissions on one object, and what participants give."""

from models.permissions.enums import MemberRole, Noun
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
