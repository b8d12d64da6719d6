#!/usr/bin/env python3
"""Verifies a certificate without the hub; needs PyJWT (pip install 'PyJWT[crypto]').

    curl -fsS https://hub.example.org/.well-known/jwks.json > jwks.json     # once, and after a rotation
    verify_certificate.py --jwks jwks.json --instance acme-prod < activated.json

Standard input holds the certificate, or the JSON of an activation or of GET /api/v1/instances/self.
Exit 0: the license works, and its claims are printed. 4: not a certificate of this hub. 5: it has ended.
"""
import argparse
import json
import sys

import jwt


def verify(token, jwks, instance=None, issuer="letsbe-hub"):
    """The claims of a certificate; raises jwt.InvalidTokenError."""
    kid = jwt.get_unverified_header(token).get("kid")
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(jwks).keys}
    if kid not in keys:
        raise jwt.InvalidKeyError("no key of this hub has this name: fetch jwks.json again")
    # The leeway forgives a clock that differs from the hub's by five minutes.
    return jwt.decode(token, keys[kid], algorithms=["EdDSA"], issuer=issuer, subject=instance,
                      leeway=300, options={"require": ["iss", "sub", "iat", "exp"]})


def main():
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("--jwks", required=True, type=argparse.FileType())
    flags.add_argument("--instance", help="refuse the certificate of another instance")
    flags.add_argument("--issuer", default="letsbe-hub")
    args = flags.parse_args()
    text = sys.stdin.read().strip()
    token = (json.loads(text).get("certificate") or "") if text.startswith("{") else text
    try:
        print(json.dumps(verify(token, json.load(args.jwks), args.instance, args.issuer)))
    except jwt.ExpiredSignatureError as error:
        sys.exit(print(f"the certificate has ended: {error}", file=sys.stderr) or 5)
    except jwt.PyJWTError as error:
        sys.exit(print(f"not a certificate of this hub: {error}", file=sys.stderr) or 4)


if __name__ == "__main__":
    main()
