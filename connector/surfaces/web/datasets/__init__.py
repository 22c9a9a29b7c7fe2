"""A participant's own datasets at the desk: what others see, change, new version, withdrawal, history."""
