"""A classifier over HTTP: requests in, batches to the network, records out."""
