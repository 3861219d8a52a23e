//! What an agent sees of its server: signing and attestation.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context, Result, ensure};
use steeple_proto::server::{
    entry::entry_client::EntryClient,
    svid::{
        BatchNewX509svidRequest, NewJwtsvidRequest, NewX509svidParams, svid_client::SvidClient,
    },
};
use tokio::time::Instant;
use tonic::transport::Channel;

use super::{Plan, figures_of};
use crate::{
    client::{self, Csr},
    figures::{Figure, Value},
    load::{self, Caller},
    site::{LIMIT, Programs, Running, Site, entry},
};

const BATCH: usize = 50;
const CALLERS: usize = 16;
/// No more agents than this are attested.
const MOST_AGENTS: usize = 2_000;

/// All figures that a driver gets as an agent.
pub(super) async fn all(programs: &Programs, plan: &Plan) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let x509_many = format!("BatchNewX509SVID, {BATCH} a call");
    let x509_one = format!("BatchNewX509SVID, 1 a call, {CALLERS} callers");
    let jwt = format!("NewJWTSVID, {CALLERS} callers");
    let attest_name = "attest join_token, 8 callers, new TLS connections";
    if ![&x509_many, &x509_one, &jwt, attest_name]
        .iter()
        .any(|name| plan.wants(name))
    {
        return Ok(figures);
    }
    let site = Site::new(programs, &plan.ca_key_type)?;
    let (mut server, _) = site.start_server().await?;
    let agent = Agent::new(&site, &mut server)
        .await
        .context("attesting the driver")?;
    let pid = server.pid();
    if plan.wants(&x509_many) {
        let all = agent.callers(&site, 2, |client| X509 {
            client,
            params: agent.params(BATCH),
        });
        let load = load::run(all.await?, plan.window, pid)
            .await
            .context(x509_many.clone())?;
        let each = u32::try_from(BATCH)?;
        figures.extend([
            Figure::new(
                format!("{x509_many}: rate"),
                Value::Rate(load.rate() * f64::from(each)),
            ),
            Figure::new(
                format!("{x509_many}: server CPU each"),
                Value::Time(load.cpu_each() / each),
            ),
        ]);
    }
    if plan.wants(&x509_one) {
        let all = agent.callers(&site, CALLERS, |client| X509 {
            client,
            params: agent.params(1),
        });
        let load = load::run(all.await?, plan.window, pid)
            .await
            .context(x509_one.clone())?;
        figures.extend(figures_of(&x509_one, &load, "server"));
    }
    if plan.wants(&jwt) {
        let all = agent.callers(&site, CALLERS, |client| Jwt {
            client,
            entry: agent.entry.clone(),
        });
        let load = load::run(all.await?, plan.window, pid)
            .await
            .context(jwt.clone())?;
        figures.extend(figures_of(&jwt, &load, "server"));
    }
    if plan.wants(attest_name) {
        figures.extend(
            attest(site, plan, pid, attest_name)
                .await
                .context("attest")?,
        );
    }
    Ok(figures)
}

/// The driver as an agent with one entry.
struct Agent {
    chain: Vec<Vec<u8>>,
    csr: Csr,
    entry: String,
}

impl Agent {
    async fn new(site: &Site, server: &mut Running) -> Result<Self> {
        let token = client::token(site, None).await?;
        let mut entries = EntryClient::new(client::unix(&site.server_socket()).await?);
        let parent = format!("/spire/agent/join_token/{token}");
        let ids = client::create(&mut entries, vec![entry("/minted", &parent, false)]).await?;
        let csr = Csr::new()?;
        let chain = client::attest(site, &token, &csr).await?;
        let entry = ids.into_iter().next().context("no entry")?;
        let agent = Self { chain, csr, entry };
        // A server may take a while until it knows that the entry is this agent's.
        let begin = Instant::now();
        let mut client = SvidClient::new(client::as_agent(site, &agent.chain, &agent.csr).await?);
        while (X509 {
            client: client.clone(),
            params: agent.params(1),
        })
        .call()
        .await
        .is_err()
        {
            ensure!(begin.elapsed() < LIMIT, "the entry is never authorized");
            site.check(server, "server", begin).await?;
            client = SvidClient::new(client::as_agent(site, &agent.chain, &agent.csr).await?);
        }
        Ok(agent)
    }

    fn params(&self, count: usize) -> Vec<NewX509svidParams> {
        let params = NewX509svidParams {
            entry_id: self.entry.clone(),
            csr: self.csr.der.clone().into(),
        };
        vec![params; count]
    }

    /// Callers that have a connection each.
    async fn callers<C>(
        &self,
        site: &Site,
        count: usize,
        make: impl Fn(SvidClient<Channel>) -> C,
    ) -> Result<Vec<C>> {
        let mut callers = Vec::new();
        for _ in 0..count {
            let channel = client::as_agent(site, &self.chain, &self.csr).await?;
            callers.push(make(SvidClient::new(channel)));
        }
        Ok(callers)
    }
}

struct X509 {
    client: SvidClient<Channel>,
    params: Vec<NewX509svidParams>,
}

impl Caller for X509 {
    async fn call(&mut self) -> Result<Option<()>> {
        let request = BatchNewX509svidRequest {
            params: self.params.clone(),
        };
        let results = self
            .client
            .batch_new_x509svid(request)
            .await?
            .into_inner()
            .results;
        let good = results
            .iter()
            .filter(|result| result.svid.is_some())
            .count();
        ensure!(
            good == self.params.len(),
            "an SVID is refused: {:?}",
            results.first()
        );
        Ok(Some(()))
    }
}

struct Jwt {
    client: SvidClient<Channel>,
    entry: String,
}

impl Caller for Jwt {
    async fn call(&mut self) -> Result<Option<()>> {
        let audience = vec!["bench".to_owned()];
        let request = NewJwtsvidRequest {
            entry_id: self.entry.clone(),
            audience,
        };
        ensure!(
            self.client
                .new_jwtsvid(request)
                .await?
                .into_inner()
                .svid
                .is_some(),
            "no token"
        );
        Ok(Some(()))
    }
}

struct Attestor {
    site: Arc<Site>,
    tokens: Arc<Vec<String>>,
    next: Arc<AtomicUsize>,
    csr: Arc<Csr>,
}

impl Caller for Attestor {
    async fn call(&mut self) -> Result<Option<()>> {
        match self.tokens.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            Some(token) => client::attest(&self.site, token, &self.csr)
                .await
                .map(|_| Some(())),
            None => Ok(None),
        }
    }
}

/// Each attestation with a connection and a token of its own; the tokens are made before.
async fn attest(site: Site, plan: &Plan, pid: u32, name: &str) -> Result<Vec<Figure>> {
    let mut tokens = Vec::new();
    for _ in 0..MOST_AGENTS {
        tokens.push(client::token(&site, None).await?);
    }
    let (site, tokens, csr) = (Arc::new(site), Arc::new(tokens), Arc::new(Csr::new()?));
    let next = Arc::new(AtomicUsize::new(0));
    let callers = (0..8).map(|_| Attestor {
        site: Arc::clone(&site),
        tokens: Arc::clone(&tokens),
        next: Arc::clone(&next),
        csr: Arc::clone(&csr),
    });
    let load = load::run(callers.collect(), plan.window, pid).await?;
    Ok(figures_of(name, &load, "server"))
}
