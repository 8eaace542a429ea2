"""What the machines of a cluster are told: files made from the launcher's own descriptions of the services.

It imports the launcher and is imported by the command line alone.
"""
