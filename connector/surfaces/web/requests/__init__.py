"""What a participant asked others for, as people follow it: from the question to the file."""
