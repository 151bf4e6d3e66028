"""Container image archives: what `docker save` wrote, checked and described while it streams past."""

from core.archive.inspection import inspect
from core.archive.limits import ArchiveLimits, ArchiveRefused
from core.archive.manifest import ImageManifest
from core.archive.retag import retagged

__all__ = ["ArchiveLimits", "ArchiveRefused", "ImageManifest", "inspect", "retagged"]
