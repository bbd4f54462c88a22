"""The pages: connecting, running, watching, and reading what each ad earned."""
