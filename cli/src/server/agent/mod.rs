//! `agent ...`: the agents that have attested.

mod ban;
mod count;
mod evict;
mod filter;
mod list;
mod print;
mod show;

pub(crate) use ban::Ban;
pub(crate) use count::Count;
pub(crate) use evict::Evict;
pub(crate) use list::List;
pub(crate) use show::Show;

use steeple_proto::types::Spiffeid;

use crate::{error::CommandError, server::filter::spiffe_id};

/// The agent that a command is about.
fn required_id(text: &str) -> Result<Spiffeid, CommandError> {
    if text.is_empty() {
        return Err(CommandError::Usage("a SPIFFE ID is required".into()));
    }
    Ok(spiffe_id(text)?)
}
