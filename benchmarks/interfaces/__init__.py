"""What the product serves while it is measured."""
