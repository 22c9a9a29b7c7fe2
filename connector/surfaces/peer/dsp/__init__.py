"""The endpoints of the Dataspace Protocol, for both roles."""
