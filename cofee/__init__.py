"""Generates FastAPI services and updates them by rendering and merging."""
