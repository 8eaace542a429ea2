"""What the machines of a cluster are told: files made from the launcher's own descriptions of the services."""
