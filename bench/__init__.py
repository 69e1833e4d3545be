"""What the performance claims rest on: `make bench` measures the product beside `smtp-source`."""
