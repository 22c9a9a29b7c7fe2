"""Who shares what with whom: a picture that is also a table."""
