"""The Tab key: what a shell is offered, from a table of all options and from what earlier commands stored.

Nothing here imports typer or click: their imports are half of the time that a person waits for. What the table does not
answer for certain is left to typer (`opsctl.cli.completion`); tests compare both.
"""
