"""What every command shares: its parser, its call, and the client of the management surface."""
