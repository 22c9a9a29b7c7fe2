"""What a process of the product reads with its first sentence and its first rule: read with this module.

Loaded before processes are forked (decision 0133), it is read for all of them once.
"""

from connector.app.policy_engine import lists
from connector.foundation.language import LANGUAGES, catalogue

for language in LANGUAGES:
    len(catalogue(language))  # every room
lists()
