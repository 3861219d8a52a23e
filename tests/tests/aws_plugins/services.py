"""AWS on one loopback port, for tests: moto, and what moto does not have.

Every call is written to a file, one JSON object a line. Usage: services.py PORT LOG [CERT KEY]:
the two PEM files become secrets, whose ARNs are printed; "ready" is the last line printed.
"""

import io
import json
import sys
import threading

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

# What a container's credentials endpoint gives out.
TASK_ROLE = {
    "AccessKeyId": "ASIATASKROLE00000000",
    "SecretAccessKey": "a-secret-of-the-task-role",
    "Token": "a-session-of-the-task-role",
    "Expiration": "2099-01-01T00:00:00Z",
    "RoleArn": "arn:aws:iam::123456789012:role/task",
}
REGION = "us-east-1"
OPERATOR = (
    f"AWS4-HMAC-SHA256 Credential=the-operator/20260101/{REGION}/s3/aws4_request, "
    "SignedHeaders=host, Signature=00"
)


class Services:
    """Answers some calls itself, hands the others to moto, and writes down all of them."""

    def __init__(self, log):
        self.log = log
        self.recording = False
        self.lock = threading.Lock()
        self.moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ, start_response):
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = io.BytesIO(body)
        line = environ["REQUEST_METHOD"] + " " + environ["PATH_INFO"]
        self.record(line, environ, body)
        # The test's own look into the bucket comes unsigned.
        environ.setdefault("HTTP_AUTHORIZATION", OPERATOR)
        answer = self.answer(line, body)
        if answer is None:
            return self.moto(environ, start_response)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]

    def record(self, line, environ, body):
        if not self.recording:
            return
        call = {
            "line": line,
            "target": environ.get("HTTP_X_AMZ_TARGET", ""),
            "authorization": environ.get("HTTP_AUTHORIZATION", ""),
            "session": environ.get("HTTP_X_AMZ_SECURITY_TOKEN", ""),
            "body": body.decode(),
        }
        with self.lock:
            self.log.write(json.dumps(call) + "\n")
            self.log.flush()

    @staticmethod
    def answer(line, body):
        """The container's credentials, and UpdateTrustAnchor of Roles Anywhere."""
        if line == "GET /credentials":
            return TASK_ROLE
        if line.startswith("PATCH /trustanchor/"):
            name = line.rsplit("/", 1)[1]
            arn = f"arn:aws:rolesanywhere:{REGION}:123456789012:trust-anchor/{name}"
            source = json.loads(body).get("source")
            detail = {"trustAnchorId": name, "trustAnchorArn": arn, "name": "iamra"}
            return {"trustAnchor": {**detail, "enabled": True, "source": source}}
        return None


def main():
    port, log, *files = sys.argv[1:]
    services = Services(open(log, "w", encoding="utf-8"))
    server = make_server("127.0.0.1", int(port), services, threaded=True)
    threading.Thread(target=server.serve_forever).start()
    reach = {
        "region_name": REGION,
        "endpoint_url": f"http://127.0.0.1:{port}",
        "aws_access_key_id": "the-operator",
        "aws_secret_access_key": "a-secret-of-the-operator",
    }
    boto3.client("s3", **reach).create_bucket(Bucket="bundles")
    secrets = boto3.client("secretsmanager", **reach)
    for path in files:
        with open(path, encoding="utf-8") as file:
            made = secrets.create_secret(Name=path.strip("/"), SecretString=file.read())
        print(made["ARN"], flush=True)
    services.recording = True
    print("ready", flush=True)


main()
