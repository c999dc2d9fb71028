"""Parts of the shell's own magics that programs import by name."""
