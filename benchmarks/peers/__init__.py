"""The product and its peers, each behind the same few methods."""
