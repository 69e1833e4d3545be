"""`make pages`: every page of the product photographed, into build/pages."""
