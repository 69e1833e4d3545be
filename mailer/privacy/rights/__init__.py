"""Carry out each right."""
