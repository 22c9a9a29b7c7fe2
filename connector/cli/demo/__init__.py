"""`hanse demo`: two towns and a firm exchange a dataset on this computer, between two real server processes."""

from connector.cli.demo.run import run

__all__ = ["run"]
