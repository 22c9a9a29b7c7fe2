"""What would have to change for a refusal to become a permission."""
