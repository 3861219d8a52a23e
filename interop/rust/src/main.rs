//! A workload that knows nothing but rust-spiffe. It prints one JSON object a line and leaves the
//! judging to the test that starts it. The agent's socket comes from `SPIFFE_ENDPOINT_SOCKET`.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};
use spiffe::{BundleSource, JwtSource, JwtSvid, WorkloadApiClient, X509Source};
use tokio::time::timeout;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["fetch", audience] => timeout(LIMIT, fetch(audience)).await,
        ["watch", count] => timeout(LIMIT, watch(count)).await,
        _ => Ok(Err(anyhow::anyhow!("usage: rust-workload fetch AUDIENCE | watch COUNT"))),
    };
    match done.context("it took too long").flatten() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Everything the client can ask for, once; the tokens are judged here and by the agent.
async fn fetch(audience: &str) -> Result<()> {
    let source = X509Source::new().await.context("making the X.509 source")?;
    let svid = source.svid()?;
    let Some(bundle) = source.bundle_for_trust_domain(svid.spiffe_id().trust_domain())? else {
        bail!("no X.509 bundle");
    };
    println!(
        r#"{{"id":"{}","chain":{},"authorities":{}}}"#,
        svid.spiffe_id(),
        svid.cert_chain().len(),
        bundle.authorities().len()
    );
    source.shutdown().await;

    let source = JwtSource::new().await.context("making the JWT source")?;
    let fetched = source.fetch_jwt_svid(&[audience]).await.context("fetching a token")?;
    let parsed = JwtSvid::parse_and_validate(fetched.token(), &source, &[audience])
        .context("validating with the source's bundle")?;
    let client = WorkloadApiClient::connect_env().await?;
    let judged = client
        .validate_jwt_token(audience, fetched.token())
        .await
        .context("validating at the agent")?;
    println!(r#"{{"id":"{}","id_at_agent":"{}"}}"#, parsed.spiffe_id(), judged.spiffe_id());
    source.shutdown().await;
    Ok(())
}

/// Prints each new certificate until there were that many.
async fn watch(count: &str) -> Result<()> {
    let count: usize = count.parse()?;
    let source = X509Source::new().await.context("making the X.509 source")?;
    let mut updates = source.updated();
    let mut seen: Vec<Vec<u8>> = Vec::new();
    loop {
        let leaf = source.svid()?.leaf().as_bytes().to_vec();
        if !seen.contains(&leaf) {
            seen.push(leaf);
            println!(r#"{{"serial":{}}}"#, seen.len());
        }
        if seen.len() >= count {
            source.shutdown().await;
            return Ok(());
        }
        updates.changed().await?;
    }
}
