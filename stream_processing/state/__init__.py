"""What the job remembers of appliances between micro-batches, and what it does with it."""
