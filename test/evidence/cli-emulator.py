"""Clients of the emulator, with nothing but Python's standard library: sign-in, introspection, memberships.

usage: cli-emulator.py URL CLIENTS. Writes one line of JSON: how many clients there were, and what failed.
"""

import base64
import hashlib
import json
import secrets
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

URL, CLIENTS = sys.argv[1], int(sys.argv[2])
REDIRECT = "http://localhost:3000/callback"


class Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are looked at, not followed."""

    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(Stay)


def send(address, form=None, body=None, headers=None, method=None):
    """The status, the headers and the text of the reply."""
    data = None
    headers = dict(headers or {})
    if form is not None:
        data = urllib.parse.urlencode(form).encode()
    if body is not None:
        data = json.dumps(body).encode()
        headers["content-type"] = "application/json"
    request = urllib.request.Request(address, data, headers, method=method)
    try:
        with opener.open(request, timeout=60) as reply:
            return reply.status, reply.headers, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def ask(address, expected=200, **call):
    status, _, text = send(address, **call)
    assert status == expected, f"{address} answered {status}: {text[:200]}"
    return json.loads(text)


def parameter(headers, name):
    query = urllib.parse.urlparse(headers["location"]).query
    return urllib.parse.parse_qs(query)[name][0]


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verify(token, keys):
    """The claims of a JWT whose signature (RS256) is right. RFC 8017 section 8.2.2."""
    head, claims, signature = token.split(".")
    kid = json.loads(decoded(head))["kid"]
    key = next(each for each in keys if each["kid"] == kid)
    modulus, exponent = (int.from_bytes(decoded(key[name]), "big") for name in ("n", "e"))
    size = (modulus.bit_length() + 7) // 8
    shown = pow(int.from_bytes(decoded(signature), "big"), exponent, modulus).to_bytes(size, "big")
    digest = hashlib.sha256(f"{head}.{claims}".encode()).digest()
    told = bytes.fromhex("3031300d060960864801650304020105000420") + digest
    assert shown == b"\x00\x01" + b"\xff" * (size - len(told) - 3) + b"\x00" + told, "signature"
    return json.loads(decoded(claims))


def sign_in(found, world, name):
    """The code flow with PKCE, over the sign-in page and its question for the password."""
    client = world["applications"]["acme/portal/web"]["clientId"]
    verifier = secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    project = world["projects"]["acme/portal"]
    scopes = [f"urn:zitadel:iam:org:project:id:{each}:aud" for each in ("zitadel", project)]
    query = {
        "client_id": client,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": " ".join(["openid", "profile", "offline_access", *scopes]),
        "code_challenge": challenge.decode().rstrip("="),
        "code_challenge_method": "S256",
        "state": name,
    }
    status, headers, _ = send(f"{found['authorization_endpoint']}?{urllib.parse.urlencode(query)}")
    assert status == 302, f"authorize answered {status}"
    page = urllib.parse.urljoin(URL, headers["location"])
    status, _, text = send(page)
    assert status == 200 and name in text, "the sign-in page shows nobody of this name"
    form = {"authRequest": parameter(headers, "authRequest"), "userId": world["users"][name]}
    login = f"{URL}/ui/v2/login/login"
    status, _, text = send(login, form={**form, "password": "wrong"})
    assert status == 200 and "not the password" in text, "a wrong password signs in"
    status, headers, _ = send(login, form={**form, "password": f"password of {name}"})
    assert status == 302 and parameter(headers, "state") == name, f"login answered {status}"
    redeemed = {
        "grant_type": "authorization_code",
        "client_id": client,
        "redirect_uri": REDIRECT,
        "code": parameter(headers, "code"),
        "code_verifier": verifier,
    }
    tokens = ask(found["token_endpoint"], form=redeemed)
    renewed = {"grant_type": "refresh_token", "client_id": client, "refresh_token": tokens["refresh_token"]}
    return ask(found["token_endpoint"], form=renewed)["access_token"]


def basic(name, secret):
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def rows_of(token):
    bearer = {"authorization": f"Bearer {token}"}
    listed = ask(f"{URL}/auth/v1/memberships/me/_search", body={}, headers=bearer)
    return [(row.get("orgId"), row["roles"]) for row in listed.get("result", [])]


def client(number):
    name = f"user-{number}"
    found = ask(f"{URL}/.well-known/openid-configuration")
    world = ask(f"{URL}/emulator/world")
    acme = world["organizations"]["acme"]
    token = sign_in(found, world, name)
    claims = verify(token, ask(found["jwks_uri"])["keys"])
    assert claims["sub"] == world["users"][name] and claims["iss"] == found["issuer"], "claims"
    api = world["applications"]["acme/portal/api"]
    inspect = {"form": {"token": token}, "headers": basic(api["clientId"], api["clientSecret"])}
    facts = ask(found["introspection_endpoint"], **inspect)
    assert facts["active"] is True and facts["username"] == name, f"introspection: {facts}"
    assert facts["sub"] == world["users"][name], "introspection is about somebody else"
    rows = [(acme, ["ORG_OWNER"])] if number % 2 else []
    assert rows_of(token) == rows, f"memberships: {rows_of(token)}"
    # Changed while it runs, of this client's user alone.
    change = {"user": name, "organization": "acme", "roles": ["ORG_OWNER_VIEWER"]}
    ask(f"{URL}/emulator/members", body=change, method="PUT")
    assert rows_of(token) == [(acme, ["ORG_OWNER_VIEWER"])], "a change of a membership is not seen"
    ask(f"{URL}/emulator/members", body={**change, "roles": []}, method="PUT")
    assert rows_of(token) == [], "a membership that was removed is there"
    state = {"user": name, "state": "inactive"}
    ask(f"{URL}/emulator/users", body=state, method="PUT")
    assert ask(found["introspection_endpoint"], **inspect) == {"active": False}, "deactivated"
    robot = world["serviceUsers"]["backend"]
    credentials = {"grant_type": "client_credentials", "scope": "openid"}
    own = basic(robot["clientId"], robot["clientSecret"])
    assert ask(found["token_endpoint"], form=credentials, headers=own)["access_token"]


errors = []


def attempt(number):
    try:
        client(number)
    except Exception as error:  # Whatever it is, it is told.
        errors.append(f"client {number}: {type(error).__name__}: {error}")


threads = [threading.Thread(target=attempt, args=[number]) for number in range(CLIENTS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"clients": CLIENTS, "failed": len(errors), "errors": errors}))
