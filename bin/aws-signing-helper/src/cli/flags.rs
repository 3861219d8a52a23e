//! The flags of all commands, once each.

/// What a flag takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A whole number.
    Int,
    /// Nothing, or `=true`, `=false`.
    Bool,
}

/// One flag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag<'a> {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// As a user would write it; empty for none.
    pub(crate) default: &'static str,
    pub(crate) help: &'a str,
}

const fn flag(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
) -> Flag<'static> {
    Flag {
        name,
        kind,
        default,
        help,
    }
}

const CERTIFICATE: Flag<'static> = flag(
    "certificate",
    Kind::Text,
    "",
    "Certificate: a PEM file (leaf first), a PKCS#12 file or a pkcs11: URI",
);
const PRIVATE_KEY: Flag<'static> = flag(
    "private-key",
    Kind::Text,
    "",
    "Private key: a PEM file or a pkcs11: URI; by default what --certificate names",
);
const DEBUG: Flag<'static> = flag(
    "debug",
    Kind::Bool,
    "",
    "Say more about what is done; never shows secrets",
);
const CERT_SELECTOR: Flag<'static> = flag(
    "cert-selector",
    Kind::Text,
    "",
    "Certificate in the system's store, as Key=...,Value=... pairs or file://SELECTOR.json; not on Linux",
);
const SYSTEM_STORE: Flag<'static> = flag(
    "system-store-name",
    Kind::Text,
    "MY",
    "Name of the system's certificate store; Windows only",
);
const USE_LATEST: Flag<'static> = flag(
    "use-latest-expiring-certificate",
    Kind::Bool,
    "",
    "Of several certificates that a selector matches, take the one that expires last",
);
const PKCS11_LIB: Flag<'static> = flag(
    "pkcs11-lib",
    Kind::Text,
    "",
    "PKCS#11 module to load; by default p11-kit-proxy.so",
);
const REUSE_PIN: Flag<'static> = flag(
    "reuse-pin",
    Kind::Bool,
    "",
    "Kept for compatibility: keys that want a PIN for each signature are not supported yet",
);
const TPM_PASSWORD: Flag<'static> = flag(
    "tpm-key-password",
    Kind::Text,
    "",
    "Password of the TPM key",
);
const NO_TPM_PASSWORD: Flag<'static> = flag(
    "no-tpm-key-password",
    Kind::Bool,
    "",
    "The TPM key that a handle names has no password",
);
const PKCS8_PASSWORD: Flag<'static> = flag(
    "pkcs8-password",
    Kind::Text,
    "",
    "Password of an encrypted PKCS#8 key or a PKCS#12 file",
);

/// What every command that obtains credentials takes.
pub(crate) const CREDENTIALS: &[Flag<'static>] = &[
    CERTIFICATE,
    PRIVATE_KEY,
    DEBUG,
    CERT_SELECTOR,
    SYSTEM_STORE,
    USE_LATEST,
    PKCS11_LIB,
    REUSE_PIN,
    TPM_PASSWORD,
    NO_TPM_PASSWORD,
    PKCS8_PASSWORD,
    flag("role-arn", Kind::Text, "", "Role to assume"),
    flag("profile-arn", Kind::Text, "", "Roles Anywhere profile"),
    flag(
        "trust-anchor-arn",
        Kind::Text,
        "",
        "Roles Anywhere trust anchor",
    ),
    flag(
        "session-duration",
        Kind::Int,
        "3600",
        "Seconds that the credentials shall last",
    ),
    flag(
        "region",
        Kind::Text,
        "",
        "Region of the service; by default the trust anchor's",
    ),
    flag(
        "endpoint",
        Kind::Text,
        "",
        "URL to send CreateSession to, in place of the service's own",
    ),
    flag(
        "no-verify-ssl",
        Kind::Bool,
        "",
        "Do not verify the service's TLS certificate",
    ),
    flag(
        "with-proxy",
        Kind::Bool,
        "",
        "Kept for compatibility: HTTPS_PROXY, HTTP_PROXY and NO_PROXY always count",
    ),
    flag(
        "role-session-name",
        Kind::Text,
        "",
        "Name of the session, where the profile accepts one",
    ),
    flag(
        "intermediates",
        Kind::Text,
        "",
        "PEM file with the certificates between leaf and trust anchor; by default what follows the leaf in --certificate",
    ),
    flag(
        "workload-api",
        Kind::Text,
        "",
        "Take certificate and key from the SPIFFE Workload API at this address, such as unix:/tmp/spire-agent/public/api.sock",
    ),
    flag(
        "svid-hint",
        Kind::Text,
        "",
        "Of several X.509-SVIDs of the Workload API, the one with this hint",
    ),
    flag(
        "request-timeout",
        Kind::Int,
        "30",
        "Seconds that one CreateSession request may take",
    ),
];

