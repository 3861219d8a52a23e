//! What `create` and `update` have in common: most of an entry's fields as flags.

use clap::ArgAction;
use steeple_proto::types::{Entry, Spiffeid};

use crate::{
    error::CommandError,
    goflag::{BOOL, Flags, boolean, int, int32},
    server::filter::selector,
};

/// The fields of an entry that both commands take.
#[derive(clap::Args)]
pub(crate) struct EntryFlags {
    #[arg(
        long = "parentID",
        value_name = "string",
        default_value = "",
        help = "The SPIFFE ID of this record's parent"
    )]
    pub(crate) parent_id: String,
    #[arg(
        long = "spiffeID",
        value_name = "string",
        default_value = "",
        help = "The SPIFFE ID that this record represents"
    )]
    pub(crate) spiffe_id: String,
    #[arg(long = "x509SVIDTTL", value_name = "int", default_value = "0", value_parser = int, help = "The lifetime, in seconds, for x509-SVIDs issued based on this registration entry.")]
    x509_svid_ttl: i64,
    #[arg(long = "jwtSVIDTTL", value_name = "int", default_value = "0", value_parser = int, help = "The lifetime, in seconds, for JWT-SVIDs issued based on this registration entry.")]
    jwt_svid_ttl: i64,
    #[arg(
        long = "data",
        value_name = "string",
        default_value = "",
        help = "Path to a file containing registration JSON (optional). If set to '-', read the JSON from stdin."
    )]
    pub(crate) data: String,
    #[arg(
        long = "selector",
        value_name = "value",
        help = "A colon-delimited type:value selector. Can be used more than once"
    )]
    selectors: Vec<String>,
    #[arg(
        long = "federatesWith",
        value_name = "value",
        help = "SPIFFE ID of a trust domain to federate with. Can be used more than once"
    )]
    pub(crate) federates_with: Vec<String>,
    #[arg(long = "admin", value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set, help = "If set, the SPIFFE ID in this entry will be granted access to the SPIRE Server's management APIs")]
    admin: bool,
    #[arg(long = "storeSVID", value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set, help = "A boolean value that, when set, indicates that the resulting issued SVID from this entry must be stored through an SVIDStore plugin")]
    store_svid: bool,
    #[arg(long = "downstream", value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set, help = "A boolean value that, when set, indicates that the entry describes a downstream SPIRE server")]
    downstream: bool,
    #[arg(long = "entryExpiry", value_name = "int", default_value = "0", value_parser = int, help = "An expiry, from epoch in seconds, for the resulting registration entry to be pruned")]
    entry_expiry: i64,
    #[arg(
        long = "dns",
        value_name = "value",
        help = "A DNS name that will be included in SVIDs issued based on this entry, where appropriate. Can be used more than once"
    )]
    dns_names: Vec<String>,
    #[arg(
        long = "hint",
        value_name = "string",
        default_value = "",
        help = "The entry hint, used to disambiguate entries with the same SPIFFE ID"
    )]
    hint: String,
}

impl Flags for EntryFlags {}

/// A complaint about the flags as a whole.
pub(crate) fn refuse<T>(why: &str) -> Result<T, CommandError> {
    Err(CommandError::Usage(why.into()))
}

impl EntryFlags {
    /// At least one selector must be there.
    pub(crate) fn need_selectors(&self) -> Result<(), CommandError> {
        if self.selectors.is_empty() {
            refuse("at least one selector is required")
        } else {
            Ok(())
        }
    }

    /// What every entry must have besides.
    pub(crate) fn need_id_and_ttls(&self) -> Result<(), CommandError> {
        if self.spiffe_id.is_empty() {
            return refuse("a SPIFFE ID is required");
        }
        if self.x509_svid_ttl < 0 {
            return refuse("a positive x509-SVID TTL is required");
        }
        if self.jwt_svid_ttl < 0 {
            return refuse("a positive JWT-SVID TTL is required");
        }
        Ok(())
    }

    /// The entry that the flags describe.
    pub(crate) fn entry(
        self,
        id: String,
        spiffe_id: Spiffeid,
        parent_id: Spiffeid,
    ) -> Result<Entry, CommandError> {
        let ttl = |ttl, what| int32(ttl, what).map_err(CommandError::Usage);
        let selectors = self.selectors.iter().map(|text| selector(text));
        Ok(Entry {
            id,
            spiffe_id: Some(spiffe_id),
            parent_id: Some(parent_id),
            selectors: selectors
                .collect::<Result<_, _>>()
                .map_err(CommandError::Usage)?,
            x509_svid_ttl: ttl(self.x509_svid_ttl, "X509 SVID TTL")?,
            jwt_svid_ttl: ttl(self.jwt_svid_ttl, "JWT SVID TTL")?,
            federates_with: self.federates_with,
            admin: self.admin,
            downstream: self.downstream,
            expires_at: self.entry_expiry,
            dns_names: self.dns_names,
            store_svid: self.store_svid,
            hint: self.hint,
            ..Default::default()
        })
    }
}
