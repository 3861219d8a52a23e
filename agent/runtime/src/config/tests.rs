//! What all this says, line by line.
