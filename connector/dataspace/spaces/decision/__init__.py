"""What an authority decides, and what its list says then: pure, without database and network."""
