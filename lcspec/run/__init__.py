"""Execution: the store, the ledger, workers and the scheduler. The only room that touches the world besides `lock`."""
