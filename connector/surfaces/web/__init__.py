"""The steward's desk: pages for people. It calls the services that the management surface calls and shows their views;
no rule stands here (spec/desk.md)."""
