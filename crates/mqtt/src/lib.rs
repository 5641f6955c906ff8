//! What subscribers depend on: topics, messages, and a client that survives its broker.
