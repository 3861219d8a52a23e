//! Where CreateSession is sent.

use http::Uri;

/// Why there is no place to send it to.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum EndpointError {
    /// A text that is no URL of a web service.
    #[error("{origin} {url:?} is no http:// or https:// URL")]
    Url { origin: &'static str, url: String },
    /// A region that no host name can hold.
    #[error("region {0:?} is no region's name")]
    Region(String),
    /// Two wishes that exclude each other.
    #[error("{variable} is set, but so is an endpoint ({origin}): unset one of them")]
    Variant {
        variable: &'static str,
        origin: &'static str,
    },
}

/// A service's address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Endpoint {
    pub(crate) tls: bool,
    /// Without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// What stands before the operation's path; without a slash at its end.
    pub(crate) path: String,
}

const FIPS: &str = "AWS_USE_FIPS_ENDPOINT";
const DUALSTACK: &str = "AWS_USE_DUALSTACK_ENDPOINT";

/// Partitions by the beginning of their regions' names: domain, and domain of dual-stack hosts.
const PARTITIONS: &[(&str, &str, &str)] = &[
    ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    ("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    ("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("", "amazonaws.com", "api.aws"),
];

impl Endpoint {
    /// The service's own variable comes first, then the flag, then the variable for all services,
    /// then the region's host.
    ///
    /// # Errors
    /// When what was found is no URL, or does not go together with FIPS or dual-stack.
    pub(crate) fn find(
        flag: Option<&str>,
        region: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, EndpointError> {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let yes = |name| set(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        const OWN: &str = "AWS_ENDPOINT_URL_ROLESANYWHERE";
        const ALL: &str = "AWS_ENDPOINT_URL";
        let ignored = yes("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
        let configured = |name| set(name).filter(|_| !ignored).map(|url| (name, url));
        let given = configured(OWN)
            .or_else(|| flag.map(|url| ("--endpoint", url.to_owned())))
            .or_else(|| configured(ALL));
        let (fips, dualstack) = (yes(FIPS), yes(DUALSTACK));
        let Some((origin, url)) = given else {
            return Self::of_region(region, fips, dualstack);
        };
        for (variable, on) in [(FIPS, fips), (DUALSTACK, dualstack)] {
            if on {
                return Err(EndpointError::Variant { variable, origin });
            }
        }
        Self::parse(&url).ok_or(EndpointError::Url { origin, url })
    }

    fn of_region(region: &str, fips: bool, dualstack: bool) -> Result<Self, EndpointError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !region.bytes().all(plain) {
            return Err(EndpointError::Region(region.to_owned()));
        }
        let service = if fips {
            "rolesanywhere-fips"
        } else {
            "rolesanywhere"
        };
        let found = PARTITIONS
            .iter()
            .find(|(start, ..)| region.starts_with(start));
        let domain = found.map_or(
            "amazonaws.com",
            |(_, domain, dual)| {
                if dualstack { dual } else { domain }
            },
        );
        Ok(Self {
            tls: true,
            host: format!("{service}.{region}.{domain}"),
            port: 443,
            path: String::new(),
        })
    }

    /// Reads an http or https URL.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let tls = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let host = uri.host().filter(|host| !host.is_empty())?;
        Some(Self {
            tls,
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Host and, unless it is the scheme's own, port, as the Host header has them.
    pub(crate) fn authority(&self) -> String {
        let own = if self.tls { 443 } else { 80 };
        match self.port {
            port if port == own => self.bracketed(),
            _ => self.with_port(),
        }
    }

    /// Host and port.
    pub(crate) fn with_port(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    /// The URL up to the operation's path.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority(), self.path)
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(
        flag: Option<&str>,
        region: &str,
        set: &[(&str, &str)],
    ) -> Result<String, EndpointError> {
        let lookup = |name: &str| {
            let found = set.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Endpoint::find(flag, region, &lookup).map(|endpoint| endpoint.url())
    }

    #[test]
    fn regions_and_variants() {
        for (region, set, url) in [
            (
                "us-east-1",
                &[][..],
                "https://rolesanywhere.us-east-1.amazonaws.com",
            ),
            (
                "us-gov-west-1",
                &[],
                "https://rolesanywhere.us-gov-west-1.amazonaws.com",
            ),
            (
                "cn-north-1",
                &[],
                "https://rolesanywhere.cn-north-1.amazonaws.com.cn",
            ),
            (
                "us-isob-east-1",
                &[],
                "https://rolesanywhere.us-isob-east-1.sc2s.sgov.gov",
            ),
            (
                "us-iso-east-1",
                &[],
                "https://rolesanywhere.us-iso-east-1.c2s.ic.gov",
            ),
            (
                "us-east-1",
                &[(FIPS, "true")],
                "https://rolesanywhere-fips.us-east-1.amazonaws.com",
            ),
            (
                "us-east-1",
                &[(FIPS, "true"), (DUALSTACK, "true")],
                "https://rolesanywhere-fips.us-east-1.api.aws",
            ),
        ] {
            assert_eq!(find(None, region, set).unwrap(), url);
        }
        let bad = find(None, "evil.example/", &[]);
        assert_eq!(bad, Err(EndpointError::Region("evil.example/".to_owned())));
    }

    #[test]
    fn the_services_variable_beats_the_flag_and_the_flag_the_general_one() {
        let own = ("AWS_ENDPOINT_URL_ROLESANYWHERE", "http://own:81/x/");
        let all = ("AWS_ENDPOINT_URL", "https://all");
        let flag = Some("http://[::1]:80");
        assert_eq!(find(flag, "r", &[own, all]).unwrap(), "http://own:81/x");
        assert_eq!(find(flag, "r", &[all]).unwrap(), "http://[::1]");
        assert_eq!(find(None, "r", &[all]).unwrap(), "https://all");
        let ignore = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
        assert_eq!(find(flag, "r", &[own, ignore]).unwrap(), "http://[::1]");
        let bad = find(Some("ftp://x"), "r", &[]).unwrap_err();
        assert_eq!(
            bad.to_string(),
            "--endpoint \"ftp://x\" is no http:// or https:// URL"
        );
        find(flag, "r", &[(FIPS, "true")]).unwrap_err();
    }
}
