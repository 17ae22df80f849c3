"""Scaffolds FastAPI services and keeps them alive: render, and merge."""
