"""Scaffolds FastAPI services and keeps them alive: render, and merge."""

__version__ = "0.1.0"
