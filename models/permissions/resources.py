"""The resources that rules apply to, and the roles that a grant gives on one object."""

from enum import StrEnum


class Resource(StrEnum):
    """A kind of object that rules apply to."""

    USER = "user"
    ORGANIZATION = "organization"
    MEMBERSHIP = "membership"
    TOKEN = "token"  # noqa: S105 - the name of a resource, not a secret
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
    """The role that a grant gives on one object."""

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
