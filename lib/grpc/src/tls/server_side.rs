//! How a client judges the certificate of a server.
