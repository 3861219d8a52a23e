//! The flags by which agents are chosen.

use steeple_proto::{
    server::agent::{count_agents_request, list_agents_request},
    types::SelectorMatch,
};

use crate::{
    error::CommandError,
    goflag::{FlagError, Flags, quote},
    output::{Format, OutputFlag},
    server::filter::selector_match,
};

/// The layout of `-expiresBefore`, in Go's notation.
const LAYOUT: &str = "2006-01-02 15:04:05 -0700 -07";

/// Yes, no, or whatever else means "do not filter".
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Wish(Option<bool>);

fn wish(text: &str) -> Result<Wish, String> {
    Ok(Wish(match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }))
}

#[derive(clap::Args)]
pub(crate) struct FilterFlags {
    #[arg(
        long = "selector",
        value_name = "value",
        help = "A colon-delimited type:value selector. Can be used more than once"
    )]
    selectors: Vec<String>,
    #[arg(
        long = "attestationType",
        value_name = "string",
        default_value = "",
        help = "Filter by attestation type, like join_token or x509pop."
    )]
    attestation_type: String,
    #[arg(long = "canReattest", value_name = "value", default_value = "", value_parser = wish, help = "Filter based on string received, 'true': agents that can reattest, 'false': agents that can't reattest, other value will return all.")]
    can_reattest: Wish,
    #[arg(long = "banned", value_name = "value", default_value = "", value_parser = wish, help = "Filter based on string received, 'true': banned agents, 'false': not banned agents, other value will return all.")]
    banned: Wish,
    #[arg(
        long = "expiresBefore",
        value_name = "string",
        default_value = "",
        help = "Filter by expiration time (format: \"2006-01-02 15:04:05 -0700 -07\")"
    )]
    expires_before: String,
    #[arg(
        long = "matchSelectorsOn",
        value_name = "string",
        default_value = "superset",
        help = "The match mode used when filtering by selectors. Options: exact, any, superset and subset"
    )]
    match_selectors_on: String,
    #[command(flatten)]
    output: OutputFlag,
}

impl Flags for FilterFlags {
    fn check(&self) -> Result<(), FlagError> {
        self.output.check()
    }
}

impl FilterFlags {
    /// For whom to print.
    pub(crate) fn format(&self) -> Format {
        self.output.format()
    }

    /// As a filter for listing.
    pub(crate) fn for_list(&self) -> Result<list_agents_request::Filter, CommandError> {
        Ok(list_agents_request::Filter {
            by_selector_match: self.selectors()?,
            by_expires_before: self.expires_before()?,
            by_attestation_type: self.attestation_type.clone(),
            by_can_reattest: self.can_reattest.0,
            by_banned: self.banned.0,
        })
    }

    /// As a filter for counting.
    pub(crate) fn for_count(&self) -> Result<count_agents_request::Filter, CommandError> {
        Ok(count_agents_request::Filter {
            by_selector_match: self.selectors()?,
            by_expires_before: self.expires_before()?,
            by_attestation_type: self.attestation_type.clone(),
            by_can_reattest: self.can_reattest.0,
            by_banned: self.banned.0,
        })
    }

    fn selectors(&self) -> Result<Option<SelectorMatch>, CommandError> {
        selector_match(&self.selectors, &self.match_selectors_on, |text, why| {
            format!("error parsing selector {}: {why}", quote(text))
        })
    }

    fn expires_before(&self) -> Result<String, CommandError> {
        let text = &self.expires_before;
        if text.is_empty() || is_time(text) {
            return Ok(text.clone());
        }
        Err(CommandError::Usage(format!(
            "date is not valid: {} does not have the form \"{LAYOUT}\" \
             (date, time, offset with minutes, offset without)",
            quote(text)
        )))
    }
}

/// Whether a text has the layout; the server reads it once more.
fn is_time(text: &str) -> bool {
    let Some((time, short)) = text.rsplit_once(' ') else {
        return false;
    };
    let Some((_, long)) = time.rsplit_once(' ') else {
        return false;
    };
    jiff::fmt::strtime::parse("%Y-%m-%d %H:%M:%S %z", time).is_ok()
        && short.len() == 3
        && long.len() == 5
        && long.starts_with(['+', '-'])
        && short.starts_with(['+', '-'])
        && short[1..].chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_with_both_offsets() {
        assert!(is_time("2026-01-02 15:04:05 -0700 -07"));
        assert!(is_time("2026-01-02 15:04:05 +0000 +00"));
        for wrong in [
            "",
            "abc",
            "2026-01-02",
            "2026-01-02 15:04:05 -0700",
            "2026-13-02 15:04:05 -0700 -07",
        ] {
            assert!(!is_time(wrong), "{wrong}");
        }
    }

    #[test]
    fn any_other_word_means_all() {
        assert_eq!(wish("true"), Ok(Wish(Some(true))));
        assert_eq!(wish("false"), Ok(Wish(Some(false))));
        assert_eq!(wish("TRUE"), Ok(Wish(None)));
    }
}
