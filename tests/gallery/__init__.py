"""`make pages`: every page of the product photographed, for docs/pages."""
