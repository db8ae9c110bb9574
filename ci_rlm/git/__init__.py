"""The one room that touches git: which files a range changes, and their bytes on both sides.

Needs git 2.15 or later. Names that are not UTF-8 show their odd bytes as `\\xNN`.
"""

from __future__ import annotations

from ci_rlm.git.patch import patch_changes
from ci_rlm.git.repository import Repository, named_base
from ci_rlm.git.scope import FileLimits
from ci_rlm.git.tree import INDEX, WORKING_TREE

__all__ = ["INDEX", "WORKING_TREE", "FileLimits", "Repository", "named_base", "patch_changes"]
