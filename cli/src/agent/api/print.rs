//! X.509-SVIDs as blocks of lines.

use std::{io, time::Duration};

use steeple_hcl::duration::GoDuration;
use steeple_spiffe::x509::CertificateInfo;

use super::svid::FetchedSvid;
use crate::{env::Env, output::utc};

/// Prints all SVIDs of one answer; `after` is how long it took to come.
pub(crate) fn svids(env: &mut Env, svids: &[FetchedSvid], after: Duration) -> io::Result<()> {
    let plural = if svids.len() == 1 { "" } else { "s" };
    let after = GoDuration::from_nanos(i64::try_from(after.as_nanos()).unwrap_or(i64::MAX));
    env.print(&format!(
        "Received {} svid{plural} after {after}",
        svids.len()
    ))?;
    for svid in svids {
        env.print("")?;
        for line in block(svid) {
            env.print(&line)?;
        }
    }
    env.print("")
}

fn block(svid: &FetchedSvid) -> Vec<String> {
    let mut lines = vec![format!("SPIFFE ID:\t\t{}", svid.spiffe_id)];
    if !svid.hint.is_empty() {
        lines.push(format!("Hint:\t\t\t{}", svid.hint));
    }
    for (at, certificate) in svid.certificates.iter().enumerate() {
        let name = if at == 0 {
            "SVID".to_owned()
        } else {
            format!("Intermediate #{at}")
        };
        lines.extend(validity(&name, certificate));
    }
    lines.extend(roots("", &svid.bundle));
    for (domain, bundle) in &svid.federated {
        lines.extend(roots(&format!("[{domain}] "), bundle));
    }
    lines
}

fn roots<'a>(prefix: &'a str, bundle: &'a [CertificateInfo]) -> impl Iterator<Item = String> + 'a {
    bundle
        .iter()
        .zip(1..)
        .flat_map(move |(root, number)| validity(&format!("{prefix}CA #{number}"), root))
}

fn validity(name: &str, certificate: &CertificateInfo) -> [String; 2] {
    [
        format!(
            "{name} Valid After:\t{}",
            utc(certificate.not_before.as_second())
        ),
        format!(
            "{name} Valid Until:\t{}",
            utc(certificate.not_after.as_second())
        ),
    ]
}
