#!/bin/sh
# Makes the certificates that tests use: a CA, a server and a client signed by it, and a CA that
# nobody signed for. Valid for 100 years, so they are made once and kept in the repository.
# The keys are public: never trust them anywhere else. Run in this folder; needs only openssl.
set -eu
DAYS=36500
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
authority() {
    key "$1.key"
    openssl req -new -x509 -key "$1.key" -days "$DAYS" -subj "/CN=$2" -out "$1.pem" \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign"
}
signed() {
    key "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
    printf '%s\n' "$2" > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days "$DAYS" \
        -extfile "$1.ext" -out "$1.pem"
    rm "$1.csr" "$1.ext"
}
authority ca "tapline test CA"
authority other-ca "somebody else's CA"
signed server "subjectAltName=DNS:localhost,DNS:backend.test,IP:127.0.0.1"
signed client "extendedKeyUsage=clientAuth"
rm -f ca.srl ca.key other-ca.key
