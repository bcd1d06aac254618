"""The command line: `hookdesk …`."""
