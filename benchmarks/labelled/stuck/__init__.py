"""Labelled stuck cases: scores that stand still although people did something, and why that truly is so."""
