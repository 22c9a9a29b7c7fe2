"""What is judged of a bundle, one check a module."""
