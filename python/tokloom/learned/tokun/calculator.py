"""Stub."""
ModelShape = parameters = None
