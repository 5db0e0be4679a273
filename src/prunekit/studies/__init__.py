"""The read side: from a store to findings. Chooses and groups what is stored; measures nothing."""
