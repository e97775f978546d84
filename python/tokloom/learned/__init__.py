"""Learned tokenizers."""
