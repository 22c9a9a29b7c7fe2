"""Settings: frozen values from defaults, a file, the environment and secret files."""
