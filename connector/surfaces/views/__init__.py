"""What people and programs are shown of each thing: one Struct each, and the function that fills it.

The management surface answers with these, the command line reads them, and pages for people are made of them, so that
all three show the same. Nothing here decides anything.
"""
