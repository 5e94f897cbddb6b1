"""The touching floor: sockets, files and clocks. Nothing here decides what to answer."""
