"""Mails that come back, written for these tests from the RFCs and from how each program writes."""
