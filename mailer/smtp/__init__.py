"""Speak to mail servers, and read what they answer."""
