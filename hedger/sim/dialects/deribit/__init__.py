"""Deribit's JSON-RPC, over HTTP and over WebSocket, in front of one simulated exchange."""
