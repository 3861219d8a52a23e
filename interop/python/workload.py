"""A workload that knows nothing but py-spiffe.

It prints one JSON object a line and leaves the judging to the test that starts it. The agent's
socket comes from SPIFFE_ENDPOINT_SOCKET.
"""

import json
import sys
import threading

from spiffe import JwtSource, JwtSvid, WorkloadApiClient, X509Source

LIMIT = 60
"""Seconds that anything may take."""


def show(**fields):
    print(json.dumps(fields), flush=True)


def fetch(audience):
    """Everything the client can ask for, once; the tokens are judged here and by the agent."""
    with X509Source(timeout_in_seconds=LIMIT) as source:
        svid = source.svid
        bundle = source.get_bundle_for_trust_domain(svid.spiffe_id.trust_domain)
        show(
            id=str(svid.spiffe_id),
            chain=len(svid.cert_chain),
            authorities=len(bundle.x509_authorities),
        )
    with JwtSource(timeout_in_seconds=LIMIT) as source, WorkloadApiClient() as client:
        token = source.fetch_svid(audience={audience}).token
        trust_domain = JwtSvid.parse_insecure(token, {audience}).spiffe_id.trust_domain
        bundle = source.get_bundle_for_trust_domain(trust_domain)
        parsed = JwtSvid.parse_and_validate(token, bundle, {audience})
        judged = client.validate_jwt_svid(token, audience, timeout=LIMIT)
        show(id=str(parsed.spiffe_id), id_at_agent=str(judged.spiffe_id))


def watch(count):
    """Prints each new certificate's serial number until there were that many."""
    changed = threading.Semaphore(0)
    with X509Source(timeout_in_seconds=LIMIT) as source:
        source.subscribe_for_updates(changed.release)
        seen = []
        while True:
            serial = source.svid.leaf.serial_number
            if serial not in seen:
                seen.append(serial)
                show(serial=format(serial, "x"))
            if len(seen) >= count:
                return
            if not changed.acquire(timeout=LIMIT):
                sys.exit(f"no other certificate within {LIMIT} s")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["fetch", audience]:
            fetch(audience)
        case ["watch", count]:
            watch(int(count))
        case _:
            sys.exit("usage: workload.py fetch AUDIENCE | watch COUNT")
