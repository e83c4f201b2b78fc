"""Deribit's host name, and where on it the two transports live."""

HOST = "www.deribit.com"
HOSTS = (HOST,)
REST_PATH = "/api/v2/"
STREAM_PATH = "/ws/api/v2"
