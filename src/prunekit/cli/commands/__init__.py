"""One module per command or family of commands; each holds a Typer app and no logic."""
