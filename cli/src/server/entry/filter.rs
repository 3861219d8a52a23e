//! The flags by which entries are chosen.

use clap::ArgAction;
use steeple_proto::{
    server::entry::{count_entries_request, list_entries_request},
    types::{FederatesWithMatch, SelectorMatch, Spiffeid},
};

use crate::{
    error::CommandError,
    goflag::{BOOL, Flags, boolean, quote},
    server::filter::{federates_behavior, selector_match, spiffe_id},
};

/// Filters with the words of one command: `show` and `count` differ in their help only.
macro_rules! filter_flags {
    ($name:ident, $verb:literal) => {
        #[derive(clap::Args)]
        pub(crate) struct $name {
            #[arg(long = "parentID", value_name = "string", default_value = "", help = concat!("The Parent ID of the records to ", $verb))]
            pub(crate) parent_id: String,
            #[arg(long = "spiffeID", value_name = "string", default_value = "", help = concat!("The SPIFFE ID of the records to ", $verb))]
            pub(crate) spiffe_id: String,
            #[arg(long = "downstream", value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set, help = "A boolean value that, when set, indicates that the entry describes a downstream SPIRE server")]
            pub(crate) downstream: bool,
            #[arg(long = "selector", value_name = "value", help = "A colon-delimited type:value selector. Can be used more than once")]
            pub(crate) selectors: Vec<String>,
            #[arg(long = "federatesWith", value_name = "value", help = "SPIFFE ID of a trust domain an entry is federate with. Can be used more than once")]
            pub(crate) federates_with: Vec<String>,
            #[arg(long = "matchFederatesWithOn", value_name = "string", default_value = "superset", help = "The match mode used when filtering by federates with. Options: exact, any, superset and subset")]
            pub(crate) match_federates_with_on: String,
            #[arg(long = "matchSelectorsOn", value_name = "string", default_value = "superset", help = "The match mode used when filtering by selectors. Options: exact, any, superset and subset")]
            pub(crate) match_selectors_on: String,
            #[arg(long = "hint", value_name = "string", default_value = "", help = concat!("The Hint of the records to ", $verb, " (optional)"))]
            pub(crate) hint: String,
        }

        impl Flags for $name {}

        impl $name {
            /// What the flags ask for.
            pub(crate) fn read(self) -> Result<Filter, CommandError> {
                Ok(Filter {
                    by_parent_id: optional_id(&self.parent_id, "parent ID")?,
                    by_spiffe_id: optional_id(&self.spiffe_id, "SPIFFE ID")?,
                    by_selectors: selectors(&self.selectors, &self.match_selectors_on)?,
                    by_federates_with: federates(self.federates_with, &self.match_federates_with_on)?,
                    by_hint: Some(self.hint).filter(|hint| !hint.is_empty()),
                    by_downstream: Some(self.downstream),
                })
            }
        }
    };
}

filter_flags!(ShowFilterFlags, "show");
filter_flags!(CountFilterFlags, "count");

/// Which entries are meant.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    by_spiffe_id: Option<Spiffeid>,
    by_parent_id: Option<Spiffeid>,
    by_selectors: Option<SelectorMatch>,
    by_federates_with: Option<FederatesWithMatch>,
    by_hint: Option<String>,
    by_downstream: Option<bool>,
}

impl From<Filter> for list_entries_request::Filter {
    fn from(filter: Filter) -> Self {
        let Filter {
            by_spiffe_id,
            by_parent_id,
            by_selectors,
            by_federates_with,
            by_hint,
            by_downstream,
        } = filter;
        Self {
            by_spiffe_id,
            by_parent_id,
            by_selectors,
            by_federates_with,
            by_hint,
            by_downstream,
        }
    }
}

impl From<Filter> for count_entries_request::Filter {
    fn from(filter: Filter) -> Self {
        let Filter {
            by_spiffe_id,
            by_parent_id,
            by_selectors,
            by_federates_with,
            by_hint,
            by_downstream,
        } = filter;
        Self {
            by_spiffe_id,
            by_parent_id,
            by_selectors,
            by_federates_with,
            by_hint,
            by_downstream,
        }
    }
}

fn optional_id(text: &str, what: &str) -> Result<Option<Spiffeid>, CommandError> {
    if text.is_empty() {
        return Ok(None);
    }
    spiffe_id(text).map(Some).map_err(|error| {
        CommandError::Usage(format!("error parsing {what} {}: {error}", quote(text)))
    })
}

fn selectors(selectors: &[String], how: &str) -> Result<Option<SelectorMatch>, CommandError> {
    selector_match(selectors, how, |_, why| {
        format!("error parsing selectors: {why}")
    })
}

fn federates(
    trust_domains: Vec<String>,
    how: &str,
) -> Result<Option<FederatesWithMatch>, CommandError> {
    if trust_domains.is_empty() {
        return Ok(None);
    }
    Ok(Some(FederatesWithMatch {
        trust_domains,
        r#match: federates_behavior(how)? as i32,
    }))
}
