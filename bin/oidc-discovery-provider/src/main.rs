//! (program under construction)
fn main() {}
