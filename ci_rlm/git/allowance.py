"""What one range may have read: each blob once, no file over a limit, and all together none either."""

from __future__ import annotations

from dataclasses import dataclass, field

from ci_rlm.git.contents import oversize
from ci_rlm.git.plumbing import Blobs
from ci_rlm.git.scope import FileLimits


@dataclass(slots=True)
class Allowance:
    """Keeps count while the files of one range are read, in the order of their paths."""

    limits: FileLimits
    blobs: Blobs | None
    """None without a repository: then there is no blob."""
    _spent: int = 0
    _known: dict[str, bytes] = field(default_factory=dict)
    """Blobs by the id that named them. A thousand files may share one that a pack holds once."""

    def refused(self, size: int) -> str:
        """Count a side of so many bytes; why it is not to be read, or empty if it is."""
        if reason := oversize(size, self.limits.max_bytes):
            return reason
        if self._spent + size > self.limits.max_total_bytes:
            return (
                f"the files before it fill the {self.limits.max_total_bytes} bytes that one check reads: "
                "exclude what is generated, or check fewer paths at a time"
            )
        self._spent += size
        return ""

    def blob(self, name: str) -> bytes | str | None:
        """The bytes of a blob, or why they are not read; None if there is no such blob."""
        if self.blobs is None:
            return None
        known = self._known.get(name)
        size = len(known) if known is not None else self.blobs.size(name)
        if size is None:
            return None
        reason = self.refused(size)
        if reason:
            return reason
        content = known if known is not None else self.blobs.read(name)
        if content is not None:
            self._known[name] = content
        return content
