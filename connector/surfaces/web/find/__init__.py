"""Data of others as people find them: search with facets and map, and the page of one dataset."""
