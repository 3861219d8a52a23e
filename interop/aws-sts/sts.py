"""A stand-in for AWS STS that knows one call, AssumeRoleWithWebIdentity, and checks the token as
AWS documents: it fetches the provider's discovery document and keys over TLS, and looks at
signature, algorithm, issuer, audience, subject and lifetime.

Usage: sts.py ISSUER CLIENT_ID SUBJECT ROLE_ARN CA_FILE

ISSUER and CLIENT_ID are those of the IAM OIDC provider, SUBJECT is what the role's trust policy asks
for with StringEquals. Prints its URL, then serves until it is killed.
"""

import json
import ssl
import sys
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

import jwt

ISSUER, CLIENT_ID, SUBJECT, ROLE_ARN, CA_FILE = sys.argv[1:]
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
# What AWS accepts of the algorithms that a document may name.
ALGORITHMS = {"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}
TLS = ssl.create_default_context(cafile=CA_FILE)


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def fetch(url):
    if not url.startswith("https://"):
        raise Refused(400, "IDPCommunicationError", f"not https: {url}")
    try:
        with urllib.request.urlopen(url, context=TLS, timeout=10) as answer:
            if answer.headers.get_content_type() != "application/json":
                raise Refused(400, "IDPCommunicationError", f"{url} is not JSON")
            return json.load(answer)
    except (OSError, ValueError) as error:
        raise Refused(400, "IDPCommunicationError", f"{url}: {error}") from error


def discover():
    document = fetch(f"{ISSUER}/.well-known/openid-configuration")
    if document["issuer"] != ISSUER:
        raise Refused(400, "InvalidIdentityToken", f"the document is of {document['issuer']}")
    if "id_token" not in document["response_types_supported"]:
        raise Refused(400, "InvalidIdentityToken", "no id_token")
    if "public" not in document["subject_types_supported"]:
        raise Refused(400, "InvalidIdentityToken", "no public subjects")
    algorithms = ALGORITHMS & set(document["id_token_signing_alg_values_supported"])
    return fetch(document["jwks_uri"])["keys"], algorithms


def signing_key(header, keys, algorithms):
    if header.get("alg") not in algorithms:
        raise Refused(400, "InvalidIdentityToken", f"algorithm {header.get('alg')}")
    for key in keys:
        if key["kid"] == header.get("kid"):
            if key["alg"] != header["alg"] or key.get("use", "sig") != "sig":
                raise Refused(400, "InvalidIdentityToken", "the key is for something else")
            return jwt.PyJWK(key)
    raise Refused(400, "InvalidIdentityToken", "Couldn't retrieve verification key")


def verify(token):
    try:
        claimed = jwt.decode(token, options={"verify_signature": False})
        if claimed.get("iss") != ISSUER:
            text = f"No OpenIDConnect provider found in your account for {claimed.get('iss')}"
            raise Refused(400, "InvalidIdentityToken", text)
        keys, algorithms = discover()
        header = jwt.get_unverified_header(token)
        return jwt.decode(
            token,
            signing_key(header, keys, algorithms),
            algorithms=[header["alg"]],
            audience=CLIENT_ID,
            issuer=ISSUER,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except jwt.ExpiredSignatureError as error:
        raise Refused(400, "ExpiredTokenException", str(error)) from error
    except jwt.InvalidAudienceError as error:
        raise Refused(400, "InvalidIdentityToken", "Incorrect token audience") from error
    except jwt.PyJWTError as error:
        raise Refused(400, "InvalidIdentityToken", str(error)) from error


def assume(form):
    if form.get("Action") != "AssumeRoleWithWebIdentity" or form.get("Version") != "2011-06-15":
        raise Refused(400, "InvalidAction", str(form.get("Action")))
    claims = verify(form["WebIdentityToken"])
    if form["RoleArn"] != ROLE_ARN or claims["sub"] != SUBJECT:
        raise Refused(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
    session = form["RoleSessionName"]
    return f"""<AssumeRoleWithWebIdentityResponse xmlns="{NAMESPACE}">
<AssumeRoleWithWebIdentityResult>
<SubjectFromWebIdentityToken>{claims["sub"]}</SubjectFromWebIdentityToken>
<Audience>{CLIENT_ID}</Audience>
<Provider>{ISSUER}</Provider>
<AssumedRoleUser><Arn>{ROLE_ARN}/{session}</Arn><AssumedRoleId>AROA:{session}</AssumedRoleId></AssumedRoleUser>
<Credentials><AccessKeyId>ASIATEST</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
<SessionToken>session</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        try:
            status, answer = 200, assume(dict(urllib.parse.parse_qsl(body)))
        except Refused as refused:
            status = refused.status
            answer = f"""<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type>
<Code>{refused.code}</Code><Message>{escape(refused.message)}</Message></Error></ErrorResponse>"""
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(answer.encode())))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
