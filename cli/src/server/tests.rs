//! Whole commands against a peer that answers by script: what is sent, what is printed, and the
//! exit code.

use steeple_proto::{
    server::{
        agent::{
            CountAgentsRequest, CountAgentsResponse, CreateJoinTokenRequest, DeleteAgentRequest,
            ListAgentsRequest, ListAgentsResponse,
        },
        entry::{
            BatchCreateEntryRequest, BatchCreateEntryResponse, BatchUpdateEntryRequest,
            BatchUpdateEntryResponse, GetEntryRequest, ListEntriesRequest, ListEntriesResponse,
            batch_create_entry_response::Result as Created,
            batch_update_entry_response::Result as Updated,
        },
    },
    types::{Agent, Entry, JoinToken, Selector, Spiffeid, Status, entry::AdditionalAttributes},
};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::{RunFlags, Runtime, program};
use crate::testing::{Fake, Script, capture_with};

const CREATE: &str = "/spire.api.server.entry.v1.Entry/BatchCreateEntry";
const UPDATE: &str = "/spire.api.server.entry.v1.Entry/BatchUpdateEntry";
const LIST: &str = "/spire.api.server.entry.v1.Entry/ListEntries";
const GET: &str = "/spire.api.server.entry.v1.Entry/GetEntry";
const TOKEN: &str = "/spire.api.server.agent.v1.Agent/CreateJoinToken";
const AGENTS: &str = "/spire.api.server.agent.v1.Agent/ListAgents";
const COUNT: &str = "/spire.api.server.agent.v1.Agent/CountAgents";
const EVICT: &str = "/spire.api.server.agent.v1.Agent/DeleteAgent";
const HEALTH: &str = "/grpc.health.v1.Health/Check";

#[derive(Clone)]
struct NoServer;

impl Runtime for NoServer {
    fn run(&self, flags: RunFlags) -> Result<(), String> {
        Err(format!("run with {}", flags.config))
    }

    fn validate(&self, flags: RunFlags) -> Result<(), String> {
        if flags.config == "good" {
            Ok(())
        } else {
            Err("no such file".into())
        }
    }
}

/// Exit code, standard output and standard error of one command line.
fn run(fake: &Fake, line: &str, input: &str) -> (u8, String, String) {
    let mut args: Vec<String> = line.split_whitespace().map(ToOwned::to_owned).collect();
    args.push(format!("-socketPath={}", fake.socket().display()));
    capture_with(input, |env| program("1", NoServer).run(&args, env))
}

fn id(path: &str) -> Option<Spiffeid> {
    Some(Spiffeid {
        trust_domain: "example.org".into(),
        path: path.into(),
    })
}

fn web() -> Entry {
    Entry {
        id: "web".into(),
        spiffe_id: id("/web"),
        parent_id: id("/node"),
        selectors: vec![Selector {
            r#type: "unix".into(),
            value: "uid:1000".into(),
        }],
        ..Default::default()
    }
}

const WEB: &str = "Entry ID                : web\n\
    SPIFFE ID               : spiffe://example.org/web\n\
    Parent ID               : spiffe://example.org/node\n\
    Revision                : 0\n\
    X509-SVID TTL           : default\n\
    JWT-SVID TTL            : default\n\
    Selector                : unix:uid:1000\n\n";

#[test]
fn an_entry_is_created_as_the_flags_say() {
    let fake = Script::default()
        .on(CREATE, |_: BatchCreateEntryRequest| {
            let status = Some(Status {
                code: 0,
                message: "OK".into(),
            });
            Ok(BatchCreateEntryResponse {
                results: vec![Created {
                    status,
                    entry: Some(web()),
                }],
            })
        })
        .listen();
    let line = "entry create -parentID spiffe://example.org/node --spiffeID=spiffe://example.org/web \
        -selector unix:uid:1000 -x509SVIDTTL 60 -dns a -dns b -admin -jwtSVIDIncludeJTI -federatesWith other.org";
    assert_eq!(run(&fake, line, ""), (0, WEB.into(), String::new()));
    let sent = fake
        .request::<BatchCreateEntryRequest>(CREATE)
        .entries
        .remove(0);
    let attributes = AdditionalAttributes {
        jwt_svid_include_jti: true,
        disable_x509_svid_prefetch: false,
    };
    let expected = Entry {
        id: String::new(),
        x509_svid_ttl: 60,
        dns_names: vec!["a".into(), "b".into()],
        admin: true,
        federates_with: vec!["other.org".into()],
        additional_attributes: Some(attributes),
        ..web()
    };
    assert_eq!(sent, expected);
}

