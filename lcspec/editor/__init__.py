"""What an editor asks about a spec: pure functions of text and offset. Only `server.py` knows the protocol."""
