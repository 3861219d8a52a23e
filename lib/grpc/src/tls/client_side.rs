//! How a server judges the certificate of a client.
