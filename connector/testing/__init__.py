"""For tests of ours and of plug-in authors: whole cities in one process, and peers that do as they are told."""
