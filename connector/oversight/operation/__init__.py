"""What the operator's process does for itself: maintenance, monitoring, enrolment in a development space."""
