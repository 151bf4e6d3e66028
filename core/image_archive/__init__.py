"""Checks and describes container image archives (`docker save`) while they stream past."""

from core.image_archive.inspection import inspect
from core.image_archive.limits import ArchiveLimits, ArchiveRefused
from core.image_archive.manifest import ImageManifest
from core.image_archive.retag import retagged

__all__ = ["ArchiveLimits", "ArchiveRefused", "ImageManifest", "inspect", "retagged"]
