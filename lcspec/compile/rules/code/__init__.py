"""Rules on code of the project's own and on what `allow` lists."""
