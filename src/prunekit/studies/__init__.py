"""The read side: from a store to findings. It selects and groups stored results and measures nothing."""
