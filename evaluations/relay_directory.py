"""What the relay asks the database: one read at connect, batches of measurements afterwards."""