/// `credential-process` alone.
pub(crate) const PROCESS: &[Flag<'static>] = &[flag(
    "cache",
    Kind::Bool,
    "",
    "Keep the credentials in a file of the user's cache folder and give them out again while they last",
)];

/// `serve` alone.
pub(crate) const SERVE: &[Flag<'static>] = &[
    flag(
        "port",
        Kind::Int,
        "9911",
        "Port on 127.0.0.1; 0 for any free one",
    ),
    flag("hop-limit", Kind::Int, "64", "IP TTL of the answers"),
    flag(
        "container-token-file",
        Kind::Text,
        "",
        "Serve the container credentials protocol too, to clients that send the token in this file; made if it does not exist",
    ),
];

/// `update` alone.
pub(crate) const UPDATE: &[Flag<'static>] = &[
    flag(
        "profile",
        Kind::Text,
        "default",
        "Profile in the credentials file to write",
    ),
    flag("once", Kind::Bool, "", "Write once and end"),
];

/// `read-certificate-data`.
pub(crate) const READ_CERTIFICATE: &[Flag<'static>] =
    &[CERTIFICATE, DEBUG, CERT_SELECTOR, SYSTEM_STORE, PKCS11_LIB];

/// `sign-string`.
pub(crate) const SIGN_STRING: &[Flag<'static>] = &[
    CERTIFICATE,
    PRIVATE_KEY,
    DEBUG,
    CERT_SELECTOR,
    SYSTEM_STORE,
    USE_LATEST,
    PKCS11_LIB,
    REUSE_PIN,
    TPM_PASSWORD,
    NO_TPM_PASSWORD,
    PKCS8_PASSWORD,
    flag(
        "format",
        Kind::OneOf(&["json", "text", "bin"]),
        "json",
        "How to print the signature: json, text or bin",
    ),
    flag(
        "digest",
        Kind::OneOf(&["SHA256", "SHA384", "SHA512"]),
        "SHA256",
        "Hash: SHA256, SHA384 or SHA512",
    ),
];

/// `completion SHELL`.
pub(crate) const COMPLETION: &[Flag<'static>] = &[flag(
    "no-descriptions",
    Kind::Bool,
    "",
    "Kept for compatibility",
)];

/// Pairs that exclude each other in commands that obtain credentials.
pub(crate) const CREDENTIALS_EXCLUSIVE: &[[&str; 2]] = &[
    ["certificate", "cert-selector"],
    ["certificate", "system-store-name"],
    ["private-key", "cert-selector"],
    ["private-key", "system-store-name"],
    ["private-key", "use-latest-expiring-certificate"],
    ["use-latest-expiring-certificate", "intermediates"],
    ["use-latest-expiring-certificate", "reuse-pin"],
    ["cert-selector", "intermediates"],
    ["cert-selector", "reuse-pin"],
    ["system-store-name", "reuse-pin"],
    ["tpm-key-password", "cert-selector"],
    ["tpm-key-password", "reuse-pin"],
    ["no-tpm-key-password", "cert-selector"],
    ["no-tpm-key-password", "tpm-key-password"],
    ["pkcs8-password", "tpm-key-password"],
    ["workload-api", "certificate"],
    ["workload-api", "private-key"],
    ["workload-api", "intermediates"],
    ["workload-api", "cert-selector"],
];

/// Pairs that exclude each other in `sign-string`.
pub(crate) const SIGN_STRING_EXCLUSIVE: &[[&str; 2]] = &[
    ["certificate", "cert-selector"],
    ["certificate", "system-store-name"],
    ["private-key", "cert-selector"],
    ["private-key", "system-store-name"],
    ["private-key", "use-latest-expiring-certificate"],
    ["use-latest-expiring-certificate", "reuse-pin"],
    ["cert-selector", "reuse-pin"],
    ["system-store-name", "reuse-pin"],
    ["tpm-key-password", "cert-selector"],
    ["tpm-key-password", "reuse-pin"],
    ["no-tpm-key-password", "cert-selector"],
    ["no-tpm-key-password", "reuse-pin"],
    ["no-tpm-key-password", "tpm-key-password"],
    ["pkcs8-password", "tpm-key-password"],
];

/// Pairs that exclude each other in `read-certificate-data`.
pub(crate) const READ_CERTIFICATE_EXCLUSIVE: &[[&str; 2]] = &[
    ["certificate", "cert-selector"],
    ["certificate", "system-store-name"],
];
