"""Conversations as ids and a loss mask."""
