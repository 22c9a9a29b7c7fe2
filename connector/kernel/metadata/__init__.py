"""The neutral record of a dataset, its forms in RDF, what profiles ask of them; neither network nor database here."""
