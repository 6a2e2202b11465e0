"""What is, what should be, and the steps between. Pure: nothing here reads, writes, waits or asks for the time."""
