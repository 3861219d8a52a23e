//! The stock provider and ours answer the same.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use steeple_tests::{Case, LIMIT, Place, Process, eventually, free_port};

use crate::{
    fetch::{Answer, LACKING, fetch, possible},
    provider,
};

const BUNDLE: &str = r#"{"keys":[{"use":"jwt-svid","kty":"EC","kid":"a","crv":"P-256",
    "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;

/// Curl's words, where `@` stands for the provider's address.
const REQUESTS: &[&[&str]] = &[
    &[
        "-H",
        "Host: oidc.test",
        "http://@/x/.well-known/openid-configuration",
    ],
    &[
        "-H",
        "Host: oidc.test:99",
        "http://@/x/.well-known/openid-configuration",
    ],
    &[
        "-H",
        "Host: OIDC.test",
        "http://@/x/.well-known/openid-configuration",
    ],
    &[
        "-H",
        "Host: other.test",
        "http://@/x/.well-known/openid-configuration",
    ],
    &[
        "-H",
        "Host: [::1]:80",
        "http://@/x/.well-known/openid-configuration",
    ],
    &["-H", "Host;", "http://@/x/.well-known/openid-configuration"],
    &[
        "-H",
        "Host: a_b",
        "http://@/x/.well-known/openid-configuration",
    ],
    &[
        "-H",
        "X-Forwarded-Host: oidc.test",
        "http://@/x/.well-known/openid-configuration",
    ],
    &[
        "-H",
        "X-Forwarded-Host: oidc.test",
        "-H",
        "X-Forwarded-Proto: https",
        "http://@/x/.well-known/openid-configuration",
    ],
    &[
        "-H",
        "Host: oidc.test",
        "-H",
        "Forwarded: for=1.2.3.4;proto=https",
        "http://@/x/.well-known/openid-configuration",
    ],
    &["-X", "POST", "http://@/x/.well-known/openid-configuration"],
    &["http://@/x/keys"],
    &["-X", "PUT", "http://@/x/keys"],
    &["http://@/keys"],
    &["-H", "Range: bytes=0-9", "http://@/x/keys"],
    &["-H", "Range: bytes=-9", "http://@/x/keys"],
    &["-H", "Range: lines=1", "http://@/x/keys"],
    &["-H", "If-None-Match: *", "http://@/x/keys"],
    &["-H", "If-Match: \"a\"", "http://@/x/keys"],
    &[
        "-H",
        "If-Modified-Since: Sat, 01 Jan 2050 00:00:00 GMT",
        "http://@/x/keys",
    ],
    &[
        "-H",
        "If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT",
        "http://@/x/keys",
    ],
    &[
        "-H",
        "If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT",
        "http://@/x/keys",
    ],
];

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("oidc_same_answers", same_answers)
            .needs(possible(), LACKING)
            .needs(
                provider::stock().is_some(),
                "STEEPLE_STOCK_SPIRE names no folder with oidc-discovery-provider",
            ),
    ]
}

fn same_answers(place: &Place) -> Result<()> {
    for (at, more) in [
        "",
        "allow_insecure_scheme = true",
        "jwt_issuer = \"https://a.test/b\"",
    ]
    .into_iter()
    .enumerate()
    {
        let (stock, stock_port) = run(place, &format!("stock-{at}"), provider::stock(), more)?;
        let (ours, our_port) = run(place, &format!("ours-{at}"), provider::program().ok(), more)?;
        for words in REQUESTS {
            let (theirs, own) = (ask(words, stock_port)?, ask(words, our_port)?);
            ensure!(theirs == own, "{words:?} {more:?}: {theirs:#?} {own:#?}");
        }
        drop((stock, ours));
    }
    Ok(())
}

fn run(place: &Place, name: &str, program: Option<PathBuf>, more: &str) -> Result<(Process, u16)> {
    let port = free_port()?;
    let bundle = place.write("bundle.json", BUNDLE)?;
    let config = format!(
        "domains = [\"oidc.test\"]\ninsecure_addr = \"127.0.0.1:{port}\"\n\
         server_path_prefix = \"/x\"\nset_key_use = true\n{more}\nfile {{ path = \"{}\" }}\n",
        bundle.display()
    );
    let program = program.unwrap_or_default();
    let process = provider::launch(place, name, program, &config, &[])?;
    process.wait_line(0, "Serving HTTP")?;
    eventually("keys", LIMIT, || {
        let keys = fetch(&[&format!("http://127.0.0.1:{port}/x/keys")]).ok();
        Ok(keys.filter(|answer| answer.status.contains(" 200 ")))
    })?;
    Ok((process, port))
}

/// The answer without what tells the time and the port.
fn ask(words: &[&str], port: u16) -> Result<Answer> {
    let address = format!("127.0.0.1:{port}");
    let words: Vec<String> = words
        .iter()
        .map(|word| word.replace('@', &address))
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut answer = fetch(&words)?;
    answer.headers.remove("date");
    if let Some(modified) = answer.headers.get_mut("last-modified") {
        modified.clear();
    }
    answer.headers.remove("content-length");
    answer.body = answer.body.replace(&address, "@");
    answer.status = answer.status.replace("Requested Range", "Range");
    Ok(answer)
}
