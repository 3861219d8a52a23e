//! The services behind their gate, on a real registry, authority and database.

mod admission;
mod agents;
mod hints;
mod operators;
mod world;
