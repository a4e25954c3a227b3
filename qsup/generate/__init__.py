"""Files for other programs, made from the routing: pure, a Routing in and a `File` out."""
