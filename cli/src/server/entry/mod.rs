//! `entry ...`: who gets which identity.

mod count;
mod create;
mod delete;
mod file;
mod filter;
mod print;
mod show;
mod sort;
mod update;
mod written;

pub(crate) use count::Count;
pub(crate) use create::Create;
pub(crate) use delete::Delete;
pub(crate) use show::Show;
pub(crate) use update::Update;
