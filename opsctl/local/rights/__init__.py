"""Decides the requests of jobs by the policies of their roles, before a service of the local platform answers."""
