"""Container image archives: what `docker save` wrote, checked and described while it streams past."""

from core.image_archive.inspection import inspect
from core.image_archive.limits import ArchiveLimits, ArchiveRefused
from core.image_archive.manifest import ImageManifest
from core.image_archive.retag import retagged

__all__ = ["ArchiveLimits", "ArchiveRefused", "ImageManifest", "inspect", "retagged"]
