"""Members as a participant meets them: what each sees of the other, how the connection is, who shares with whom."""
