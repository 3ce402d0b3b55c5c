"""What the tests of several folders need: worlds, fakes, servers and examples."""
