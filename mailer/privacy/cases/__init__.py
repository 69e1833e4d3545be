"""Keep the register of requests: one case each, with its deadline."""
