"""Measure the product beside `smtp-source`, for `make bench`: the evidence of the performance claims."""
