//! x
pub fn cases() -> Vec<steeple_tests::Case> { vec![] }
