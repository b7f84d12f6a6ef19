"""The viewer's store, measured: insertion, queries, memory and migration of two versions."""
