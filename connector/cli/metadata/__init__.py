"""Commands about catalogues as others read them: `hanse catalogue` and `hanse vocab`."""
