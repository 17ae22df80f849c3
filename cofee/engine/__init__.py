"""Render and merge: trees in, trees out."""
