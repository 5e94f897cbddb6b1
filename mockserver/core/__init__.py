"""The deciding floor: pure, synchronous and deterministic. Nothing here touches a socket, a file, a clock or chance."""
