"""The other side of the payment flow on sockets of this machine: a RouterOS API, an SMS gateway, and `make demo`."""