#[test]
fn a_node_entry_hangs_on_the_server() {
    let fake = Script::default()
        .on(CREATE, |_: BatchCreateEntryRequest| {
            Ok(BatchCreateEntryResponse::default())
        })
        .listen();
    let line = "entry create -node -spiffeID spiffe://example.org/node -selector a:b";
    assert_eq!(run(&fake, line, "").0, 0);
    let sent = fake
        .request::<BatchCreateEntryRequest>(CREATE)
        .entries
        .remove(0);
    assert_eq!(
        (sent.parent_id, sent.additional_attributes),
        (id("/spire/server"), None)
    );
}

#[test]
fn an_entry_that_exists_is_a_failure_for_people_and_a_result_for_programs() {
    let fake = Script::default()
        .on(CREATE, |_: BatchCreateEntryRequest| {
            let status = Some(Status {
                code: 6,
                message: "similar entry already exists".into(),
            });
            Ok(BatchCreateEntryResponse {
                results: vec![Created {
                    status,
                    entry: None,
                }],
            })
        })
        .listen();
    let line = "entry create -parentID spiffe://example.org/node -spiffeID spiffe://example.org/web \
        -selector unix:uid:1000";
    let (code, stdout, stderr) = run(&fake, line, "");
    assert_eq!((code, stdout.as_str()), (1, ""));
    let expected = format!(
        "Failed to create the following entry (code: AlreadyExists, msg: \"similar entry already exists\"):\n{}\
         Error: failed to create one or more entries\n",
        WEB.replace(": web\n", ": (none)\n")
    );
    assert_eq!(stderr, expected);
    let (code, stdout, stderr) = run(&fake, &format!("{line} -output json"), "");
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(
        stdout
            .ends_with("\"status\":{\"code\":6,\"message\":\"similar entry already exists\"}}]}\n"),
        "{stdout}"
    );
}

#[test]
fn all_pages_are_shown_in_order() {
    let fake = Script::default()
        .on(LIST, |request: ListEntriesRequest| {
            let (path, next) = match request.page_token.as_str() {
                "" => ("/web", "1"),
                _ => ("/api", ""),
            };
            let entry = Entry {
                spiffe_id: id(path),
                ..web()
            };
            Ok(ListEntriesResponse {
                entries: vec![entry],
                next_page_token: next.into(),
            })
        })
        .listen();
    let (code, stdout, _) = run(&fake, "entry show -selector unix:uid:1000 -hint h", "");
    let expected = format!(
        "Found 2 entries\n{}{WEB}",
        WEB.replace("org/web", "org/api")
    );
    assert_eq!((code, stdout), (0, expected));
    let filter = fake.request::<ListEntriesRequest>(LIST).filter.unwrap();
    assert_eq!(
        filter.by_selectors.unwrap().r#match,
        2,
        "superset unless said otherwise"
    );
    assert_eq!(
        (filter.by_hint.as_deref(), filter.by_downstream),
        (Some("h"), Some(false))
    );
}

#[test]
fn an_update_leaves_attributes_alone_that_no_flag_names() {
    let fake = Script::default()
        .on(GET, |_: GetEntryRequest| {
            let attributes = AdditionalAttributes {
                disable_x509_svid_prefetch: true,
                jwt_svid_include_jti: false,
            };
            Ok(Entry {
                additional_attributes: Some(attributes),
                ..web()
            })
        })
        .on(UPDATE, |_: BatchUpdateEntryRequest| {
            Ok(BatchUpdateEntryResponse {
                results: vec![Updated {
                    status: None,
                    entry: Some(web()),
                }],
            })
        })
        .listen();
    let line = "entry update -entryID web -parentID spiffe://example.org/node \
        -spiffeID spiffe://example.org/web -selector unix:uid:1000";
    assert_eq!(run(&fake, line, ""), (0, WEB.into(), String::new()));
    let mask = fake
        .request::<BatchUpdateEntryRequest>(UPDATE)
        .input_mask
        .unwrap();
    assert!(mask.selectors && !mask.additional_attributes);

    assert_eq!(run(&fake, &format!("{line} -jwtSVIDIncludeJTI"), "").0, 0);
    let mut sent = fake.request::<BatchUpdateEntryRequest>(UPDATE);
    let attributes = sent.entries.remove(0).additional_attributes.unwrap();
    assert!(attributes.disable_x509_svid_prefetch && attributes.jwt_svid_include_jti);
    assert_eq!(sent.input_mask, None);
}

