"""Measuring harnesses, one module a kind of code."""
