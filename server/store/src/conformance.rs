//! The suite that every implementation of [`crate::Store`] calls from its tests.