#[test]
fn entries_come_from_standard_input() {
    let fake = Script::default()
        .on(CREATE, |_: BatchCreateEntryRequest| {
            Ok(BatchCreateEntryResponse::default())
        })
        .listen();
    let json = r#"{"entries":[{"spiffe_id":"spiffe://example.org/web","entry_id":"web",
        "parent_id":"spiffe://example.org/node","selectors":[{"type":"unix","value":"uid:1000"}]}]}"#;
    assert_eq!(run(&fake, "entry create -data -", json).0, 0);
    assert_eq!(
        fake.request::<BatchCreateEntryRequest>(CREATE).entries,
        [web()]
    );
}

#[test]
fn an_answer_with_an_error_reads_as_in_go() {
    let fake = Script::default()
        .on(GET, |_: GetEntryRequest| {
            Err::<Entry, _>((5, "entry not found"))
        })
        .listen();
    let (code, stdout, stderr) = run(&fake, "entry show -entryID nope", "");
    assert_eq!((code, stdout.as_str()), (1, ""));
    let expected =
        "Error: error fetching entry ID nope: rpc error: code = NotFound desc = entry not found\n";
    assert_eq!(stderr, expected);
}

#[test]
fn a_join_token_is_printed_with_a_warning_when_it_gives_no_lasting_name() {
    let fake = Script::default()
        .on(TOKEN, |_: CreateJoinTokenRequest| {
            Ok(JoinToken {
                value: "one-two".into(),
                expires_at: 7,
            })
        })
        .listen();
    let expected = "Token: one-two\nWarning: Missing SPIFFE ID.\n";
    assert_eq!(
        run(&fake, "token generate", ""),
        (0, expected.into(), String::new())
    );
    assert_eq!(fake.request::<CreateJoinTokenRequest>(TOKEN).ttl, 600);
    let line = "token generate -ttl 5 -spiffeID spiffe://example.org/node -output json";
    let expected = "{\"expires_at\":\"7\",\"value\":\"one-two\"}\n";
    assert_eq!(run(&fake, line, ""), (0, expected.into(), String::new()));
    let sent = fake.request::<CreateJoinTokenRequest>(TOKEN);
    assert_eq!((sent.ttl, sent.agent_id), (5, id("/node")));
}

#[test]
fn agents_are_listed_counted_and_evicted() {
    let fake = Script::default()
        .on(AGENTS, |_: ListAgentsRequest| {
            Ok(ListAgentsResponse {
                agents: vec![Agent {
                    id: id("/spire/agent/x/1"),
                    banned: true,
                    ..Default::default()
                }],
                next_page_token: String::new(),
            })
        })
        .on(COUNT, |_: CountAgentsRequest| {
            Ok(CountAgentsResponse { count: 1 })
        })
        .on(EVICT, |_: DeleteAgentRequest| Ok(()))
        .listen();
    let (code, stdout, _) = run(&fake, "agent list -banned true -canReattest=maybe", "");
    assert_eq!(code, 0);
    let head =
        "Found 1 attested agent:\n\nSPIFFE ID         : spiffe://example.org/spire/agent/x/1\n";
    assert!(
        stdout.starts_with(head) && stdout.contains("Banned            : true\n"),
        "{stdout}"
    );
    let filter = fake.request::<ListAgentsRequest>(AGENTS).filter.unwrap();
    assert_eq!(
        (filter.by_banned, filter.by_can_reattest),
        (Some(true), None)
    );

    assert_eq!(run(&fake, "agent count", "").1, "1 attested agent\n");
    let evict = "agent evict -spiffeID spiffe://example.org/spire/agent/x/1";
    assert_eq!(run(&fake, evict, "").1, "Agent evicted successfully\n");
    assert_eq!(run(&fake, &format!("{evict} -output json"), "").1, "{}\n");
}

