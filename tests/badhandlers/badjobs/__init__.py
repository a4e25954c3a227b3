"""Handlers as bad as they come. Copied into the tests' project, where workers import them."""
