"""The manual: how docs/ becomes a site, and the pages of it that are generated from the program."""