#[test]
fn health_is_told_with_an_exit_code() {
    let healthy = Script::default()
        .on(HEALTH, |_: HealthCheckRequest| {
            Ok(HealthCheckResponse { status: 1 })
        })
        .listen();
    assert_eq!(
        run(&healthy, "healthcheck", ""),
        (0, "Server is healthy.\n".into(), String::new())
    );
    let sick = Script::default()
        .on(HEALTH, |_: HealthCheckRequest| {
            Ok(HealthCheckResponse { status: 2 })
        })
        .listen();
    let expected = "Error: server is unhealthy: server returned status \"NOT_SERVING\"\n";
    assert_eq!(
        run(&sick, "healthcheck", ""),
        (1, String::new(), expected.into())
    );
    std::fs::remove_file(sick.socket()).unwrap();
    let expected = "Error: server is unhealthy: unable to determine health\n";
    assert_eq!(
        run(&sick, "healthcheck", ""),
        (1, String::new(), expected.into())
    );
    assert!(sick.path().exists());
}

#[test]
fn mistakes_in_flags_are_found_before_anything_is_sent() {
    let fake = Script::default().listen();
    for (line, error) in [
        ("entry create", "at least one selector is required"),
        (
            "entry create -selector a:b",
            "a parent ID is required if the node flag is not set",
        ),
        (
            "entry create -selector a:b -node -federatesWith x",
            "node entries can not federate",
        ),
        ("entry update", "entry ID is required"),
        ("entry delete", "an entry ID is required"),
        (
            "entry show -entryID x -parentID y",
            "the -entryID flag can't be combined with others",
        ),
        ("agent show", "a SPIFFE ID is required"),
        ("agent ban -spiffeID x", "scheme is missing or invalid"),
        (
            "agent list -selector x",
            "error parsing selector \"x\": selector \"x\" must be formatted as type:value",
        ),
        (
            "bundle show -instance x",
            "you must define SPIRE_SERVER_PRIVATE_SOCKET_TEMPLATE to use the instance flag",
        ),
    ] {
        let expected = (1, String::new(), format!("Error: {error}\n"));
        assert_eq!(run(&fake, line, ""), expected, "{line}");
    }
}

#[test]
fn unknown_flags_and_two_formats_show_the_usage() {
    let fake = Script::default().listen();
    for (line, first) in [
        (
            "token generate -nope",
            "flag provided but not defined: -nope",
        ),
        (
            "token generate -output json -output pretty",
            "invalid value \"pretty\" for flag -output: the output format has already been set to \"json\"",
        ),
        (
            "token generate -output yaml",
            "invalid value \"yaml\" for flag -output: bad formatter flag: unknown format option: \"yaml\"",
        ),
    ] {
        let (code, stdout, stderr) = run(&fake, line, "");
        assert_eq!((code, stdout.as_str()), (1, ""));
        assert!(
            stderr.starts_with(&format!(
                "{first}\nUsage of generate:\n  -instance string\n"
            )),
            "{stderr}"
        );
    }
}

#[test]
fn run_and_validate_hand_their_flags_on() {
    let run = |line: &str| {
        let args: Vec<String> = line.split_whitespace().map(ToOwned::to_owned).collect();
        capture_with("", |env| program("1", NoServer).run(&args, env))
    };
    assert_eq!(
        run("run -config x sh -c y"),
        (1, String::new(), "run with x\n".into())
    );
    let valid = "SPIRE server configuration file is valid.\n";
    assert_eq!(
        run("validate -config good"),
        (0, valid.into(), String::new())
    );
    let invalid = "SPIRE server configuration file is invalid: no such file\n";
    assert_eq!(run("validate"), (1, String::new(), invalid.into()));
}

#[test]
fn commands_to_come_say_so() {
    let fake = Script::default().listen();
    for line in [
        "x509 mint",
        "bundle list",
        "localauthority jwt show",
        "agent purge",
    ] {
        let expected = format!("Error: 'spire-server {line}' is not supported yet by Steeple\n");
        assert_eq!(run(&fake, line, ""), (1, String::new(), expected));
    }
}
