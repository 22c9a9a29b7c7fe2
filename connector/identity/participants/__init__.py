"""The towns, providers and firms that this process hosts: who they are, under which root, with which keys."""
