"""ci-rlm: a code-efficiency gate for pull requests that predicts costs from code alone.

    from ci_rlm import check, score, compare

These three are all that is promised to programs (`api.py`); each waits with its imports for the
first call.
"""

from ci_rlm.api import check, compare, score

__all__ = ["__version__", "check", "compare", "score"]
__version__ = "0.1.0"
