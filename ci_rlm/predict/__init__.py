"""Prompts to predictions."""
