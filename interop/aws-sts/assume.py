"""Gives a token to STS with AWS' own SDK. Usage: assume.py ENDPOINT ROLE_ARN TOKEN_FILE.
Prints one line of JSON: the identity that was assumed, or the error."""

import json
import sys

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, role, token_file = sys.argv[1:]
sts = boto3.client(
    "sts",
    endpoint_url=endpoint,
    region_name="us-east-1",
    config=Config(signature_version=UNSIGNED, retries={"max_attempts": 1}),
)
with open(token_file) as file:
    token = file.read().strip()
try:
    answer = sts.assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="spire", WebIdentityToken=token
    )
    shown = {
        "arn": answer["AssumedRoleUser"]["Arn"],
        "subject": answer["SubjectFromWebIdentityToken"],
        "key": answer["Credentials"]["AccessKeyId"],
    }
except ClientError as error:
    error = error.response["Error"]
    shown = {"error": error["Code"], "message": error["Message"]}
print(json.dumps(shown))
