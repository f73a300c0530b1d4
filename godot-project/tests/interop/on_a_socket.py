"""Starts a program for a connection: `on_a_socket.py PROGRAM ARGUMENT...` listens at a free port, prints it, and gives the first
connection to the program as its input and output.
"""

import socket
import subprocess
import sys

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
connection, _ = listener.accept()
sys.exit(subprocess.run(sys.argv[1:], stdin=connection, stdout=connection).returncode)
