"""ci-rlm: a code-efficiency gate for pull requests that predicts costs from code alone."""

__version__ = "0.1.0"
