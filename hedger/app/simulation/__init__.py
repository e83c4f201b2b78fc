"""The whole daemon simulated: its processes, its owner and its venues on virtual time, judged after each happening."""
